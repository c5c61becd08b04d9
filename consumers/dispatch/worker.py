"""A dispatch worker: the partitions Kafka assigns to it, one reader, one follower of changes."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from uuid import UUID

from bus.log.errors import LogError
from bus.log.membership import Membership
from bus.log.reader import Reader
from bus.log.record import Partition
from bus.observe import metrics
from bus.observe.events import LogEvent
from bus.observe.logging import get
from bus.store.directory import Directory
from bus.store.errors import Fenced, StoreError, Unreadable
from bus.store.streams import StoredSubscription, Streams
from bus.subscription import Subscription
from consumers.dispatch.budget import Budget
from consumers.dispatch.caps import Caps
from consumers.dispatch.courier import Courier, Letters
from consumers.dispatch.envelope import Envelope
from consumers.dispatch.gauges import gauge
from consumers.dispatch.ownership import History, Ownership, Parts, TopicIds, tell_unreadable
from consumers.dispatch.reading import Reading
from consumers.dispatch.room import Room, Shelves
from consumers.dispatch.saving import BeginsAnew
from consumers.dispatch.subscriber import Subscriber
from consumers.dispatch.until import run_until
from consumers.sinks.sender import Carrier

FOLLOW_EVERY = 0.5
"""Seconds between looks at the revision counter: one row, however many subscriptions there are."""

TELL_EVERY = 5.0
"""Seconds between what others are told: the group's offsets, for ordinary lag tools, and gauges."""

WINDOW_BYTES = 128 * 1024 * 1024
"""What all windows of a worker hold together; shared events count once."""

SHELF_BYTES = 64 * 1024 * 1024
"""What is parked on a worker until each is held to an equal share: of eight, all they may."""

RETRY_TAKE = 1.0
"""Seconds before a partition that could not be taken, or was fenced off, is tried again."""

TAIL_BYTES = 32 * 1024 * 1024
"""What all tails of a worker hold together."""

_log = get()


@dataclass(frozen=True, slots=True)
class Rooms:
    """What a worker uses of the house; made by the composition root."""

    owner: str
    streams: Streams
    directory: Directory
    sender: Carrier
    letters: Letters
    reader: Callable[[], AbstractAsyncContextManager[Reader]]
    membership: Callable[["Worker"], AbstractAsyncContextManager[Membership]]
    topic_ids: TopicIds
    drain: float
    """Seconds that a planned stop waits for answers; what is unanswered then will be repeated."""


