"""Migrations: in order, once, each whole or not at all, and never on a schema that does not fit."""

import asyncio
from collections.abc import Sequence

import pytest

from bus.store.database import Database
from bus.store.errors import SchemaRefused, StatementRefused
from bus.store.migrate import Migration, migrate, pending, shipped

ONE = Migration("0001_pre_one", "CREATE TABLE one (x integer); INSERT INTO one VALUES (1);")
TWO = Migration("0002_pre_two", "ALTER TABLE one ADD COLUMN y integer;")
BROKEN = Migration("0002_pre_two", "INSERT INTO one VALUES (2); ALTER TABLE nowhere ADD x integer;")


@pytest.fixture
async def empty(database_url: str) -> str:
    """Give a database that was never migrated."""
    async with Database.open(database_url, application_name="tests") as database:
        await database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return database_url


async def rows(url: str, query: str) -> list[tuple[object, ...]]:
    """Read something over a connection of its own."""
    async with Database.open(url, application_name="tests") as database:
        return [tuple(row.values()) for row in await database.fetch(query)]


async def test_they_are_applied_in_order_and_once(empty: str) -> None:
    """What is missing is told before, applied, and not applied again."""
    assert await pending(empty, [ONE, TWO]) == ["0001_pre_one", "0002_pre_two"]
    assert await migrate(empty, [ONE]) == ["0001_pre_one"]
    assert await pending(empty, [ONE, TWO]) == ["0002_pre_two"]
    assert await migrate(empty, [ONE, TWO]) == ["0002_pre_two"]
    assert await migrate(empty, [ONE, TWO]) == []
    assert await pending(empty, [ONE, TWO]) == []
    assert await rows(empty, "SELECT x, y FROM one") == [(1, None)]


async def test_looking_for_pending_ones_changes_nothing(empty: str) -> None:
    """A process that may only look makes no table."""
    await pending(empty, [ONE])
    assert await rows(empty, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'") == []


async def test_many_at_once_apply_each_once(empty: str) -> None:
    """All roles may start together: one works, the others wait and find it done."""
    done = await asyncio.gather(*(migrate(empty) for _ in range(5)))
    assert sorted(done, key=len)[:-1] == [[], [], [], []]
    assert [name for names in done for name in names] == [each.name for each in shipped()]


async def test_a_failing_one_leaves_nothing_of_itself(empty: str) -> None:
    """Those before it stand, its own first statement does not; put right, it goes on from there."""
    with pytest.raises(StatementRefused, match="nowhere"):
        await migrate(empty, [ONE, BROKEN])
    assert await pending(empty, [ONE, TWO]) == ["0002_pre_two"]
    assert await rows(empty, "SELECT x FROM one") == [(1,)]
    assert await migrate(empty, [ONE, TWO]) == ["0002_pre_two"]


async def test_a_migration_and_its_record_come_together(empty: str) -> None:
    """When it cannot be noted down, it is undone: it would be applied a second time."""
    unnoted = Migration(TWO.name, f"{TWO.sql} ALTER TABLE migration RENAME TO elsewhere;")
    with pytest.raises(StatementRefused, match="migration"):
        await migrate(empty, [ONE, unnoted])
    assert await migrate(empty, [ONE, TWO]) == ["0002_pre_two"]


@pytest.mark.parametrize(
    ("migrations", "message"),
    [
        ([ONE, Migration(TWO.name, TWO.sql + " ")], "0002_pre_two is not the text"),
        ([ONE], "newer than this version.*0002_pre_two"),
        ([ONE, Migration("0001_pre_two", "SELECT 1"), TWO], "0001_pre_two was never applied"),
    ],
    ids=["changed", "unknown", "out of order"],
)
async def test_a_schema_that_does_not_fit_is_refused(
    empty: str, migrations: Sequence[Migration], message: str
) -> None:
    """A changed file, a newer database and a forgotten number are named, and nothing is done."""
    await migrate(empty, [ONE, TWO])
    more = [*migrations, Migration("0003_pre_three", "CREATE TABLE three ()")]
    for do in (migrate, pending):
        with pytest.raises(SchemaRefused, match=message):
            await do(empty, more)
    assert await rows(empty, "SELECT to_regclass('three')") == [(None,)]


async def test_ours_make_the_counter(empty: str) -> None:
    """The shipped migrations give a schema whose revision counter stands at 0."""
    await migrate(empty)
    assert await rows(empty, "SELECT value FROM revision") == [(0,)]
