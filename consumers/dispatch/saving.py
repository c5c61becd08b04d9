"""Saves what one partition stands at, every half second and as it ends; keeps its lease with it."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

from bus.log.record import Partition
from bus.observe import metrics
from bus.observe.events import LogEvent
from bus.observe.logging import get
from bus.store.errors import Fenced, StoreError
from bus.store.streams import Save, Streams, Taken
from consumers.dispatch.courier import Courier
from consumers.dispatch.saves import Snapshot, committed, snapshot, uncertain
from consumers.dispatch.stream import Stream

SAVE_EVERY = 0.5
"""Seconds between saves: what a crash can repeat of a healthy subscription."""

LEASE = 10.0
"""Seconds after the last successful save in which this owner may still send (design §4)."""

CONFIRM_EVERY = 3.0
"""An idle partition is saved this often, so that its lease goes on."""


class BeginsAnew(Exception):
    """All positions of a partition were set to the beginning of its log: take it again."""


class Saving:
    """Writes one partition's snapshots under its epoch, one after the other.

    `began` is the loop time before the fence was taken: the lease counts from there.
    """

    def __init__(
        self,
        partition: Partition,
        taken: Taken,
        stream: Stream,
        *,
        streams: Streams,
        courier: Courier,
        began: float,
    ) -> None:
        self._partition = partition
        self._epoch = taken.epoch
        self._stream = stream
        self._streams = streams
        self._courier = courier
        self._loop = asyncio.get_running_loop()
        self._log = get().bind(topic=partition.topic, partition=partition.partition)
        self._now = asyncio.Event()
        self._saved_at = began
        self._saved = (taken.next_offset, taken.revision)
        self._loaded_rows = frozenset(row.subscription for row in taken.positions)
        self._anew_at: int | None = None
        stream.flights.until = began + LEASE

    @property
    def saved_offset(self) -> int:
        """The stream's position as last saved."""
        return self._saved[0]

    def soon(self) -> None:
        """Save without waiting for the next half second."""
        self._now.set()

    def begin_anew(self, start: int) -> None:
        """Put every position at `start`, the beginning of a log that was made anew."""
        self._anew_at = start
        self.soon()

    async def run(self) -> None:
        """Save until cancelled. Raises Fenced, and BeginsAnew once that is saved."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._now.wait(), SAVE_EVERY)
            self._now.clear()
            try:
                if self._anew_at is None:
                    await self._save()
                else:
                    await self._save_the_beginning(self._anew_at)
            except Fenced:
                raise
            except StoreError as error:
                # It is tried again, whatever it was; without success the lease runs out.
                metrics.SAVES.labels("unavailable").inc()
                self._log.warning(LogEvent.SAVE_FAILED, reason="trying again", error=error)

    async def save_last(self) -> None:
        """Write exactly where a closed stream stands; when that fails, only say so."""
        now, wall = self._loop.time(), datetime.now(UTC)
        last = snapshot(self._stream, now=now, wall=wall, final=True)
        try:
            await self._write(last)
        except StoreError as error:
            # Positions stay where they were saved last: what was delivered since is repeated,
            # nothing is lost.
            self._log.error(LogEvent.SAVE_FAILED, reason="the last save", error=error)

    async def _save(self) -> None:
        began = self._loop.time()
        self._stream.advance_all(began)
        self._courier.flush()
        taken = snapshot(self._stream, now=began, wall=datetime.now(UTC))
        state = (taken.next_offset, taken.revision)
        moved = taken.rows or taken.removed or taken.gone or taken.shelved or state != self._saved
        if not moved and began - self._saved_at < CONFIRM_EVERY:
            return
        try:
            await self._write(taken)
        except (asyncio.CancelledError, StoreError):
            uncertain(taken)
            raise
        metrics.SAVES.labels("saved").inc()
        metrics.SAVE_SECONDS.observe(self._loop.time() - began)
        metrics.ROWS_SAVED.labels("written").inc(len(taken.rows) + len(taken.shelved))
        metrics.ROWS_SAVED.labels("removed").inc(len(taken.removed) + len(taken.gone))
        self._saved, self._saved_at = state, began
        lapsed = self._stream.flights.until <= self._loop.time()
        self._stream.flights.until = began + LEASE
        committed(self._stream, taken, self._loop.time())
        if lapsed:
            for member in self._stream.busy:
                self._courier.stir(member.subscriber)
        self._courier.flush()

    async def _write(self, taken: Snapshot) -> None:
        await self._streams.save(
            Save(
                topic=self._partition.topic,
                partition=self._partition.partition,
                epoch=self._epoch,
                next_offset=taken.next_offset,
                revision=taken.revision,
                rows=(*(row for _, row in taken.rows), *taken.shelved),
                removed=(*(each.subscriber.identity for each in taken.removed), *taken.gone),
            )
        )

    async def _save_the_beginning(self, start: int) -> None:
        members = self._stream.members.items()
        with_row = {identity for identity, member in members if member.saved}
        await self._streams.save(
            Save(
                topic=self._partition.topic,
                partition=self._partition.partition,
                epoch=self._epoch,
                next_offset=start,
                revision=self._stream.revision,
                removed=tuple(with_row | self._stream.gone | self._loaded_rows),
            )
        )
        raise BeginsAnew
