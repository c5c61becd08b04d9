"""Runs the scan of one partition: reads from the log for those whose turn it is."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from bus.log.errors import LogUnavailable, OffsetOutOfRange, RecordUnreadable, TopicMissing
from bus.log.reader import Reader
from bus.log.record import Partition
from bus.observe import metrics
from bus.observe.logging import LogEvent, get
from consumers.dispatch.envelope import Envelope
from consumers.dispatch.scan import Scan
from consumers.dispatch.stream import Stream

SCAN_RECORDS = 500
"""Records read in one turn: about twice what the widest window can take."""

PAUSE = 1.0
"""Seconds before a log that did not answer rightly is asked again."""


class CatchUp:
    """Reads with a client of its own, which lives only while there is somebody behind.

    `room` is set when somebody who is behind may have room, `more` when somebody stopped halfway
    through the tail; `flush` sends what was taken in.
    """

    def __init__(
        self,
        partition: Partition,
        stream: Stream,
        *,
        room: asyncio.Event,
        more: asyncio.Event,
        reader: Callable[[], AbstractAsyncContextManager[Reader]],
        flush: Callable[[], None],
    ) -> None:
        self._partition = partition
        self._stream = stream
        self._reader = reader
        self._flush = flush
        self._scan = Scan(stream)
        self._loop = asyncio.get_running_loop()
        self._room = room
        self._more = more
        self._log = get().bind(topic=partition.topic, partition=partition.partition)

    async def run(self) -> None:
        """Scan whenever somebody is behind, until cancelled."""
        while True:
            await self._room.wait()
            async with self._reader() as reader:
                reader.assign({self._partition: self._stream.tail.start})
                await self._while_needed(reader)

    async def run_tail(self) -> None:
        """Let those read on who stopped halfway through the tail, in turns, until cancelled."""
        halfway = self._stream.halfway
        while True:
            await self._more.wait()
            self._more.clear()
            while halfway:
                self._stream.advance(halfway.pop(), self._loop.time())
                self._flush()
                await asyncio.sleep(0)

    async def _while_needed(self, reader: Reader) -> None:
        while self._stream.scanning:
            self._room.clear()
            lead = self._scan.lead()
            if lead is None:
                await self._room.wait()
                continue
            await self._one_turn(reader, lead.cursor)
            self._flush()
        self._room.clear()

    async def _one_turn(self, reader: Reader, start: int) -> None:
        reader.seek(self._partition, start)
        try:
            found = await reader.read(SCAN_RECORDS, 1.0)
        except RecordUnreadable as bad:
            self._log.error(LogEvent.EVENT_UNREADABLE, offset=bad.offset)
            self._scan.unreadable(bad.offset, bad.start, self._loop.time())
            return
        except OffsetOutOfRange as gone:
            if gone.start <= start:
                # The log ends before it: the stream's reader meets this too, and starts anew.
                await asyncio.sleep(PAUSE)
            self._scan.overtaken(gone.start, self._loop.time())
            return
        except (LogUnavailable, TopicMissing) as error:
            self._log.warning(LogEvent.LOG_UNAVAILABLE, error=error)
            await asyncio.sleep(PAUSE)
            return
        records = found.get(self._partition, ())
        metrics.SCANNED.inc(len(records))
        end = max(reader.position(self._partition), start)
        self._scan.feed(start, map(Envelope, records), end, self._loop.time())
