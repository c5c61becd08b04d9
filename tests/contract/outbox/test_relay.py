"""From the outbox to the log, with a real Postgres and a real Kafka."""

import asyncio
import base64
import json
import random
from collections import defaultdict

import pytest

from bus.observe import metrics
from bus.store import queries
from bus.store.outbox import Watch
from producers.outbox.install import install
from producers.outbox.role import outbox_name
from tests.contract.outbox.bus_side import Bus, eventually
from tests.contract.outbox.register import PREFIX, SOURCE, ZAAK, Register

PUBLISH = "SELECT gemeentebus.publish($1, $2, $3, data => $4, extensions => $5)"

WRITERS = 24
ROUNDS = 120
KEYS = 40


def profile_findings() -> float:
    """Count what the profile has found so far, in any domain."""
    (family,) = metrics.PROFILE_FINDINGS.collect()
    return sum(each.value for each in family.samples if each.name.endswith("_total"))


async def is_empty(register: Register) -> bool:
    """Say whether all rows are gone."""
    return await register.rows() == 0


async def test_a_changed_row_becomes_an_event_in_the_log(watched: Register, bus: Bus) -> None:
    """Keyed by the primary key, with id, time, source, type and dataref of its row."""
    await watched.run("INSERT INTO zaak VALUES (7, 'Jan Jansen', 1)")
    row = (await watched.database.fetch("SELECT * FROM gemeentebus.outbox"))[0]
    async with bus.relaying(watched.url):
        (logged,) = await bus.logged(1)
        await eventually(lambda: is_empty(watched))
    assert logged.key == "7"
    assert logged.event.context() == {
        "specversion": "1.0",
        "id": str(row["event_id"]),
        "source": SOURCE,
        "type": "nl.zaken.zaak-gecreeerd",
        "partitionkey": "7",
        "time": row["time"].strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "dataref": "https://zaken.example.nl/zaken/7",
    }
    assert logged.event.data is None


async def test_all_that_a_register_publishes_reaches_the_log(register: Register, bus: Bus) -> None:
    """Payload as the text it was, extensions with their types, the subject."""
    await register.run(
        f"SELECT gemeentebus.publish('nl.zaken.x', '{SOURCE}', 'k', subject => 's', "
        """data => '{"a": 1.50, "a": 2}', """
        """extensions => '{"volgnummer": 7, "urgent": true, "geen": null}')""",
    )
    await register.database.execute(
        "INSERT INTO gemeentebus.outbox (type, source, partitionkey, datacontenttype, data) "
        "VALUES ('nl.zaken.y', $1, 'k', 'application/octet-stream', $2)",
        SOURCE,
        b"\x00\xff",
    )
    async with bus.relaying(register.url):
        first, second = [each.event for each in await bus.logged(2)]
    assert (first.data, first.datacontenttype) == (b'{"a": 1.50, "a": 2}', "application/json")
    assert first.attributes["volgnummer"] == 7
    assert first.attributes["urgent"] is True
    assert first.attributes["subject"] == "s"
    assert "geen" not in first.attributes
    assert (second.data, second.datacontenttype) == (b"\x00\xff", "application/octet-stream")


async def test_writers_at_the_same_time_lose_nothing_and_keep_the_order(
    register: Register, bus: Bus
) -> None:
    """2,880 changes by 24 writers in transactions of random length: each once, in order per key."""
    await register.run(
        "CREATE TABLE teller (id integer PRIMARY KEY, stand integer NOT NULL)",
        f"INSERT INTO teller SELECT generate_series(1, {KEYS}), 0",
    )
    numbers = random.Random(20260501)  # noqa: S311 - the same plan in each run
    plans = [
        [(numbers.randint(1, KEYS), numbers.random() * 0.02) for _ in range(ROUNDS)]
        for _ in range(WRITERS)
    ]

    async def write(plan: list[tuple[int, float]]) -> None:
        async with register.database.session() as session:
            for key, seconds in plan:
                async with session.transaction():
                    row = await session.fetch_one(
                        "UPDATE teller SET stand = stand + 1 WHERE id = $1 RETURNING stand", key
                    )
                    assert row is not None
                    await session.execute(
                        PUBLISH, "nl.zaken.geteld", SOURCE, str(key), str(row["stand"]), "{}"
                    )
                    await asyncio.sleep(seconds)  # the transaction takes its time

    async with bus.relaying(register.url):
        async with asyncio.TaskGroup() as tasks:
            for plan in plans:
                tasks.create_task(write(plan))
        await eventually(lambda: is_empty(register))
    logged = await bus.logged(WRITERS * ROUNDS)
    assert len(logged) == WRITERS * ROUNDS
    assert len({each.event.id for each in logged}) == WRITERS * ROUNDS
    seen: dict[str, list[int]] = defaultdict(list)
    for each in sorted(logged, key=lambda each: (each.at, each.offset)):
        seen[each.key].append(json.loads(each.event.data or b""))
    assert all(values == list(range(1, len(values) + 1)) for values in seen.values())


