"""The pool: transactions whole or not at all, every wait bounded, every loss told and got over."""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

import pytest

from bus.store.database import Database, Session
from bus.store.errors import Conflict, StatementRefused, StoreUnavailable
from tests.contract.store.line import line_to


@pytest.fixture
async def table(database: Database) -> Database:
    """Give a database with a table of unique numbers."""
    await database.execute("CREATE TABLE numbers (n integer PRIMARY KEY CHECK (n < 100))")
    return database


async def numbers(database: Database) -> list[int]:
    """Read the table."""
    return [row["n"] for row in await database.fetch("SELECT n FROM numbers ORDER BY n")]


async def add(session: Session | Database, n: int) -> None:
    """Write to the table."""
    await session.execute("INSERT INTO numbers VALUES ($1)", n)


async def test_a_block_that_ends_is_committed(table: Database) -> None:
    """What a transaction wrote is seen by others after it, not before."""
    async with table.transaction() as transaction:
        await add(transaction, 1)
        assert await numbers(table) == []
    assert await numbers(table) == [1]


async def test_a_block_that_raises_is_rolled_back_and_its_error_kept(table: Database) -> None:
    """An OSError of the block is the block's own: it is not taken for a lost Postgres."""

    async def write() -> None:
        async with table.transaction() as transaction:
            await add(transaction, 1)
            raise ConnectionRefusedError("Kafka is away")

    with pytest.raises(ConnectionRefusedError, match="Kafka"):
        await write()
    assert await numbers(table) == []


async def test_a_swallowed_error_does_not_pass_for_a_commit(table: Database) -> None:
    """Postgres answers such a COMMIT with ROLLBACK and no error; here it is one."""

    async def write() -> None:
        async with table.transaction() as transaction:
            await add(transaction, 1)
            with suppress(Conflict):
                await add(transaction, 1)

    with pytest.raises(StatementRefused, match="nothing is written"):
        await write()
    assert await numbers(table) == []


async def test_an_error_quotes_no_row(table: Database) -> None:
    """Postgres tells the failing row in its text; ours names what was violated at most."""
    with pytest.raises(StatementRefused) as caught:
        await add(table, 4711)
    assert "4711" not in str(caught.value)


async def test_a_statement_that_takes_too_long_ends_on_the_server_too(database_url: str) -> None:
    """The caller may try again; what it gave up is not still running."""
    async with Database.open(database_url, application_name="slow", patience=0.2) as database:
        with pytest.raises(StoreUnavailable):
            await database.execute("SELECT pg_sleep(30)")
        running = await database.fetch(
            "SELECT 1 FROM pg_stat_activity WHERE application_name = 'slow'"
            " AND state = 'active' AND pid <> pg_backend_pid()"
        )
    assert not running


async def test_waiting_for_a_connection_is_bounded(database_url: str) -> None:
    """When all connections are taken, the next caller is told so in time, and one later is not."""
    async with Database.open(
        database_url, application_name="tests", max_size=1, patience=0.2
    ) as database:
        async with database.transaction():
            with pytest.raises(StoreUnavailable, match="free"):
                await database.fetch("SELECT 1")
        assert await database.fetch("SELECT 1")


async def test_a_terminated_connection_costs_one_error(table: Database) -> None:
    """An administrator ends a backend: its statement fails as retriable, the next one works."""

    async def write() -> None:
        async with table.transaction() as transaction:
            await add(transaction, 1)
            await transaction.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(StoreUnavailable):
        await write()
    await add(table, 2)
    assert await numbers(table) == [2]


async def test_a_cancelled_transaction_is_rolled_back(database_url: str) -> None:
    """Cancelled in the middle of a statement; the only connection of the pool serves on."""
    async with Database.open(database_url, application_name="tests", max_size=1) as database:
        await database.execute("CREATE TABLE numbers (n integer)")

        async def write() -> None:
            async with database.transaction() as transaction:
                await add(transaction, 1)
                await transaction.execute("SELECT pg_sleep(30)")

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await write()
        assert await numbers(database) == []


async def test_a_session_leaves_nothing_behind(database_url: str) -> None:
    """What belongs to the connection, here a lock, ends with the block and not with the pool."""
    async with Database.open(database_url, application_name="tests", max_size=2) as database:
        async with database.session() as session:
            await session.execute("SELECT pg_advisory_lock(1)")
        async with database.transaction(), database.session() as other:
            await other.execute("SELECT pg_advisory_lock(1)")


async def test_a_read_only_server_is_worth_another_try(table: Database, database_url: str) -> None:
    """After a failover the old address may be a standby for a while."""
    name = urlsplit(database_url).path[1:]
    await table.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    async with Database.open(database_url, application_name="tests") as standby:
        with pytest.raises(StoreUnavailable, match="25006"):
            await add(standby, 1)


async def test_nobody_there(unused_tcp_port: int) -> None:
    """A process may start before Postgres: opening succeeds, a statement is to be tried again."""
    url = f"postgresql://bus:x@127.0.0.1:{unused_tcp_port}/bus"
    async with Database.open(url, application_name="tests") as database:
        with pytest.raises(StoreUnavailable):
            await database.fetch("SELECT 1")


async def test_a_wrong_password_is_not_tried_again(database_url: str) -> None:
    """It is a matter of the set-up, and the error says so without the password."""
    parts = urlsplit(database_url)
    netloc = f"{parts.username}:wrong-one@{parts.hostname}:{parts.port}"
    url = urlunsplit(parts._replace(netloc=netloc))
    async with Database.open(url, application_name="tests") as database:
        with pytest.raises(StatementRefused, match="password") as caught:
            await database.fetch("SELECT 1")
    assert "wrong-one" not in str(caught.value)


async def test_an_address_that_is_none_is_refused_at_once() -> None:
    """A typing error in the settings shows when the pool is opened or at its first use."""
    with pytest.raises(StatementRefused):
        async with Database.open("http://bus/", application_name="tests") as database:
            await database.fetch("SELECT 1")


async def test_a_silent_network_is_told_in_time_and_got_over(database_url: str) -> None:
    """Nothing comes back, on old connections or new ones; once it does, the same pool works."""
    async with (
        line_to(database_url) as (proxied, open_),
        Database.open(proxied, application_name="tests", patience=0.2) as database,
    ):
        await database.execute("SELECT 1")
        open_.clear()
        for _ in range(3):
            async with asyncio.timeout(0.2 + 1 + 0.9):  # patience, grace, and a slow machine
                with pytest.raises(StoreUnavailable):
                    await database.execute("SELECT 1")
        open_.set()
        assert await database.fetch("SELECT 1")


async def test_a_commit_without_an_answer_may_be_a_commit(
    table: Database, database_url: str
) -> None:
    """The network ends between COMMIT and its answer: StoreUnavailable, and the row is there."""
    async with (
        line_to(database_url, cut_after=b"COMMIT") as (proxied, _),
        Database.open(proxied, application_name="tests") as database,
    ):
        with pytest.raises(StoreUnavailable):
            async with database.transaction() as transaction:
                await add(transaction, 1)
    for _ in range(500):  # the server commits when it gets to it
        if await numbers(table) == [1]:
            return
        await asyncio.sleep(0.01)
    pytest.fail("the commit did not reach Postgres")
