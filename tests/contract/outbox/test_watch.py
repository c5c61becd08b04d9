"""A watched table: each change of a row writes an event, in the register's own transaction."""

from dataclasses import replace

import pytest

from bus.store.errors import StatementRefused
from bus.store.outbox import Watch
from producers.outbox.install import script
from tests.contract.outbox.register import DATAREF, PREFIX, SOURCE, ZAAK, Register, Told

GECREEERD, GEWIJZIGD, VERWIJDERD = (
    f"{PREFIX}-{verb}" for verb in ("gecreeerd", "gewijzigd", "verwijderd")
)


def ref(key: object) -> str:
    """Give the dataref of a zaak."""
    return f"https://zaken.example.nl/zaken/{key}"


async def test_insert_update_and_delete_are_told(watched: Register) -> None:
    """Each change becomes one event with the key and where to look, and nothing of the row."""
    await watched.run(
        "INSERT INTO zaak VALUES (7, 'Jan Jansen', 1)",
        "UPDATE zaak SET fase = 2",
        "DELETE FROM zaak",
    )
    rows = await watched.database.fetch("SELECT * FROM gemeentebus.outbox ORDER BY id")
    assert [row["type"] for row in rows] == [GECREEERD, GEWIJZIGD, VERWIJDERD]
    assert {(row["source"], row["partitionkey"], row["dataref"]) for row in rows} == {
        (SOURCE, "7", ref(7))
    }
    assert all(row["data"] is None and row["subject"] is None for row in rows)
    assert len({row["event_id"] for row in rows}) == 3
    assert not any("Jansen" in str(value) for row in rows for value in row.values())


async def test_a_statement_tells_each_of_its_rows(watched: Register) -> None:
    """An event per row, also for COPY-like loads, upserts and changes of many rows."""
    await watched.run(
        "INSERT INTO zaak SELECT generate_series(1, 3)",
        "INSERT INTO zaak VALUES (3, 'x'), (4, 'y') ON CONFLICT (id) DO UPDATE SET titel = 'z'",
    )
    assert [each[:2] for each in await watched.told()] == [
        (GECREEERD, "1"),
        (GECREEERD, "2"),
        (GECREEERD, "3"),
        (GEWIJZIGD, "3"),
        (GECREEERD, "4"),
    ]


async def test_a_rollback_leaves_no_event(watched: Register) -> None:
    """The event is part of the change: undone with it, also to a savepoint."""
    async with watched.database.session() as session:
        await session.execute("BEGIN; INSERT INTO zaak VALUES (1); ROLLBACK")
        await session.execute(
            "BEGIN; INSERT INTO zaak VALUES (2); SAVEPOINT here; INSERT INTO zaak VALUES (3); "
            "ROLLBACK TO here; COMMIT"
        )
    assert [each.key for each in await watched.told()] == ["2"]


async def test_an_update_that_changes_nothing_is_not_told(watched: Register) -> None:
    """Writing the same values again is no change."""
    await watched.run("INSERT INTO zaak VALUES (1, NULL, 1)")
    await watched.told()
    await watched.run("UPDATE zaak SET fase = fase, titel = NULL", "UPDATE zaak SET id = 1")
    assert await watched.told() == []


async def test_columns_without_equality_do_not_stand_in_the_way(register: Register) -> None:
    """A table with json and point columns is watched like any other."""
    await register.run("CREATE TABLE plek (id integer PRIMARY KEY, eigenschappen json, punt point)")
    await register.outbox.watch(Watch("plek", SOURCE, "nl.plek"))
    await register.run(
        "INSERT INTO plek VALUES (1, '{}', '(1,2)')",
        "UPDATE plek SET eigenschappen = '{}'",
        "UPDATE plek SET punt = '(1,3)'",
    )
    assert [each.type for each in await register.told()] == [
        "nl.plek-gecreeerd",
        "nl.plek-gewijzigd",
    ]