async def test_a_lower_id_that_commits_later_is_not_skipped(watched: Register, bus: Bus) -> None:
    """The relay has no cursor: what becomes visible behind it is taken in the next round."""
    async with bus.relaying(watched.url), watched.database.session() as slow:
        await slow.execute("BEGIN")
        await slow.execute("INSERT INTO zaak VALUES (1)")
        await watched.run("INSERT INTO zaak VALUES (2)")
        await bus.logged(1)
        await slow.execute("COMMIT")
        assert [each.key for each in await bus.logged(2)] in (["1", "2"], ["2", "1"])


async def test_a_rollback_publishes_nothing(watched: Register, bus: Bus) -> None:
    """What was undone in the register never reaches the log."""
    async with bus.relaying(watched.url), watched.database.session() as session:
        await session.execute("BEGIN; INSERT INTO zaak VALUES (1); ROLLBACK")
        await watched.run("INSERT INTO zaak VALUES (2)")
        assert [each.key for each in await bus.logged(1)] == ["2"]
        await eventually(lambda: is_empty(watched))


async def test_rows_that_cannot_be_published_are_kept_with_the_reason(
    register: Register, bus: Bus, capsys: pytest.CaptureFixture[str]
) -> None:
    """They neither block nor reorder the others, and nothing of their data is told."""
    good = ("nl.zaken.x", SOURCE, "k")
    for type_, source, key, data, extensions in (
        (*good, "1", "{}"),
        ("nl.zaken.x", "urn:nld:oin:00000009999999999999", "k", '"BSN 123456782"', "{}"),
        ("nl.onbekend.x", SOURCE, "k", '"BSN 123456782"', "{}"),
        (*good, "{BSN 123456782", "{}"),
        (*good, '"BSN 123456782"', '{"Naam": "x", "subject": "123456782", "getal": 1.5}'),
        (*good, '"BSN 123456782"', "[]"),
        (*good, '"BSN 123456782"', '{"getal": 1e999}'),
        (*good, f'"{"x" * 2_000_000}"', "{}"),
        (*good, "2", "{}"),
    ):
        await register.database.execute(PUBLISH, type_, source, key, data, extensions)
    async with bus.relaying(register.url):
        assert [each.event.data for each in await bus.logged(2)] == [b"1", b"2"]
        await eventually(lambda: is_empty(register))
    rejected = list(reversed(await register.outbox.rejected(100)))
    assert [row["reason"].partition(":")[0] for row in rejected[:6]] == [
        "foreign source",
        "unknown domain",
        *["invalid event"] * 4,
    ]
    assert "over the limit" in rejected[6]["reason"]
    assert rejected[3]["reason"] == (
        "invalid event: subject: has-a-column, Naam: bad-name, getal: not-an-attribute"
    )
    told = capsys.readouterr().err
    assert told.count("relay.row_refused") == len(rejected)
    assert "123456782" not in told
    assert not any("123456782" in row["reason"] for row in rejected)
    refused = metrics.RELAY_REFUSED.labels(outbox_name(register.url))
    assert refused._value.get() == len(rejected)


async def test_a_row_too_large_for_its_topic_does_not_block(register: Register, bus: Bus) -> None:
    """A topic that was made for smaller events says so in its answer: that row is refused."""
    await bus.add_domain("nl.oud", max_record_bytes=300_000)
    numbers = random.Random(20260502)  # noqa: S311 - nothing secret
    large = base64.b64encode(numbers.randbytes(300_000)).decode()  # does not compress
    for data in ("1", f'"{large}"', "2"):
        await register.database.execute(PUBLISH, "nl.oud.x", SOURCE, "k", data, "{}")
    async with bus.relaying(register.url):
        logged = await bus.logged(2, "nl.oud")
        await eventually(lambda: is_empty(register))
    assert [each.event.data for each in logged] == [b"1", b"2"]
    (rejected,) = await register.outbox.rejected(10)
    assert "over the limit" in rejected["reason"]


