"""Saves what one partition stands at, every half second and as it ends; keeps its lease with it."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from uuid import UUID, uuid4

from bus.catalogue.notices import disabled
from bus.log.record import Partition
from bus.observe import metrics
from bus.observe.events import LogEvent
from bus.observe.logging import get
from bus.store.errors import Fenced, StatementRefused, StoreError
from bus.store.partition import Failing, Save, Taken
from bus.store.streams import Streams
from consumers.dispatch.barred import Barred
from consumers.dispatch.courier import Courier
from consumers.dispatch.member import Member
from consumers.dispatch.moment import moment
from consumers.dispatch.orders import Orders
from consumers.dispatch.saves import Snapshot, beginning, committed, snapshot, uncertain
from consumers.dispatch.stream import Stream
from consumers.dispatch.telling import notices_of

SAVE_EVERY = 0.5
"""Seconds between saves: what a crash can repeat of a healthy subscription."""

HURRIED_SAVE = 0.05
"""Seconds until a save that lanes wait for: twenty a second at most, however much is given up."""

LEASE = 10.0
"""Seconds after the last successful save in which this owner may still send (design §4)."""

CONFIRM_EVERY = 3.0
"""An idle partition is saved this often, so that its lease goes on."""


PROGRESS_EVERY = 10.0
"""Seconds between two notes of where a moving stream was at what time."""


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
        orders: Orders,
        *,
        streams: Streams,
        courier: Courier,
        began: float,
    ) -> None:
        self._partition = partition
        self._epoch = taken.epoch
        self._stream = stream
        self._orders = orders
        self._streams = streams
        self._courier = courier
        self._loop = asyncio.get_running_loop()
        self._log = get().bind(topic=partition.topic, partition=partition.partition)
        self._now = asyncio.Event()
        self._hurried: asyncio.TimerHandle | None = None
        self._saved_at = began
        self._saved = (taken.next_offset, taken.revision)
        self._anew_at: int | None = None
        self._former_log = uuid4()
        self.topic_id = taken.topic_id
        self._barred = Barred()
        self._progress_at = 0.0
        stream.flights.until = began + LEASE

    @property
    def saved_offset(self) -> int:
        """The stream's position as last saved."""
        return self._saved[0]

    def soon(self) -> None:
        """Save without waiting for the next half second."""
        self._now.set()

    def hurry(self) -> None:
        """Save soon: a lane waits for its dead letter. All that comes meanwhile is in that save."""
        if self._hurried is None or self._hurried.when() <= self._loop.time():
            self._hurried = self._loop.call_later(HURRIED_SAVE, self.soon)

    def begin_anew(self, start: int) -> None:
        """Put every position at `start`, the beginning of a log that was made anew.

        Nothing more is sent: offsets do not mean what they did.
        """
        self._anew_at = start
        self._stream.flights.until = 0.0
        self.soon()

    async def run(self) -> None:
        """Save until cancelled. Raises Fenced, and BeginsAnew once that is saved."""
        while True:
            with suppress(TimeoutError):
                # Not wait_for, which in Python 3.11 swallows a cancellation as it wakes up.
                async with asyncio.timeout(SAVE_EVERY):
                    await self._now.wait()
            self._now.clear()
            try:
                if self._anew_at is None:
                    await self._save()
                    await self._disable()
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
        last = snapshot(self._stream, self._orders, moment(), final=True)
        try:
            try:
                await self._write(last)
            except StatementRefused:
                self._barred.bar(last.with_exceptions, self._loop.time())
                await self._write(snapshot(self._stream, self._orders, moment(), final=True))
        except StoreError as error:
            # Positions stay where they were saved last: what was delivered since is repeated,
            # nothing is lost.
            self._log.error(LogEvent.SAVE_FAILED, reason="the last save", error=error)

    async def _save(self) -> None:
        now = moment()
        self._stream.advance_all(now.loop)
        self._orders.carry_out(now)
        self._courier.flush()
        suspect = self._barred.suspect(now.loop)
        taken = snapshot(self._stream, self._orders, now)
        state = (taken.next_offset, taken.revision)
        moved = taken.changes_anything or state != self._saved
        if not moved and now.loop - self._saved_at < CONFIRM_EVERY:
            return
        try:
            await self._write(taken, progressed=self._is_time_for_progress(taken, now.loop))
        except (asyncio.CancelledError, StoreError) as error:
            uncertain(taken)
            if isinstance(error, StatementRefused) and taken.with_exceptions:
                self._bar({suspect} if suspect else taken.with_exceptions, now.loop)
            raise
        self._barred.clear(suspect)
        self._count(taken, now.loop)
        self._saved, self._saved_at = state, now.loop
        lapsed = self._stream.flights.until <= self._loop.time()
        self._stream.flights.until = now.loop + LEASE
        committed(self._stream, self._orders, taken, self._loop.time())
        if lapsed:
            for member in self._stream.busy:
                self._courier.stir(member.subscriber)
        self._courier.flush()

    def _bar(self, members: Collection[Member], now: float) -> None:
        """Save the others without what cannot be written; its members keep it open."""
        self._barred.bar(members, now)
        for member in members:
            self._log.error(
                LogEvent.EXCEPTIONS_BARRED, subscription_id=str(member.subscriber.identity)
            )
        self.soon()

    async def _disable(self) -> None:
        """Disable the subscriptions whose sinks are gone, or have failed for too long."""
        topic, number = self._partition
        for member in list(self._stream.to_disable):
            stored, reason = member.subscriber.stored, member.subscriber.to_disable
            if reason is not None:
                notice = disabled(stored.id, stored.organisation, stored.revision, reason)
                await self._streams.disable(
                    topic, number, self._epoch, stored.id, stored.revision, reason, notice
                )
            self._stream.to_disable.discard(member)

    def _is_time_for_progress(self, taken: Snapshot, now: float) -> bool:
        if taken.next_offset == self._saved[0] or now - self._progress_at < PROGRESS_EVERY:
            return False
        self._progress_at = now
        return True

    def _count(self, taken: Snapshot, began: float) -> None:
        metrics.SAVES.labels("saved").inc()
        metrics.SAVE_SECONDS.observe(self._loop.time() - began)
        metrics.ROWS_SAVED.labels("written").inc(len(taken.rows) + len(taken.shelved))
        metrics.ROWS_SAVED.labels("removed").inc(len(taken.removed) + len(taken.gone))
        metrics.PARKED_SAVED.inc(len(taken.parked))
        metrics.INVALID_RECORDS.labels(self._partition.topic).inc(len(taken.invalid))
        for _, _, letter in taken.dead:
            metrics.DEAD_LETTERS.labels(letter.reason).inc()

    async def _write(
        self, taken: Snapshot, *, progressed: bool = False, former_log: UUID | None = None
    ) -> None:
        refused = await self._streams.save(
            Save(
                topic=self._partition.topic,
                partition=self._partition.partition,
                epoch=self._epoch,
                next_offset=taken.next_offset,
                revision=taken.revision,
                rows=(*(row for _, row in taken.rows), *taken.shelved),
                removed=(*(each.subscriber.identity for each in taken.removed), *taken.gone),
                parked=tuple(row for _, _, row in taken.parked),
                unparked=taken.unparked,
                dead=tuple(letter for _, _, letter in taken.dead),
                redriven=taken.redriven,
                replayed=taken.replayed,
                invalid=taken.invalid,
                gaps=taken.gaps,
                commands=taken.commands,
                attempts=taken.attempts,
                failing=(
                    *(Failing(each.subscriber.identity, since) for each, since in taken.failing),
                    *(Failing(identity, None) for identity in taken.gone),
                ),
                notices=tuple(notices_of(taken, self._partition, self._stream.members)),
                topic_id=self.topic_id,
                progressed=progressed,
                former_log=former_log,
            )
        )
        for offset in refused:  # it stays in the log, at this place
            self._log.error(LogEvent.INVALID_RECORD_REFUSED, offset=offset)

    async def _save_the_beginning(self, start: int) -> None:
        # Under one name, however often it is tried: what an earlier try has written it meets again.
        await self._write(beginning(self._stream, start, moment()), former_log=self._former_log)
        raise BeginsAnew
