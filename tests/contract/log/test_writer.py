"""Writer: what is stored, in which order, and what a caller is told when it is not."""

import asyncio
import gc
import os

import pytest
from aiokafka import TopicPartition
from aiokafka.partitioner import DefaultPartitioner

from bus.embedded.datadir import free_port
from bus.log.errors import LogFull, LogUnavailable, RecordTooLarge, TopicMissing
from bus.log.reader import Reader
from bus.log.record import Appended, Partition, Record
from bus.log.topics import Topics
from bus.log.writer import Writer


async def _read_all(kafka: str, topics: Topics, topic: str) -> list[Record]:
    count = (await topics.partitions([topic]))[topic]
    partitions = [Partition(topic, number) for number in range(count)]
    ends = await topics.end_offsets(partitions)
    found: list[Record] = []
    async with Reader(bootstrap=kafka, assignment=dict.fromkeys(partitions, 0)) as reader:
        while any(reader.position(each) < ends[each] for each in partitions):
            for records in (await reader.read(1000, 1.0)).values():
                found.extend(records)
    return found


async def test_an_append_is_told_its_place(kafka: str, topic: str) -> None:
    """The key chooses the partition as any Kafka producer would; offsets count up from there."""
    key = b"urn:nld:zaak:1"
    expected = DefaultPartitioner()(key, [0, 1, 2, 3], [0, 1, 2, 3])
    async with Writer(bootstrap=kafka) as writer:
        places = [await writer.append(topic, key, [], b"v") for _ in range(3)]
    assert places == [Appended(topic, expected, offset) for offset in range(3)]


async def test_what_is_appended_is_what_is_read(kafka: str, topics: Topics, topic: str) -> None:
    """Key, headers in their order and repeated, empty and null values come back as they were."""
    headers = [("ce_id", b"1"), ("x", b""), ("x", "é".encode()), ("naïve", b"\x00\xff")]
    async with Writer(bootstrap=kafka) as writer:
        for value in (b"payload", b"", None):
            await writer.append(topic, b"k", headers, value)
        await writer.append(topic, b"", (), b"empty key")
    records = await _read_all(kafka, topics, topic)
    same = [record for record in records if record.key == b"k"]
    assert [record.value for record in same] == [b"payload", b"", None]
    assert all(list(record.headers) == headers for record in same)
    assert [record.value for record in records if record.key == b""] == [b"empty key"]


async def test_order_of_one_key_under_many_concurrent_appends(
    kafka: str, topics: Topics, topic: str
) -> None:
    """Appends of one key stand in the log in the order of the calls, whoever makes them."""
    called: list[bytes] = []
    async with Writer(bootstrap=kafka) as writer:

        async def publisher(name: int) -> None:
            """Append on while earlier ones are on their way; then wait for each."""
            waiting = []
            for number in range(40):
                value = b"%d-%d" % (name, number)
                called.append(value)
                waiting.append(writer.append(topic, b"one key", [], value))
                waiting.append(writer.append(topic, b"other %d" % name, [], b""))
                await (asyncio.sleep(0) if number % 7 else waiting[-2])
            await asyncio.gather(*waiting)

        await asyncio.gather(*(publisher(name) for name in range(40)))
    records = await _read_all(kafka, topics, topic)
    assert [record.value for record in records if record.key == b"one key"] == called
    assert len(records) == 2 * len(called)


async def test_a_batch_needs_no_task(kafka: str, topics: Topics, topic: str) -> None:
    """A thousand appends return at once, each with a future of its own place."""
    async with Writer(bootstrap=kafka) as writer:
        await writer.append(topic, b"k", [], b"")
        before = len(asyncio.all_tasks())
        waiting = [writer.append(topic, b"%d" % number, [], b"v") for number in range(1000)]
        assert len(asyncio.all_tasks()) == before
        places = [await each for each in waiting]
    assert len(set(places)) == 1000
    assert len(await _read_all(kafka, topics, topic)) == 1001


async def test_the_caller_may_choose_the_partition(kafka: str, topic: str) -> None:
    """A partition given goes before the key's; one that the topic lacks is missing."""
    async with Writer(bootstrap=kafka) as writer:
        assert (await writer.append(topic, b"k", [], b"v", partition=3)).partition == 3
        for number in (4, -1):
            with pytest.raises(TopicMissing):
                await writer.append(topic, b"k", [], b"v", partition=number)


async def test_a_missing_topic_delays_nobody(kafka: str, topic: str, namespace: str) -> None:
    """An append to a topic that is not there fails by itself; others are stored meanwhile."""
    async with Writer(bootstrap=kafka) as writer:
        lost = [writer.append(f"{namespace}-gone", b"k", [], b"v") for _ in range(2)]
        await writer.append(topic, b"k", [], b"v")
        assert not lost[0].done()
        for each in lost:
            with pytest.raises(TopicMissing):
                await each
        await writer.append(topic, b"k", [], b"v")


