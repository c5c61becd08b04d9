"""
One life of the idempotent producer: from its start to its first failure.

A failed batch leaves a hole in the producer's sequence numbers, after which Kafka refuses all that
follows (aiokafka issue 1017: stuck until restarted). So the first failure, or the first batch that
is not answered in time, ends the life: everything not yet stored fails, and the writer begins a new
one with a new producer id. What was stored of a partition is therefore always a beginning of what
was appended to it.
"""

import asyncio
import time
from collections import deque
from functools import partial
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from bus.log.background import Background
from bus.log.errors import LogError, LogUnavailable, RecordTooLarge, TopicMissing
from bus.log.partitioner import partition_of
from bus.log.record import Appended, Headers

SWEEP = 0.25
"""Seconds between looks for a batch that is too old; the bound is kept to within this."""

BATCH_TOO_LARGE = "BatchTooLarge"
"""What ends a life when a topic refuses several records together: tried again in smaller batches,
they go, or one shows itself to be too large alone."""

_UNKNOWN_FOR = 1.0
"""Seconds that Kafka must deny a topic before it is missing: a new one may need a moment."""


class Entry(NamedTuple):
    """A record on its way to the log, and the future of its place there."""

    future: asyncio.Future[Appended]
    size: int
    since: float
    topic: str
    key: bytes
    headers: Headers
    value: bytes | None
    partition: int | None

    def fail(self, error: LogError) -> None:
        """Tell whoever waits, if anybody still does."""
        if not self.future.done():
            self.future.set_exception(error)


class _Batch:
    """Records of one partition that travel together."""

    __slots__ = ("builder", "futures", "since", "size")

    def __init__(self, builder: BatchBuilder, since: float) -> None:
        self.builder = builder
        self.futures: list[asyncio.Future[Appended]] = []
        self.since = since
        self.size = 0


class _Lane:
    """The batches of one partition: at most one is away, the last may still grow."""

    __slots__ = ("away", "batches", "partition", "topic")

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.batches: deque[_Batch] = deque()
        self.away: _Batch | None = None


