"""A Kafka broker of our own: what the pinned files can do, its crash, its startup cache."""

import asyncio
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bus.embedded import startup_cache
from bus.embedded.datadir import free_port
from bus.embedded.errors import StartFailed
from bus.embedded.kafka import Kafka
from bus.embedded.kafka_probe import serves

_CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def _broker(folder: Path, classpath: Sequence[Path], cache: Path | None = None) -> Kafka:
    return Kafka(
        folder=folder,
        port=free_port(),
        controller_port=free_port(),
        classpath=classpath,
        startup_cache=cache,
    )


async def test_the_pinned_files_are_enough(kafka: str, namespace: str) -> None:
    """Topics, every codec, idempotence, transactions and groups work on the real broker."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    created = await admin.create_topics([NewTopic(namespace, 2, 1)])
    assert [error[1] for error in created.topic_errors] == [0]
    for codec in _CODECS:
        compression = None if codec == "none" else codec
        async with AIOKafkaProducer(
            bootstrap_servers=kafka, enable_idempotence=True, compression_type=compression
        ) as producer:
            await producer.send_and_wait(namespace, codec.encode() * 500, partition=0)
    async with (
        AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=namespace) as producer,
        producer.transaction(),
    ):
        await producer.send_and_wait(namespace, b"transaction", partition=0)
        offsets = {TopicPartition(namespace, 0): 1}
        await producer.send_offsets_to_transaction(offsets, namespace)
    # It is committed when the group has its offset, a moment after the producer was told: a
    # consumer that came sooner would begin at the end.
    async with asyncio.timeout(30):
        while not await admin.list_consumer_group_offsets(namespace):  # noqa: ASYNC110 - Kafka is asked
            await asyncio.sleep(0.02)
    await admin.close()
    async with AIOKafkaConsumer(
        namespace,
        bootstrap_servers=kafka,
        group_id=namespace,
        isolation_level="read_committed",
        enable_auto_commit=False,
    ) as consumer:
        values = [(await consumer.getone()).value for _ in _CODECS]
    # The group begins at the offset that the transaction committed: the first codec's record is
    # behind it, the transaction's own is the last.
    assert values == [*(codec.encode() * 500 for codec in _CODECS[1:]), b"transaction"]


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
async def test_a_startup_cache_is_made_used_and_done_without(
    classpath: tuple[Path, ...], tmp_path: Path
) -> None:
    """Training leaves one cache; a start uses it; a damaged one is removed and does not matter.

    The folder's name is hard on lists and escapes.
    """
    folder = tmp_path / "gegevens, één"
    cache = startup_cache.location(tmp_path, classpath)
    await startup_cache.train(cache, classpath=classpath, folder=tmp_path / "training", nice=0)
    assert [path.name for path in cache.parent.iterdir()] == [cache.name]
    assert not (tmp_path / "training").exists()
    assert await _starts_with_cache(_broker(folder, classpath, cache))

    with cache.open("r+b") as file:
        file.truncate(1_000_000)
    assert not await _starts_with_cache(_broker(folder, classpath, cache))
    assert not cache.exists()


async def test_a_broker_that_cannot_start_says_why(
    classpath: tuple[Path, ...], tmp_path: Path
) -> None:
    """Without one of its files it ends; the failure ends with Java's own words."""
    missing = [path for path in classpath if "metadata" not in path.name]
    with pytest.raises(StartFailed, match="NoClassDefFoundError"):
        await _broker(tmp_path, missing).start()


async def test_an_open_port_is_not_yet_a_broker(kafka: str) -> None:
    """Only what answers as Kafka, with a broker to talk to, counts as serving."""
    assert await serves(int(kafka.rpartition(":")[2]))
    assert not await serves(free_port())
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        thread = threading.Thread(target=_answer, args=(other, b"HTTP/1.1 400 Bad Request\r\n\r\n"))
        thread.start()
        assert not await serves(other.getsockname()[1])
        thread.join()


async def _starts_with_cache(broker: Kafka) -> bool:
    """Start and stop it; say whether Java was started with a cache."""
    try:
        await broker.start()
        assert broker.child is not None
        return "-XX:AOTCache=" in _command_line(broker.child.pid)
    finally:
        await broker.stop(5)


def _command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def _answer(listener: socket.socket, answer: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.sendall(answer)
        connection.recv(1024)
