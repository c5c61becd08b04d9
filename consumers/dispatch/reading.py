"""Reads all partitions of a worker and hands their records to those who own them."""

import asyncio
from collections.abc import Mapping, Sequence

from bus.log.errors import LogUnavailable, OffsetOutOfRange, RecordUnreadable, TopicMissing
from bus.log.reader import Reader
from bus.log.record import Partition, Record
from bus.observe import metrics
from bus.observe.events import LogEvent
from bus.observe.logging import get
from consumers.dispatch.ownership import Ownership

RETRY_READ = 0.5
RETRY_TOPIC = 10.0
"""Seconds before a log that answered wrongly, or a topic that was missing, is read again."""

READ_RECORDS = 500
"""Records unpacked at once, some 3 ms; and what a tail has to have room for as its reader rests."""

SLICE = 200
"""Records fed without giving the loop a breath: about 2 ms."""

_log = get()


class Reading:
    """The one task that reads for every stream of a worker; `owned` is the worker's own list."""

    def __init__(self, reader: Reader, owned: Mapping[Partition, Ownership]) -> None:
        self._reader = reader
        self._owned = owned

    async def run(self) -> None:
        """Read until cancelled, whatever is wrong with one partition or with Kafka."""
        while True:
            try:
                found = await self._reader.read(READ_RECORDS, 0.5)
            except OffsetOutOfRange as gone:
                self._overtaken(gone)
            except TopicMissing as missing:
                self._set_aside(missing)
            except LogUnavailable as error:
                _log.warning(LogEvent.LOG_UNAVAILABLE, error=error)
                await asyncio.sleep(RETRY_READ)
            else:
                await self._hand_over(found)

    async def _hand_over(self, found: Mapping[Partition, Sequence[Record]]) -> None:
        # Whose they are is settled now: a partition that is put down while the others are handed
        # over, and taken up anew, is read anew from where its last owner saved.
        owners = [self._owned.get(partition) for partition in found]
        for owned, (partition, records) in zip(owners, found.items(), strict=True):
            metrics.EVENTS_READ.labels(partition.topic).inc(len(records))
            for start in range(0, len(records), SLICE):
                if owned is None or self._owned.get(partition) is not owned:
                    break
                owned.feed(records[start : start + SLICE])
                await asyncio.sleep(0)

    def _overtaken(self, gone: OffsetOutOfRange) -> None:
        place = gone.partition
        owned = self._owned.get(place)
        if owned is None:
            self._reader.release([place])
            return
        metrics.GAPS.inc()
        _log.error(
            LogEvent.POSITION_GAP,
            topic=place.topic,
            partition=place.partition,
            offset=gone.offset,
            until=gone.start,
        )
        if gone.offset > gone.end:
            self._reader.release([place])
            owned.begin_anew(gone.start)
        else:
            self._reader.seek(place, gone.start)
            owned.passed(
                gone.start, "damaged" if isinstance(gone, RecordUnreadable) else "retention"
            )

    def _set_aside(self, missing: TopicMissing) -> None:
        """Read the others while a topic is missing; its own partitions are tried again later."""
        _log.error(LogEvent.LOG_UNAVAILABLE, topic=missing.topic, error=missing)
        lost = [each for each in self._owned if each.topic == missing.topic]
        self._reader.release(lost)
        for partition in lost:
            owned = self._owned[partition]
            asyncio.get_running_loop().call_later(RETRY_TOPIC, self._resume, owned)

    def _resume(self, owned: Ownership) -> None:
        if self._owned.get(owned.partition) is owned:
            self._reader.assign({owned.partition: owned.stream.read_offset})
