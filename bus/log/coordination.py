"""
Coordination: aiokafka's group coordinator, without a consumer around it.

An AIOKafkaConsumer would also look up positions and fetch. This uses its parts: the client, the
subscription, and the coordinator that joins, beats and rejoins. Three of the coordinator's own
methods are extended, because aiokafka tells a listener of lost membership only when Kafka is back.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping

import msgspec
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.cluster import ClusterMetadata
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import Subscription, SubscriptionState
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)
from aiokafka.protocol.commit import OffsetCommitRequest

from bus.log.connection import BACKOFF, close_client
from bus.log.holdings import Holdings
from bus.log.record import Partition
from bus.log.sharing import Member, share

SESSION = 6.0
"""Seconds without a heartbeat after which Kafka gives a member's partitions to others."""

_HEARTBEAT = 0.5
"""Seconds between heartbeats: how soon a member hears of a rebalance, which new topics wait for."""

_REBALANCE = 30.0
"""Seconds that Kafka waits for members to rejoin. Ours do at once: they rejoin while they work."""

REQUEST = 40.0
"""Seconds for one request; a join may take as long as a rebalance."""

_LEAVING = 3.0
"""Seconds allowed to leaving. Should it not succeed, the session's end does the same."""

_NEW_FOR = 10.0
"""Seconds that an unknown topic is asked after at each look; then as often as all metadata."""

_NEVER_IDLE = 10**12
"""Milliseconds. aiokafka leaves the group when nothing is fetched for so long; nothing ever is."""


class Coordinator(GroupCoordinator):  # type: ignore[misc] # aiokafka ships no types
    """A member of the group as long as it lives. `holdings` is told what Kafka says."""

    def __init__(
        self, client: AIOKafkaClient, *, group: str, holdings: Holdings, changed: asyncio.Event
    ) -> None:
        self._contact = time.monotonic() - SESSION
        self.vouched_until = self._contact + SESSION
        """Until then (monotonic) no other member can have been given what is ours."""
        self._unknown: set[str] = set()
        self._unknown_since = 0.0
        self._changed = changed
        self._holdings = holdings
        self._assignor = _Assignor(holdings)
        subscription = SubscriptionState()
        subscription.register_fetch_waiters(set())
        super().__init__(
            client,
            subscription,
            group_id=group,
            session_timeout_ms=int(SESSION * 1000),
            heartbeat_interval_ms=int(_HEARTBEAT * 1000),
            rebalance_timeout_ms=int(_REBALANCE * 1000),
            max_poll_interval_ms=_NEVER_IDLE,
            retry_backoff_ms=int(BACKOFF * 1000),
            enable_auto_commit=False,
            assignors=(self._assignor,),
        )

    @property
    def dead(self) -> bool:
        """Whether its task has ended, which it never should."""
        return bool(self._coordination_task.done())

    def want(self, topics: Iterable[str]) -> None:
        """Share in these topics instead of those before."""
        wanted = set(topics)
        self._subscription.subscribe(wanted, listener=_Given(self._given))
        self._client.set_topics(wanted)

    def look_for_topics(self) -> None:
        """
        Ask again after topics that Kafka does not know, the whole group's where this member leads.

        A topic that was made a moment ago may not be known to each broker yet. When it is, the
        leader calls a rebalance by itself.
        """
        wanted = self._group_subscription or self._subscription.topics
        unknown = {topic for topic in wanted if not self._cluster.partitions_for_topic(topic)}
        if unknown != self._unknown:
            self._unknown, self._unknown_since = unknown, time.monotonic()
        if unknown and time.monotonic() - self._unknown_since < _NEW_FOR:
            self._client.force_metadata_update()

    def settle(self) -> None:
        """Rejoin if the group still counts as ours what we have put down: another may wait."""
        if self._assignor.claimed - self._holdings.claims:
            self.request_rejoin()

    def lose(self) -> None:
        """Give up what cannot surely be ours any more, and ask anew."""
        self._holdings.lost()
        self._changed.set()
        self.request_rejoin()

    async def commit(self, positions: Mapping[Partition, int]) -> bool:
        """
        Commit offsets in the name of the group; say whether Kafka took them.

        Sent by itself: aiokafka's own commit gives up membership when it meets a rebalance.
        """
        by_topic: dict[str, list[tuple[int, int, str]]] = {}
        for partition, offset in positions.items():
            by_topic.setdefault(partition.topic, []).append((partition.partition, offset, ""))
        if self.generation < 0 or self.coordinator_id is None or not by_topic:
            return False
        request = OffsetCommitRequest(
            self.group_id,
            self.generation,
            self.member_id,
            OffsetCommitRequest.DEFAULT_RETENTION_TIME,
            list(by_topic.items()),
        )
        answer = await self._client.send(
            self.coordinator_id, request, group=ConnectionGroup.COORDINATION
        )
        return not any(code for _, partitions in answer.topics for _, code in partitions)

    async def part(self) -> None:
        """Leave the group at once and disconnect, whatever state it is in."""
        leaving = asyncio.ensure_future(self.close())
        await asyncio.wait([leaving], timeout=_LEAVING)
        tasks = {leaving, self._coordination_task, self._heartbeat_task, self._commit_refresh_task}
        rest = {task for task in tasks if task is not None}
        for task in rest:
            task.cancel()
        await asyncio.wait(rest, timeout=_LEAVING)
        for task in rest:
            if task.done() and not task.cancelled():
                task.exception()  # looked at, so that asyncio does not report it: this is the end
        await close_client(self._client)

    def _given(self, partitions: frozenset[Partition]) -> None:
        self._holdings.given(partitions)
        self._changed.set()

    def _vouch(self, contact: float) -> None:
        self._contact = contact
        self.vouched_until = contact + SESSION

    async def _do_heartbeat(self) -> bool:
        """Kafka's own clock for us starts when it gets the heartbeat: not before it was sent."""
        sent = time.monotonic()
        taken: bool = await super()._do_heartbeat()
        if taken:
            self._vouch(sent)
        return taken

    async def _do_rejoin_group(self, subscription: Subscription) -> bool:
        """
        While it joins, aiokafka sends no heartbeats, and Kafka asks for none.

        That lasts until the last member has joined or its session is over, so ours is counted
        double meanwhile, from the last sign of life. (Cut off in just this moment, we could learn
        up to a session late that another has what was ours; the fence in Postgres knows.)
        """
        self.vouched_until = self._contact + 2 * SESSION
        joined: bool = await super()._do_rejoin_group(subscription)
        if joined:
            self._vouch(time.monotonic())
        return joined

    def reset_generation(self) -> None:
        """Lose all: Kafka does not know this member (any more)."""
        super().reset_generation()
        if not self._closing.done():
            self.lose()


