"""What nobody needs any more goes; what still holds something up stays."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bus.observe import metrics
from bus.store.database import Database, Session
from bus.store.errors import StoreUnavailable
from bus.store.housekeeping import Housekeeping
from tests.contract.store.stores import Store

HOUSEKEEPING = Housekeeping(attempt_days=7, dead_letter_days=30)
TABLES = (
    "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
    " WHERE inhparent = 'attempt'::regclass ORDER BY relname"
)


@pytest.fixture
async def session(own_store: Store) -> AsyncIterator[Session]:
    """Give a connection, as the chores have one, on a database whose tables may change."""
    async with own_store.database.session() as opened:
        yield opened


async def days(session: Session) -> list[str]:
    """Give the partitions of attempts."""
    return [row["relname"] for row in await session.fetch(TABLES)]


def named(*ahead: int) -> list[str]:
    """Name the partitions of days from now on, beside the one that takes the rest."""
    today = datetime.now(UTC)
    return [f"attempt_{today + timedelta(days=n):%Y%m%d}" for n in ahead] + ["attempt_default"]


async def attempt(session: Session, age: str, outcome: str = "temporary 503") -> None:
    """Store an attempt of some age ("3 days"; negative ones are to come)."""
    await session.execute(
        "INSERT INTO attempt SELECT gen_random_uuid(), 't', 0, 1, '1', 'urn:a', 'nl.a', 1,"
        " $2, now() - $1::text::interval",
        age,
        outcome,
    )


async def letters(session: Session) -> list[tuple[int, bool]]:
    """Give offset of each dead letter, and whether something of its event is left."""
    rows = await session.fetch(
        "SELECT event_offset, num_nonnulls(event_id, source, type, key_digest, sealed) > 0 AS held"
        " FROM dead_letter ORDER BY event_offset"
    )
    return [(row["event_offset"], row["held"]) for row in rows]


async def test_attempts_lie_in_partitions_a_day_and_go_with_them(session: Session) -> None:
    """Coming days are made ahead; a day goes when it has ended more than seven days ago."""
    await HOUSEKEEPING.tidy(session)
    assert await days(session) == named(1, 2, 3)
    for number in (7, 8, 30):
        day = datetime.now(UTC).date() - timedelta(days=number)
        await session.execute(
            f"CREATE TABLE attempt_{day:%Y%m%d} PARTITION OF attempt"
            f" FOR VALUES FROM ('{day} 00:00+00') TO ('{day + timedelta(days=1)} 00:00+00')"
        )
    await attempt(session, "-1 days", "tomorrow's")
    await attempt(session, "30 days")
    await HOUSEKEEPING.tidy(session)
    assert await days(session) == named(-7, 1, 2, 3)
    (row,) = await session.fetch("SELECT tableoid::regclass::text AS at, outcome FROM attempt")
    assert (row["at"], row["outcome"]) == (named(1)[0], "tomorrow's")


async def test_attempts_without_a_day_go_one_by_one(session: Session) -> None:
    """Those of the first day, say; today's own partition is never made over them."""
    for age in ("0 days", "6 days", "8 days", "9 days"):
        await attempt(session, age)
    assert not await HOUSEKEEPING.tidy(session)
    (row,) = await session.fetch("SELECT count(*) FROM attempt_default")
    assert row["count"] == 2


async def test_who_writes_attempts_is_not_held_up(session: Session, database: Database) -> None:
    """A table that somebody reads for long is left for the next time, soon."""
    async with database.transaction() as reading:
        await reading.execute("SELECT FROM attempt")
        with pytest.raises(StoreUnavailable):
            await HOUSEKEEPING.tidy(session)
        await attempt(session, "0 days")
    await HOUSEKEEPING.tidy(session)
    assert await days(session) == named(1, 2, 3)


async def test_old_dead_letters_go_unless_they_hold_their_place(
    own_store: Store, session: Session
) -> None:
    """One at or after the position settles its offset: only what came from the event goes.

    One that is about to be redriven stays whole.
    """
    await own_store.add_domain("a", 2)
    made = await own_store.subscribe()
    await session.execute(
        "UPDATE position SET next_offset = 20, open = '{10, 15}' WHERE partition = 0"
    )
    await session.execute("DELETE FROM position WHERE partition = 1")
    await session.execute("UPDATE stream SET next_offset = 6")
    await session.execute(
        """
        INSERT INTO dead_letter (subscription, topic, partition, event_offset, event_id, source,
            type, key_digest, sealed, reason, attempts, settles, buried_at)
        SELECT $1, 'gb.a', partition, event_offset, '1', 'urn:a', 'nl.a', 'k', 's', 'refused', 1,
            settles, now() - age * interval '1 day'
        FROM (VALUES (0, 5, true, 31), (0, 9, true, 29), (0, 12, true, 31), (0, 13, false, 31),
            (0, 21, true, 31), (1, 2, true, 31), (1, 3, true, 31), (1, 7, true, 31)
        ) AS one (partition, event_offset, settles, age)
        """,
        made.id,
    )
    await session.execute(
        "INSERT INTO command (subscription, topic, partition, kind, offsets)"
        " VALUES ($1, 'gb.a', 1, 'redrive', '{3}')",
        made.id,
    )
    assert not await HOUSEKEEPING.tidy(session)
    assert await letters(session) == [
        (3, True),
        (7, False),
        (9, True),
        (12, False),
        (21, False),
    ]
    tidied = metrics.ROWS_TIDIED.labels("dead_letter")._value.get()
    await HOUSEKEEPING.tidy(session)
    assert metrics.ROWS_TIDIED.labels("dead_letter")._value.get() == tidied, "they are done with"
    await session.execute("UPDATE position SET next_offset = 30, open = '{}'")
    await session.execute("DELETE FROM command")
    await HOUSEKEEPING.tidy(session)
    assert await letters(session) == [(7, False), (9, True)]


async def test_a_heap_of_old_rows_goes_in_batches(own_store: Store, session: Session) -> None:
    """Each round removes so many, and says that there is more."""
    await own_store.add_domain("a", 1)
    await session.execute(
        "INSERT INTO invalid_record SELECT 'gb.a', 0, n, 'no event', 's',"
        " now() - CASE WHEN n < 2500 THEN interval '31 days' ELSE interval '0' END"
        " FROM generate_series(1, 2510) AS n"
    )
    rounds = [await HOUSEKEEPING.tidy(session) for _ in range(3)]
    assert rounds == [True, True, False]
    (row,) = await session.fetch("SELECT count(*) FROM invalid_record")
    assert row["count"] == 11


async def test_progress_is_kept_as_long_as_the_events(own_store: Store, session: Session) -> None:
    """Per topic: what the log has lost needs no time of delivery; a day is added."""
    await own_store.add_domain("a", 2)
    await own_store.add_domain("b", 2)
    await session.execute("UPDATE domain SET retention_days = 30 WHERE name = 'b'")
    await session.execute(
        "INSERT INTO progress (topic, partition, next_offset, at)"
        " SELECT topic, partition, age, now() - make_interval(days => age, mins => -1)"
        " FROM stream, unnest(ARRAY[1, 15, 16, 31, 32]) AS age"
    )
    await HOUSEKEEPING.tidy(session)
    rows = await session.fetch("SELECT topic, next_offset FROM progress WHERE partition = 1")
    assert sorted((row["topic"], row["next_offset"]) for row in rows) == [
        ("gb.a", 1),
        ("gb.a", 15),
        *(("gb.b", age) for age in (1, 15, 16, 31)),
    ]
