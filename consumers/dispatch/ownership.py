"""One partition that this worker owns: fence, load, follow changes, save, scan, stop."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

from bus.log.reader import Reader
from bus.log.record import Partition, Record
from bus.observe import metrics
from bus.observe.events import LogEvent
from bus.observe.logging import get
from bus.store.errors import Fenced, StoreError, Unreadable
from bus.store.streams import Save, StoredSubscription, Streams, Taken
from bus.subscription import Subscription
from consumers.dispatch.catch_up import CatchUp
from consumers.dispatch.changes import load, stage
from consumers.dispatch.courier import Courier
from consumers.dispatch.member import Member
from consumers.dispatch.saves import Snapshot, committed, snapshot, uncertain
from consumers.dispatch.stream import Stream
from consumers.dispatch.subscriber import Subscriber

SAVE_EVERY = 0.5
"""Seconds between saves: what a crash can repeat of a healthy subscription."""

LEASE = 10.0
"""Seconds after the last successful save in which this owner may still send (design §4)."""

CONFIRM_EVERY = 3.0
"""An idle partition is saved this often, so that its lease goes on."""

History = tuple[Sequence[StoredSubscription], frozenset[UUID]]
"""The subscriptions as they were at a revision, and the ids of those that cannot be read."""


@dataclass(slots=True)
class Parts:
    """What every owner of this worker works with."""

    owner: str
    streams: Streams
    courier: Courier
    scan_reader: Callable[[], AbstractAsyncContextManager[Reader]]
    subscribers: Callable[[StoredSubscription], Subscriber]
    subscriptions_at: Callable[[int], Awaitable[History]]
    in_scope: Callable[[str, Subscription], bool]
    readers: Callable[[str, str], frozenset[str]]
    tail_bytes: int


class Ownership:
    """Holds one partition under its fence until it is stopped or fenced off.

    `run` saves and scans until cancelled and raises `Fenced` when another owner has taken the
    partition; `feed` is the stream's reader handing over; `stop` is the planned end that repeats
    nothing.
    """

    def __init__(self, partition: Partition, taken: Taken, parts: Parts) -> None:
        self.partition = partition
        self._epoch = taken.epoch
        self._parts = parts
        self._loop = asyncio.get_running_loop()
        self._log = get().bind(topic=partition.topic, partition=partition.partition)
        self._save_now = asyncio.Event()
        self._saved_at = self._loop.time()
        self._saved: tuple[int, int] | None = None
        room = asyncio.Event()
        self.stream = Stream(
            start=taken.next_offset,
            revision=taken.revision,
            readers=lambda source: parts.readers(source, partition.topic),
            subscriber=parts.subscribers,
            in_scope=lambda subscription: parts.in_scope(partition.topic, subscription),
            on_room=room.set,
            on_lost=self._tell_lost,
            tail_bytes=parts.tail_bytes,
        )
        self._catch_up = CatchUp(
            partition, self.stream, room, reader=parts.scan_reader, flush=parts.courier.flush
        )
        self.stream.flights.until = self._saved_at + LEASE

    @classmethod
    async def take(cls, partition: Partition, parts: Parts) -> Self:
        """Become the owner: the fence first, then everything that it protects.

        Raises StoreUnavailable, and NotFound where the partition has no stream.
        """
        taken = await parts.streams.take(partition.topic, partition.partition, parts.owner)
        known, unreadable = await parts.subscriptions_at(taken.revision)
        rows = {row.subscription: row for row in taken.positions}
        owned = cls(partition, taken, parts)
        now = asyncio.get_running_loop().time()
        load(owned.stream, known, rows, unreadable=unreadable, now=now)
        parts.courier.flush()
        return owned

    def feed(self, records: Iterable[Record]) -> None:
        """Take the next records of the log and send what they set going."""
        now = self._loop.time()
        for record in records:
            self.stream.feed(record, now)
        self._parts.courier.flush()

    @property
    def saved_offset(self) -> int:
        """The stream's position as last saved here."""
        return self._saved[0] if self._saved else self.stream.read_offset

    def passed(self, offset: int) -> None:
        """Take in that the log holds nothing more below `offset`."""
        self.stream.pass_over(offset)

    async def follow(self) -> None:
        """Take in the changes to subscriptions. Raises Fenced, StoreUnavailable."""
        if self.stream.staged is not None:
            return
        topic, number = self.partition
        unreadable: list[Unreadable] = []
        revision, changes = await self._parts.streams.changes(
            topic, number, self._epoch, self.stream.revision, unreadable=unreadable.append
        )
        if revision == self.stream.revision:
            return
        for error in unreadable:
            self._log.error(
                LogEvent.SUBSCRIPTION_INVALID, subscription_id=str(error.subscription), error=error
            )
        stage(
            self.stream,
            revision,
            changes,
            unreadable=[error.subscription for error in unreadable],
            now=self._loop.time(),
        )
        self._parts.courier.flush()
        self._save_now.set()

    async def run(self) -> None:
        """Save and scan until cancelled. Raises Fenced when another owner took over."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._save_for_ever(), name=f"save {self.partition}")
            tasks.create_task(self._catch_up.run(), name=f"scan {self.partition}")

    async def stop(self, deadline: float) -> None:
        """End as planned: nothing new is sent, and the last save is exact.

        Requests on the wire finish first, or `deadline` (loop time) passes.
        """
        self.stream.flights.until = 0.0
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self.stream.flights.all_landed()
        self.stream.close()
        if self.stream.flights.out:
            self._log.warning(LogEvent.DELIVERY_ABANDONED, count=self.stream.flights.out)
        now, wall = self._loop.time(), datetime.now(UTC)
        last = snapshot(self.stream, now=now, wall=wall, final=True)
        try:
            await self._write(last)
        except StoreError as error:
            # Positions stay where they were saved last: what was delivered since is repeated,
            # nothing is lost.
            self._log.error(LogEvent.SAVE_FAILED, reason="the last save", error=error)

    def _tell_lost(self, member: Member, offsets: Collection[int]) -> None:
        """Say that events are gone from the log before they were delivered: at most these."""
        metrics.GAPS.inc()
        self._log.error(
            LogEvent.POSITION_GAP,
            subscription_id=str(member.subscriber.identity),
            offset=min(offsets),
            until=max(offsets) + 1,
            count=len(offsets),
        )

    # Saving

    async def _save_for_ever(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._save_now.wait(), SAVE_EVERY)
            self._save_now.clear()
            await self._save()

    async def _save(self) -> None:
        began = self._loop.time()
        self.stream.advance_all(began)
        self._parts.courier.flush()
        taken = snapshot(self.stream, now=began, wall=datetime.now(UTC))
        state = (taken.next_offset, taken.revision)
        moved = taken.rows or taken.removed or taken.gone or taken.shelved or state != self._saved
        if not moved and began - self._saved_at < CONFIRM_EVERY:
            return
        try:
            await self._write(taken)
        except asyncio.CancelledError:
            uncertain(taken)
            raise
        except Fenced:
            raise
        except StoreError as error:
            # It is tried again, whatever it was; without success the lease runs out.
            uncertain(taken)
            metrics.SAVES.labels("unavailable").inc()
            self._log.warning(LogEvent.SAVE_FAILED, reason="trying again", error=error)
            return
        metrics.SAVES.labels("saved").inc()
        self._saved, self._saved_at = state, began
        lapsed = self.stream.flights.until <= self._loop.time()
        self.stream.flights.until = began + LEASE
        committed(self.stream, taken, self._loop.time())
        if lapsed:
            for member in self.stream.busy:
                self._parts.courier.stir(member.subscriber)
        self._parts.courier.flush()

    async def _write(self, taken: Snapshot) -> None:
        topic, number = self.partition
        await self._parts.streams.save(
            Save(
                topic=topic,
                partition=number,
                epoch=self._epoch,
                next_offset=taken.next_offset,
                revision=taken.revision,
                rows=(*(row for _, row in taken.rows), *taken.shelved),
                removed=(*(each.subscriber.identity for each in taken.removed), *taken.gone),
            )
        )