class _Given(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka ships no types
    """Passes a new list on. What it takes away is seen there; nothing needs to stop before."""

    def __init__(self, given: Callable[[frozenset[Partition]], None]) -> None:
        self._given = given

    def on_partitions_revoked(self, revoked: object) -> None:
        """Do nothing: the claims go with the member when it rejoins."""

    def on_partitions_assigned(self, assigned: Iterable[tuple[str, int]]) -> None:
        """Pass it on."""
        self._given(frozenset(Partition(*partition) for partition in assigned))


class _Assignor(AbstractPartitionAssignor):  # type: ignore[misc] # aiokafka ships no types
    """Sends the claims with each join, and shares out when this member leads."""

    name = "gemeentebus"

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self.claimed: frozenset[Partition] = frozenset()
        """The claims that went with the latest join."""

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        self.claimed = self._holdings.claims
        return ConsumerProtocolMemberMetadata(
            0, sorted(topics), msgspec.json.encode(sorted(self.claimed))
        )

    def assign(
        self, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        wanted = {topic for member in members.values() for topic in member.subscription}
        topics = {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in wanted}
        shares = share(
            topics,
            {
                name: Member(
                    frozenset(member.subscription),
                    frozenset(msgspec.json.decode(member.user_data, type=list[Partition])),
                )
                for name, member in members.items()
            },
        )
        return {name: _encoded(partitions) for name, partitions in shares.items()}

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Do nothing: the holdings hear of it from the listener."""


def _encoded(partitions: Iterable[Partition]) -> ConsumerProtocolMemberAssignment:
    by_topic: dict[str, list[int]] = {}
    for partition in sorted(partitions):
        by_topic.setdefault(partition.topic, []).append(partition.partition)
    return ConsumerProtocolMemberAssignment(0, list(by_topic.items()), b"")
