"""install.sql in the hands of a database administrator."""

import pytest

from bus.store import queries
from bus.store.errors import StatementRefused
from producers.outbox.install import install, script
from tests.contract.outbox.register import ZAAK, Register


async def test_a_second_installation_keeps_rows_and_watches(watched: Register) -> None:
    """Upgrading loses no event, and watched tables go on being told."""
    await watched.run("INSERT INTO zaak VALUES (1)")
    await install(watched.database)
    await watched.run("INSERT INTO zaak VALUES (2)")
    assert [each.key for each in await watched.told()] == ["1", "2"]
    assert [row["state"] for row in await watched.outbox.watches()] == ["ok"]


async def test_an_installation_that_fails_leaves_nothing(empty: Register) -> None:
    """The script is one transaction."""
    with pytest.raises(StatementRefused):
        await empty.outbox.install(script().replace("COMMIT;", "SELECT no_such_column; COMMIT;"))
    assert await empty.value("SELECT to_regnamespace('gemeentebus')::text") is None


async def test_an_ordinary_role_installs_and_watches_its_tables(empty: Register, role: str) -> None:
    """No superuser is needed: only the right to make a schema, and to own the watched table."""
    database = str(await empty.value("SELECT current_database()"))
    await empty.run(
        f"GRANT CREATE ON DATABASE {database} TO {role}",
        f"CREATE SCHEMA register AUTHORIZATION {role}",
    )
    async with empty.as_role(role) as session:
        await session.execute(script())
        await session.execute("CREATE TABLE register.zaak (id bigint PRIMARY KEY)")
        await session.execute("SELECT gemeentebus.watch('register.zaak', 'urn:x', 'nl.zaken.zaak')")
        await session.execute("INSERT INTO register.zaak VALUES (1)")
    assert [each.key for each in await empty.told()] == ["1"]


async def test_an_upgrade_by_a_superuser_keeps_the_owner(empty: Register, role: str) -> None:
    """What runs with the rights of the outbox's owner never gets those of a superuser."""
    database = str(await empty.value("SELECT current_database()"))
    await empty.run(f"GRANT CREATE ON DATABASE {database} TO {role}")
    async with empty.as_role(role) as session:
        await session.execute(script())
    await empty.run("DROP FUNCTION gemeentebus.requeue")  # as if it came with the new version
    await install(empty.database)
    await empty.run(
        "CREATE TABLE zaak (id bigint PRIMARY KEY)",
        f"GRANT SELECT ON zaak TO {role}",
        "SELECT gemeentebus.watch('zaak', 'urn:x', 'nl.zaken.zaak')",
    )
    owners = await empty.database.fetch(
        "SELECT DISTINCT proowner::regrole::text AS owner FROM pg_proc "
        "WHERE pronamespace = 'gemeentebus'::regnamespace "
        "UNION SELECT relowner::regrole::text FROM pg_class "
        "WHERE relnamespace = 'gemeentebus'::regnamespace"
    )
    assert [row["owner"] for row in owners] == [role]


async def test_nothing_is_open_to_everyone(watched: Register, role: str) -> None:
    """A role without grants can neither look into the outbox nor call a function of it."""
    functions = await watched.database.fetch(
        "SELECT oid::regprocedure::text AS name FROM pg_proc "
        "WHERE pronamespace = 'gemeentebus'::regnamespace "
        "AND has_function_privilege($1, oid, 'EXECUTE')",
        role,
    )
    assert functions == []
    async with watched.as_role(role) as session:
        with pytest.raises(StatementRefused, match="permission denied"):
            await session.execute("SELECT FROM gemeentebus.outbox")


async def test_ids_follow_the_order_of_the_changes_over_sessions(register: Register) -> None:
    """No session keeps a store of ids: one taken later is higher, whoever takes it."""
    cache = await register.value(
        "SELECT seqcache FROM pg_sequence "
        "WHERE seqrelid = pg_get_serial_sequence('gemeentebus.outbox', 'id')::regclass"
    )
    assert cache == 1


@pytest.mark.parametrize("rows", [0, 10, 20_000])
async def test_batches_are_read_along_the_index(watched: Register, rows: int) -> None:
    """Neither an empty table nor a large backlog is ever sorted or scanned for a batch."""
    await watched.run(
        f"INSERT INTO zaak SELECT generate_series(1, {rows})", "ANALYZE gemeentebus.outbox"
    )
    sql = queries.load("outbox")
    async with watched.database.session() as session:
        await session.execute(sql["prepare"])
        plan = await session.fetch(
            "EXPLAIN "
            + sql["take"].replace("$1", "1000").replace("$2", "4194304").replace("$3", "4194304")
        )
    text = "\n".join(row["QUERY PLAN"] for row in plan)
    assert "Index Scan using outbox_pkey" in text
    assert "Sort" not in text
    assert "Seq Scan" not in text


async def test_who_has_no_outbox_is_told(empty: Register) -> None:
    """Watching before installing says what is missing."""
    with pytest.raises(StatementRefused, match="gemeentebus"):
        await empty.outbox.watch(ZAAK)