async def test_rejected_rows_come_back_once_the_cause_is_gone(register: Register, bus: Bus) -> None:
    """With the event ids they had; the relay sees the new domain at once, not a moment later."""
    ids = [
        str(await register.value(PUBLISH, "nl.bag.x", SOURCE, str(key), None, "{}"))
        for key in range(3)
    ]

    async def all_rejected() -> bool:
        return len(await register.outbox.rejected(10)) == len(ids)

    async with bus.relaying(register.url):
        await eventually(all_rejected)
        await bus.add_domain("nl.bag")
        assert await register.outbox.requeue() == len(ids)
        logged = await bus.logged(len(ids), "nl.bag")
    assert {each.event.id for each in logged} == set(ids)
    assert await register.outbox.rejected(10) == []


async def test_only_one_relay_works_and_another_takes_over(watched: Register, bus: Bus) -> None:
    """While two run, each event is in the log once; when the first ends the second goes on."""
    async with bus.relaying(watched.url):
        await watched.run("INSERT INTO zaak SELECT generate_series(1, 500)")
        await bus.logged(500)
        async with bus.relaying(watched.url):
            await watched.run("INSERT INTO zaak SELECT generate_series(501, 1000)")
            await bus.logged(1000)
            locks = await watched.value(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND "
                "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            assert locks == 1
            await watched.run(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND "
                "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            await watched.run("INSERT INTO zaak SELECT generate_series(1001, 1500)")
            logged = await bus.logged(1500)
    assert len({each.event.id for each in logged}) == 1500


async def test_a_planned_stop_repeats_nothing(watched: Register, bus: Bus) -> None:
    """Relays that are stopped in the middle of the work hand over exactly where they were."""
    await watched.run("INSERT INTO zaak SELECT generate_series(1, 8000)")
    for stop_at in (1, 2000, 4000):
        async with bus.relaying(watched.url):
            await bus.logged(stop_at)
    async with bus.relaying(watched.url):
        await eventually(lambda: is_empty(watched))
    assert len(await bus.logged(8000)) == 8000


async def test_while_the_log_is_away_nothing_is_lost(
    watched: Register, bus: Bus, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows wait in the outbox, the gauges show them, and they are relayed when the log is there."""
    name = outbox_name(watched.url)
    await watched.run("INSERT INTO zaak SELECT generate_series(1, 10)")
    found = profile_findings()

    async def refused() -> bool:
        return "relay.failed" in capsys.readouterr().err

    async with bus.relaying(watched.url, kafka="127.0.0.1:1"):
        await eventually(refused)
        assert await watched.rows() == 10
        assert metrics.RELAY_WAITING.labels(name)._value.get() == 10
    assert profile_findings() == found  # none is counted before its event is in the log
    async with bus.relaying(watched.url):
        assert len(await bus.logged(10)) == 10
        await eventually(lambda: is_empty(watched))
    assert profile_findings() == found + 20


async def test_an_outbox_that_is_installed_later_is_found(
    empty: Register, bus: Bus, capsys: pytest.CaptureFixture[str]
) -> None:
    """A relay may start before the register is ready: it says so, and goes on trying."""

    async def told() -> bool:
        return "gemeentebus.outbox" in capsys.readouterr().err

    async with bus.relaying(empty.url):
        await eventually(told)
        await install(empty.database)
        await empty.run("CREATE TABLE zaak (id integer PRIMARY KEY)")
        await empty.outbox.watch(ZAAK)
        await empty.run("INSERT INTO zaak VALUES (1)")
        assert len(await bus.logged(1)) == 1


async def test_the_gauges_show_what_waits(watched: Register, bus: Bus) -> None:
    """Rows and the age of the first, for the relay that leads; nothing once it has stopped."""
    await watched.run("INSERT INTO zaak SELECT generate_series(1, 10)")
    await watched.run("UPDATE gemeentebus.outbox SET created_at = now() - interval '1 hour'")
    async with watched.outbox.feed() as feed:
        backlog = await feed.backlog(5)
        assert backlog.rows == 5
        assert backlog.seconds == pytest.approx(3600, abs=60)
    async with bus.relaying(watched.url):
        await bus.logged(10)
    name = outbox_name(watched.url)
    assert metrics.RELAY_WAITING.labels(name)._value.get() == 0
    assert metrics.RELAY_BACKLOG.labels(name)._value.get() == 0
    assert metrics.RELAY_ROWS.labels(name)._value.get() == 10


async def test_a_relay_that_no_longer_leads_shows_nothing(watched: Register, bus: Bus) -> None:
    """Otherwise two processes would report one outbox, and one of them a past state."""
    waiting = metrics.RELAY_WAITING.labels(outbox_name(watched.url))
    await watched.run("INSERT INTO zaak SELECT generate_series(1, 10)")

    async def is_led() -> bool:
        return waiting._value.get() == 10

    async def shows_nothing() -> bool:
        return waiting._value.get() == 0

    async with (
        watched.database.session() as holding,
        watched.database.session() as other,
        asyncio.TaskGroup() as tasks,
    ):
        await holding.execute("BEGIN; SELECT FROM gemeentebus.outbox FOR UPDATE")
        async with bus.relaying(watched.url):
            await eventually(is_led)
            lock = queries.load("outbox")["lock"].replace("pg_try_advisory", "pg_advisory")
            taking = tasks.create_task(other.execute(lock.partition("AS taken")[0]))
            await watched.run(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND "
                "granted AND database = (SELECT oid FROM pg_database "
                "WHERE datname = current_database())"
            )
            await taking
            await eventually(shows_nothing)
            assert await watched.rows() == 10


async def test_a_round_is_bounded_in_rows_and_bytes(register: Register) -> None:
    """The first row is always taken; data that no log takes is not read, and kept when refused."""
    for size in (10, 60, 10, 10):
        data = f'"{"x" * (size - 2)}"'
        await register.database.execute(PUBLISH, "t", SOURCE, "k", data, "{}")
    async with register.outbox.feed() as feed:
        assert len(await feed.take(3, 1_000, 1_000)) == 3
        assert len(await feed.take(9, 11, 1_000)) == 2
        assert len(await feed.take(9, 1, 1_000)) == 1
        rows = await feed.take(9, 1_000, 59)
        assert [row["too_large"] for row in rows] == [False, True, False, False]
        assert rows[1]["data"] is None
        await feed.settle([rows[0]["id"]], {rows[1]["id"]: "too large"})
    assert await register.rows() == 2
    kept = "SELECT octet_length(data) FROM gemeentebus.outbox_rejected"
    assert await register.value(kept) == 60


async def test_one_process_relays_several_outboxes(
    watched: Register, bus: Bus, postgres: str
) -> None:
    """Each on its own: one whose database is away does not hold up the other."""
    await watched.run("INSERT INTO zaak VALUES (1)")
    async with bus.relaying(postgres + "_which_is_not_there", watched.url):
        assert len(await bus.logged(1)) == 1


async def test_a_role_with_only_the_documented_rights_can_relay(
    watched: Register, bus: Bus, role: str
) -> None:
    """The grants in the head of install.sql are enough, also for rows that are rejected."""
    await watched.run(
        f"ALTER ROLE {role} PASSWORD 'relay'",
        f"GRANT USAGE ON SCHEMA gemeentebus TO {role}",
        f"GRANT SELECT, DELETE ON gemeentebus.outbox TO {role}",
        f"GRANT SELECT, INSERT ON gemeentebus.outbox_rejected TO {role}",
        "INSERT INTO zaak VALUES (1)",
        f"SELECT gemeentebus.publish('nl.onbekend', '{SOURCE}', 'k')",
    )
    url = watched.url.replace(watched.url.partition("://")[2].partition("@")[0], f"{role}:relay", 1)
    async with bus.relaying(url):
        assert len(await bus.logged(1)) == 1
        await eventually(lambda: is_empty(watched))
    assert len(await watched.outbox.rejected(10)) == 1


async def test_a_watch_with_another_prefix_goes_to_its_own_domain(
    register: Register, bus: Bus
) -> None:
    """The type decides the topic, row by row."""
    await bus.add_domain("nl.zaken.besluit")
    await register.outbox.watch(Watch("zaak", SOURCE, PREFIX))
    await register.run("CREATE TABLE besluit (id integer PRIMARY KEY)")
    await register.outbox.watch(Watch("besluit", SOURCE, "nl.zaken.besluit.besluit"))
    await register.run("INSERT INTO zaak VALUES (1)", "INSERT INTO besluit VALUES (2)")
    async with bus.relaying(register.url):
        assert [each.key for each in await bus.logged(1)] == ["1"]
        assert [each.key for each in await bus.logged(1, "nl.zaken.besluit")] == ["2"]


async def test_a_domain_made_a_moment_ago_has_its_events(register: Register, bus: Bus) -> None:
    """Not the broader domain, which had events of that type until then."""
    publish = "SELECT gemeentebus.publish('nl.zaken.besluit.genomen', $1, $2)"
    async with bus.relaying(register.url):
        await register.value(publish, SOURCE, "before")
        assert [each.key for each in await bus.logged(1)] == ["before"]
        await bus.add_domain("nl.zaken.besluit")
        await register.value(publish, SOURCE, "after")
        assert [each.key for each in await bus.logged(1, "nl.zaken.besluit")] == ["after"]