async def test_a_new_key_is_the_end_of_the_old_one(watched: Register) -> None:
    """A changed primary key is told under both keys: first the deletion, then the creation."""
    await watched.run("INSERT INTO zaak VALUES (1)")
    await watched.told()
    await watched.run("UPDATE zaak SET id = 2")
    assert await watched.told() == [Told(VERWIJDERD, "1", ref(1)), Told(GECREEERD, "2", ref(2))]


@pytest.mark.parametrize(
    ("operations", "told"),
    [
        (("insert",), [(GECREEERD, "1"), (GECREEERD, "2")]),
        (("update",), [(GEWIJZIGD, "1"), (GEWIJZIGD, "1"), (GEWIJZIGD, "2")]),
        (("delete",), [(VERWIJDERD, "1"), (VERWIJDERD, "2")]),
        (
            ("insert", "delete"),
            [(GECREEERD, "1"), (VERWIJDERD, "1"), (GECREEERD, "2"), (VERWIJDERD, "2")],
        ),
        (
            ("insert", "update"),
            [(GECREEERD, "1"), (GEWIJZIGD, "1"), (GEWIJZIGD, "1"), (GECREEERD, "2")],
        ),
    ],
)
async def test_only_the_wanted_operations_are_told(
    register: Register, operations: tuple[str, ...], told: list[tuple[str, str]]
) -> None:
    """Of an insert, a change, a new key and a delete; a side of the new key may be a change."""
    await register.outbox.watch(Watch("zaak", SOURCE, PREFIX, operations=operations))
    await register.run(
        "INSERT INTO zaak VALUES (1)",
        "UPDATE zaak SET fase = 9",
        "UPDATE zaak SET id = 2",
        "DELETE FROM zaak",
    )
    assert [each[:2] for each in await register.told()] == told


async def test_only_changes_of_the_wanted_columns_are_told(register: Register) -> None:
    """By the values that are stored: what a trigger of the register changes counts too."""
    await register.outbox.watch(Watch("zaak", SOURCE, PREFIX, columns=("fase",)))
    await register.run(
        "INSERT INTO zaak VALUES (1, 'x', 1)",
        "UPDATE zaak SET titel = 'y'",
        "UPDATE zaak SET fase = 1",
    )
    assert [each.type for each in await register.told()] == [GECREEERD]
    await register.run(
        "CREATE FUNCTION next() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN NEW.fase := NEW.fase + 1; RETURN NEW; END'",
        "CREATE TRIGGER next BEFORE UPDATE ON zaak FOR EACH ROW EXECUTE FUNCTION next()",
        "UPDATE zaak SET titel = 'z'",
    )
    assert [each.type for each in await register.told()] == [GEWIJZIGD]


async def test_no_two_keys_share_a_partitionkey(register: Register) -> None:
    """The parts of a composite key keep their bounds, whatever they contain."""
    await register.run("CREATE TABLE adres (a text, b text, PRIMARY KEY (b, a))")
    await register.outbox.watch(Watch("adres", SOURCE, "nl.adres", "https://x.nl/{a}/{b}"))
    await register.run("INSERT INTO adres (b, a) VALUES ('p/q', 'r'), ('p', 'q/r'), ('p%2Fq', 'r')")
    assert await register.told() == [
        Told("nl.adres-gecreeerd", "p%2Fq/r", "https://x.nl/r/p%2Fq"),
        Told("nl.adres-gecreeerd", "p/q%2Fr", "https://x.nl/q%2Fr/p"),
        Told("nl.adres-gecreeerd", "p%252Fq/r", "https://x.nl/r/p%252Fq"),
    ]


