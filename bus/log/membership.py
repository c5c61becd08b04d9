"""Membership: which partitions are ours, as Kafka's group coordinator says."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, Self, assert_never

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from bus.log.background import Background, Raised
from bus.log.connection import open_client
from bus.log.coordination import REQUEST, Coordinator
from bus.log.holdings import Holdings, PutDown, TakeUp
from bus.log.record import Partition

_LOOK = 0.2
"""Seconds between looks at the coordinator, and between questions after a topic that is new."""

_METADATA = 5.0
"""Seconds between looks for topics that came or went without our being told."""

_GIVE_UP = 20.0
"""Seconds without membership after which the client is made anew: it may be the one to blame."""

_CONNECT = 5.0
"""Seconds allowed to connecting, and to a commit."""


class Listener(Protocol):
    """
    Who takes up and puts down partitions. Calls come one at a time, never overlapping.

    An exception from either call ends the membership: the body of `async with Membership` is
    cancelled and the exception comes out of it (in an ExceptionGroup, like a TaskGroup's).
    """

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """Take these up, besides those already held. Nobody else holds them (see Membership)."""

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        """
        Put these down; when this returns, another member may be given them.

        Also called when membership was lost (no answer from the coordinator for a session): then
        another may hold them already, and only the fence in Postgres tells who owns.
        """


class Membership:
    """
    A member of a consumer group that reads nothing: Kafka is asked for assignment only.

    Only partitions that move are revoked, the others work on during a rebalance. A partition is
    given to its next owner only after the listener of the previous one has returned from
    `revoked`, or that owner's session (6 s) ran out. Opening needs no Kafka. When Kafka does not
    answer for a session, everything is revoked at once and, when it is back, assigned anew.
    `on_recreate` is told why a client was thrown away.
    """

    def __init__(
        self,
        *,
        bootstrap: str,
        group: str,
        listener: Listener,
        topics: Iterable[str] = (),
        on_recreate: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._bootstrap = bootstrap
        self._group = group
        self._listener = listener
        self._topics = frozenset(topics)
        self._on_recreate = on_recreate
        self._background = Background()
        self._holdings = Holdings()
        self._coordinator: Coordinator | None = None
        self._changed = asyncio.Event()
        self._put_down = asyncio.Event()
        self._leaving = False

    async def __aenter__(self) -> Self:
        await self._background.__aenter__()
        self._background.start(self._keep(), "log-membership")
        self._background.start(self._follow(), "log-membership-listener")
        return self

    async def __aexit__(self, *raised: *Raised) -> None:
        """Call `revoked` for all that is held (unless the listener failed), then leave at once."""
        try:
            if not self._background.failed:
                self._leaving = True
                self._holdings.leave()
                self._changed.set()
                await self._put_down.wait()
        finally:
            await self._background.__aexit__(*raised)

    def set_topics(self, topics: Iterable[str]) -> None:
        """Share in these topics from now on (replaces the previous set); returns at once."""
        wanted = frozenset(topics)
        if wanted != self._topics:
            self._topics = wanted
            if self._coordinator is not None:
                self._coordinator.want(wanted)

    @property
    def held(self) -> frozenset[Partition]:
        """What the listener has been given and has not yet put down."""
        return self._holdings.held

    async def mirror(self, offsets: Mapping[Partition, int]) -> bool:
        """
        Commit the group's offsets, for ordinary lag tools only; best effort, never raises.

        Says whether Kafka took them. Partitions not held are left out.
        """
        ours = {each: offset for each, offset in offsets.items() if each in self._holdings.held}
        if self._coordinator is None:
            return False
        try:
            async with asyncio.timeout(_CONNECT):
                return await self._coordinator.commit(ours)
        except (KafkaError, OSError):
            return False

    async def _follow(self) -> None:
        """Have the listener do what changes ask for, until it has put down all, and we leave."""
        try:
            while not self._leaving:
                await self._changed.wait()
                self._changed.clear()
                await self._take_steps()
                if self._coordinator is not None and not self._leaving:
                    self._coordinator.settle()
        finally:
            self._put_down.set()  # however it ended: nothing more will be

    async def _take_steps(self) -> None:
        """Let the listener take up and put down, one step at a time, until all is as it should."""
        while (step := self._holdings.next()) is not None:
            match step:
                case TakeUp(partitions):
                    await self._listener.assigned(partitions)
                case PutDown(partitions):
                    await self._listener.revoked(partitions)
                case _:
                    assert_never(step)
            self._holdings.done(step)

    async def _keep(self) -> None:
        """Keep a coordinator: one after the other."""
        while True:
            client = await self._connect()
            coordinator = Coordinator(
                client, group=self._group, holdings=self._holdings, changed=self._changed
            )
            self._coordinator = coordinator
            if self._topics:
                coordinator.want(self._topics)
            try:
                cause = await self._watch(coordinator)
            finally:
                self._coordinator = None
                await coordinator.part()
            self._on_recreate(cause)

    async def _connect(self) -> AIOKafkaClient:
        while True:
            try:
                return await open_client(
                    self._bootstrap, _CONNECT, request=REQUEST, metadata=_METADATA
                )
            except (KafkaError, OSError):
                await asyncio.sleep(_LOOK)

    async def _watch(self, coordinator: Coordinator) -> str:
        """See to it that loss of membership is noticed here; end when only a new client helps."""
        while True:
            await asyncio.sleep(_LOOK)
            now = time.monotonic()
            try:
                coordinator.check_errors()
            except KafkaError as error:
                if coordinator.dead:
                    coordinator.lose()
                    return type(error).__name__
            if now > coordinator.vouched_until:
                if self._holdings.claims:
                    coordinator.lose()
                if self._topics and now > coordinator.vouched_until + _GIVE_UP:
                    return "NoCoordinator"
            coordinator.look_for_topics()
