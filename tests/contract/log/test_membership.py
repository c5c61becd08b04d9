"""Membership: who holds what, and that no two hold the same."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from bus.log.membership import Membership
from bus.log.record import Partition
from bus.log.topics import Topics

Until = Callable[..., Awaitable[None]]


class Worker:
    """A listener that keeps what it is given, and checks that nobody else works on it."""

    def __init__(self, working: set[Partition]) -> None:
        self.working = working
        self.held: set[Partition] = set()
        self.moves: list[tuple[str, frozenset[Partition]]] = []
        self.may_put_down = asyncio.Event()
        self.may_put_down.set()

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """Begin."""
        assert not partitions & self.working, "two hold the same partition"
        assert not partitions & self.held, "it was held already"
        self.working |= partitions
        self.held |= partitions
        self.moves.append(("assigned", partitions))

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        """End, when it may."""
        assert partitions <= self.held
        self.moves.append(("revoked", partitions))
        await self.may_put_down.wait()
        self.working -= partitions
        self.held -= partitions


@pytest.fixture
def working() -> set[Partition]:
    """Give what is worked on anywhere at this moment."""
    return set()


def _all(*topics: str, count: int = 4) -> set[Partition]:
    return {Partition(topic, number) for topic in topics for number in range(count)}


@contextlib.asynccontextmanager
async def _member(
    kafka: str, group: str, worker: Worker, *topics: str
) -> AsyncIterator[Membership]:
    async with Membership(bootstrap=kafka, group=group, listener=worker, topics=topics) as member:
        yield member
    assert worker.held == set()


async def test_one_member_holds_all_until_it_leaves(
    kafka: str, topic: str, working: set[Partition], until: Until
) -> None:
    """A lone member is given everything, and puts everything down when it leaves."""
    worker = Worker(working)
    async with _member(kafka, topic, worker, topic) as member:
        await until(lambda: worker.held == _all(topic))
        assert member.held == _all(topic)
    assert worker.moves == [
        ("assigned", frozenset(_all(topic))),
        ("revoked", frozenset(_all(topic))),
    ]


async def test_a_second_member_takes_over_half(
    kafka: str, topic: str, working: set[Partition], until: Until
) -> None:
    """Only what moves is put down, and it is taken up after that; when one leaves, all moves back.

    The leaving member does not have to be missed first: Kafka is told.
    """
    one, two = Worker(working), Worker(working)
    async with _member(kafka, topic, one, topic):
        await until(lambda: one.held == _all(topic))
        async with _member(kafka, topic, two, topic):
            await until(lambda: len(two.held) == 2 and working == _all(topic))
            assert [kind for kind, _ in one.moves] == ["assigned", "revoked"]
            assert one.moves[1][1] == two.held
            leaving = time.monotonic()
        await until(lambda: one.held == _all(topic))
        assert time.monotonic() - leaving < 5, "it waited for the session to run out"


async def test_a_partition_waits_for_its_last_holder(
    kafka: str, topic: str, working: set[Partition], until: Until
) -> None:
    """
    However long putting down takes, nobody else is given it.

    Also when it takes longer than a session, and through another rebalance.
    """
    one, two, three = Worker(working), Worker(working), Worker(working)
    async with _member(kafka, topic, one, topic):
        await until(lambda: one.held == _all(topic))
        one.may_put_down.clear()
        async with _member(kafka, topic, two, topic):
            await until(lambda: len(one.moves) == 2)
            async with _member(kafka, topic, three, topic):
                await asyncio.sleep(7)
                assert (len(one.held), two.held, three.held) == (4, set(), set())
                one.may_put_down.set()
                await until(lambda: two.held and three.held and working == _all(topic))


@pytest.mark.parametrize("members", [1, 2])
async def test_a_new_topic_is_taken_up(
    kafka: str,
    topics: Topics,
    topic: str,
    working: set[Partition],
    until: Until,
    members: int,
) -> None:
    """A topic named right after it was made is shared out at once, and nothing else moves."""
    new = f"{topic}-new"
    workers = [Worker(working) for _ in range(members)]
    async with contextlib.AsyncExitStack() as stack:
        joined = [
            await stack.enter_async_context(_member(kafka, topic, worker, topic))
            for worker in workers
        ]
        await until(lambda: working == _all(topic) and all(worker.held for worker in workers))
        moves = [len(worker.moves) for worker in workers]
        await topics.create(new, 4, 14)
        for member in joined:
            member.set_topics([topic, new])
        await until(lambda: working == _all(topic, new), within=2)
        for worker, before in zip(workers, moves, strict=True):
            assert [kind for kind, _ in worker.moves[before:]] == ["assigned"]
        for member in joined:
            member.set_topics([topic])
        await until(lambda: working == _all(topic))
    await topics.delete([new])


async def test_a_topic_that_comes_later(
    kafka: str, topics: Topics, namespace: str, working: set[Partition], until: Until
) -> None:
    """A topic may be named before it exists; it is taken up when it does."""
    worker = Worker(working)
    async with _member(kafka, namespace, worker, namespace):
        await asyncio.sleep(0.5)
        await topics.create(namespace, 2, 14)
        await until(lambda: worker.held == _all(namespace, count=2), within=3)
    await topics.delete([namespace])


async def test_many_come_and_go(
    kafka: str, topics: Topics, namespace: str, working: set[Partition], until: Until
) -> None:
    """Through joins and leaves at any moment no two hold the same, and all is held in the end."""
    await topics.create(namespace, 12, 14)
    every = _all(namespace, count=12)
    workers = [Worker(working) for _ in range(4)]
    async with contextlib.AsyncExitStack() as staying, contextlib.AsyncExitStack() as leaving:
        for number, worker in enumerate(workers):
            stack = leaving if number % 2 else staying
            await stack.enter_async_context(_member(kafka, namespace, worker, namespace))
            await asyncio.sleep(0.1)
        await until(lambda: working == every and all(len(each.held) == 3 for each in workers))
        await leaving.aclose()
        await until(lambda: working == every and {len(each.held) for each in workers} == {0, 6})
    await topics.delete([namespace])


class Broken(Worker):
    """A listener that cannot take up what it is given."""

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """Fail."""
        raise LookupError(str(sorted(partitions)))


async def test_a_failing_listener_is_heard(
    kafka: str, topic: str, working: set[Partition], until: Until
) -> None:
    """Its exception ends the membership and comes out of it; others get the partitions."""
    worker = Worker(working)
    with pytest.raises(ExceptionGroup) as raised:
        async with Membership(
            bootstrap=kafka, group=topic, listener=Broken(working), topics=[topic]
        ):
            await asyncio.sleep(20)
    assert raised.group_contains(LookupError)
    async with _member(kafka, topic, worker, topic):
        await until(lambda: worker.held == _all(topic), within=5)


class Interrupted(Worker):
    """A listener that puts down by waiting for a task that has been cancelled."""

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        """Wait for it."""
        assert partitions <= self.held
        holding = asyncio.create_task(asyncio.sleep(20))
        holding.cancel()
        await holding


async def test_leaving_never_waits_for_a_listener_that_is_gone(
    kafka: str, topic: str, working: set[Partition], until: Until
) -> None:
    """One that awaited what was cancelled has failed: it comes out, others get the partitions."""
    worker = Interrupted(working)

    async def body() -> None:
        async with Membership(bootstrap=kafka, group=topic, listener=worker, topics=[topic]):
            await until(lambda: worker.held == _all(topic))

    with pytest.raises(ExceptionGroup) as raised:
        async with asyncio.timeout(20):
            await body()
    assert raised.group_contains(RuntimeError, match="awaited what was cancelled")
    working.clear()
    other = Worker(working)
    async with _member(kafka, topic, other, topic):
        await until(lambda: other.held == _all(topic), within=5)


async def test_an_error_of_the_body_stays_itself(
    kafka: str, topic: str, working: set[Partition], until: Until
) -> None:
    """What the body raises comes out unwrapped, after everything was put down."""
    worker = Worker(working)

    async def body() -> None:
        async with _member(kafka, topic, worker, topic):
            await until(lambda: worker.held == _all(topic))
            raise LookupError

    with pytest.raises(LookupError):
        await body()
    assert worker.held == set()


async def test_the_mirror_shows_positions_to_ordinary_tools(
    kafka: str, topic: str, working: set[Partition], until: Until
) -> None:
    """The group's offsets are what was mirrored, of what is held; outside the group it says no."""
    worker = Worker(working)
    async with _member(kafka, topic, worker, topic) as member:
        assert not await member.mirror({Partition(topic, 0): 3})
        await until(lambda: worker.held == _all(topic))
        assert await member.mirror({Partition(topic, 0): 3, Partition("other", 0): 9})
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(topic)
    finally:
        await admin.close()
    assert {tuple(each): at.offset for each, at in found.items()} == {(topic, 0): 3}