async def test_a_key_is_the_same_in_every_session(register: Register) -> None:
    """Neither time zone nor date style of the application gets into the key."""
    await register.run("CREATE TABLE meting (op timestamptz, dag date, PRIMARY KEY (op, dag))")
    await register.outbox.watch(Watch("meting", SOURCE, "nl.meting"))
    async with register.database.session() as session:
        await session.execute("SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German, DMY'")
        await session.execute("INSERT INTO meting VALUES ('2026-01-02T03:04:05.6Z', '02.01.2026')")
    async with register.database.session() as session:
        await session.execute("SET TimeZone = 'America/Lima'; SET DateStyle = 'SQL, MDY'")
        await session.execute("DELETE FROM meting")
    assert [each.key for each in await register.told()] == [
        "2026-01-02T03%3A04%3A05.6Z/2026-01-02"
    ] * 2


async def test_a_dataref_is_a_uri_whatever_the_row_holds(register: Register) -> None:
    """Values are percent-encoded as UTF-8; a row in which one is missing has no dataref."""
    await register.outbox.watch(
        Watch("zaak", SOURCE, PREFIX, "https://x.nl/{id}?titel={titel}&fase={fase}#deel")
    )
    await register.run("INSERT INTO zaak VALUES (1, 'é & 10%/\U0001f600', 2), (2, 'x', NULL)")
    assert [each.dataref for each in await register.told()] == [
        "https://x.nl/1?titel=%C3%A9%20%26%2010%25%2F%F0%9F%98%80&fase=2#deel",
        None,
    ]


async def test_truncate_tells_each_row(watched: Register) -> None:
    """TRUNCATE is the deletion of every row."""
    await watched.run("INSERT INTO zaak VALUES (1), (2)")
    await watched.told()
    await watched.run("TRUNCATE zaak")
    assert sorted(await watched.told()) == [
        Told(VERWIJDERD, "1", ref(1)),
        Told(VERWIJDERD, "2", ref(2)),
    ]


async def test_a_partitioned_table_is_watched_as_one(register: Register) -> None:
    """Partitions made later are watched too; moving to another one is a new key."""
    await register.run(
        "CREATE TABLE post (id integer, jaar integer, PRIMARY KEY (id, jaar)) "
        "PARTITION BY LIST (jaar)",
        "CREATE TABLE post_1 PARTITION OF post FOR VALUES IN (1)",
    )
    await register.outbox.watch(Watch("post", SOURCE, "nl.post"))
    await register.run(
        "CREATE TABLE post_2 PARTITION OF post FOR VALUES IN (2)",
        "INSERT INTO post VALUES (5, 1)",
        "UPDATE post SET jaar = 2",
    )
    assert [each[:2] for each in await register.told()] == [
        ("nl.post-gecreeerd", "5/1"),
        ("nl.post-verwijderd", "5/1"),
        ("nl.post-gecreeerd", "5/2"),
    ]
    with pytest.raises(StatementRefused, match="is a partition: watch the table"):
        await register.outbox.watch(Watch("post_1", SOURCE, "nl.post"))


async def test_any_name_and_any_text_is_safe(register: Register) -> None:
    """Identifiers and texts with quotes, percent signs and dollars stay what they are."""
    await register.run(
        'CREATE SCHEMA "Basis""registratie"',
        'CREATE TABLE "Basis""registratie"."Zaak \'%s $$" '
        '("Id ""x\'%I" integer PRIMARY KEY, "waarde $1" text)',
    )
    await register.outbox.watch(
        Watch(
            '"Basis""registratie"."Zaak \'%s $$"',
            "urn:x:o'brien%s",
            "nl.x'); DROP TABLE zaak; --",
            "https://x.nl/$body$/%I'/{waarde $1}/{Id \"x'%I}",
            columns=("waarde $1",),
            verbs=("nieuw'", "anders%s", "weg$$"),
        )
    )
    table = '"Basis""registratie"."Zaak \'%s $$"'
    await register.run(
        f"INSERT INTO {table} VALUES (1, 'a')",  # noqa: S608 - a constant, six lines up
        f"TRUNCATE {table}",
    )
    assert await register.told() == [
        Told("nl.x'); DROP TABLE zaak; ---" + verb, "1", "https://x.nl/$body$/%I'/a/1")
        for verb in ("nieuw'", "weg$$")
    ]
    assert (await register.outbox.watches())[0]["state"] == "ok"
    assert await register.outbox.unwatch(table)


