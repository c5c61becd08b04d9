"""Reader: positions, gaps, what retention takes, and clients that stand still."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiokafka import AIOKafkaProducer

from bus.embedded.datadir import free_port
from bus.log.errors import OffsetOutOfRange, RecordUnreadable, TopicMissing
from bus.log.reader import Reader
from bus.log.record import Partition
from bus.log.topics import Topics
from bus.log.writer import Writer
from tests.contract.log.records import forget_before, write, write_unreadable

Until = Callable[..., Awaitable[None]]


async def _take(reader: Reader, count: int) -> dict[Partition, list[int]]:
    """Read until so many records have come; give their values by partition."""
    found: dict[Partition, list[int]] = {}
    async with asyncio.timeout(20):
        while sum(map(len, found.values())) < count:
            for partition, records in (await reader.read(100, 1.0)).items():
                found.setdefault(partition, []).extend(int(r.value or b"") for r in records)
    return found


async def test_reads_from_the_position_given(kafka: str, partition: Partition) -> None:
    """Reading begins at the position, keeps to the number asked for, and moves the position on."""
    await write(kafka, partition, range(10))
    async with Reader(bootstrap=kafka, assignment={partition: 4}) as reader:
        first = await reader.read(3, 10)
        assert [record.offset for record in first[partition]] == [4, 5, 6]
        assert reader.position(partition) == 7
        assert await _take(reader, 3) == {partition: [7, 8, 9]}
        assert await reader.read(3, 0.1) == {}
        assert reader.position(partition) == 10


async def test_new_records_end_the_wait(kafka: str, partition: Partition) -> None:
    """A read that waits gives what comes, as it comes."""
    async with (
        Reader(bootstrap=kafka, assignment={partition: 0}) as reader,
        Writer(bootstrap=kafka) as writer,
    ):
        reading = asyncio.ensure_future(reader.read(10, 30))
        await writer.append(partition.topic, b"k", [], b"v", partition=partition.partition)
        assert [record.value for record in (await reading)[partition]] == [b"v"]


async def test_paused_partitions_wait_without_loss(kafka: str, topic: str) -> None:
    """Nothing of a paused partition comes; resumed, it goes on where it was."""
    one, two = Partition(topic, 0), Partition(topic, 1)
    async with Reader(bootstrap=kafka, assignment={one: 0, two: 0}) as reader:
        reader.pause([one])
        await write(kafka, one, [0, 1])
        await write(kafka, two, [0, 1])
        assert await _take(reader, 2) == {two: [0, 1]}
        assert await reader.read(10, 0.3) == {}
        assert reader.position(one) == 0
        reader.resume([one])
        assert await _take(reader, 2) == {one: [0, 1]}


async def test_seek_drops_what_was_read_ahead(kafka: str, partition: Partition) -> None:
    """After a seek, back or forward, the next record is the one at the new position."""
    await write(kafka, partition, range(10))
    async with Reader(bootstrap=kafka, assignment={partition: 0}) as reader:
        await reader.read(2, 10)
        reader.seek(partition, 8)
        assert await _take(reader, 2) == {partition: [8, 9]}
        reader.seek(partition, 1)
        assert (await reader.read(1, 10))[partition][0].offset == 1
        with pytest.raises(KeyError):
            reader.seek(Partition(partition.topic, 0), 0)


async def test_partitions_come_and_go(kafka: str, topic: str) -> None:
    """What is assigned is read besides what was; what is released is read no more."""
    one, two, three = (Partition(topic, number) for number in range(3))
    for partition in (one, two, three):
        await write(kafka, partition, range(4))
    async with Reader(bootstrap=kafka) as reader:
        assert await reader.read(10, 0.1) == {}
        reader.assign({one: 2})
        assert await _take(reader, 2) == {one: [2, 3]}
        reader.assign({two: 1})
        reader.assign({three: 3})
        reader.release([three])
        assert (reader.position(one), reader.position(two)) == (4, 1)
        await write(kafka, one, [4])
        assert await _take(reader, 4) == {one: [4], two: [1, 2, 3]}
        reader.release([one])
        await write(kafka, one, [5])
        await write(kafka, two, [4])
        assert await _take(reader, 1) == {two: [4]}
        with pytest.raises(KeyError):
            reader.position(one)


async def test_an_assignment_during_a_read_takes_effect(kafka: str, topic: str) -> None:
    """A partition taken up while a read waits is read by that very read."""
    one, two = Partition(topic, 0), Partition(topic, 1)
    await write(kafka, two, [7])
    async with Reader(bootstrap=kafka, assignment={one: 0}) as reader:
        assert await reader.read(10, 0.2) == {}
        reading = asyncio.ensure_future(reader.read(10, 30))
        await asyncio.sleep(0)
        reader.assign({two: 0})
        assert (await reading).keys() == {two}


async def test_only_committed_records_and_no_markers(kafka: str, partition: Partition) -> None:
    """Aborted records and transaction markers are passed over; positions go beyond them."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=partition.topic)
    await producer.start()
    try:
        for value, keep in ((b"0", True), (b"1", False), (b"2", True)):
            await producer.begin_transaction()
            await producer.send_and_wait(partition.topic, value, partition=partition.partition)
            await (producer.commit_transaction() if keep else producer.abort_transaction())
    finally:
        await producer.stop()
    async with Reader(bootstrap=kafka, assignment={partition: 0}) as reader:
        assert await _take(reader, 2) == {partition: [0, 2]}
        await reader.read(10, 0.3)
        assert reader.position(partition) == 6
    async with Reader(bootstrap=kafka, assignment={partition: 3}) as reader:
        assert await _take(reader, 1) == {partition: [2]}  # begun within the gap


