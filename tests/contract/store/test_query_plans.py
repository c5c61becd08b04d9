"""The engine's statements look rows up: they never read a large table from end to end."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from bus.store.attempts import Attempts
from bus.store.commands import Commands
from bus.store.database import Database
from bus.store.dead_letters import Choice, DeadLetters, Redriven, Unfit
from bus.store.deliveries import Deliveries
from bus.store.partition import AttemptMade, DeadLetter, ParkedEvent, StoredRecord
from bus.store.streams import Position, Save, Streams
from bus.store.troubles import Troubles
from tests.contract.store.stores import Store

LARGE = (
    *("position", "subscription_revision", "subscription", "subscription_secret"),
    *("parked", "dead_letter", "attempt_default", "command", "gap"),
)
RECORD = StoredRecord(b"key", b"{}", (), 1700)
WHEN = datetime(2026, 11, 23, 12, tzinfo=UTC)

# From one subscription, which is there: 4,000 with ten versions each, on 10 of 40 partitions.
FILL = """
INSERT INTO subscription (id, organisation, revision, body)
SELECT gen_random_uuid(), organisation, 10 * n, body FROM subscription, generate_series(2, 4001) n;
INSERT INTO subscription_revision (revision, subscription, organisation, body)
SELECT s.revision - age, s.id, s.organisation, s.body
FROM subscription AS s, generate_series(0, 9) AS age
WHERE s.revision > 1;
INSERT INTO subscription_secret (subscription, kind, sealed)
SELECT s.id, kind, 'sealed'
FROM subscription AS s, unnest(ARRAY['signing', 'sinkcredential']) AS kind
WHERE s.revision > 1;
INSERT INTO stream (topic, partition, revision)
SELECT 'gb.a', n, 40000 FROM generate_series(0, 39) AS n;
INSERT INTO position (subscription, topic, partition, next_offset)
SELECT s.id, t.topic, t.partition, s.revision
FROM subscription AS s JOIN stream AS t ON s.revision / 10 % 4 = t.partition % 4;
INSERT INTO parked (subscription, topic, partition, event_offset, key_digest, sealed, attempts)
SELECT subscription, topic, partition, 1, '', '', 1 FROM position WHERE partition > 35;
INSERT INTO dead_letter (subscription, topic, partition, event_offset, sealed, reason, attempts)
SELECT subscription, topic, partition, -1, '', 'refused', 1 FROM position WHERE partition > 35;
INSERT INTO attempt
SELECT subscription, topic, partition, 1, '', '', '', 1, 'ok', now()
FROM position WHERE partition > 35;
INSERT INTO gap (subscription, topic, partition, from_offset, until_offset, reason)
SELECT subscription, topic, partition, 0, 9, 'retention' FROM position WHERE partition > 35;
INSERT INTO command (subscription, topic, partition, kind)
SELECT subscription, topic, partition, 'replay' FROM position WHERE partition > 35;
UPDATE revision SET value = 40010;
ANALYZE;
"""


@pytest.fixture(params=["auto", "force_custom_plan", "force_generic_plan"])
async def large(own_store: Store, request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Give large tables, and one connection whose plans are made one way or the other."""
    await own_store.subscribe()
    async with Database.open(own_store.url, application_name="fill", patience=60) as patient:
        await patient.execute(FILL)
    name = urlsplit(own_store.url).path[1:]
    await own_store.database.execute(
        f'ALTER DATABASE "{name}" SET plan_cache_mode = {request.param}'
    )
    async with Database.open(own_store.url, application_name="plans", max_size=1) as database:
        yield Store(own_store.url, database, own_store.sealer)


async def whole_reads(store: Store) -> dict[str, int]:
    """Give how often each large table was read from end to end."""
    await store.database.fetch("SELECT pg_stat_force_next_flush()")
    rows = await store.database.fetch(
        "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname = ANY($1)", LARGE
    )
    return {row["relname"]: row["seq_scan"] for row in rows}


async def test_take_changes_and_save_read_no_large_table_whole(large: Store) -> None:
    """Often enough for Postgres to settle on a plan, with rows to write, to remove and to skip."""
    streams: Streams = large.streams
    before = await whole_reads(large)
    assert set(before) == set(LARGE)
    for number in range(12):
        taken = await streams.take("gb.a", number % 3, "me")
        _, changes = await streams.changes(
            "gb.a", number % 3, taken.epoch, 39960, unreadable=lambda _: None
        )
        assert all(each.unreadable for each in changes)  # their secrets are none
        rows = [Position(p.subscription, 50, (41, 42), None, None) for p in taken.positions[:10]]
        gone = [p.subscription for p in taken.positions[10:15]]
        await streams.save(
            Save("gb.a", number % 3, taken.epoch, 60, 40010, tuple(rows), tuple(gone))
        )
        await streams.save(Save("gb.a", number % 3, taken.epoch, 61, 40010))
    assert await whole_reads(large) == before


async def test_exceptions_are_looked_up_too(large: Store) -> None:
    """Saving and reading those of one partition reads no large table whole, however often."""
    streams: Streams = large.streams
    before = await whole_reads(large)
    for number in range(12):
        taken = await streams.take("gb.a", number % 3, "me")
        assert await streams.commands("gb.a", number % 3, taken.epoch) == []
        who = [position.subscription for position in taken.positions[:5]]
        places = [(id_, number) for id_ in who]
        save = Save(
            *("gb.a", number % 3, taken.epoch, 60, 40010),
            parked=tuple(ParkedEvent(*place, RECORD, 1, None, None, None) for place in places),
            unparked=tuple((id_, number + 1) for id_ in who),
            dead=tuple(letter(id_, number) for id_ in who),
            redriven=tuple((id_, number - 3) for id_ in who),
            replayed=tuple(who[:2]),
            commands=tuple(range(5)),
            attempts=tuple(AttemptMade(id_, number, "", "", "", 1, "ok", WHEN) for id_ in who),
        )
        await streams.save(save)
    assert await whole_reads(large) == before
    await subscribers_look_up(large)


async def subscribers_look_up(large: Store) -> None:
    """Their letters, attempts, troubles, and what became of an event: not those of all others."""
    database = large.database
    letters, attempts = DeadLetters(database, large.sealer), Attempts(database)
    taken = await large.streams.take("gb.a", 36, "me", unreadable=lambda _: None)
    who = [position.subscription for position in taken.positions[:12]]
    before = await whole_reads(large)
    for id_ in who:
        (one,) = await letters.page(id_, Choice(reason="refused"), after=0, limit=1)
        assert len(await letters.page(id_, Choice(), after=one.id, limit=50)) < 50
        (last,) = await attempts.page(id_, before=None, limit=1)
        await attempts.page(id_, before=last.place, limit=1)
        assert (await Troubles(database).of(id_)).dead_letters
        assert len(await Deliveries(database).traces("gb.a", 36, 1, who)) == len(who)
        assert await letters.redrive(id_, Choice(ids=(one.id,))) == Redriven(1, 0)
        assert await letters.purge(id_, Choice(ids=(one.id,))) == Unfit(
            frozenset(), frozenset(), frozenset({one.id})
        )
        assert await Commands(database).replaying(id_)
    assert await whole_reads(large) == before


def letter(subscription: uuid.UUID, offset: int) -> DeadLetter:
    """Make a dead letter."""
    return DeadLetter(
        *(subscription, offset, RECORD, "id", "urn:a", "nl.a", "refused", None, 1, WHEN, WHEN)
    )