async def test_watching_again_replaces_the_options(watched: Register) -> None:
    """The table keeps one watch, with what was asked last."""
    await watched.outbox.watch(Watch("zaak", "urn:other", "nl.other", operations=("delete",)))
    await watched.run("INSERT INTO zaak VALUES (1)", "UPDATE zaak SET fase = 1", "DELETE FROM zaak")
    assert await watched.told() == [Told("nl.other-verwijderd", "1", None)]
    rows = await watched.outbox.watches()
    assert [(row["relation"], row["source"], row["operations"]) for row in rows] == [
        ("zaak", "urn:other", ["delete"])
    ]


async def test_unwatch_ends_it_and_leaves_nothing(watched: Register) -> None:
    """No trigger and no function stays; a second time there is nothing to end."""
    assert await watched.outbox.unwatch("zaak")
    await watched.run("INSERT INTO zaak VALUES (1)", "TRUNCATE zaak")
    assert await watched.told() == []
    assert await watched.outbox.watches() == []
    assert await watched.value("SELECT count(*) FROM pg_proc WHERE proname ~ '^watched_'") == 0
    assert not await watched.outbox.unwatch("zaak")


async def test_renamed_columns_do_not_stop_the_register(register: Register) -> None:
    """Until it is watched again: the right key, no dataref, and a state that says so."""
    await register.outbox.watch(Watch("zaak", SOURCE, PREFIX, "https://x.nl/{titel}/{id}"))
    await register.run(
        "INSERT INTO zaak VALUES (1, 'x')",
        "ALTER TABLE zaak RENAME COLUMN titel TO naam",
        "ALTER TABLE zaak RENAME COLUMN id TO nummer",
        "ALTER TABLE zaak RENAME TO dossier",
        "ALTER TABLE dossier ADD COLUMN extra integer",
        "UPDATE dossier SET fase = 5",
        "DELETE FROM dossier",
    )
    assert await register.told() == [
        Told(GECREEERD, "1", "https://x.nl/x/1"),
        Told(GEWIJZIGD, "1", None),
        Told(VERWIJDERD, "1", None),
    ]
    assert (await register.outbox.watches())[0]["state"] == "outdated"
    await register.outbox.watch(Watch("dossier", SOURCE, PREFIX, "https://x.nl/{naam}/{nummer}"))
    await register.run("INSERT INTO dossier VALUES (1, 'x')")
    assert await register.told() == [Told(GECREEERD, "1", "https://x.nl/x/1")]
    assert (await register.outbox.watches())[0]["state"] == "ok"


async def test_the_columns_of_a_watched_table_stay_free(watched: Register) -> None:
    """Adding, changing and dropping columns that the events do not need is not refused."""
    await watched.run(
        "ALTER TABLE zaak ADD COLUMN extra json",
        "ALTER TABLE zaak ALTER COLUMN fase TYPE text",
        "ALTER TABLE zaak DROP COLUMN titel",
        "INSERT INTO zaak VALUES (1, 'x', '{}')",
        "UPDATE zaak SET fase = 'y'",
    )
    assert [each.type for each in await watched.told()] == [GECREEERD, GEWIJZIGD]
    assert (await watched.outbox.watches())[0]["state"] == "ok"


@pytest.mark.parametrize(
    ("statement", "state"),
    [
        ("ALTER TABLE zaak DISABLE TRIGGER gemeentebus_update", "broken"),
        ("DROP TRIGGER gemeentebus_insert ON zaak", "broken"),
        ("DROP TABLE zaak", "dropped"),
    ],
)
async def test_a_watch_that_does_not_work_is_seen(
    watched: Register, statement: str, state: str
) -> None:
    """The list says when changes are not told."""
    await watched.run(statement)
    assert [row["state"] for row in await watched.outbox.watches()] == [state]


