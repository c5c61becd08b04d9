"""Reader: read partitions from given positions, whatever happens to the connection."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CorruptRecordException, KafkaError, OffsetOutOfRangeError

from bus.log.assignment import Assignment, position_in
from bus.log.background import Background, Raised
from bus.log.connection import EARLIEST, LATEST, client_to, offsets
from bus.log.consumer import answered, at_end, discard_consumer, start_consumer
from bus.log.errors import LogUnavailable, OffsetOutOfRange, RecordUnreadable, TopicMissing
from bus.log.record import Partition, Record
from bus.log.stall import Stall

_PAUSE = 0.5
"""Seconds between attempts to reach a Kafka that is away."""

_WITHIN = 5.0
"""Seconds allowed to connecting, and to a question about offsets."""


_STEP = 0.02
"""Seconds between looks for a record when they are read one by one."""

_UNREADABLE = (CorruptRecordException, UnicodeDecodeError)
"""What aiokafka raises for a record that is none; the names of headers are decoded strictly."""


class Reader:
    """
    Reads committed records of assigned partitions, in offset order per partition. No group.

    Opening needs no Kafka; while it is away, `read` gives nothing and keeps trying. One task reads;
    the other methods are synchronous and may be called between its reads.
    A client that stands still for `stall_after` seconds, while it is asked and a fresh client is
    answered, is thrown away and made anew at the same positions; `on_recreate` is told why.
    """

    def __init__(
        self,
        *,
        bootstrap: str,
        assignment: Mapping[Partition, int] | None = None,
        max_partition_bytes: int = 1_048_576,
        stall_after: float = 10.0,
        on_recreate: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._bootstrap = bootstrap
        self._max_partition_bytes = max_partition_bytes
        self._on_recreate = on_recreate
        self._background = Background()
        self._stall = Stall(stall_after)
        self._assignment = Assignment(assignment or {}, self._stall)
        self._connected = asyncio.Event()
        self._careful = False

    async def __aenter__(self) -> Self:
        await self._background.__aenter__()
        self._background.start(self._keep(), "log-reader")
        return self

    async def __aexit__(self, *raised: *Raised) -> None:
        await self._background.__aexit__(*raised)

    async def read(
        self,
        max_records: int,
        timeout: float,  # noqa: ASYNC109 - bounds a wait whose end is no error
    ) -> Mapping[Partition, Sequence[Record]]:
        """
        Give what has come, at most `max_records`, waiting up to `timeout` seconds for the first.

        Raises OffsetOutOfRange for a partition whose position the log does not hold (or holds no
        valid record: RecordUnreadable), TopicMissing for one whose topic stayed away; each read
        raises it again (and the others wait) until the partition is sought or released. Raises
        LogUnavailable for an answer it cannot use.
        """
        until = time.monotonic() + timeout
        self._stall.reading()
        try:
            while True:
                for stopped in self._assignment.stopped.values():
                    raise stopped
                left = max(until - time.monotonic(), 0.0)
                consumer = self._assignment.consumer or await self._wait(left)
                batch = await self._fetch(consumer, max_records, left) if consumer else {}
                if batch or time.monotonic() >= until:
                    return batch
        finally:
            self._stall.read(time.monotonic())

    def assign(self, positions: Mapping[Partition, int]) -> None:
        """Read these too (or from there, if already assigned). Starts unpaused."""
        self._assignment.add(positions)

    def release(self, partitions: Iterable[Partition]) -> None:
        """Read these no more; nothing of them comes after this."""
        self._assignment.remove(partitions)

    def seek(self, partition: Partition, offset: int) -> None:
        """Go on from `offset`; nothing read ahead from the old position comes after this."""
        self._assignment.seek(partition, offset)

    def position(self, partition: Partition) -> int:
        """Give the next offset to be read; it passes over transaction markers."""
        return self._assignment.position(partition)

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Give nothing of these until they are resumed; positions stay."""
        self._assignment.pause(partitions)

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Give them again."""
        self._assignment.resume(partitions)

    async def _wait(self, seconds: float) -> AIOKafkaConsumer | None:
        try:
            async with asyncio.timeout(seconds):
                await self._connected.wait()
        except TimeoutError:
            return None
        return self._assignment.consumer

    async def _fetch(
        self, consumer: AIOKafkaConsumer, max_records: int, seconds: float
    ) -> dict[Partition, Sequence[Record]]:
        try:
            if self._careful:
                batch = await self._step(consumer)
            else:
                batch = await consumer.getmany(timeout_ms=seconds * 1000, max_records=max_records)
        except OffsetOutOfRangeError as error:
            await self._judge(Partition(*next(iter(error.args[0]))))
            return {}
        except _UNREADABLE:
            # Nothing was given, so nothing is lost: what came before it is fetched again, with it.
            self._careful = True
            return {}
        except KafkaError as error:
            if consumer is not self._assignment.consumer:
                return {}
            raise LogUnavailable(type(error).__name__) from error
        if consumer is not self._assignment.consumer or self._assignment.changing:
            return {}  # from before a change: its successor reads these again, where still wanted
        return {Partition(*partition): records for partition, records in batch.items()}

    async def _step(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, Sequence[Record]]:
        """Read record by record, until the one that cannot be read is the next: then stop there."""
        for partition in self._assignment.awake():
            at = TopicPartition(*partition)
            try:
                batch: dict[TopicPartition, Sequence[Record]]
                batch = await consumer.getmany(at, timeout_ms=0, max_records=1)
            except _UNREADABLE:
                self._careful = False
                bad = position_in(consumer, partition)
                end = max(consumer.last_stable_offset(at) or 0, bad + 1)
                error = RecordUnreadable(partition, bad, start=bad + 1, end=end)
                self._assignment.stop(partition, error)
                return {}
            if batch:
                return batch
        await asyncio.sleep(_STEP)
        return {}

    async def _judge(self, partition: Partition) -> None:
        """Stop a partition that Kafka says is out of range, unless it is in range after all."""
        try:
            async with client_to(self._bootstrap, _WITHIN) as client:
                start = (await offsets(client, {partition: EARLIEST}))[partition]
                end = (await offsets(client, {partition: LATEST}))[partition]
        except (KafkaError, OSError, TopicMissing):
            return  # it is fetched again, and comes here again
        offset = self._assignment.awake().get(partition, start)
        if not start <= offset <= end:
            error = OffsetOutOfRange(partition, offset, start=start, end=end)
            self._assignment.stop(partition, error)

    async def _keep(self) -> None:
        """Keep a consumer: one after the other, each at the positions of the last."""
        while True:
            try:
                consumer = await start_consumer(
                    bootstrap=self._bootstrap,
                    max_partition_bytes=self._max_partition_bytes,
                    within=_WITHIN,
                )
            except LogUnavailable:
                await asyncio.sleep(_PAUSE)
                continue
            self._assignment.attach(consumer)
            self._connected.set()
            try:
                cause = await self._watch(consumer)
            finally:
                self._assignment.detach()
                self._connected.clear()
                await discard_consumer(consumer)
            self._on_recreate(cause)

    async def _watch(self, consumer: AIOKafkaConsumer) -> str:
        """Wait until the consumer stands still where it should not; say in what way."""
        while True:
            await asyncio.sleep(self._stall.after / 4)
            here = self._assignment.awake()
            suspects = self._stall.suspects(here, time.monotonic())
            since = time.time() - self._stall.after
            silent = {each for each in suspects if not answered(consumer, each, since)}
            asked = silent | {each for each in suspects if not at_end(consumer, each, here[each])}
            ends = await self._ends_of(asked) if asked else {}
            now = self._assignment.awake()
            stood = {each: end for each, end in ends.items() if now.get(each) == here[each]}
            if any(end > here[each] for each, end in stood.items()):
                return "Standstill"
            if silent & stood.keys():
                return "NoAnswer"
            for each in suspects - asked:
                self._stall.moved(each)

    async def _ends_of(self, partitions: set[Partition]) -> dict[Partition, int]:
        """Ask a fresh client; no answer (Kafka is away) is an empty one."""
        try:
            async with client_to(self._bootstrap, _WITHIN) as client:
                return await offsets(client, dict.fromkeys(partitions, LATEST))
        except TopicMissing as error:
            for partition in partitions:
                if partition.topic == error.topic:
                    self._assignment.stop(partition, error)
        except (KafkaError, OSError):
            pass
        return {}
