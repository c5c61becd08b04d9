"""One partition that this worker owns: fence, load, follow changes, save, scan, stop."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from bus.log.errors import LogError
from bus.log.reader import Reader
from bus.log.record import Partition, Record
from bus.observe import metrics
from bus.observe.events import LogEvent
from bus.observe.logging import Logger, get
from bus.store.errors import Unreadable
from bus.store.partition import LossReason, Taken
from bus.store.streams import StoredSubscription, Streams
from bus.subscription import Subscription
from consumers.dispatch.budget import Budget
from consumers.dispatch.catch_up import CatchUp
from consumers.dispatch.changes import beside_of, load, stage
from consumers.dispatch.courier import Courier
from consumers.dispatch.member import Member
from consumers.dispatch.moment import moment
from consumers.dispatch.orders import Orders
from consumers.dispatch.saving import Saving
from consumers.dispatch.stream import Readers, Signals, Stream
from consumers.dispatch.subscriber import Subscriber

TopicIds = Callable[[Iterable[str]], Awaitable[Mapping[str, UUID]]]
"""Asks Kafka for its own ids of topics; raises LogError."""

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
    readers: Readers
    topic_ids: TopicIds
    pause: Callable[[Iterable[Partition]], None]
    resume: Callable[[Iterable[Partition]], None]
    budget: Budget
    tail_bytes: int


class Ownership:
    """Holds one partition under its fence until it is stopped or fenced off.

    `run` saves and scans until cancelled. It raises Fenced when another owner has taken the
    partition, and BeginsAnew when it is to be taken again. `feed` is the stream's reader handing
    over, `stop` the planned end that repeats nothing.
    """

    def __init__(self, partition: Partition, taken: Taken, parts: Parts, began: float) -> None:
        self.partition = partition
        self._epoch = taken.epoch
        self._parts = parts
        self._loop = asyncio.get_running_loop()
        self._log = get().bind(topic=partition.topic, partition=partition.partition)
        room, more = asyncio.Event(), asyncio.Event()
        self.stream = Stream(
            partition,
            start=taken.next_offset,
            revision=taken.revision,
            readers=parts.readers,
            subscriber=parts.subscribers,
            in_scope=lambda subscription: parts.in_scope(partition.topic, subscription),
            signals=Signals(
                room=room.set,
                more=more.set,
                turn=self._keep_pace,
                hurry=self._hurry,
                lost=self._tell_lost,
            ),
            budget=parts.budget,
            tail_bytes=parts.tail_bytes,
        )
        self._orders = Orders(self.stream)
        self._catch_up = CatchUp(
            partition,
            self.stream,
            room=room,
            more=more,
            reader=parts.scan_reader,
            flush=parts.courier.flush,
        )
        self._saving = Saving(
            partition,
            taken,
            self.stream,
            self._orders,
            streams=parts.streams,
            courier=parts.courier,
            began=began,
        )

    @classmethod
    async def take(cls, partition: Partition, parts: Parts) -> Self:
        """Become the owner: the fence first, then everything that it protects, then what changed.

        Raises StoreUnavailable, Fenced, and NotFound where the partition has no stream.
        """
        began = asyncio.get_running_loop().time()
        unopened: list[Unreadable] = []
        topic, number = partition
        taken = await parts.streams.take(topic, number, parts.owner, unreadable=unopened.append)
        known, unreadable = await parts.subscriptions_at(taken.revision)
        owned = cls(partition, taken, parts, began)
        tell_unreadable(owned._log, unopened)
        try:
            await owned._load(taken, known, unreadable)
        except BaseException:
            # What it took in is nobody's: the next to take the partition sends and counts it.
            owned.stream.close()
            raise
        with suppress(LogError):  # the worker asks again in a while
            owned.recognise(await parts.topic_ids([partition.topic]))
        return owned

    async def _load(
        self, taken: Taken, known: Iterable[StoredSubscription], unreadable: Iterable[UUID]
    ) -> None:
        self.stream.beside.update(beside_of(taken))
        rows = {row.subscription: row for row in taken.positions}
        load(
            self.stream,
            known,
            rows,
            failing=taken.failing,
            unreadable=unreadable,
            now=moment(),
        )
        # Before the first read: a sink that was replaced meanwhile gets nothing any more.
        await self.follow()

    def recognise(self, identities: Mapping[str, UUID]) -> None:
        """Compare the topic with the one that the positions belong to; another one begins anew."""
        identity = identities.get(self.partition.topic)
        known, self._saving.topic_id = self._saving.topic_id, identity
        if None not in (identity, known) and identity != known:
            self._log.error(LogEvent.POSITION_GAP, offset=0, reason="the topic was made anew")
            self._saving.begin_anew(0)
        elif identity is None:
            self._saving.topic_id = known

    def lags_behind(self, revision: int) -> bool:
        """Whether something was changed or asked for that this owner has not seen."""
        return self.stream.revision < revision or self._orders.owes

    def feed(self, records: Iterable[Record]) -> None:
        """Take the next records of the log and send what they set going."""
        now = self._loop.time()
        for record in records:
            self.stream.feed(record, now)
        self.stream.rest(now)
        self._parts.courier.flush()

    @property
    def saved_offset(self) -> int:
        """The stream's position as last saved here."""
        return self._saving.saved_offset

    def passed(self, offset: int, reason: LossReason) -> None:
        """Take in that the log holds nothing more below `offset`, or nothing that can be read."""
        self.stream.pass_over(offset, reason)

    def begin_anew(self, start: int) -> None:
        """Take in that the log ends before our position: its topic was made anew, or lost its end.

        Positions mean nothing any more: whatever is there now goes to every subscription, which may
        repeat events but loses none. `run` raises BeginsAnew when that is saved.
        """
        self._saving.begin_anew(start)

    async def follow(self) -> None:
        """Take in the changes to subscriptions, and commands. Raises Fenced, StoreUnavailable."""
        if self.stream.staged is not None:
            return
        topic, number = self.partition
        unreadable: list[Unreadable] = []
        revision, changes = await self._parts.streams.changes(
            topic, number, self._epoch, self.stream.revision, unreadable=unreadable.append
        )
        if revision != self.stream.revision:
            self._orders.owes = True  # one of them may be what gave the counter its number
            tell_unreadable(self._log, unreadable)
            unreadable.clear()
            stage(self.stream, revision, changes, moment())
            self._parts.courier.flush()
            self._saving.soon()
        if self._orders.owes:
            commands = await self._parts.streams.commands(
                topic, number, self._epoch, unreadable=unreadable.append
            )
            tell_unreadable(self._log, unreadable)
            self._orders.take(commands, self._loop.time())
            self._saving.soon()

    async def run(self) -> None:
        """Save and scan until cancelled. Raises Fenced and BeginsAnew (see above)."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._saving.run(), name=f"save {self.partition}")
            tasks.create_task(self._catch_up.run(), name=f"scan {self.partition}")
            tasks.create_task(self._catch_up.run_tail(), name=f"tail {self.partition}")

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
        await self._saving.save_last()

    def _keep_pace(self) -> None:
        turn = self._parts.pause if self.stream.pace.resting else self._parts.resume
        turn([self.partition])

    def _hurry(self) -> None:
        self._saving.hurry()

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


def tell_unreadable(log: Logger, errors: Iterable[Unreadable]) -> None:
    """Say what of subscriptions could not be read: it is kept, and waits for who can."""
    for error in errors:
        log.error(
            LogEvent.SUBSCRIPTION_INVALID, subscription_id=str(error.subscription), error=error
        )