async def test_out_of_range_tells_what_is_left(kafka: str, topic: str) -> None:
    """What retention took is raised, each time, until the partition is sought; then all goes on."""
    lost, fine = Partition(topic, 0), Partition(topic, 1)
    await write(kafka, lost, range(10))
    await write(kafka, fine, [0])
    await forget_before(kafka, lost, 6)
    async with Reader(bootstrap=kafka, assignment={lost: 2}) as reader:
        for _ in range(2):
            with pytest.raises(OffsetOutOfRange) as raised:
                await _take(reader, 1)
            error = raised.value
            assert (error.partition, error.offset, error.start, error.end) == (lost, 2, 6, 10)
        reader.seek(lost, error.start)
        reader.assign({fine: 0})
        assert await _take(reader, 5) == {lost: [6, 7, 8, 9], fine: [0]}


async def test_an_unreadable_record_is_a_gap_of_one(kafka: str, topic: str, until: Until) -> None:
    """What precedes it is read; it is raised with its offset; sought past, reading goes on."""
    bad, fine = Partition(topic, 0), Partition(topic, 1)
    await write(kafka, bad, [0, 1])
    await write_unreadable(kafka, bad)
    await write(kafka, bad, [3])
    await write(kafka, fine, [0])
    found: list[int] = []
    async with Reader(bootstrap=kafka, assignment={bad: 0, fine: 0}) as reader:

        async def read_on() -> None:
            async with asyncio.timeout(20):
                while True:
                    for partition, records in (await reader.read(100, 1.0)).items():
                        found.extend(record.offset for record in records if partition == bad)

        with pytest.raises(RecordUnreadable) as raised:
            await read_on()
        assert found == [0, 1]
        assert (raised.value.partition, raised.value.offset, raised.value.start) == (bad, 2, 3)
        reader.seek(bad, raised.value.start)
        reading = asyncio.ensure_future(read_on())
        await until(lambda: found == [0, 1, 3])
        reading.cancel()


async def test_beyond_the_end_is_out_of_range(kafka: str, partition: Partition) -> None:
    """A position the log has not reached (the topic regrew) is raised too; releasing ends it."""
    await write(kafka, partition, [0])
    async with Reader(bootstrap=kafka, assignment={partition: 5}) as reader:
        with pytest.raises(OffsetOutOfRange) as raised:
            await _take(reader, 1)
        assert (raised.value.start, raised.value.end) == (0, 1)
        reader.release([partition])
        assert await reader.read(1, 0.1) == {}


async def test_a_deleted_topic_is_told(kafka: str, topics: Topics, namespace: str) -> None:
    """A topic that stays away is told as missing; the reader does not recreate it, nor itself."""
    await topics.create(namespace, 1, 14)
    causes: list[str] = []
    async with Reader(
        bootstrap=kafka,
        assignment={Partition(namespace, 0): 0},
        stall_after=0.5,
        on_recreate=causes.append,
    ) as reader:
        assert await reader.read(1, 0.2) == {}
        await topics.delete([namespace])
        with pytest.raises(TopicMissing):
            await _take(reader, 1)
        reader.release([Partition(namespace, 0)])
        assert await reader.read(1, 0.1) == {}
    assert causes == []
    assert await topics.partitions([namespace]) == {}


@pytest.mark.parametrize("behind", [True, False])
async def test_a_client_that_stands_still_is_replaced(
    kafka: str, partition: Partition, *, behind: bool
) -> None:
    """A dead fetcher is noticed, with or without records to read; reading goes on in its place."""
    causes: list[str] = []
    await write(kafka, partition, [0])
    async with Reader(
        bootstrap=kafka, assignment={partition: 0}, stall_after=1.0, on_recreate=causes.append
    ) as reader:
        assert await _take(reader, 1) == {partition: [0]}
        consumer = reader._assignment.consumer
        assert consumer is not None
        consumer._fetcher._fetch_task.cancel()
        if behind:
            await write(kafka, partition, [1])
        async with asyncio.timeout(20):
            while not causes:
                early = await reader.read(10, 0.1)
        if not behind:
            await write(kafka, partition, [1])
        found = early or await reader.read(10, 10)
        assert [record.value for record in found[partition]] == [b"1"]
    assert causes == ["Standstill" if behind else "NoAnswer"]


async def test_idle_and_unread_are_no_standstill(kafka: str, topic: str) -> None:
    """A reader at the end, one that is paused and one that nobody asks keep their clients."""
    causes: list[str] = []
    one, two = Partition(topic, 0), Partition(topic, 1)
    await write(kafka, two, [0, 1])
    async with Reader(
        bootstrap=kafka,
        assignment={one: 0, two: 0},
        stall_after=0.4,
        on_recreate=causes.append,
    ) as reader:
        reader.pause([two])
        for _ in range(10):
            assert await reader.read(10, 0.1) == {}
        reader.resume([two])
        await asyncio.sleep(1)
        assert await _take(reader, 2) == {two: [0, 1]}
        for _ in range(10):
            assert await reader.read(10, 0.1) == {}
    assert causes == []


async def test_kafka_away_from_the_start() -> None:
    """Without Kafka the reader opens, gives nothing, and knows its positions."""
    partition = Partition("any", 0)
    address = f"127.0.0.1:{free_port()}"
    async with Reader(bootstrap=address, assignment={partition: 7}) as reader:
        assert await reader.read(1, 0.2) == {}
        assert reader.position(partition) == 7
