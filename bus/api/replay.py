"""From what a client wants again to offsets: what the log still has, and what was delivered."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from bus.api.house import House
from bus.api.wish import topics_of
from bus.document import InvalidDocument, pointer
from bus.event import Fault
from bus.log.record import Partition
from bus.store.commands import Stretch
from bus.store.stored import ListedSubscription
from bus.subscription import ReplayRequest


async def stretches_of(
    house: House, listed: ListedSubscription, request: ReplayRequest
) -> dict[Stretch, int]:
    """Give what is to be replayed of each partition, and how many offsets that is at most.

    Raises InvalidDocument when the log has not all of it any more, or there is nothing.
    """
    standing = await _standing(house, listed)
    _check_until(request)
    begins = await _begins(house, standing, request)
    ends: Mapping[Partition, int] = standing
    if request.until is not None:
        ends = await house.topics.offsets_at(begins, int(request.until.timestamp() * 1000))
    found = {
        Stretch(*partition, begin, None if request.until is None else ends[partition]): size
        for partition, begin in begins.items()
        if (size := min(ends[partition], standing[partition]) - begin) > 0
    }
    if not found:
        detail = "there is nothing in this range that it has been offered already"
        raise InvalidDocument([Fault("/from", "nothing-in-range", detail)])
    return found


async def _standing(house: House, listed: ListedSubscription) -> dict[Partition, int]:
    rows = await house.subscriptions.status(listed.id, topics=topics_of(house, listed.subscription))
    return {
        Partition(row.topic, row.partition): (
            row.stream_offset if row.position is None else row.position.next_offset
        )
        for row in rows
    }


def _check_until(request: ReplayRequest) -> None:
    if request.until is None:
        return
    if request.until > datetime.now(UTC):
        raise InvalidDocument([Fault("/until", "in-the-future", "give a time that has been")])
    if isinstance(request.from_, datetime) and request.until <= request.from_:
        raise InvalidDocument([Fault("/until", "not-after-from", "give a time after from")])


async def _begins(
    house: House, standing: Iterable[Partition], request: ReplayRequest
) -> Mapping[Partition, int]:
    match request.from_:
        case "earliest":
            return await house.topics.start_offsets(standing)
        case datetime():
            await _expect_retained(house, standing, request.from_)
            return await house.topics.offsets_at(standing, int(request.from_.timestamp() * 1000))
        case named:
            begins = {
                Partition(topic, number): offset
                for topic, offsets in named.items()
                for number, offset in offsets.items()
            }
            await _expect_held(house, set(standing), begins)
            return begins


async def _expect_retained(house: House, standing: Iterable[Partition], at: datetime) -> None:
    """Refuse a time before which the log has lost something that it would give."""
    starts = await house.topics.start_offsets(standing)
    cut = {partition: start for partition, start in starts.items() if start > 0}
    first = await house.topics.first_timestamps(cut)
    kept = {domain.topic: domain.retention_days for domain in house.directory.now.domains}
    now = datetime.now(UTC)
    earliest = datetime.fromtimestamp(0, UTC)
    for partition in cut:
        # What is gone was older than the retention, and older than what is still there.
        since = now - timedelta(days=kept.get(partition.topic, 0))
        if partition in first:
            since = min(since, datetime.fromtimestamp(first[partition] / 1000, UTC))
        earliest = max(earliest, since)
    if at < earliest:
        # It moves on while somebody reads this.
        whole = earliest + timedelta(minutes=2)
        detail = f"the log is whole from {whole:%Y-%m-%dT%H:%M:00Z} on: give that or later"
        raise InvalidDocument([Fault("/from", "out-of-retention", detail)])


async def _expect_held(
    house: House, standing: set[Partition], begins: Mapping[Partition, int]
) -> None:
    """Refuse, each at its place, offsets that the log does not have for this subscription."""
    known = [partition for partition in begins if partition in standing]
    starts = await house.topics.start_offsets(known)
    ends = await house.topics.end_offsets(known)
    faults = []
    for partition, offset in begins.items():
        where = pointer(pointer("/from", partition.topic), partition.partition)
        if partition not in standing:
            faults.append(Fault(where, "unknown-partition", "it has no such partition"))
        elif offset < starts[partition]:
            detail = f"the log begins at {starts[partition]}"
            faults.append(Fault(where, "out-of-retention", detail))
        elif offset > ends[partition]:
            faults.append(Fault(where, "beyond-end", f"the log ends at {ends[partition]}"))
    if faults:
        raise InvalidDocument(faults)