class Life:
    """
    Takes entries and stores them through one started producer.

    While a partition's batch is away its next one grows, so batches are as large as the load
    makes them and an idle partition sends at once: there is no linger.
    """

    def __init__(self, producer: AIOKafkaProducer, *, timeout: float) -> None:
        self._producer = producer
        self._timeout = timeout
        self._lanes: dict[str, list[_Lane]] = {}
        self._unrouted: dict[str, list[Entry]] = {}
        self._routing: asyncio.Queue[str] = asyncio.Queue()
        self._ready: asyncio.Queue[_Lane] = asyncio.Queue()
        self._failure: str | None = None
        self._over = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.pending = 0

    def take(self, entry: Entry) -> None:
        """Queue the entry behind what its partition already has."""
        lanes = self._lanes.get(entry.topic)
        if lanes is not None:
            self._place(lanes, entry)
        elif entry.topic in self._unrouted:
            self._unrouted[entry.topic].append(entry)
        else:
            self._unrouted[entry.topic] = [entry]
            self._routing.put_nowait(entry.topic)
        self.pending += entry.size
        self._idle.clear()

    async def run(self) -> str:
        """Store what is taken until something fails; give the name of what failed."""
        async with Background() as background:
            background.start(self._send_ready(), "log-send")
            background.start(self._route(), "log-route")
            background.start(self._sweep(), "log-sweep")
            await self._over.wait()
        return self._failure or "unknown"

    def abandon(self) -> None:
        """Fail all that is not known to be stored."""
        self._over.set()
        for lane in (lane for lanes in self._lanes.values() for lane in lanes):
            for batch in (lane.away, *lane.batches):
                for future in batch.futures if batch else ():
                    if not future.done():
                        future.set_exception(LogUnavailable("not known to be stored"))
        for entry in (entry for waiting in self._unrouted.values() for entry in waiting):
            entry.fail(LogUnavailable("not stored"))
        self.pending = 0
        self._idle.set()

    async def drained(self) -> None:
        """Wait until nothing is pending."""
        await self._idle.wait()

    def _end(self, cause: str) -> None:
        self._failure = self._failure or cause
        self._over.set()

    def _place(self, lanes: list[_Lane], entry: Entry) -> None:
        index = entry.partition
        if index is None:
            index = partition_of(entry.key, len(lanes))
        elif not 0 <= index < len(lanes):
            raise TopicMissing(f"{entry.topic}/{index}")
        lane = lanes[index]
        batch = lane.batches[-1] if lane.batches else None
        if batch is None or not _fits(batch, entry):
            batch = _Batch(self._producer.create_batch(), entry.since)
            _fits(batch, entry)  # the first record always does
            lane.batches.append(batch)
            if lane.away is None and len(lane.batches) == 1:
                self._ready.put_nowait(lane)
        batch.futures.append(entry.future)
        batch.size += entry.size

    async def _send_ready(self) -> None:
        while True:
            lane = await self._ready.get()
            batch = lane.away = lane.batches.popleft()
            try:
                stored = await self._producer.send_batch(
                    batch.builder, lane.topic, partition=lane.partition
                )
            except (KafkaError, AssertionError) as error:  # aiokafka asserts what it expects
                self._end(type(error).__name__)
                return
            stored.add_done_callback(partial(self._settle, lane, batch))

    def _settle(self, lane: _Lane, batch: _Batch, stored: asyncio.Future[RecordMetadata]) -> None:
        error = asyncio.CancelledError() if stored.cancelled() else stored.exception()
        if self._over.is_set():
            return
        if isinstance(error, MessageSizeTooLargeError):  # the topic's own bound is below ours
            if len(batch.futures) > 1:
                self._end(BATCH_TOO_LARGE)
                return
            for future in (each for each in batch.futures if not each.done()):
                future.set_exception(RecordTooLarge(batch.size, limit=batch.size - 1))
        first = -1 if error else stored.result().offset
        if first < 0:  # stored, but too long ago for Kafka to know where: not known is not stored
            self._end(type(error).__name__ if error else "OffsetUnknown")
            return
        lane.away = None
        if lane.batches:
            self._ready.put_nowait(lane)
        for offset, future in enumerate(batch.futures, first):
            if not future.done():
                future.set_result(Appended(lane.topic, lane.partition, offset))
        self._done(batch.size)

    def _done(self, size: int) -> None:
        self.pending -= size
        if not self.pending:
            self._idle.set()

    async def _route(self) -> None:
        async with asyncio.TaskGroup() as lookups:
            while True:
                topic = await self._routing.get()
                lookups.create_task(self._look_up(topic), name="log-look-up")

    async def _look_up(self, topic: str) -> None:
        partitions = await self._partitions_of(topic)
        waiting = self._unrouted.pop(topic)
        if partitions:
            self._lanes[topic] = [_Lane(topic, number) for number in range(partitions)]
        for entry in waiting:
            try:
                if not partitions:
                    raise TopicMissing(topic)  # noqa: TRY301 - handled like a missing partition
                self._place(self._lanes[topic], entry)
            except TopicMissing as error:
                entry.fail(error)
                self._done(entry.size)

    async def _partitions_of(self, topic: str) -> int:
        client = self._producer.client
        client.add_topic(topic)
        denied_since: float | None = None
        while True:
            partitions = client.cluster.partitions_for_topic(topic)
            if partitions:
                return len(partitions)
            if await client.force_metadata_update():
                denied_since = denied_since or time.monotonic()
                if time.monotonic() - denied_since > _UNKNOWN_FOR:
                    return 0
            await asyncio.sleep(SWEEP / 5)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            limit = time.monotonic() - self._timeout
            for waiting in self._unrouted.values():
                if waiting[0].since < limit:
                    self._end("Timeout")
            for lane in (lane for lanes in self._lanes.values() for lane in lanes):
                oldest = lane.away or (lane.batches[0] if lane.batches else None)
                if oldest is not None and oldest.since < limit:
                    self._end("Timeout")


def _fits(batch: _Batch, entry: Entry) -> bool:
    taken = batch.builder.append(
        timestamp=None, key=entry.key, value=entry.value, headers=entry.headers
    )
    return taken is not None
