"""Plain clients to the cluster, and questions about offsets asked over them."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Self

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import LeaderNotAvailableError, for_code
from aiokafka.protocol.offset import OffsetRequest

from bus.log.errors import TopicMissing
from bus.log.metadata import describe
from bus.log.record import Partition

EARLIEST = -2
LATEST = -1
NONE = -1
"""The offset Kafka answers when no record is as young as the time asked for."""

_READ_COMMITTED = 1
BACKOFF = 0.5
"""
Seconds before a failed request is tried again. aiokafka's own 0.1 s would bring a client back no
sooner that matters, and writes forty lines a second in the log while Kafka is away.
"""

_CLOSING = 1.0
"""Seconds allowed to closing connections; nothing depends on it."""


async def open_client(
    bootstrap: str, within: float, *, request: float | None = None, metadata: float = 300.0
) -> AIOKafkaClient:
    """
    Connect to any broker. Raises KafkaError or OSError (which TimeoutError is).

    A request then has `request` seconds, and metadata is renewed every `metadata` seconds.
    """
    client = AIOKafkaClient(
        bootstrap_servers=bootstrap,
        client_id="gemeentebus",
        request_timeout_ms=int((request or within) * 1000),
        metadata_max_age_ms=int(metadata * 1000),
        retry_backoff_ms=int(BACKOFF * 1000),
    )
    try:
        async with asyncio.timeout(within):
            await client.bootstrap()
    except BaseException:
        await close_client(client)
        raise
    return client


async def close_client(client: AIOKafkaClient) -> None:
    """Close its connections, whatever state it is in."""
    closing = asyncio.ensure_future(client.close())
    await asyncio.wait([closing], timeout=_CLOSING)
    closing.cancel()


@asynccontextmanager
async def client_to(bootstrap: str, within: float) -> AsyncIterator[AIOKafkaClient]:
    """Connect for one question. Raises KafkaError or OSError."""
    client = await open_client(bootstrap, within)
    try:
        yield client
    finally:
        await close_client(client)


class Connection:
    """One client that any number of tasks share, connected when it is first needed.

    Opening needs no Kafka; leaving closes the client.
    """

    def __init__(self, bootstrap: str, timeout: float) -> None:
        self._bootstrap = bootstrap
        self._timeout = timeout
        self._client: AIOKafkaClient | None = None
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._disconnect()

    async def _connected(self) -> AIOKafkaClient:
        """Give the client. Raises KafkaError or OSError."""
        async with self._connecting:
            if self._client is None:
                self._client = await open_client(self._bootstrap, self._timeout)
            return self._client

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await close_client(client)


async def offsets(client: AIOKafkaClient, at: Mapping[Partition, int]) -> dict[Partition, int]:
    """
    Ask each partition's leader for an offset: EARLIEST, LATEST, or of a time in milliseconds.

    LATEST is the last stable offset. Raises TopicMissing, and KafkaError where asking again may
    help.
    """
    state = await describe(client, {partition.topic for partition in at})
    questions: dict[int, dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for partition, when in at.items():
        topic = state.topics.get(partition.topic)
        if topic is None or partition.partition not in topic.leaders:
            raise TopicMissing(partition.topic)
        leader = topic.leaders[partition.partition]
        if leader < 0:
            raise LeaderNotAvailableError(partition)
        questions[leader][partition.topic].append((partition.partition, when))
    answers = [
        await client.send(leader, OffsetRequest(-1, _READ_COMMITTED, list(topics.items())))
        for leader, topics in questions.items()
    ]
    found = {}
    for name, partitions in (topic for answer in answers for topic in answer.topics):
        for number, code, _timestamp, offset in partitions:
            if code:
                raise for_code(code)(name)
            found[Partition(name, number)] = offset
    return found
