"""The dispatcher while Postgres is slow, refuses, or holds what cannot be read."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from tests.house import House, events, in_order, sinks, until

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
