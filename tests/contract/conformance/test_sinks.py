"""What every kind of sink promises, tried on each of them through real Kafka and Postgres."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from tests.contract.conformance.receivers import KINDS, REFUSED, Puller, Receiver, Wire
from tests.house import House, events

WANTED = "nl.test.gewijzigd"


@pytest_asyncio.fixture
async def house(kafka: str, database_url: str, namespace: str) -> AsyncIterator[House]:
    """Give an open house."""
    async with House.open(kafka, database_url, namespace) as opened:
        yield opened


@pytest_asyncio.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """Give what closes a receiver after its test."""
    async with AsyncExitStack() as opened:
        yield opened


def name_of(kind: type[Receiver]) -> str:
    """Name a kind of sink."""
    return kind.__name__.lower()


@pytest.fixture(params=KINDS, ids=name_of)
def receiver(request: pytest.FixtureRequest, house: House) -> Receiver:
    """Give a component of each kind."""
    kind: type[Receiver] = request.param
    return kind(house)


def named(*numbers: int) -> set[str]:
    """Give the ids of numbered events."""
    return {f"{number:06}" for number in numbers}


def in_order(receiver: Receiver) -> bool:
    """Whether the first arrivals of each key came in the order of their ids."""
    last: dict[object, str] = {}
    seen: set[str] = set()
    for event in receiver.accepted:
        key = event.attributes["partitionkey"]
        if event.id not in seen and last.get(key, "") > event.id:
            return False
        seen.add(event.id)
        last[key] = max(event.id, last.get(key, ""))
    return True


async def test_what_matches_comes_and_nothing_else(
    receiver: Receiver, house: House, stack: AsyncExitStack
) -> None:
    """Every matching event arrives, in order per key; no event of another type does."""
    domain = await house.domain("nl.test", 4)
    await receiver.open(stack, types=(WANTED,))
    async with receiver.serving():
        await house.publish(domain, events(100, type_="nl.test.anders", first=900))
        await house.publish(domain, events(300))
        await receiver.has(300)
    assert {event.id for event in receiver.accepted} == named(*range(300))
    assert in_order(receiver)


async def test_it_goes_on_where_it_stopped(
    receiver: Receiver, house: House, stack: AsyncExitStack
) -> None:
    """What is published while nobody delivers or fetches comes afterwards, in its place."""
    domain = await house.domain("nl.test", 2)
    await receiver.open(stack, types=(WANTED,))
    async with receiver.serving():
        await house.publish(domain, events(100))
        await receiver.has(30)
    await house.publish(domain, events(100, first=100))
    async with receiver.serving():
        await receiver.has(200)
    assert {event.id for event in receiver.accepted} == named(*range(200))
    assert in_order(receiver)


async def test_a_failure_that_passes_loses_nothing(
    receiver: Receiver, house: House, stack: AsyncExitStack
) -> None:
    """While it can take nothing, everything waits; mended, it gets all of it in order."""
    receiver.works = False
    domain = await house.domain("nl.test", 2)
    await receiver.open(stack, types=(WANTED,))
    async with receiver.serving():
        await house.publish(domain, events(60))
        await receiver.has_tried()
        assert not receiver.accepted
        await receiver.mend()
        await receiver.has(60)
    assert {event.id for event in receiver.accepted} == named(*range(60))
    assert in_order(receiver)


@pytest.mark.parametrize(
    "receiver", [kind for kind in KINDS if kind.refuses], ids=name_of, indirect=True
)
async def test_one_refused_event_keeps_back_no_other(
    receiver: Receiver, house: House, stack: AsyncExitStack
) -> None:
    """Where a sink can refuse an event for good, all the others of its key and of others come."""
    domain = await house.domain("nl.test", 1)
    await receiver.open(stack, types=(WANTED,))
    sent = [receiver.refusable(e) if e.id == REFUSED else e for e in events(60, keys=10)]
    async with receiver.serving():
        await house.publish(domain, sent)
        await receiver.has(59)
    assert {event.id for event in receiver.accepted} == named(*range(60)) - {REFUSED}
    assert in_order(receiver)


async def test_the_engine_leaves_who_fetches_alone(house: House, stack: AsyncExitStack) -> None:
    """A dispatcher beside it neither sends its events anywhere nor keeps a position of it."""
    receiver, called = Puller(house), Wire(house)
    domain = await house.domain("nl.test", 1)
    await receiver.open(stack, types=(WANTED,))
    await called.open(stack, types=(WANTED,))
    async with called.serving() as worker:
        await house.publish(domain, events(300))
        await called.has(300)
        async with receiver.serving():
            await receiver.has(300)
        (served,) = worker._owned.values()
        assert len(served.stream.members) == 1
    rows = await house._database.fetch("SELECT subscription FROM position")
    assert len({row["subscription"] for row in rows}) <= 1