async def test_a_dropped_table_is_forgotten(watched: Register) -> None:
    """By the next watch; a new table of that name starts without one."""
    await watched.run("DROP TABLE zaak", "CREATE TABLE zaak (nummer integer PRIMARY KEY)")
    await watched.run("INSERT INTO zaak VALUES (1)")
    assert await watched.told() == []
    await watched.outbox.watch(Watch("zaak", SOURCE, PREFIX))
    assert [row["state"] for row in await watched.outbox.watches()] == ["ok"]
    assert await watched.value("SELECT count(*) FROM pg_proc WHERE proname ~ '^watched_'") == 1


@pytest.mark.parametrize(
    ("watch", "message"),
    [
        (Watch("los", SOURCE, PREFIX), "los has no primary key"),
        (Watch("kijk", SOURCE, PREFIX), "kijk is not a table"),
        (Watch("niets", SOURCE, PREFIX), '"niets" does not exist'),
        (Watch("gemeentebus.outbox", SOURCE, PREFIX), "not a table of a register"),
        (Watch("pg_catalog.pg_class", SOURCE, PREFIX), "not a table of a register"),
        (Watch("zaak", "", PREFIX), "neither of them empty"),
        (Watch("zaak", SOURCE, ""), "neither of them empty"),
        (Watch("zaak", SOURCE, PREFIX, "https://x.nl/{nummer}"), "zaak has no column nummer"),
        (Watch("zaak", SOURCE, PREFIX, "https://x.nl/{id"), "dataref is a URI"),
        (Watch("zaak", SOURCE, PREFIX, "https://x.nl/{}"), "dataref is a URI"),
        (Watch("zaak", SOURCE, PREFIX, operations=()), "operations are one or more"),
        (Watch("zaak", SOURCE, PREFIX, operations=("upsert",)), "operations are one or more"),
        (Watch("zaak", SOURCE, PREFIX, columns=("kleur",)), "zaak has no column kleur"),
        (Watch("zaak", SOURCE, PREFIX, columns=()), "columns are those"),
        (Watch("zaak", SOURCE, PREFIX, operations=("insert",), columns=("fase",)), "columns are"),
        (Watch("zaak", SOURCE, PREFIX, verbs=("a", "b", "")), "verbs are three words"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_cannot_be_watched_is_refused(
    register: Register, watch: Watch, message: str
) -> None:
    """With a sentence that says what is wrong, and nothing is left behind."""
    await register.run("CREATE TABLE los (a integer)", "CREATE VIEW kijk AS SELECT * FROM zaak")
    with pytest.raises(StatementRefused, match=message):
        await register.outbox.watch(watch)
    assert await register.outbox.watches() == []
    assert await register.value("SELECT count(*) FROM pg_proc WHERE proname ~ '^watched_'") == 0


async def test_the_application_needs_no_right_on_the_outbox(watched: Register, role: str) -> None:
    """Whoever may write the table may have it told, and still sees nothing of the outbox."""
    await watched.run(f"GRANT INSERT, UPDATE, DELETE, TRUNCATE, SELECT ON zaak TO {role}")
    async with watched.as_role(role) as session:
        await session.execute("INSERT INTO zaak VALUES (1)")
        await session.execute("UPDATE zaak SET titel = 'x'")
        await session.execute("DELETE FROM zaak")
        await session.execute("TRUNCATE zaak")
        for statement in (
            "SELECT FROM gemeentebus.outbox",
            "DELETE FROM gemeentebus.outbox",
            "SELECT gemeentebus.publish('t', 's', 'k')",
            "SELECT gemeentebus.unwatch('zaak')",
        ):
            with pytest.raises(StatementRefused, match="permission denied"):
                await session.execute(statement)
    assert [each.type for each in await watched.told()] == [GECREEERD, GEWIJZIGD, VERWIJDERD]


async def test_an_application_cannot_borrow_the_owners_rights(watched: Register, role: str) -> None:
    """Objects of its own that bear the names used by the trigger are not the ones it finds."""
    await watched.run(f"GRANT INSERT ON zaak TO {role}", f"CREATE SCHEMA trap AUTHORIZATION {role}")
    async with watched.as_role(role) as session:
        await session.execute(
            "CREATE FUNCTION trap.concat(text, text) RETURNS text LANGUAGE plpgsql AS "
            "'BEGIN RAISE EXCEPTION ''as %'', current_user; END'; "
            "CREATE OPERATOR trap.|| (FUNCTION = trap.concat, LEFTARG = text, RIGHTARG = text); "
            "CREATE FUNCTION trap.to_jsonb(anyelement) RETURNS jsonb LANGUAGE plpgsql AS "
            "'BEGIN RAISE EXCEPTION ''as %'', current_user; END'; "
            "CREATE TEMPORARY TABLE outbox (type text)"
        )
        await session.execute("SET search_path = trap, pg_temp, pg_catalog, public")
        await session.execute("INSERT INTO public.zaak VALUES (1)")
    assert await watched.told() == [Told(GECREEERD, "1", ref(1))]


async def test_watching_asks_for_the_right_to_read_what_may_be_truncated(
    empty: Register, role: str
) -> None:
    """The owner of the outbox is told which grant is missing on another owner's table."""
    database = str(await empty.value("SELECT current_database()"))
    await empty.run(
        f"GRANT CREATE ON DATABASE {database} TO {role}",
        "CREATE TABLE zaak (id bigint PRIMARY KEY, titel text, fase integer)",
        f"GRANT TRIGGER ON zaak TO {role}",
    )
    async with empty.as_role(role) as session:
        await session.execute(script())
        statement = f"SELECT gemeentebus.watch('zaak', '{SOURCE}', '{PREFIX}', '{DATAREF}')"
        with pytest.raises(StatementRefused, match=f"GRANT SELECT ON .*zaak TO {role}"):
            await session.execute(statement)
        await empty.run(f"GRANT SELECT ON zaak TO {role}")
        await session.execute(statement)
    await empty.run("INSERT INTO zaak VALUES (1)", "TRUNCATE zaak")
    assert [each.type for each in await empty.told()] == [GECREEERD, VERWIJDERD]


@pytest.mark.parametrize("columns", [None, ("fase", "kenmerk")])
@pytest.mark.parametrize("operations", [ZAAK.operations, ("insert", "delete")])
async def test_a_watch_survives_a_dump(
    register: Register, operations: tuple[str, ...], columns: tuple[str, ...] | None
) -> None:
    """Each trigger as Postgres writes it into a dump makes that trigger, also for odd types."""
    await register.run("ALTER TABLE zaak ADD COLUMN kenmerk json")
    wanted = columns if "update" in operations else None
    await register.outbox.watch(replace(ZAAK, operations=operations, columns=wanted))
    rows = await register.database.fetch(
        "SELECT pg_get_triggerdef(oid) AS made, tgname AS name FROM pg_trigger "
        "WHERE tgrelid = 'zaak'::regclass"
    )
    assert len(rows) == len(operations) + (2 if "update" not in operations else 1)
    for row in rows:
        await register.run(f"DROP TRIGGER {row['name']} ON zaak", row["made"])
    again = await register.database.fetch(
        "SELECT pg_get_triggerdef(oid) AS made FROM pg_trigger WHERE tgrelid = 'zaak'::regclass"
    )
    assert sorted(row["made"] for row in again) == sorted(row["made"] for row in rows)
    await register.run(
        "INSERT INTO zaak VALUES (1, 'x', 1, '{}')",
        "UPDATE zaak SET fase = fase",
        "UPDATE zaak SET kenmerk = '[]'",
        "DELETE FROM zaak",
    )
    verbs = {"insert": GECREEERD, "update": GEWIJZIGD, "delete": VERWIJDERD}
    assert [each.type for each in await register.told()] == [verbs[each] for each in operations]
