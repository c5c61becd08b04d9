"""Topics: what `create` makes, and what Kafka says of offsets."""

import asyncio
import os
import time

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from bus.embedded.datadir import free_port
from bus.log.errors import LogUnavailable, RecordTooLarge, TopicDiffers, TopicMissing
from bus.log.record import Partition
from bus.log.topics import Topics
from bus.log.writer import Writer
from tests.contract.log.records import forget_before


async def _settings(kafka: str, topic: str) -> dict[str, str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    finally:
        await admin.close()
    return {name: value for name, value, *_ in answers[0].resources[0][4]}


async def test_create_makes_what_the_domain_asks(
    kafka: str, topics: Topics, namespace: str
) -> None:
    """A new topic has its partitions, keeps by time only, and its timestamps are the broker's."""
    await topics.create(namespace, 3, 14)

    assert await topics.partitions([namespace]) == {namespace: 3}
    settings = await _settings(kafka, namespace)
    assert settings["retention.ms"] == str(14 * 24 * 3600 * 1000)
    assert settings["retention.bytes"] == "-1"
    assert settings["cleanup.policy"] == "delete"
    assert settings["message.timestamp.type"] == "LogAppendTime"
    assert settings["min.insync.replicas"] == "1"
    await topics.delete([namespace])


async def test_keep_changes_the_retention_and_nothing_else(
    kafka: str, topics: Topics, topic: str
) -> None:
    """Safe to repeat; a topic that is not there is named."""
    before = await _settings(kafka, topic)
    for _ in range(2):
        await topics.keep(topic, 30)
        after = await _settings(kafka, topic)
        assert after == before | {"retention.ms": str(30 * 24 * 3600 * 1000)}
    with pytest.raises(TopicMissing):
        await topics.keep(f"{topic}.nowhere", 30)


async def test_widen_lets_a_topic_take_larger_records_and_changes_nothing_else(
    kafka: str, topics: Topics, namespace: str
) -> None:
    """Only one that takes less is narrow; one that is not there is not."""
    async with Topics(bootstrap=kafka, max_record_bytes=10_000) as earlier:
        await earlier.create(namespace, 1, 14)
        assert await earlier.narrow([namespace]) == []
        before = await _settings(kafka, namespace)
        value = os.urandom(20_000)
        async with Writer(bootstrap=kafka) as writer:
            with pytest.raises(RecordTooLarge):
                await writer.append(namespace, b"k", [], value)

        assert await topics.narrow([namespace, f"{namespace}.nowhere"]) == [namespace]
        for _ in range(2):
            await topics.widen([namespace])
            changed = {"max.message.bytes": str(topics.max_message_bytes)}
            assert await _settings(kafka, namespace) == before | changed
        async with Writer(bootstrap=kafka) as writer:
            await writer.append(namespace, b"k", [], value)
        assert await topics.narrow([namespace]) == await earlier.narrow([namespace]) == []
    with pytest.raises(TopicMissing):
        await topics.widen([f"{namespace}.nowhere"])
    await topics.delete([namespace])


async def test_create_again_is_fine_and_another_count_is_not(topics: Topics, topic: str) -> None:
    """The number of partitions is fixed for a topic's life; everything else of it is left alone."""
    await topics.create(topic, 4, 30)

    with pytest.raises(TopicDiffers) as refused:
        await topics.create(topic, 5, 14)
    assert (refused.value.wanted, refused.value.found) == (5, 4)


async def test_create_at_the_same_time(kafka: str, namespace: str) -> None:
    """Two that make the same topic at once both succeed."""
    async with Topics(bootstrap=kafka) as one, Topics(bootstrap=kafka) as two:
        await asyncio.gather(*(each.create(namespace, 2, 14) for each in (one, two)))
        assert await one.partitions([namespace]) == {namespace: 2}
        await two.delete([namespace])


async def test_a_missing_topic_is_told_and_not_made(topics: Topics, namespace: str) -> None:
    """Asking after a topic that is not there says so, and does not make it."""
    assert await topics.partitions([namespace]) == {}
    with pytest.raises(TopicMissing):
        await topics.end_offsets([Partition(namespace, 0)])
    await topics.delete([namespace])
    assert await topics.identities([namespace]) == {}


async def test_a_topic_made_again_has_another_identity(topics: Topics, namespace: str) -> None:
    """A topic that regrew under its old name can be told from the one it was."""
    await topics.create(namespace, 1, 14)
    first = await topics.identities([namespace])
    await topics.delete([namespace])
    await topics.create(namespace, 1, 14)
    assert first[namespace] != (await topics.identities([namespace]))[namespace]
    await topics.delete([namespace])


async def test_a_partition_that_is_not_there(topics: Topics, topic: str) -> None:
    """A partition beyond the topic's last is missing, like a topic."""
    with pytest.raises(TopicMissing):
        await topics.start_offsets([Partition(topic, 4)])


async def test_offsets_of_the_whole_topic(
    kafka: str, topics: Topics, topic: str, partition: Partition
) -> None:
    """Start, end and the offset at a time follow what is appended and what is forgotten."""
    async with Writer(bootstrap=kafka) as writer:
        for number in range(3):
            await writer.append(topic, b"k", [], b"%d" % number, partition=partition.partition)
        await asyncio.sleep(0.05)  # the broker's clock has milliseconds
        between = int(time.time() * 1000)
        await writer.append(topic, b"k", [], b"3", partition=partition.partition)
    await forget_before(kafka, partition, 2)

    other = Partition(topic, 0)
    assert await topics.start_offsets([partition, other]) == {partition: 2, other: 0}
    assert await topics.end_offsets([partition, other]) == {partition: 4, other: 0}
    assert await topics.offsets_at([partition, other], between) == {partition: 3, other: 0}
    assert await topics.offsets_at([partition], between + 3_600_000) == {partition: 4}
    for before_all in (-1, -2, -(10**13)):
        assert await topics.offsets_at([partition], before_all) == {partition: 2}


async def test_the_end_is_the_last_stable_offset(
    kafka: str, topics: Topics, topic: str, partition: Partition
) -> None:
    """Records of an open transaction are not yet there for a new subscription either."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=topic)
    await producer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"v", partition=partition.partition)
        assert await topics.end_offsets([partition]) == {partition: 0}
        await producer.commit_transaction()
        async with asyncio.timeout(10):  # Kafka answers a commit before its marker is written
            while await topics.end_offsets([partition]) != {partition: 2}:
                pass
    finally:
        await producer.stop()


async def test_first_timestamps(
    kafka: str, topics: Topics, topic: str, partition: Partition
) -> None:
    """Each position gets the broker's time of the first record from there; none at the end."""
    before = int(time.time() * 1000)
    async with Writer(bootstrap=kafka) as writer:
        for number in range(4):
            await writer.append(topic, b"k", [], b"%d" % number, partition=partition.partition)
            await writer.append(topic, b"k", [], b"x", partition=0)
    after = int(time.time() * 1000)
    await forget_before(kafka, partition, 3)

    at_end = Partition(topic, 0)
    found = await topics.first_timestamps({partition: 1, at_end: 4, Partition(topic, 1): 0})
    assert found.keys() == {partition}
    assert before <= found[partition] <= after


async def test_kafka_away() -> None:
    """Without Kafka every question is answered with LogUnavailable, within the bound."""
    async with Topics(bootstrap=f"127.0.0.1:{free_port()}", timeout=0.5) as topics:
        async with asyncio.timeout(5):
            with pytest.raises(LogUnavailable):
                await topics.partitions(["any"])
            with pytest.raises(LogUnavailable):
                await topics.create("any", 1, 14)