class Worker:
    """Owns the partitions that the group assigns, from `assigned` to `revoked`."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._courier = Courier(rooms.sender, rooms.letters)
        self._subscribers: dict[UUID, Subscriber] = {}  # one for all partitions
        self._budget = Budget(WINDOW_BYTES)
        self._shelves = Shelves(SHELF_BYTES)
        self._caps: Caps[Subscriber] = Caps()
        self._owned: dict[Partition, Ownership] = {}
        self._holding: dict[Partition, tuple[asyncio.Event, asyncio.Task[None]]] = {}
        self._shared_for: object = None
        self._history: tuple[int, History] = (-1, ((), frozenset()))
        self._loading = asyncio.Lock()

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set, then put all down as planned and leave the group."""
        async with self._rooms.reader() as self._reader, asyncio.TaskGroup() as self._tasks:
            reading = Reading(self._reader, self._owned)
            async with self._rooms.membership(self) as self._membership:
                background = [
                    self._tasks.create_task(reading.run(), name="read"),
                    self._tasks.create_task(self._follow(), name="follow"),
                    self._tasks.create_task(self._tell_others(), name="tell"),
                ]
                await stopping.wait()
            # Leaving the group has called `revoked` for all that was held.
            for task in background:
                task.cancel()
            self._courier.stop()

    @property
    def owned(self) -> frozenset[Partition]:
        """The partitions whose fence this worker holds and that it serves now."""
        return frozenset(self._owned)

    # What the group says

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """Begin to hold these; taking the fence and loading goes on in the background."""
        for partition in partitions:
            self._tell(LogEvent.PARTITION_ASSIGNED, partition)
            ending = asyncio.Event()
            task = self._tasks.create_task(self._hold(partition, ending), name=f"hold {partition}")
            self._holding[partition] = (ending, task)

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        """Put these down; returns when their positions are saved."""
        ended = [self._holding.pop(each) for each in partitions if each in self._holding]
        for ending, _ in ended:
            ending.set()
        if ended:
            await asyncio.wait([task for _, task in ended])

    async def _hold(self, partition: Partition, ending: asyncio.Event) -> None:
        while not ending.is_set():
            try:
                owned = await Ownership.take(partition, self._parts())
            except StoreError as error:
                self._tell(LogEvent.PARTITION_FAILED, partition, error)
            else:
                await self._work(owned, ending)
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_TAKE):
                    await ending.wait()

    async def _work(self, owned: Ownership, ending: asyncio.Event) -> None:
        partition = owned.partition
        self._owned[partition] = owned
        self._reader.assign({partition: owned.stream.read_offset})
        try:
            await run_until(ending, owned.run(), name=f"own {partition}")
        except* Fenced as fenced:
            metrics.FENCED.inc()
            self._tell(LogEvent.PARTITION_FENCED, partition, fenced)
            owned.stream.close()
        except* BeginsAnew:
            owned.stream.close()
        finally:
            self._reader.release([partition])
            del self._owned[partition]
        if ending.is_set():
            await owned.stop(asyncio.get_running_loop().time() + self._rooms.drain)
            self._tell(LogEvent.PARTITION_STOPPED, partition)

    # The background

    async def _follow(self) -> None:
        while True:
            try:
                await self._follow_once()
            except StoreError as error:
                _log.warning(LogEvent.STORE_UNAVAILABLE, error=error)
            await asyncio.sleep(FOLLOW_EVERY)

    async def _follow_once(self) -> None:
        now = await self._rooms.directory.refresh()
        self._membership.set_topics(each.topic for each in now.domains)
        self._share_rates()
        for owned in list(self._owned.values()):
            if owned.lags_behind(now.revision):
                # A fence that has passed to another owner shows in the next save, which ends the
                # holding.
                with suppress(Fenced):
                    await owned.follow()

    def _share_rates(self) -> None:
        """Deal out the rates anew when partitions have come or gone, here or anywhere."""
        domains = self._rooms.directory.now.domains
        situation = self.owned, frozenset((each.topic, each.partitions) for each in domains)
        if situation != self._shared_for:
            self._shared_for = situation
            for subscriber in list(self._subscribers.values()):
                if subscriber.subscription.rate is not None:
                    subscriber.share_rate(self._part_of(subscriber.subscription))

    def _part_of(self, subscription: Subscription) -> float:
        """Give the part of a subscription's partitions that is here: its part of the rate."""
        domains = self._rooms.directory.now.domains
        scope = [each for each in domains if self._in_scope(each.topic, subscription)]
        topics = {each.topic for each in scope}
        here = sum(partition.topic in topics for partition in self._holding)
        return here / max(1, sum(each.partitions for each in scope)) or 1.0

    async def _tell_others(self) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY)
            self._forget_subscribers()
            gauge(owned.stream for owned in self._owned.values())
            await self._recognise()
            positions = {each: owned.saved_offset for each, owned in self._owned.items()}
            if positions:
                await self._membership.mirror(positions)

    def _forget_subscribers(self) -> None:
        """Let go of those that no partition has any more, nor a request on the wire."""
        if self._owned.keys() != self._holding.keys():
            return  # a partition is being loaded, and has them before it is owned
        members = [owned.stream.members for owned in self._owned.values()]
        for identity, subscriber in list(self._subscribers.items()):
            if not subscriber.in_flight and not any(identity in each for each in members):
                del self._subscribers[identity]

    async def _recognise(self) -> None:
        topics = {partition.topic for partition in self._owned}
        try:
            identities = await self._rooms.topic_ids(topics) if topics else {}
        except LogError as error:
            _log.warning(LogEvent.LOG_UNAVAILABLE, error=error)
            return
        for owned in self._owned.values():
            owned.recognise(identities)

    # What the owners use

    def _parts(self) -> Parts:
        return Parts(
            owner=self._rooms.owner,
            streams=self._rooms.streams,
            courier=self._courier,
            scan_reader=self._rooms.reader,
            subscribers=self._subscriber,
            subscriptions_at=self._subscriptions_at,
            in_scope=self._in_scope,
            readers=self._readers,
            topic_ids=self._rooms.topic_ids,
            pause=self._reader.pause,
            resume=self._reader.resume,
            budget=self._budget,
            tail_bytes=TAIL_BYTES // max(1, len(self._holding)),
        )

    def _subscriber(self, stored: StoredSubscription) -> Subscriber:
        known = self._subscribers.get(stored.id)
        if known is None:
            room = Room(self._shelves)
            known = self._subscribers[stored.id] = Subscriber(stored, self._courier.stir, room)
        elif stored.revision > known.stored.revision:
            known.reconfigure(stored)
        else:
            return known
        known.put_under(self._caps.of(stored))
        if stored.subscription.rate is not None:
            known.share_rate(self._part_of(stored.subscription))
        return known

    async def _subscriptions_at(self, revision: int) -> History:
        async with self._loading:  # those who take their partitions together load once
            if self._history[0] != revision:
                self._history = (revision, await self._load(revision))
            return self._history[1]

    async def _load(self, revision: int) -> History:
        errors: list[Unreadable] = []
        known = await self._rooms.streams.subscriptions_at(revision, unreadable=errors.append)
        tell_unreadable(_log, errors)
        return known, frozenset(error.subscription for error in errors)

    def _in_scope(self, topic: str, subscription: Subscription) -> bool:
        if subscription.pulled:
            return False
        # Only topics of the catalogue are ever asked of the group; without the domain nobody can
        # say which subscriptions are at home here, and rows would go that must not: it raises.
        domain = self._rooms.directory.now.domain_of(topic).name
        return not subscription.domains or domain in subscription.domains

    def _readers(self, envelope: Envelope) -> frozenset[str]:
        return envelope.readers(self._rooms.directory.now)

    def _tell(
        self, event: LogEvent, partition: Partition, error: BaseException | None = None
    ) -> None:
        log = _log.bind(topic=partition.topic, partition=partition.partition)
        if error is None:
            log.info(event)
        else:
            log.warning(event, error=error)
