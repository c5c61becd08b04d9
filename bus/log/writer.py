"""Writer: append records, idempotently, and know where they stand."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from typing import Self

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from bus.log.background import Background, Raised
from bus.log.errors import LogFull, LogUnavailable, RecordTooLarge
from bus.log.life import BATCH_TOO_LARGE, SWEEP, Entry, Life
from bus.log.producer import BATCH_BYTES, discard_producer, start_producer
from bus.log.record import MAX_RECORD_BYTES, Appended, Headers

_PAUSE = 0.5
"""Seconds between attempts to reach a Kafka that is away."""

_size_of = DefaultRecordBatchBuilder.estimate_size_in_bytes


class Writer:
    """
    Appends to any topic: idempotent, acks=all. Opening it needs no Kafka.

    Appends to one partition are stored in the order `append` was called. When one fails, every
    append to that partition that was waiting behind it fails too: what is stored of them is
    always a beginning. LogUnavailable comes within `timeout` seconds (plus a sweep), and at once
    while Kafka is known to be away; the writer comes back by itself. After LogUnavailable nothing
    more is sent for that record; only a request that was already on the wire may still be stored.
    `on_recreate` is told, with the name of the cause, when a producer was thrown away.
    """

    def __init__(
        self,
        *,
        bootstrap: str,
        max_record_bytes: int = MAX_RECORD_BYTES,
        max_pending_bytes: int = 33_554_432,
        timeout: float = 5.0,
        on_recreate: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._bootstrap = bootstrap
        self._max_record_bytes = max_record_bytes
        self._max_pending_bytes = max_pending_bytes
        self._timeout = timeout
        self._on_recreate = on_recreate
        self._background = Background()
        self._life: Life | None = None
        self._waiting: deque[Entry] = deque()
        self._waiting_bytes = 0
        self._refusal: str | None = "not open"
        self._closed = False

    async def __aenter__(self) -> Self:
        await self._background.__aenter__()
        self._refusal = None
        self._background.start(self._live(), "log-writer")
        self._background.start(self._expire(), "log-writer-expire")
        return self

    async def __aexit__(self, *raised: *Raised) -> None:
        """Store what waits (at most `timeout` seconds), then close."""
        self._closed, self._refusal = True, "closed"
        try:
            if self._life is not None:
                async with asyncio.timeout(self._timeout):
                    await self._life.drained()
        except TimeoutError:
            pass  # each future is told below
        finally:
            try:
                await self._background.__aexit__(*raised)
            finally:
                self._fail_waiting(math.inf)

    def append(
        self,
        topic: str,
        key: bytes,
        headers: Headers,
        value: bytes | None,
        partition: int | None = None,
    ) -> asyncio.Future[Appended]:
        """
        Queue a record and return at once; the future holds its place once it is stored.

        No task and no timer per record: for a batch, append them all, then await each future.
        Raises (not in the future) RecordTooLarge and LogFull, and LogUnavailable while Kafka is
        known to be away. The future raises LogUnavailable or TopicMissing. Cancelling the
        future does not take the record back. `partition` overrides the key's choice.
        """
        if self._refusal is not None:
            raise LogUnavailable(self._refusal)
        headers = headers if isinstance(headers, list) else list(headers)
        size = _size_of(key, value, headers)
        if size > self._max_record_bytes:
            raise RecordTooLarge(size, limit=self._max_record_bytes)
        life = self._life
        if (life.pending if life else self._waiting_bytes) + size > self._max_pending_bytes:
            raise LogFull(f"{self._max_pending_bytes} bytes are waiting to be stored")
        future = asyncio.get_running_loop().create_future()
        now = time.monotonic()
        entry = Entry(future, size, now, topic, key, headers, value, partition)
        if life is not None:
            life.take(entry)
        else:
            self._waiting.append(entry)
            self._waiting_bytes += size
        return future

    @property
    def available(self) -> bool:
        """Whether appends are taken: false while Kafka is known to be away."""
        return self._refusal is None

    async def _live(self) -> None:
        """One life after the other, each begun only when the last one's producer is gone."""
        batch_bytes = min(BATCH_BYTES, self._max_record_bytes)
        while True:
            try:
                producer = await start_producer(
                    bootstrap=self._bootstrap,
                    batch_bytes=batch_bytes,
                    within=self._timeout,
                )
            except LogUnavailable as error:
                self._refusal = str(error)
                self._fail_waiting(math.inf)
                await asyncio.sleep(_PAUSE)
                continue
            self._refusal = "closed" if self._closed else None
            life = Life(producer, timeout=self._timeout)
            try:
                cause = await self._live_once(life)
            finally:
                self._life = None
                life.abandon()
                await discard_producer(producer)
            if cause == BATCH_TOO_LARGE:
                batch_bytes = max(1, batch_bytes // 4)
            self._on_recreate(cause)

    async def _live_once(self, life: Life) -> str:
        while self._waiting:
            life.take(self._waiting.popleft())
        self._waiting_bytes = 0
        self._life = life
        return await life.run()

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            self._fail_waiting(time.monotonic() - self._timeout)

    def _fail_waiting(self, limit: float) -> None:
        """Fail what has waited for a producer since before `limit`."""
        while self._waiting and self._waiting[0].since < limit:
            entry = self._waiting.popleft()
            self._waiting_bytes -= entry.size
            entry.fail(LogUnavailable("not stored"))
