"""Fetcher: look once at what stands at given positions; for those who come and go."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import (
    CorruptRecordException,
    KafkaError,
    LeaderNotAvailableError,
    OffsetOutOfRangeError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.memory_records import MemoryRecords
from typing_extensions import override

from bus.log.connection import EARLIEST, LATEST, Connection, offsets
from bus.log.errors import LogUnavailable, OffsetOutOfRange
from bus.log.metadata import describe
from bus.log.record import Partition, Record


class Fetched:
    """
    What came of one partition: iterate once, at leisure; a record is decoded when it is reached.

    `end` is where the partition ended (last stable offset) at the time. Iterating ends at a record
    that is none, whose offset is `unreadable` then.
    """

    def __init__(self, records: PartitionRecords, end: int) -> None:
        self._records = records
        self.end = end
        self.unreadable: int | None = None

    @property
    def next_offset(self) -> int:
        """The position after what was iterated over, be it a marker or a record that is none."""
        if self.unreadable is not None:
            return self.unreadable + 1
        offset: int = self._records.next_fetch_offset
        return offset

    def __iter__(self) -> Iterator[Record]:
        try:
            yield from self._records
        except (CorruptRecordException, UnicodeDecodeError):
            self.unreadable = self._records.next_fetch_offset


class Fetcher(Connection):
    """
    Fetches committed records, a question and an answer at a time: no group, nothing read ahead.

    Any number of tasks share one connection per broker. A Reader is cheaper per record and waits
    for what comes; this one costs nothing between two questions. Opening needs no Kafka.
    """

    def __init__(self, *, bootstrap: str, timeout: float = 5.0) -> None:
        super().__init__(bootstrap, timeout)
        self._leaders: dict[Partition, int] = {}

    async def fetch(
        self, positions: Mapping[Partition, int], max_bytes: int
    ) -> Mapping[Partition, Fetched | OffsetOutOfRange]:
        """
        Give what stands at each position, about `max_bytes` in all, the first ones first.

        One record more than that is given whole. A position that the log does not hold has its
        error in the place of records; a topic that does not exist is left out. Raises
        LogUnavailable, also while a partition has no leader.
        """
        if not positions:
            return {}
        try:
            return await self._ask(positions, max_bytes)
        except LogUnavailable:
            # A leader may have moved, or somebody else's question have ended the connection.
            return await self._ask(positions, max_bytes)

    async def _ask(
        self, positions: Mapping[Partition, int], max_bytes: int
    ) -> dict[Partition, Fetched | OffsetOutOfRange]:
        client = None
        try:
            async with asyncio.timeout(self._timeout / 2):
                client = await self._connected()
                return await self._ask_over(client, positions, max_bytes)
        except (KafkaError, OSError) as error:  # TimeoutError is one
            if client is self._client:
                await self._disconnect()
            raise LogUnavailable(f"nothing fetched: {type(error).__name__}") from error

    async def _ask_over(
        self, client: AIOKafkaClient, positions: Mapping[Partition, int], max_bytes: int
    ) -> dict[Partition, Fetched | OffsetOutOfRange]:
        await self._find(client, positions.keys() - self._leaders.keys())
        questions: dict[int, dict[str, list[tuple[int, int, int]]]]
        questions = defaultdict(lambda: defaultdict(list))
        for partition, offset in positions.items():
            if partition in self._leaders:
                question = (partition.partition, offset, max_bytes)
                questions[self._leaders[partition]][partition.topic].append(question)
        answers = await asyncio.gather(
            *(
                client.send(
                    node, FetchRequest(0, 0, max_bytes, READ_COMMITTED, list(topics.items()))
                )
                for node, topics in questions.items()
            )
        )
        found: dict[Partition, Fetched | OffsetOutOfRange] = {}
        for topic, entries in (each for answer in answers for each in answer.topics):
            for number, code, _, *rest in entries:
                partition = Partition(topic, number)
                read = await self._read(client, partition, positions[partition], code, rest)
                if read is not None:
                    found[partition] = read
        return found

    async def _read(
        self, client: AIOKafkaClient, partition: Partition, offset: int, code: int, rest: list[Any]
    ) -> Fetched | OffsetOutOfRange | None:
        error = for_code(code)
        if error is UnknownTopicOrPartitionError:
            self._leaders.pop(partition, None)
            return None
        if error is OffsetOutOfRangeError:
            start = (await offsets(client, {partition: EARLIEST}))[partition]
            end = (await offsets(client, {partition: LATEST}))[partition]
            return OffsetOutOfRange(partition, offset, start=start, end=end)
        if code:
            raise error(partition)
        # Ordered as in the answer: what was aborted, and the records last, in every version.
        end, aborted = rest[0], next((each for each in rest if isinstance(each, list)), None)
        records = PartitionRecords(
            TopicPartition(*partition),
            MemoryRecords(rest[-1] or b""),
            aborted,
            offset,
            None,
            None,
            True,  # noqa: FBT003 - check_crcs
            READ_COMMITTED,
        )
        return Fetched(records, end)

    async def _find(self, client: AIOKafkaClient, partitions: Collection[Partition]) -> None:
        """Learn who leads these; one without a leader raises, one that is not there is left."""
        if not partitions:
            return
        state = await describe(client, {partition.topic for partition in partitions})
        for topic, known in state.topics.items():
            self._leaders |= {Partition(topic, each): node for each, node in known.leaders.items()}
        for partition in partitions:
            if self._leaders.get(partition, 0) < 0:
                del self._leaders[partition]
                raise LeaderNotAvailableError(partition)

    @override
    async def _disconnect(self) -> None:
        """Forget the leaders too: where they have moved, the next question finds them."""
        self._leaders.clear()
        await super()._disconnect()
