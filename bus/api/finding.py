"""Finds one event in the log: at a place, or by a bounded scan between two times."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bus.api.house import House
from bus.api.problem import Problem, invalid_parameter
from bus.codec import kafka
from bus.event import Event, InvalidEvent
from bus.log.errors import LogUnavailable
from bus.log.record import Partition, Record
from bus.log.stretches import Stretch, Stretches

_MOST_RECORDS: Final = 200_000
_MOST_SECONDS: Final = 10.0
_READ_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Sought:
    """An event, and where to look for it: a place, or two times (in one topic, if given)."""

    source: str
    id: str
    topic: str | None = None
    place: tuple[int, int] | None = None
    """Partition and offset in the topic."""
    times: tuple[datetime, datetime] | None = None


async def find_event(house: House, sought: Sought) -> tuple[Event, Record]:
    """Give the first such event of the part of the log that was named.

    Raises Problem: 404 when it is not there, 410 when the log has lost some of that part, 400 when
    the part is too large to be read for one answer.
    """
    house.expect_log()
    stretches, cut = await _stretches(house, sought)
    until = time.monotonic() + _MOST_SECONDS
    read = 0
    async with house.reader() as reader:
        reading = Stretches(reader, stretches)
        while reading.left:
            seconds = until - time.monotonic()
            if seconds <= 0 and read == 0:
                raise LogUnavailable("nothing was read within the time")
            if seconds <= 0 or read >= _MOST_RECORDS:
                detail = "Too much to read: give a shorter time, or topic, partition and offset."
                raise Problem(400, "range-too-large", detail)
            for records in (await reading.read(_READ_AT_ONCE, seconds)).values():
                read += len(records)
                for record in records:
                    if (event := _same(record, sought)) is not None:
                        return event, record
        cut = cut or bool(reading.gaps)
    if cut:
        raise Problem(410, "expired", "The log does not hold all of this part any more.")
    raise not_there()


def not_there() -> Problem:
    """Give the 404 of an event; one that may not be read is as absent as one never published."""
    return Problem(404, "no-such-event", "There is no such event in this part of the log.")


async def _stretches(house: House, sought: Sought) -> tuple[dict[Partition, Stretch], bool]:
    """Give what is to be read, and whether the log has lost some of it."""
    if sought.place is not None and sought.topic is not None:
        partition, offset = Partition(sought.topic, sought.place[0]), sought.place[1]
        if not await _partitions(house, sought.topic, partition):
            raise invalid_parameter("query", "partition", "unknown-partition", "there is none")
        starts = await house.topics.start_offsets([partition])
        if offset < starts[partition]:
            return {}, True
        ends = await house.topics.end_offsets([partition])
        return {partition: Stretch(offset, min(offset + 1, ends[partition]))}, False
    assert sought.times is not None  # noqa: S101 - there is a place or there are times
    partitions = await _partitions(house, sought.topic)
    since, to = (int(moment.timestamp() * 1000) for moment in sought.times)
    starts = await house.topics.start_offsets(partitions)
    begins = await house.topics.offsets_at(partitions, since)
    ends = await house.topics.offsets_at(partitions, to + 1)
    kept = {domain.topic: domain.retention_days for domain in house.directory.now.domains}
    now = datetime.now(sought.times[0].tzinfo)
    cut = any(
        begins[each] == starts[each] > 0
        and sought.times[0] < now - timedelta(days=kept.get(each.topic, 0))
        for each in partitions
    )
    return {each: Stretch(begins[each], ends[each]) for each in partitions}, cut


async def _partitions(
    house: House, topic: str | None, one: Partition | None = None
) -> list[Partition]:
    domains = house.directory.now.domains
    if topic is not None and domains.by_topic(topic) is None:
        raise invalid_parameter("query", "topic", "unknown-topic", "no domain has this topic")
    topics = [topic] if topic is not None else [domain.topic for domain in domains]
    counts = await house.topics.partitions(topics)
    found = [Partition(name, number) for name, count in counts.items() for number in range(count)]
    return found if one is None else [each for each in found if each == one]


def _same(record: Record, sought: Sought) -> Event | None:
    try:
        event = kafka.decode(record.headers, record.value)
    except InvalidEvent:
        return None
    return event if (event.source, event.id) == (sought.source, sought.id) else None
