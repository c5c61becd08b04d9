"""Finds one event in the log: at a place, or by a bounded scan between two times."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from bus.api.house import House
from bus.api.problem import Problem, invalid_parameter
from bus.codec import kafka
from bus.event import Event
from bus.log.errors import LogUnavailable
from bus.log.record import Partition, Record
from bus.log.stretches import Stretch, Stretches

_MOST_RECORDS: Final = 200_000
_MOST_SECONDS: Final = 10.0
_READ_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Place:
    """Where a publisher was told that its event is."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Times:
    """Between which two moments an event was logged, in one topic or (None) in any."""

    since: datetime
    to: datetime
    topic: str | None


@dataclass(frozen=True, slots=True)
class Sought:
    """An event, and the part of the log to look for it in."""

    source: str
    id: str
    where: Place | Times


@dataclass(frozen=True, slots=True)
class Found:
    """An event where it stands; `again` is where else its source and id do, in that part.

    None where that was not read to its end: a source may say the same thing twice.
    """

    event: Event
    record: Record
    again: tuple[Record, ...] | None


MayRead = Callable[[Event, Record], bool]
"""Whether who asks may read this: else it is as absent as one never published."""


async def find_event(house: House, sought: Sought, may_read: MayRead) -> Found:
    """Give such an event of the part of the log that was named: of several the one logged first.

    Raises Problem: 404 when it is not there, 410 when the log has lost some of that part, 400 when
    the part is too large to be read for one answer.
    """
    house.expect_log()
    where = sought.where
    stretches, cut = await (
        _at(house, where) if isinstance(where, Place) else _between(house, where)
    )
    async with house.reader() as reader:
        reading = Stretches(reader, stretches)
        found = await _read(reading, sought, may_read)
    if found:
        (event, record), *others = sorted(found, key=lambda each: each[1].timestamp)
        again = tuple(other for _, other in others)
        whole = isinstance(where, Times) and not reading.left
        return Found(event, record, again if whole else None)
    if cut or reading.gaps:
        raise Problem(410, "expired", "The log does not hold all of this part any more.")
    raise Problem(404, "no-such-event", "There is no such event in this part of the log.")


async def _read(
    reading: Stretches, sought: Sought, may_read: MayRead
) -> list[tuple[Event, Record]]:
    found: list[tuple[Event, Record]] = []
    until = time.monotonic() + _MOST_SECONDS
    read = 0
    while reading.left:
        seconds = until - time.monotonic()
        if found and (seconds <= 0 or read >= _MOST_RECORDS):
            break
        if seconds <= 0 and read == 0:
            raise LogUnavailable("nothing was read within the time")
        if seconds <= 0 or read >= _MOST_RECORDS:
            detail = "Too much to read: give a shorter time, or topic, partition and offset."
            raise Problem(400, "range-too-large", detail)
        for records in (await reading.read(_READ_AT_ONCE, seconds)).values():
            read += len(records)
            for record in records:
                event = _same(record, sought)
                if event is not None and may_read(event, record):
                    found.append((event, record))
    return found


async def _at(house: House, place: Place) -> tuple[dict[Partition, Stretch], bool]:
    one = Partition(place.topic, place.partition)
    if one not in await _partitions(house, place.topic):
        raise invalid_parameter("query", "partition", "unknown-partition", "there is none")
    ends = await house.topics.end_offsets([one])
    # Whether the log has lost it shows in the reading.
    return {one: Stretch(place.offset, min(place.offset + 1, ends[one]))}, False


async def _between(house: House, times: Times) -> tuple[dict[Partition, Stretch], bool]:
    """Give what is to be read, and whether the log has lost some of it."""
    partitions = await _partitions(house, times.topic)
    starts = await house.topics.start_offsets(partitions)
    begins = await house.topics.offsets_at(partitions, int(times.since.timestamp() * 1000))
    ends = await house.topics.offsets_at(partitions, int(times.to.timestamp() * 1000) + 1)
    kept = {domain.topic: domain.retention_days for domain in house.directory.now.domains}
    now = datetime.now(UTC)
    cut = any(
        # Something is gone from the beginning, and may have been of that time.
        begins[each] == starts[each] > 0
        and times.since < now - timedelta(days=kept.get(each.topic, 0))
        for each in partitions
    )
    return {each: Stretch(begins[each], ends[each]) for each in partitions}, cut


async def _partitions(house: House, topic: str | None) -> list[Partition]:
    domains = house.directory.now.domains
    if topic is not None and domains.by_topic(topic) is None:
        raise invalid_parameter("query", "topic", "unknown-topic", "no domain has this topic")
    topics = [topic] if topic is not None else [domain.topic for domain in domains]
    counts = await house.topics.partitions(topics)
    return [Partition(name, number) for name, count in counts.items() for number in range(count)]


def _same(record: Record, sought: Sought) -> Event | None:
    event = kafka.event_in(record.headers, record.value)
    found = event is not None and (event.source, event.id) == (sought.source, sought.id)
    return event if found else None
