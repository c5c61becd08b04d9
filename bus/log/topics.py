"""Topics: make them, and ask where they begin, end and stood at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar
from uuid import UUID

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    KafkaError,
    LeaderNotAvailableError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.admin import CreateTopicsRequest, DeleteTopicsRequest

from bus.log.connection import EARLIEST, LATEST, NONE, Connection, offsets
from bus.log.errors import LogRefused, LogUnavailable, OffsetOutOfRange, TopicDiffers
from bus.log.metadata import describe
from bus.log.reader import Reader
from bus.log.record import MAX_RECORD_BYTES, Partition
from bus.log.topic_settings import change, look_up

_RETRY = 0.1
"""Seconds between attempts within the bound."""

_DAY = 86_400_000
"""Milliseconds."""

_MESSAGE = "max.message.bytes"
_RETENTION = "retention.ms"

T = TypeVar("T")


class Topics(Connection):
    """
    Administration of the log. Opening it needs no Kafka: the first call connects.

    Every call raises LogUnavailable when Kafka does not answer within `timeout` seconds, LogRefused
    when it says no, and (where offsets are asked) TopicMissing for a topic that does not exist.
    No call ever makes a topic but `create`, also where the broker creates topics by itself.
    More methods than most classes have: each is one thing to ask of Kafka.
    """

    def __init__(
        self, *, bootstrap: str, max_record_bytes: int = MAX_RECORD_BYTES, timeout: float = 10.0
    ) -> None:
        super().__init__(bootstrap, timeout)
        self.max_message_bytes = max_record_bytes * 65 // 64 + 1024
        """What a new topic takes. A little over: what does not compress grows by its frame."""

    async def create(self, topic: str, partitions: int, retention_days: float) -> None:
        """
        Make the topic and wait until each partition has a leader.

        A topic that exists with as many partitions is fine (its settings are left alone); with
        another number: TopicDiffers. Replicated to min(3, brokers), two of them in sync when 3;
        kept by time only. Timestamps are the broker's (LogAppendTime): they never go back within
        a partition, so that lag in seconds, retention and `offsets_at` do not depend on a
        producer's clock; an event's own `time` stays in its attributes.
        """

        async def made(client: AIOKafkaClient) -> None:
            state = await describe(client, [topic])
            found = state.topics.get(topic)
            if found is None:
                copies = min(3, state.brokers)
                await self._make(client, topic, partitions, copies, retention_days)
                raise LeaderNotAvailableError(topic)  # made, not seen yet: look again
            if len(found.leaders) != partitions:
                raise TopicDiffers(topic, wanted=partitions, found=len(found.leaders))
            if not found.led:
                raise LeaderNotAvailableError(topic)

        await self._ask(made)

    async def keep(self, topic: str, retention_days: float) -> None:
        """Let a topic keep its events for so long; its other settings stay. Safe to repeat.

        Raises TopicMissing.
        """

        async def kept(client: AIOKafkaClient) -> None:
            await change(client, [topic], _RETENTION, int(retention_days * _DAY))

        await self._ask(kept)

    async def narrow(self, topics: Iterable[str]) -> list[str]:
        """
        Give the topics that take less than `max_message_bytes`, as one made earlier may.

        A topic that does not exist, or whose settings Kafka does not let us see, is left out.
        """
        names = list(topics)
        found = await self._ask(lambda client: look_up(client, names, _MESSAGE))
        return [topic for topic, most in found.items() if int(most) < self.max_message_bytes]

    async def widen(self, topics: Iterable[str]) -> None:
        """Let topics take `max_message_bytes`; their other settings stay. Safe to repeat.

        Raises TopicMissing.
        """
        names = list(topics)
        await self._ask(lambda client: change(client, names, _MESSAGE, self.max_message_bytes))

    async def delete(self, topics: Iterable[str]) -> None:
        """Delete the topics with all they hold; one that is not there is fine."""
        names = list(topics)

        async def gone(client: AIOKafkaClient) -> None:
            request = DeleteTopicsRequest(names, int(self._timeout * 1000))
            answer = await client.send(client.get_random_node(), request)
            for name, code in answer.topic_error_codes:
                if code and for_code(code) is not UnknownTopicOrPartitionError:
                    raise for_code(code)(name)
            if (await describe(client, names)).topics:
                raise LeaderNotAvailableError  # still seen: look again

        await self._ask(gone)

    async def partitions(self, topics: Iterable[str]) -> Mapping[str, int]:
        """Give the number of partitions of each topic; a topic that does not exist is left out."""
        names = set(topics)
        state = await self._ask(lambda client: describe(client, names))
        return {name: len(topic.leaders) for name, topic in state.topics.items()}

    async def identities(self, topics: Iterable[str]) -> Mapping[str, UUID]:
        """Give Kafka's id of each topic: one made again under the same name has another."""
        names = set(topics)
        state = await self._ask(lambda client: describe(client, names))
        return {name: topic.identity for name, topic in state.topics.items()}

    async def start_offsets(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        """Give the first offset each partition still holds."""
        at = dict.fromkeys(partitions, EARLIEST)
        return await self._ask(lambda client: offsets(client, at))

    async def end_offsets(self, partitions: Iterable[Partition]) -> Mapping[Partition, int]:
        """Give the last stable offset of each partition: where `latest` is, the next to be read."""
        at = dict.fromkeys(partitions, LATEST)
        return await self._ask(lambda client: offsets(client, at))

    async def offsets_at(
        self, partitions: Iterable[Partition], at_ms: int
    ) -> Mapping[Partition, int]:
        """
        Give the first offset stored at or after `at_ms`; the end offset when there is none.

        A time before 1970 is before all records; to Kafka a negative one would mean something else.
        """
        at = dict.fromkeys(partitions, max(0, at_ms))
        found = await self._ask(lambda client: offsets(client, at))
        none = {partition for partition, offset in found.items() if offset == NONE}
        return {**found, **(await self.end_offsets(none) if none else {})}

    async def first_timestamps(self, positions: Mapping[Partition, int]) -> Mapping[Partition, int]:
        """
        Give, per position, the timestamp (ms) of the first record at or after it.

        A partition without such a record, or not read within `timeout` seconds, is left out.
        Reads up to 64 KiB of each partition: for a status page, not for every event.
        """
        ends = await self.end_offsets(positions)
        wanted = {each: offset for each, offset in positions.items() if offset < ends[each]}
        found: dict[Partition, int] = {}
        until = time.monotonic() + self._timeout
        async with Reader(
            bootstrap=self._bootstrap, assignment=wanted, max_partition_bytes=65_536
        ) as reader:
            while len(found) < len(wanted) and time.monotonic() < until:
                try:
                    batch = await reader.read(10_000, until - time.monotonic())
                except OffsetOutOfRange as error:
                    reader.seek(error.partition, error.start)
                    continue
                found |= {each: records[0].timestamp for each, records in batch.items()}
                reader.release(batch)
        return found

    async def _make(
        self, client: AIOKafkaClient, topic: str, partitions: int, copies: int, days: float
    ) -> None:
        settings = {
            "cleanup.policy": "delete",
            _MESSAGE: str(self.max_message_bytes),
            "message.timestamp.type": "LogAppendTime",
            "min.insync.replicas": "2" if copies == 3 else "1",
            "retention.bytes": "-1",
            _RETENTION: str(int(days * _DAY)),
        }
        request = CreateTopicsRequest(
            create_topic_requests=[(topic, partitions, copies, [], list(settings.items()))],
            timeout=int(self._timeout * 1000),
            validate_only=False,
        )
        answer = await client.send(client.get_random_node(), request)
        for _name, code, _text in answer.topic_errors:
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise for_code(code)(topic)

    async def _ask(self, question: Callable[[AIOKafkaClient], Awaitable[T]]) -> T:
        """Ask, and ask again after each passing error over a new connection, until the bound."""
        last = "no answer"
        try:
            async with asyncio.timeout(self._timeout):
                while True:
                    try:
                        return await question(await self._connected())
                    except (KafkaError, OSError) as error:
                        last = type(error).__name__
                        if not getattr(error, "retriable", True):
                            raise LogRefused(last) from error
                        if not isinstance(error, LeaderNotAvailableError):
                            await self._disconnect()
                        await asyncio.sleep(_RETRY)
        except TimeoutError as error:
            await self._disconnect()
            raise LogUnavailable(last) from error
