"""The dispatcher while Postgres is slow, refuses, or holds what cannot be read."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from bus.store.secrets import Sealer
from bus.store.streams import Streams
from bus.store.subscriptions import Subscriptions
from tests.house import House, events, in_order, sinks, until

_BODY = "SELECT body FROM subscription_revision WHERE subscription = $1"
_SET_BODY = "UPDATE subscription_revision SET body = $2 WHERE subscription = $1"
_ROW = "SELECT next_offset FROM position WHERE subscription = $1"
_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@pytest_asyncio.fixture
async def house(kafka: str, database_url: str, namespace: str) -> AsyncIterator[House]:
    """Give an open house."""
    async with House.open(kafka, database_url, namespace) as opened:
        yield opened


@pytest_asyncio.fixture
async def postgres_session(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Give a connection of our own to the database."""
    connection = await asyncpg.connect(database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def test_what_waited_for_the_lease_goes_out_when_it_is_back(
    house: House, postgres_session: asyncpg.Connection
) -> None:
    """A save that began within the lease and ended after it sets going what could not be sent."""
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 1)
        await house.subscribe(sink)
        async with house.dispatcher() as worker:
            await house.publish(domain, events(1))
            await sink.until(lambda sink: len(sink.ids) >= 1)
            (owned,) = worker._owned.values()
            async with postgres_session.transaction():
                await postgres_session.execute("SELECT FROM stream FOR UPDATE")

                async def a_save_waits() -> bool:
                    return bool(await postgres_session.fetchval(_WAITING))

                await until(a_save_waits)
                owned.stream.flights.until = asyncio.get_running_loop().time()
                await house.publish(domain, events(1, first=1))
                await until(lambda: owned.stream.read_offset >= 2)
                assert len(sink.ids) == 1
            await sink.until(lambda sink: len(sink.ids) >= 2)


async def test_a_store_that_refuses_for_a_while_ends_nothing(
    house: House, postgres_session: asyncpg.Connection
) -> None:
    """Saves that are refused are tried again; events flow on, and no other partition suffers."""
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 2)
        await house.subscribe(sink)
        async with house.dispatcher():
            await house.publish(domain, events(20))
            await sink.until(lambda sink: len(sink.ids) >= 20)
            refused = asyncio.get_running_loop().time() + 1.5
            await postgres_session.execute("ALTER TABLE position RENAME TO elsewhere")
            await house.publish(domain, events(20, first=20))
            await sink.until(lambda sink: len(sink.ids) >= 40)
            await until(lambda: asyncio.get_running_loop().time() > refused)
            await postgres_session.execute("ALTER TABLE elsewhere RENAME TO position")
            await house.publish(domain, events(20, first=40))
            await sink.until(lambda sink: len(sink.ids) >= 60)
    assert sorted(sink.ids) == [f"{each:06}" for each in range(60)]
    assert in_order(sink)


async def test_a_subscription_that_cannot_be_read_stops_nobody_and_loses_nothing(
    house: House, postgres_session: asyncpg.Connection
) -> None:
    """Its place is kept in a row while the others are served; readable again, it goes on there."""
    async with sinks(2) as (healthy, damaged):
        domain = await house.domain("nl.test", 1)
        await house.subscribe(healthy)
        identity = await house.subscribe(damaged)
        async with house.dispatcher("one"):
            await house.publish(domain, events(10))
            await healthy.until(lambda sink: len(sink.ids) >= 10)
            await damaged.until(lambda sink: len(sink.ids) >= 10)
        body = await postgres_session.fetchval(_BODY, identity)
        await postgres_session.execute(_SET_BODY, identity, '{"unknown": 1}')
        async with house.dispatcher("two"):
            await house.publish(domain, events(10, first=10))
            await healthy.until(lambda sink: len(sink.ids) >= 20)

            async def has_its_row() -> bool:
                return await postgres_session.fetchval(_ROW, identity) == 10

            await until(has_its_row)
        await postgres_session.execute(_SET_BODY, identity, body)
        async with house.dispatcher("three"):
            await damaged.until(lambda sink: len(sink.ids) >= 20)
    for sink in (healthy, damaged):
        assert sorted(sink.ids) == [f"{each:06}" for each in range(20)]


async def test_changes_are_followed_past_one_that_cannot_be_read(house: House) -> None:
    """A subscription made under another key keeps its start; those after it are served at once."""
    other = Subscriptions(house._database, Sealer(b"o" * 32))
    async with sinks(2) as (sealed, late):
        domain = await house.domain("nl.test", 1)
        async with house.dispatcher("one"):
            ours, house.subscriptions = house.subscriptions, other
            await house.subscribe(sealed)
            house.subscriptions = ours
            await house.subscribe(late)
            await house.publish(domain, events(10))
            await late.until(lambda sink: len(sink.ids) >= 10)
            assert not sealed.ids
        house.streams = Streams(house._database, Sealer(b"o" * 32))
        async with house.dispatcher("two"):
            await sealed.until(lambda sink: len(sink.ids) >= 10)


async def test_what_changed_while_no_dispatcher_ran_holds_before_the_first_delivery(
    house: House,
) -> None:
    """A sink that was replaced gets nothing any more, not even in the first moment."""
    async with sinks(2) as (old, new):
        domain = await house.domain("nl.test", 2)
        identity = await house.subscribe(old)
        async with house.dispatcher("one"):
            await house.publish(domain, events(10))
            await old.until(lambda sink: len(sink.ids) >= 10)
        listed = await house.subscriptions.get(identity)
        await house.subscriptions.update(listed.subscription.model_copy(update={"sink": new.url}))
        await house.publish(domain, events(100, first=10))
        async with house.dispatcher("two"):
            await new.until(lambda sink: len(sink.ids) >= 100)
    assert len(old.ids) == 10
    assert sorted(new.ids) == [f"{each:06}" for each in range(10, 110)]


async def test_a_partition_taken_again_by_the_same_worker_is_served_on(
    house: House, postgres_session: asyncpg.Connection
) -> None:
    """Fenced off in an outage of the sink, it goes on: nothing of the old holding is in the way."""
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 1)
        await house.subscribe(sink)
        sink.answer = lambda _: 503
        async with house.dispatcher() as worker:
            await house.publish(domain, events(400))
            await sink.until(lambda sink: len(sink.ids) >= 6)
            (before,) = worker._owned.values()
            await postgres_session.execute("UPDATE stream SET epoch = epoch + 1")
            await until(lambda: before not in worker._owned.values())
            sink.answer = lambda _: 204
            await sink.until(lambda sink: len(set(sink.accepted)) >= 400)
    assert sorted(set(sink.accepted)) == [f"{each:06}" for each in range(400)]
    assert in_order(sink)
