"""Stretches: parts of partitions, read to their ends, whatever the log has lost of them."""

import asyncio

from bus.log.reader import Reader
from bus.log.record import Partition
from bus.log.stretches import Gap, Stretch, Stretches
from bus.log.topics import Topics
from tests.contract.log.records import forget_before, write


async def _read_all(reading: Stretches, most: int) -> dict[Partition, list[int]]:
    """Read to the end, so many at a time; give the offsets by partition."""
    found: dict[Partition, list[int]] = {}
    async with asyncio.timeout(30):
        while reading.left:
            batch = await reading.read(most, 1.0)
            assert sum(map(len, batch.values())) <= most
            for partition, records in batch.items():
                found.setdefault(partition, []).extend(record.offset for record in records)
    return found


async def test_each_is_read_from_its_start_to_its_end(kafka: str, topic: str) -> None:
    """Nothing before, nothing after, in order; those that are empty are done at once."""
    one, two, three = (Partition(topic, number) for number in range(3))
    for partition in (one, two, three):
        await write(kafka, partition, range(10))
    async with Reader(bootstrap=kafka) as reader:
        parts = {one: Stretch(2, 7), two: Stretch(0, 10), three: Stretch(4, 4)}
        reading = Stretches(reader, parts)
        assert (reading.remaining, reading.left.keys()) == (15, {one, two})
        assert await _read_all(reading, 3) == {one: [*range(2, 7)], two: [*range(10)]}
        assert (reading.remaining, reading.gaps) == (0, [])
    assert parts[one] == Stretch(7, 7)


async def test_more_partitions_than_are_fetched_at_a_time(
    kafka: str, topics: Topics, namespace: str
) -> None:
    """They take turns, and each is read whole."""
    await topics.create(namespace, 40, 14)
    partitions = [Partition(namespace, number) for number in range(40)]
    for partition in partitions[::3]:
        await write(kafka, partition, range(3))
    ends = await topics.end_offsets(partitions)
    async with Reader(bootstrap=kafka) as reader:
        reading = Stretches(reader, {each: Stretch(0, ends[each]) for each in partitions})
        assert await _read_all(reading, 5) == {each: [0, 1, 2] for each in partitions[::3]}
    await topics.delete([namespace])


async def test_what_the_log_does_not_hold_is_a_gap(kafka: str, topic: str) -> None:
    """Taken by retention at the beginning, to the end and beyond; or never there."""
    begins, ends, short = (Partition(topic, number) for number in range(3))
    for partition in (begins, ends, short):
        await write(kafka, partition, range(10))
    await forget_before(kafka, begins, 6)
    await forget_before(kafka, ends, 9)
    async with Reader(bootstrap=kafka) as reader:
        parts = {begins: Stretch(2, 8), ends: Stretch(2, 8), short: Stretch(15, 20)}
        reading = Stretches(reader, parts)
        assert await _read_all(reading, 100) == {begins: [6, 7]}
        assert sorted(reading.gaps) == [Gap(begins, 2, 6), Gap(ends, 2, 8), Gap(short, 15, 20)]


async def test_one_that_was_left_is_gone_on_with(kafka: str, partition: Partition) -> None:
    """What is left after a part of the way is all that there was not yet."""
    await write(kafka, partition, range(10))
    async with Reader(bootstrap=kafka) as reader:
        reading = Stretches(reader, {partition: Stretch(0, 10)})
        async with asyncio.timeout(20):
            while reading.remaining > 6:
                await reading.read(4, 1.0)
        left = reading.left
    assert left == {partition: Stretch(4, 10)}
    async with Reader(bootstrap=kafka) as reader:
        assert await _read_all(Stretches(reader, left), 100) == {partition: [*range(4, 10)]}