async def test_too_large_is_refused_before_it_is_sent(
    kafka: str, topics: Topics, topic: str
) -> None:
    """The bound is kept at the door; a record just below it is stored, even incompressible."""
    value = os.urandom(1_048_576 - 200)
    async with Writer(bootstrap=kafka) as writer:
        await writer.append(topic, b"k", [], value)
        with pytest.raises(RecordTooLarge) as refused:
            writer.append(topic, b"k", [], value + b"x" * 200)
        assert refused.value.size > refused.value.limit == 1_048_576
    assert [record.value for record in await _read_all(kafka, topics, topic)] == [value]


async def test_a_topic_for_small_records_refuses_a_batch(kafka: str, namespace: str) -> None:
    """Tried again as they were, they would be refused again: each time the batches are smaller."""
    values = [os.urandom(5_000) for _ in range(20)]
    stored: set[bytes] = set()
    causes: list[str] = []
    async with (
        Topics(bootstrap=kafka, max_record_bytes=20_000) as topics,
        Writer(bootstrap=kafka, on_recreate=causes.append) as writer,
        asyncio.timeout(20),
    ):
        await topics.create(namespace, 1, 14)
        while len(stored) < len(values):
            left = [value for value in values if value not in stored]
            try:
                waiting = [writer.append(namespace, b"k", [], value) for value in left]
            except LogUnavailable:  # between two lives
                await asyncio.sleep(0.1)
                continue
            answers = await asyncio.gather(*waiting, return_exceptions=True)
            stored |= {
                value
                for value, answer in zip(left, answers, strict=True)
                if isinstance(answer, Appended)
            }
        await topics.delete([namespace])
    assert causes == ["BatchTooLarge"] * 2


async def test_full_is_said_at_once(kafka: str, topic: str) -> None:
    """When too much waits, an append is refused instead of waiting; later ones are taken."""
    async with Writer(bootstrap=kafka, max_pending_bytes=10_000) as writer:
        waiting = [writer.append(topic, b"k", [], b"x" * 1000) for _ in range(9)]
        with pytest.raises(LogFull):
            writer.append(topic, b"k", [], b"x" * 1000)
        await asyncio.gather(*waiting)
        await writer.append(topic, b"k", [], b"x" * 1000)


async def test_a_cancelled_caller_disturbs_nobody(kafka: str, topics: Topics, topic: str) -> None:
    """A future given up by its caller does not take its record back, nor its neighbours'."""
    async with Writer(bootstrap=kafka) as writer:
        waiting = [writer.append(topic, b"k", [], b"%d" % number) for number in range(3)]
        waiting[1].cancel()
        assert [(await waiting[each]).offset for each in (0, 2)] == [0, 2]
    assert len(await _read_all(kafka, topics, topic)) == 3


async def test_closing_stores_what_waits(kafka: str, topic: str) -> None:
    """Leaving the writer waits for what has been appended."""
    async with Writer(bootstrap=kafka) as writer:
        await writer.append(topic, b"k", [], b"first")
        last = writer.append(topic, b"k", [], b"last")
    assert (await last).offset == 1
    with pytest.raises(LogUnavailable):
        writer.append(topic, b"k", [], b"too late")


async def test_a_leaving_that_is_cut_short_leaves_no_producer(kafka: str, topic: str) -> None:
    """Whoever leaves may be cancelled on the way out, at any step of it: nothing stays open."""

    async def live() -> None:
        async with Writer(bootstrap=kafka) as writer:
            await writer.append(topic, b"k", [], b"v")
            stored.set()

    for steps in range(12):
        stored = asyncio.Event()
        living = asyncio.create_task(live())
        await stored.wait()
        for _ in range(steps):
            await asyncio.sleep(0)
        living.cancel()
        await asyncio.wait([living])
        gc.collect()  # a producer that was never stopped complains here, and fails the test


async def test_a_producer_out_of_sequence_is_replaced(
    kafka: str, topics: Topics, topic: str, partition: Partition
) -> None:
    """Where Kafka refuses all that follows, all that waits fails, and the next append succeeds."""
    causes: list[str] = []
    async with Writer(bootstrap=kafka, on_recreate=causes.append) as writer:
        await writer.append(topic, b"k", [], b"0", partition=partition.partition)
        assert writer._life is not None
        sequence = writer._life._producer._txn_manager
        sequence.increment_sequence_number(TopicPartition(*partition), 5)

        waiting = [
            writer.append(topic, b"k", [], b"lost", partition=partition.partition) for _ in range(3)
        ]
        for each in waiting:
            with pytest.raises(LogUnavailable):
                await each
        place = await writer.append(topic, b"k", [], b"1", partition=partition.partition)
    assert causes == ["OutOfOrderSequenceNumber"]
    assert place.offset == 1
    assert [record.value for record in await _read_all(kafka, topics, topic)] == [b"0", b"1"]


async def test_kafka_away_from_the_start() -> None:
    """Without Kafka the writer opens; its first append fails within the bound, the next at once."""
    async with Writer(bootstrap=f"127.0.0.1:{free_port()}", timeout=1.0) as writer:
        async with asyncio.timeout(3):
            with pytest.raises(LogUnavailable):
                await writer.append("any", b"k", [], b"v")
        assert not writer.available
        with pytest.raises(LogUnavailable):
            writer.append("any", b"k", [], b"v")
