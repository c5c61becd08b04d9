"""Fetcher: pages of the log for many at once; what it cannot give has its error in its place."""

import asyncio

import pytest
from aiokafka import AIOKafkaProducer

from bus.embedded.datadir import free_port
from bus.log.errors import LogUnavailable, OffsetOutOfRange
from bus.log.fetch import Fetched, Fetcher
from bus.log.record import Partition
from tests.contract.log.records import forget_before, write, write_unreadable

ROOM = 1_000_000


async def page(
    fetcher: Fetcher, partition: Partition, offset: int, room: int = ROOM
) -> tuple[list[int], int, int]:
    """Fetch one partition; give the offsets, where it goes on, and where the partition ends."""
    found = (await fetcher.fetch({partition: offset}, room))[partition]
    assert isinstance(found, Fetched)
    offsets = [record.offset for record in found]
    return offsets, found.next_offset, found.end


async def test_pages_follow_one_another(kafka: str, partition: Partition) -> None:
    """Each goes on where the last one ended; at the end there is nothing, and no wait."""
    for start in range(0, 9, 3):
        await write(kafka, partition, range(start, start + 3))
    async with Fetcher(bootstrap=kafka) as fetcher:
        read: list[int] = []
        at, end = 0, 1
        while at < end:
            offsets, at, end = await page(fetcher, partition, at, room=1)
            assert offsets
            read += offsets
        assert read == list(range(9))
        assert await page(fetcher, partition, 9) == ([], 9, 9)
        assert (await page(fetcher, partition, 4))[0][0] == 4


async def test_many_ask_at_once(kafka: str, topic: str) -> None:
    """Over one connection, each gets its own."""
    places = [Partition(topic, number) for number in range(4)]
    for place in places:
        await write(kafka, place, range(5))
    async with Fetcher(bootstrap=kafka) as fetcher:
        pages = await asyncio.gather(
            *(page(fetcher, place, at) for place in places for at in range(5))
        )
    expected = [(list(range(at, 5)), 5, 5) for _ in places for at in range(5)]
    assert pages == expected


async def test_a_lost_connection_is_nobodys_trouble(kafka: str, partition: Partition) -> None:
    """Those who ask over one that has ended get their answer over a new one."""
    await write(kafka, partition, [0])
    async with Fetcher(bootstrap=kafka) as fetcher:
        await page(fetcher, partition, 0)
        assert fetcher._client is not None
        await fetcher._client.close()
        pages = await asyncio.gather(*(page(fetcher, partition, 0) for _ in range(5)))
    assert pages == [([0], 1, 1)] * 5


async def test_what_cannot_be_given(kafka: str, topic: str) -> None:
    """Retention and an end that is passed are told per partition; a missing topic is left out."""
    lost, fine, far = (Partition(topic, number) for number in range(3))
    await write(kafka, lost, range(10))
    await write(kafka, fine, [0])
    await forget_before(kafka, lost, 6)
    missing = Partition(topic + "-not", 0)
    async with Fetcher(bootstrap=kafka) as fetcher:
        found = await fetcher.fetch({lost: 2, fine: 0, far: 5, missing: 0}, ROOM)
        assert missing not in found
        ranges = {
            each: (error.offset, error.start, error.end)
            for each, error in found.items()
            if isinstance(error, OffsetOutOfRange)
        }
        assert ranges == {lost: (2, 6, 10), far: (5, 0, 0)}
        assert (await page(fetcher, fine, 0))[0] == [0]


async def test_only_what_is_committed(kafka: str, partition: Partition) -> None:
    """Aborted records and markers are passed over, also where nothing else is left."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=partition.topic)
    await producer.start()
    try:
        for value, keep in ((b"0", True), (b"1", False), (b"2", True), (b"3", False)):
            await producer.begin_transaction()
            await producer.send_and_wait(partition.topic, value, partition=partition.partition)
            await (producer.commit_transaction() if keep else producer.abort_transaction())
    finally:
        await producer.stop()
    async with Fetcher(bootstrap=kafka) as fetcher:
        assert await page(fetcher, partition, 0) == ([0, 4], 8, 8)
        assert await page(fetcher, partition, 6) == ([], 8, 8)


async def test_an_unreadable_record_is_told_where_it_stands(
    kafka: str, partition: Partition
) -> None:
    """What precedes it is given; then it says which it was, and goes on behind it."""
    await write(kafka, partition, [0, 1])
    await write_unreadable(kafka, partition)
    await write(kafka, partition, [3])
    async with Fetcher(bootstrap=kafka) as fetcher:
        found = (await fetcher.fetch({partition: 0}, ROOM))[partition]
        assert isinstance(found, Fetched)
        assert [record.offset for record in found] == [0, 1]
        assert (found.unreadable, found.next_offset, found.end) == (2, 3, 4)
        assert await page(fetcher, partition, found.next_offset) == ([3], 4, 4)


async def test_kafka_away() -> None:
    """Without Kafka it opens, and says so when it is asked."""
    address = f"127.0.0.1:{free_port()}"
    async with Fetcher(bootstrap=address, timeout=0.5) as fetcher:
        with pytest.raises(LogUnavailable):
            await fetcher.fetch({Partition("any", 0): 0}, ROOM)
