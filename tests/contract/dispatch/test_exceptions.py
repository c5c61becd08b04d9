"""Parked, given up, brought back: what a dispatcher does with exceptions, on real servers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from bus.log.writer import Writer
from bus.store.commands import Stretch
from bus.store.dead_letters import Choice, Redriven
from tests.house import OIN, House, Sink, events, in_order, sinks, until

_BODY = "SELECT body::text FROM subscription_revision WHERE subscription = $1"
_SET_BODY = """
UPDATE subscription_revision SET body = $2::text::jsonb WHERE subscription = $1 RETURNING true
"""

RETRY = {"retry": {"schedule": (0.2, 0.3), "jitter": 0, "limit": 1}}


@pytest_asyncio.fixture
async def house(kafka: str, database_url: str, namespace: str) -> AsyncIterator[House]:
    """Give an open house."""
    async with House.open(kafka, database_url, namespace) as opened:
        yield opened


async def dead_letters(house: House) -> list[dict[str, Any]]:
    """Give what was given up, by offset."""
    return await house.rows("SELECT * FROM dead_letter ORDER BY event_offset")


async def holds(house: House, table: str, number: int) -> bool:
    """Whether a table has so many rows."""
    (row,) = await house.rows(f"SELECT count(*) AS number FROM {table}")  # noqa: S608 - ours
    return bool(row["number"] == number)


async def test_a_refused_event_becomes_a_dead_letter_and_its_key_goes_on(house: House) -> None:
    """It is kept sealed, with the reason; what comes after it is delivered in order."""
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 1)
        sink.answer = lambda event: 422 if event["id"] == "000003" else 204
        await house.subscribe(sink)
        async with house.dispatcher():
            await house.publish(domain, events(60, keys=10))
            await sink.until(lambda sink: len(sink.accepted) >= 59)
            assert in_order(sink)
            (letter,) = await dead_letters(house)
    found = {name: letter[name] for name in ("event_id", "reason", "last_outcome", "attempts")}
    assert found == {
        "event_id": "000003",
        "reason": "refused",
        "last_outcome": "refused 422",
        "attempts": 1,
    }
    assert b"000003" not in letter["sealed"]
    assert await holds(house, "notice WHERE type = 'nl.vng.gemeentebus.event-dead-lettered'", 1)


async def test_parked_events_outlive_their_dispatcher(house: House) -> None:
    """An event that fails waits beside the position, its key behind it, whoever dispatches."""
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 2)
        fails = True
        sink.answer = lambda event: 500 if fails and event["partitionkey"] == "k3" else 204
        retry = {"schedule": (0.1, 3_600), "jitter": 0}
        await house.subscribe(sink, delivery={"retry": retry})
        async with house.dispatcher("one"):
            await house.publish(domain, events(100, keys=10))
            await sink.until(lambda sink: len(sink.accepted) >= 90)
            await until(lambda: holds(house, "parked", 10))
            await until(lambda: holds(house, "position", 0))
        attempts = sink.ids.count("000003")
        assert attempts == 2
        fails = False
        await house.rows("UPDATE parked SET due_at = now() WHERE due_at IS NOT NULL RETURNING 1")
        async with house.dispatcher("two"):
            await sink.until(lambda sink: len(sink.accepted) >= 100)
            await until(lambda: holds(house, "parked", 0))
    assert in_order(sink)
    assert sink.ids.count("000003") == attempts + 1
    failed = await house.rows("SELECT attempt, outcome FROM attempt ORDER BY attempt")
    assert [tuple(row.values()) for row in failed] == [(1, "temporary 500"), (2, "temporary 500")]


async def test_days_of_failures_are_counted_over_restarts(house: House) -> None:
    """Who takes a partition goes on where the last one was, though all that fails is parked."""
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 1)
        sink.answer = lambda _: 500
        await house.subscribe(sink, delivery={"retry": {"schedule": (0.1, 3_600), "jitter": 0}})
        async with house.dispatcher("one"):
            await house.publish(domain, events(1))
            await until(lambda: holds(house, "parked", 1))
            await until(lambda: holds(house, "position", 0))
        await house.rows(
            "INSERT INTO failing SELECT subscription, topic, partition, now() - interval '6 days'"
            " FROM parked RETURNING 1"
        )
        await house.rows("UPDATE parked SET due_at = now() RETURNING 1")
        async with house.dispatcher("two"):
            await until(lambda: holds(house, "subscription WHERE state = 'disabled'", 1))
            await until(lambda: holds(house, "failing", 0))


async def test_a_partition_that_could_not_be_taken_whole_sends_nothing(house: House) -> None:
    """Its parked events are sent by whoever takes it, not by every one who tried."""
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 1)
        fails = True
        sink.answer = lambda _: 500 if fails else 204
        await house.subscribe(sink, delivery={"retry": {"schedule": (0.1, 3_600), "jitter": 0}})
        async with house.dispatcher("one"):
            await house.publish(domain, events(1))
            await until(lambda: holds(house, "parked", 1))
        fails = False
        sink.ids.clear()
        await house.rows("UPDATE parked SET due_at = now() RETURNING 1")
        (before,) = await house.rows("SELECT epoch FROM stream")
        await house.rows("ALTER TABLE command RENAME TO elsewhere")
        async with house.dispatcher("two") as worker:

            async def was_tried_twice() -> bool:
                (stream,) = await house.rows("SELECT epoch FROM stream")
                return bool(stream["epoch"] >= before["epoch"] + 3)

            await until(was_tried_twice)
            await house.rows("ALTER TABLE elsewhere RENAME TO command")
            await until(lambda: holds(house, "parked", 0))
            assert all(each.room.events == 0 for each in worker._subscribers.values())
    assert sink.ids == ["000000"]


async def test_an_exhausted_schedule_gives_an_event_up(house: House) -> None:
    """Its last outcome and the number of attempts are kept with it."""
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 1)
        sink.answer = lambda event: 503 if event["id"] == "000000" else 204
        await house.subscribe(sink, delivery=RETRY)
        async with house.dispatcher():
            await house.publish(domain, events(20))
            await sink.until(lambda sink: len(sink.accepted) >= 19, within=30)
            await until(lambda: holds(house, "dead_letter", 1))
            await until(lambda: holds(house, "parked", 0))
    (letter,) = await dead_letters(house)
    assert (letter["reason"], letter["attempts"]) == ("exhausted", 4)
    assert sink.ids.count("000000") == 4


async def test_a_dead_letter_is_redriven_in_its_lane(house: House) -> None:
    """It comes again, marked with attempt 1, and leaves the dead letters."""
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 1)
        refuses = True
        sink.answer = lambda event: 422 if refuses and event["id"] == "000003" else 204
        identity = await house.subscribe(sink)
        async with house.dispatcher():
            await house.publish(domain, events(20))
            await until(lambda: holds(house, "dead_letter", 1))
            refuses = False
            asked = await house.dead_letters.redrive(identity, Choice(reason="refused"))
            assert asked == Redriven(1, 0)
            await sink.until(lambda sink: "000003" in sink.accepted)
            for table in ("dead_letter", "command", "parked"):
                await until(lambda table=table: holds(house, table, 0))
    assert sink.ids.count("000003") == 2


async def test_a_redrive_may_be_of_any_number(house: House) -> None:
    """What there is no room for waits its turn: all of it comes, in the order of its key."""
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 1)
        refuses, bad = True, {f"k{key}" for key in range(1, 400, 2)}
        sink.answer = lambda event: 422 if refuses and event["partitionkey"] in bad else 204
        identity = await house.subscribe(sink)
        async with house.dispatcher():
            await house.publish(domain, events(1_200, keys=400))
            await until(lambda: holds(house, "dead_letter", 600), within=60)
            refuses = False
            sink.ids.clear()
            sink.keys.clear()
            assert await house.dead_letters.redrive(identity, Choice()) == Redriven(600, 0)
            for table in ("dead_letter", "command", "parked"):
                await until(lambda table=table: holds(house, table, 0), within=60)
    assert sorted(sink.ids) == [f"{each:06}" for each in range(1, 1_200, 2)]
    assert in_order(sink)


async def test_a_pause_keeps_the_place(house: House) -> None:
    """Nothing is sent while a subscription is paused; all of it comes after, once, in order."""
    async with sinks(2) as (paused, other):
        domain = await house.domain("nl.test", 2)
        identity = await house.subscribe(paused)
        await house.subscribe(other)
        async with house.dispatcher():
            await house.publish(domain, events(50))
            await paused.until(lambda sink: len(sink.ids) >= 50)
            await house.subscriptions.pause(identity, organisation=OIN)
            await until(lambda: followed(house))
            await house.publish(domain, events(50, first=50))
            await other.until(lambda sink: len(sink.ids) >= 100)
            assert len(paused.ids) == 50
            await house.subscriptions.resume(identity, organisation=OIN)
            await paused.until(lambda sink: len(sink.ids) >= 100)
    assert sorted(paused.ids) == [f"{each:06}" for each in range(100)]
    assert in_order(paused)


async def test_a_sink_that_is_gone_is_disabled(house: House) -> None:
    """After a 410 nothing more is sent; its owner is told, and its place is kept."""
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 1)
        sink.answer = lambda _: 410
        identity = await house.subscribe(sink, delivery={"concurrency": 1})
        async with house.dispatcher():
            await house.publish(domain, events(10, keys=1))
            await until(lambda: is_in_state(house, "disabled"))
            await until(lambda: followed(house))
            assert len(sink.ids) == 1
            sink.answer = lambda _: 204
            await house.subscriptions.resume(identity, organisation=OIN)
            await sink.until(lambda sink: len(sink.accepted) >= 10)
    assert sink.accepted == [f"{each:06}" for each in range(10)]
    assert await holds(house, "notice WHERE type = 'nl.vng.gemeentebus.subscription-disabled'", 1)


async def test_a_replay_delivers_a_stretch_again(house: House) -> None:
    """From an offset on, up to where the subscription stood; marked, in order, and only once."""
    async with sinks(2) as (sink, other):
        domain = await house.domain("nl.test", 1)
        identity = await house.subscribe(sink)
        await house.subscribe(other)
        async with house.dispatcher():
            await house.publish(domain, events(100))
            await sink.until(lambda sink: len(sink.ids) >= 100)
            sink.ids.clear()
            sink.keys.clear()
            await house.commands.replay(identity, [Stretch(domain.topic, 0, 20, 60)])
            await sink.until(lambda sink: len(sink.ids) >= 40)
            assert sink.replayed == 40
            await house.publish(domain, events(20, first=100))
            await sink.until(lambda sink: len(sink.ids) >= 60)
            await until(lambda: holds(house, "position", 0))
        assert not await house.commands.replaying(identity)
    expected = [*range(20, 60), *range(100, 120)]
    assert sorted(sink.ids) == [f"{each:06}" for each in expected]
    assert in_order(sink)
    assert len(other.ids) == 120


async def test_dead_letters_that_cannot_be_written_stop_nobody_else(house: House) -> None:
    """Their events stay open in the row; all other saves go on, and they are written later."""
    async with sinks(2) as (refusing, healthy):
        domain = await house.domain("nl.test", 1)
        refusing.answer = lambda event: 422 if event["id"] == "000003" else 204
        identity = await house.subscribe(refusing)
        await house.subscribe(healthy)
        await house.rows("ALTER TABLE dead_letter ADD CONSTRAINT full_up CHECK (reason = 'never')")
        async with house.dispatcher():
            await house.publish(domain, events(50))
            await healthy.until(lambda sink: len(sink.accepted) >= 50)
            await until(lambda: is_open(house, identity, 3))
            await until(lambda: holds(house, "stream WHERE next_offset = 50", 1))
        await house.rows("ALTER TABLE dead_letter DROP CONSTRAINT full_up")
        async with house.dispatcher():
            await until(lambda: holds(house, "dead_letter", 1))
            await until(lambda: holds(house, "position", 0))


async def test_a_record_that_is_no_event_is_kept_for_operators(house: House, kafka: str) -> None:
    """It is a dead letter of the topic, wanted or not; the events around it are delivered."""
    async with sinks(1) as (sink,), Writer(bootstrap=kafka) as log:
        domain = await house.domain("nl.test", 1)
        await house.subscribe(sink, types=("nl.test.gewijzigd",))
        async with house.dispatcher():
            await house.publish(domain, events(5))
            await log.append(domain.topic, b"k", [], b"no event")
            await log.append(domain.topic, b"k", [("ce_type", b"nl.unwanted")], b"no event")
            await house.publish(domain, events(5, first=5))
            await sink.until(lambda sink: len(sink.ids) >= 10)
            await until(lambda: holds(house, "invalid_record", 2))
    records = await house.rows(
        "SELECT event_offset, reason, sealed FROM invalid_record ORDER BY event_offset"
    )
    for offset, record in enumerate(records, 5):
        assert (record["event_offset"], record["reason"]) == (offset, "required")
        assert b"no event" not in record["sealed"]
    assert healthy_only(sink)


async def test_a_topic_that_was_made_anew_begins_anew(house: House) -> None:
    """Regrown, it looks normal: its id tells. All of it is delivered, and a gap is noted."""
    async with sinks(1) as (sink,):
        domain = await house.domain("nl.test", 1)
        sink.answer = lambda event: 500 if event["id"] == "000003" else 204
        retry = {"schedule": (0.1, 3_600), "jitter": 0}
        identity = await house.subscribe(sink, delivery={"retry": retry})
        async with house.dispatcher("one"):
            await house.publish(domain, events(20))
            await sink.until(lambda sink: len(sink.accepted) >= 18)
            await until(lambda: holds(house, "parked", 2))
            await until(lambda: stands_at(house, 20))
        await house.topics.delete([domain.topic])
        await house.topics.create(domain.topic, 1, 14)
        await house.publish(domain, events(40, first=100))
        async with house.dispatcher("two"):
            await sink.until(lambda sink: len(sink.accepted) >= 58)
            await until(lambda: stands_at(house, 40))
    assert sorted(sink.accepted)[18:] == [f"{each:06}" for each in range(100, 140)]
    gaps = await house.rows("SELECT subscription, from_offset, reason FROM gap")
    assert [tuple(gap.values()) for gap in gaps] == [(identity, 20, "recreated")]
    letters = await dead_letters(house)
    assert [(each["event_id"], each["reason"], each["settles"]) for each in letters] == [
        ("000003", "recreated", False),
        ("000013", "recreated", False),
    ]
    assert await holds(house, "parked", 0)
    assert await house.dead_letters.redrive(identity, Choice(reason="recreated")) == Redriven(0, 2)


async def test_what_nobody_could_read_of_an_old_log_never_meets_the_new_one(house: House) -> None:
    """Parked events of a subscription that cannot be read are given up where their log is gone.

    Readable again, it gets all of the new log: nothing kept of the old one settles an event there.
    """
    async with sinks(2) as (healthy, damaged):
        domain = await house.domain("nl.test", 1)
        damaged.answer = lambda event: 500 if event["id"] == "000003" else 204
        await house.subscribe(healthy)
        retry = {"schedule": (0.1, 3_600), "jitter": 0}
        identity = await house.subscribe(damaged, delivery={"retry": retry})
        async with house.dispatcher("one"):
            await house.publish(domain, events(20))
            await until(lambda: holds(house, "parked", 2))
            await until(lambda: stands_at(house, 20))
        await house.topics.delete([domain.topic])
        await house.topics.create(domain.topic, 1, 14)
        await house.publish(domain, events(40, first=100))
        (was,) = await house.rows(_BODY, identity)
        await house.rows(_SET_BODY, identity, '{"unknown": 1}')
        async with house.dispatcher("two"):
            await healthy.until(lambda sink: len(sink.accepted) >= 60)
            await until(lambda: stands_at(house, 40))
        assert await holds(house, "parked", 0)
        assert [(each["event_offset"], each["reason"]) for each in await dead_letters(house)] == [
            (3, "recreated"),
            (13, "recreated"),
        ]
        gaps = await house.rows("SELECT reason FROM gap WHERE subscription = $1", identity)
        assert [gap["reason"] for gap in gaps] == ["recreated"]
        await house.rows(_SET_BODY, identity, was["body"])
        assert await house.dead_letters.redrive(identity, Choice()) == Redriven(0, 2)
        async with house.dispatcher("three"):
            await damaged.until(lambda sink: len(sink.accepted) >= 58)
    assert sorted(damaged.accepted)[18:] == [f"{each:06}" for each in range(100, 140)]
    (first, _) = await house.dead_letters.page(identity, Choice(), after=0, limit=2)
    _, record = await house.dead_letters.get(identity, first.id)
    assert record is not None


def healthy_only(sink: Sink) -> bool:
    """Whether a sink got each event once."""
    return len(set(sink.ids)) == len(sink.ids)


async def followed(house: House) -> bool:
    """Whether every owner has taken in all changes."""
    now = await house.streams.revision()
    rows = await house.rows("SELECT revision FROM stream")
    return all(row["revision"] == now for row in rows)


async def stands_at(house: House, offset: int) -> bool:
    """Whether the one stream is saved at an offset, and knows its topic."""
    (row,) = await house.rows("SELECT next_offset, topic_id FROM stream")
    return row["next_offset"] == offset and row["topic_id"] is not None


async def is_in_state(house: House, state: str) -> bool:
    """Whether the one subscription is in a state."""
    (row,) = await house.rows("SELECT state FROM subscription")
    return bool(row["state"] == state)


async def is_open(house: House, identity: object, offset: int) -> bool:
    """Whether a position keeps an offset open."""
    rows = await house.rows("SELECT open FROM position WHERE subscription = $1", identity)
    return any(offset in row["open"] for row in rows)


async def test_attempts_that_succeed_are_kept_for_who_asks(house: House) -> None:
    """Exact times of every delivery, a row each; others have rows of what failed alone."""
    async with sinks(2) as (all_of_them, failed):
        domain = await house.domain("nl.test", 1)
        identity = await house.subscribe(all_of_them, delivery={"attempts": "all"})
        await house.subscribe(failed)
        async with house.dispatcher():
            await house.publish(domain, events(5))
            await until(lambda: holds(house, "attempt", 5))
            await failed.until(lambda sink: len(sink.ids) >= 5)
    rows = await house.rows("SELECT subscription, attempt, outcome FROM attempt")
    assert [tuple(row.values()) for row in rows] == [(identity, 1, "delivered")] * 5
