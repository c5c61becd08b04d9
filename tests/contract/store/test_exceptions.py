"""The exceptions of a save: all with its positions or none, sealed, for the owner of the moment."""

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bus.store.database import Database
from bus.store.errors import Fenced, StatementRefused, StoreUnavailable, Unreadable, WrongKey
from bus.store.partition import (
    AttemptMade,
    Command,
    DeadLetter,
    Failing,
    Gap,
    InvalidRecord,
    Notice,
    ParkedEvent,
    Save,
    StoredRecord,
    Taken,
)
from bus.store.secrets import Sealer
from bus.store.stored import Position, Replay
from bus.store.streams import Streams
from tests.contract.store.stores import Store, at
from tests.contract.store.test_streams import someone_waits_for_a_lock

WHEN = datetime(2026, 11, 23, 12, tzinfo=UTC)
TOPIC_ID = uuid.UUID(int=99)
RECORD = StoredRecord(
    b"urn:nld:bsn:999990019", b'{"naam": "Jansen"}', (("ce_type", b"nl.a"), ("odd", None)), 1700
)
TABLES = (
    *("stream", "position", "parked", "dead_letter", "invalid_record", "gap"),
    *("command", "attempt", "notice", "progress", "failing"),
)


def parked(subscription: uuid.UUID, offset: int, **fields: Any) -> ParkedEvent:  # noqa: ANN401
    """Make an event that waits for its third attempt."""
    event = ParkedEvent(subscription, offset, RECORD, 2, WHEN, WHEN, "temporary 503")
    return replace(event, **fields)


def dead(subscription: uuid.UUID, offset: int, **fields: Any) -> DeadLetter:  # noqa: ANN401
    """Make a letter that was refused at once."""
    letter = DeadLetter(
        *(subscription, offset, RECORD, f"id-{offset}", "urn:nld:oin:1", "nl.a"),
        *("refused", "refused 422", 1, WHEN, WHEN),
    )
    return replace(letter, **fields)


def attempt(subscription: uuid.UUID, offset: int) -> AttemptMade:
    """Make a first attempt."""
    return AttemptMade(subscription, offset, "id", "urn:a", "nl.a", 1, "temporary 503", WHEN)


def notice(subscription: uuid.UUID) -> Notice:
    """Make something to tell."""
    type_ = "nl.vng.gemeentebus.subscription-disabled"
    return Notice(uuid.uuid4(), type_, "0" * 20, subscription, '{"reason": "gone"}')


def saved(taken: Taken, **fields: Any) -> Save:  # noqa: ANN401 - of a Save
    """Make a save of gb.a/0 by its owner."""
    return replace(Save("gb.a", 0, taken.epoch, 10, taken.revision), **fields)


def everything(taken: Taken, one: uuid.UUID) -> Save:
    """Make a save that has something of each kind for a subscription."""
    return saved(
        taken,
        rows=(Position(one, 5, (3,), None, None, Replay(7, 9)),),
        parked=(parked(one, 3), parked(one, 4, first_at=None, due_at=None)),
        dead=(dead(one, 8),),
        invalid=(InvalidRecord(6, RECORD, "missing ce_id"),),
        gaps=(Gap(one, 0, 2, "retention"),),
        attempts=(attempt(one, 3),),
        failing=(Failing(one, WHEN),),
        notices=(notice(one),),
        topic_id=TOPIC_ID,
        progressed=True,
    )


async def contents(store: Store) -> dict[str, list[str]]:
    """Give all that a partition's owner writes, table by table, but the moments of writing."""
    moments = "ARRAY['saved_at', 'saves', 'parked_at', 'buried_at', 'sealed']"
    return {
        table: [
            row["row"]
            for row in await store.database.fetch(
                f"SELECT (to_jsonb(t) - {moments})::text AS row FROM {table} AS t ORDER BY 1"  # noqa: S608 - names of ours
            )
        ]
        for table in TABLES
    }


async def ask(store: Store, id_: uuid.UUID, kind: str, *, offsets: list[int]) -> int:
    """Ask the owner of gb.a/0 for something, as the API does."""
    (row,) = await store.database.fetch(
        """INSERT INTO command (subscription, topic, partition, kind, from_offset, offsets)
        VALUES ($1, 'gb.a', 0, $2, 2, $3) RETURNING id""",
        id_,
        kind,
        offsets or None,
    )
    return int(row["id"])


async def test_the_next_owner_finds_what_was_parked_and_what_is_dead(store: Store) -> None:
    """Copies whole, with null headers and empty fields; the row with its replay; the topic's id."""
    await store.add_domain("a", 1)
    one = (await store.subscribe()).id
    first = await store.streams.take("gb.a", 0, "me")
    assert (first.parked, first.dead, first.topic_id) == ((), frozenset(), None)
    save = everything(first, one)
    await store.streams.save(save)
    assert await store.streams.take("gb.a", 0, "next") == Taken(
        *(first.epoch + 1, 10, first.revision, save.rows),
        *(save.parked, frozenset({(one, 8)}), TOPIC_ID, {one: WHEN}),
    )


async def test_what_is_saved_can_be_looked_up(store: Store) -> None:
    """Invalid records, gaps, attempts, notices and progress, each once."""
    await store.add_domain("a", 1)
    one = (await store.subscribe()).id
    taken = await store.streams.take("gb.a", 0, "me")
    await store.streams.save(everything(taken, one))
    found = await contents(store)
    assert {table: len(rows) for table, rows in found.items()} == {
        **dict.fromkeys(TABLES, 1),
        "parked": 2,
        "command": 0,
        "notice": 2,  # and that of its creation
    }
    assert '"next_offset": 10' in found["progress"][0]
    for table, text in (("gap", "retention"), ("attempt", "temporary 503"), ("notice", "gone")):
        assert any(text in row for row in found[table])


async def test_saving_twice_is_saving_once(store: Store) -> None:
    """A save whose answer was lost is written again, and changes nothing."""
    await store.add_domain("a", 1)
    one = (await store.subscribe()).id
    taken = await store.streams.take("gb.a", 0, "me")
    save = replace(everything(taken, one), progressed=False)
    await store.streams.save(save)
    before = await contents(store)
    await store.streams.save(save)
    assert await contents(store) == before


async def test_what_is_over_goes(store: Store) -> None:
    """Unparked events, letters parked again, commands done; the others stay, each at its place."""
    await store.add_domain("a", 2)
    one, two = [(await store.subscribe()).id for _ in range(2)]
    taken = await store.streams.take("gb.a", 0, "me")
    beside = await store.streams.take("gb.a", 1, "me")
    full: dict[str, Any] = {
        "parked": (parked(one, 3), parked(one, 4), parked(two, 3)),
        "dead": (dead(one, 18), dead(two, 18)),
    }
    await store.streams.save(saved(taken, **full))
    await store.streams.save(Save("gb.a", 1, beside.epoch, 10, beside.revision, **full))
    id_ = await ask(store, one, "redrive", offsets=[18])
    other = await ask(store, two, "redrive", offsets=[18])
    await store.streams.save(
        saved(taken, unparked=((one, 3),), redriven=((one, 18),), commands=(id_,))
    )
    again = await store.streams.take("gb.a", 0, "me")
    assert {(event.subscription, event.offset) for event in again.parked} == {(one, 4), (two, 3)}
    assert again.dead == {(two, 18)}
    assert [command.id for command in await store.streams.commands("gb.a", 0, again.epoch)] == [
        other
    ]
    beside = await store.streams.take("gb.a", 1, "me")
    assert (len(beside.parked), len(beside.dead)) == (3, 2)


async def test_a_parked_event_is_written_as_it_stands(store: Store) -> None:
    """Its attempts, due time and outcome are those of the last save."""
    await store.add_domain("a", 1)
    one = (await store.subscribe()).id
    taken = await store.streams.take("gb.a", 0, "me")
    await store.streams.save(saved(taken, parked=(parked(one, 3),)))
    later = parked(one, 3, attempts=3, due_at=WHEN + timedelta(hours=2), last_outcome="timeout")
    await store.streams.save(saved(taken, parked=(later,)))
    assert (await store.streams.take("gb.a", 0, "me")).parked == (later,)


async def test_dead_letters_below_what_is_still_to_be_read_are_left_out(store: Store) -> None:
    """From the stream's position on, or from the subscription's own, or at an open offset."""
    await store.add_domain("a", 1)
    ahead, behind, gone = [(await store.subscribe()).id for _ in range(3)]
    taken = await store.streams.take("gb.a", 0, "me")
    letters = tuple(dead(who, at) for who in (ahead, behind, gone) for at in (3, 5, 7, 9, 11))
    rows = (Position(ahead, 20, (), None, None), Position(behind, 8, (5,), None, None))
    await store.streams.save(saved(taken, dead=letters, rows=rows, removed=(gone,)))
    assert (await store.streams.take("gb.a", 0, "me")).dead == {
        *((ahead, 11), (gone, 11)),
        *((behind, 5), (behind, 7), (behind, 9), (behind, 11)),
    }


async def test_a_replay_lets_dead_letters_settle_nothing(store: Store) -> None:
    """Those of that subscription on this partition, until one is buried again."""
    await store.add_domain("a", 2)
    one, two = [(await store.subscribe()).id for _ in range(2)]
    taken = await store.streams.take("gb.a", 0, "me")
    beside = await store.streams.take("gb.a", 1, "me")
    letters = (dead(one, 15), dead(one, 16), dead(two, 15))
    await store.streams.save(saved(taken, dead=letters))
    await store.streams.save(
        Save("gb.a", 1, beside.epoch, 10, beside.revision, dead=(dead(one, 15),))
    )
    await store.streams.save(saved(taken, replayed=(one,), dead=(dead(one, 16),)))
    assert (await store.streams.take("gb.a", 0, "me")).dead == {(one, 16), (two, 15)}
    assert (await store.streams.take("gb.a", 1, "me")).dead == {(one, 15)}
    again = await store.streams.take("gb.a", 0, "me")
    await store.streams.save(saved(again, dead=(dead(one, 15, reason="exhausted"),)))
    assert (one, 15) in (await store.streams.take("gb.a", 0, "me")).dead
    (row,) = await store.database.fetch(
        "SELECT reason FROM dead_letter WHERE event_offset = 15 AND subscription = $1"
        " AND partition = 0",
        one,
    )
    assert row["reason"] == "exhausted"


async def test_an_owner_that_is_over_writes_and_reads_no_exception(store: Store) -> None:
    """Nothing of its save is there, it gets no command, and it disables nobody."""
    await store.add_domain("a", 1)
    one = (await store.subscribe()).id
    old = await store.streams.take("gb.a", 0, "old")
    await store.streams.take("gb.a", 0, "new")
    await ask(store, one, "replay", offsets=[])
    before = await contents(store)
    with pytest.raises(Fenced):
        await store.streams.save(everything(old, one))
    with pytest.raises(Fenced):
        await store.streams.commands("gb.a", 0, old.epoch)
    with pytest.raises(Fenced):
        await store.streams.disable("gb.a", 0, old.epoch, one, 1, "gone", notice(one))
    assert await contents(store) == before


async def test_an_owner_that_waited_while_it_was_fenced_off_is_told(store: Store) -> None:
    """It asks for the epoch as it is once it has the lock."""
    await store.add_domain("a", 1)
    one = (await store.subscribe()).id
    old = await store.streams.take("gb.a", 0, "old")
    before = await contents(store)
    async with store.database.transaction() as taking:
        await taking.execute("UPDATE stream SET epoch = epoch + 1")
        late = [
            asyncio.create_task(store.streams.save(everything(old, one))),
            asyncio.create_task(store.streams.commands("gb.a", 0, old.epoch)),
            asyncio.create_task(
                store.streams.disable("gb.a", 0, old.epoch, one, 1, "gone", notice(one))
            ),
        ]
        await someone_waits_for_a_lock(store, many=3)
    answers = await asyncio.gather(*late, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Fenced, Fenced, Fenced]
    assert {**await contents(store), "stream": []} == {**before, "stream": []}


async def test_a_late_save_writes_no_exception_either(store: Store) -> None:
    """One that hung while a later one got through is refused whole."""
    await store.add_domain("a", 1)
    one = (await store.subscribe()).id
    taken = await store.streams.take("gb.a", 0, "me")
    async with store.database.transaction() as holding:
        await holding.execute("SELECT FROM stream FOR UPDATE")
        late = asyncio.create_task(store.streams.save(everything(taken, one)))
        await someone_waits_for_a_lock(store)
        await holding.execute("UPDATE stream SET saves = $1", 2**62)
    before = await contents(store)
    with pytest.raises(Fenced):
        await late
    assert await contents(store) == before


@pytest.mark.parametrize(
    "bad",
    [
        {"dead": (dead(uuid.UUID(int=1), 8, reason="odd"),)},
        {"gaps": (Gap(uuid.UUID(int=1), 0, 2, "odd"),)},
        {"notices": (replace(notice(uuid.UUID(int=1)), data="no JSON"),)},
        {"attempts": (replace(attempt(uuid.UUID(int=1), 3), outcome="\0"),)},
    ],
    ids=["dead letter", "gap", "notice", "attempt"],
)
async def test_a_save_that_is_refused_writes_nothing(store: Store, bad: dict[str, Any]) -> None:
    """Not the exceptions beside the bad one, and not the positions."""
    await store.add_domain("a", 1)
    one = (
        await store.subscriptions.create(
            store.wanted(id_=uuid.UUID(int=1)), secret=b"s", start=at(0)
        )
    ).id
    taken = await store.streams.take("gb.a", 0, "me")
    before = await contents(store)
    with pytest.raises(StatementRefused):
        await store.streams.save(replace(everything(taken, one), **bad))
    assert await contents(store) == before


async def test_an_invalid_record_that_takes_too_long_is_no_refusal(store: Store) -> None:
    """The whole save is tried again, and has it then; only what is refused is left out."""
    await store.add_domain("a", 1)
    taken = await store.streams.take("gb.a", 0, "me")
    records = tuple(InvalidRecord(offset, RECORD, "missing ce_id") for offset in range(6, 9))
    save = saved(taken, invalid=records)
    async with (
        Database.open(store.url, application_name="tests", patience=0.2) as hasty,
        store.database.transaction() as transaction,
    ):
        await transaction.execute("LOCK TABLE invalid_record")
        with pytest.raises(StoreUnavailable):
            await Streams(hasty, store.sealer).save(save)
    assert not (await contents(store))["invalid_record"]
    await store.database.execute("ALTER TABLE invalid_record ADD CHECK (event_offset <> 7)")
    assert await store.streams.save(save) == [7]
    assert len((await contents(store))["invalid_record"]) == 2


async def test_what_is_of_a_deleted_subscription_is_skipped(store: Store) -> None:
    """The rest of the save is written: a deletion never stops a partition."""
    await store.add_domain("a", 1)
    gone, stays = [(await store.subscribe()).id for _ in range(2)]
    taken = await store.streams.take("gb.a", 0, "me")
    await store.subscriptions.delete(gone)
    both = everything(taken, gone)
    for name in ("parked", "dead", "gaps", "attempts"):
        more = tuple(replace(each, subscription=stays) for each in getattr(both, name))
        both = replace(both, **{name: getattr(both, name) + more})
    await store.streams.save(both)
    found = await contents(store)
    for table in ("parked", "dead_letter", "gap", "attempt"):
        assert found[table]
        assert not any(str(gone) in row for row in found[table])
    assert len(found["invalid_record"]) == 1


async def test_a_deletion_under_way_is_waited_for_and_never_in_the_way(store: Store) -> None:
    """A save waits for it before it touches what belongs to the subscription: no deadlock."""
    await store.add_domain("a", 1)
    gone, stays = [(await store.subscribe()).id for _ in range(2)]
    taken = await store.streams.take("gb.a", 0, "me")
    await store.streams.save(everything(taken, gone))
    async with store.database.transaction() as deleting:
        await deleting.execute("SELECT FROM subscription WHERE id = $1 FOR UPDATE", gone)
        save = saved(
            *(taken,),
            unparked=((gone, 3),),
            removed=(gone,),
            parked=(parked(gone, 4), parked(stays, 4)),
            dead=(dead(gone, 8),),
            replayed=(gone,),
        )
        saving = asyncio.create_task(store.streams.save(save))
        await someone_waits_for_a_lock(store)
        await deleting.execute("DELETE FROM subscription WHERE id = $1", gone)
    await saving
    again = await store.streams.take("gb.a", 0, "me")
    assert again.parked == (parked(stays, 4),)
    assert again.dead == frozenset()


async def test_commands_come_in_order_with_the_copies_to_redrive(store: Store) -> None:
    """Purged letters and those that are not there are left out; no attempt counts any more."""
    await store.add_domain("a", 1)
    one = (await store.subscribe()).id
    taken = await store.streams.take("gb.a", 0, "me")
    assert await store.streams.commands("gb.a", 0, taken.epoch) == []
    await store.streams.save(saved(taken, dead=tuple(dead(one, at) for at in (3, 4, 5))))
    await store.database.execute(
        "UPDATE dead_letter SET sealed = NULL, purged_at = now() WHERE event_offset = 4"
    )
    replay = await ask(store, one, "replay", offsets=[])
    redrive = await ask(store, one, "redrive", offsets=[5, 4, 3, 77])
    waiting = [parked(one, at, attempts=0) for at in (5, 3)]
    redriven = tuple(
        replace(each, first_at=None, due_at=None, last_outcome=None) for each in waiting
    )
    assert await store.streams.commands("gb.a", 0, taken.epoch) == [
        Command(replay, one, "replay", 2, None),
        Command(redrive, one, "redrive", 2, None, redriven),
    ]


async def test_since_when_a_sink_fails_is_kept_until_it_does_not(store: Store) -> None:
    """Per partition, in the newest save; of a subscription that is deleted nothing is kept."""
    await store.add_domain("a", 1)
    one, two, gone = [(await store.subscribe()).id for _ in range(3)]
    taken = await store.streams.take("gb.a", 0, "me")
    await store.streams.save(saved(taken, failing=tuple(Failing(w, WHEN) for w in (one, two))))
    assert (await store.streams.take("gb.a", 0, "me")).failing == {one: WHEN, two: WHEN}
    await store.database.execute("DELETE FROM subscription WHERE id = $1", gone)
    taken = await store.streams.take("gb.a", 0, "me")
    later = WHEN + timedelta(days=1)
    changed = (Failing(one, later), Failing(two, None), Failing(gone, WHEN))
    await store.streams.save(saved(taken, failing=changed))
    assert (await store.streams.take("gb.a", 0, "me")).failing == {one: later}


async def test_an_owner_gets_some_commands_of_a_subscription_at_a_time(store: Store) -> None:
    """Copies of all that somebody has redriven would fill its memory; nobody else waits for it."""
    await store.add_domain("a", 1)
    one, other = [(await store.subscribe()).id for _ in range(2)]
    taken = await store.streams.take("gb.a", 0, "me")
    of_one = [await ask(store, one, "redrive", offsets=[at]) for at in range(7)]
    replay = await ask(store, one, "replay", offsets=[])
    of_other = await ask(store, other, "redrive", offsets=[1])
    found = await store.streams.commands("gb.a", 0, taken.epoch)
    assert [command.id for command in found] == [*of_one[:5], replay, of_other]
    await store.streams.save(saved(taken, commands=tuple(of_one[:5])))
    found = await store.streams.commands("gb.a", 0, taken.epoch)
    assert [command.id for command in found] == [*of_one[5:], replay, of_other]


async def test_disabling_is_a_version_that_followers_meet(store: Store) -> None:
    """Once, with its notice; one that is paused, deleted or changed since stays as it is."""
    await store.add_domain("a", 1)
    one, paused = await store.subscribe(types=["nl.a"]), await store.subscribe()
    await store.database.execute(
        "UPDATE subscription SET state = 'paused' WHERE id = $1", paused.id
    )
    taken = await store.streams.take("gb.a", 0, "me")
    after = await store.streams.revision()
    told = notice(one.id)

    async def disable(id_: uuid.UUID, served: int) -> bool:
        return await store.streams.disable("gb.a", 0, taken.epoch, id_, served, "gone", told)

    assert not await disable(one.id, one.revision - 1)
    assert await disable(one.id, one.revision)
    assert not await disable(one.id, one.revision)
    assert not await disable(paused.id, paused.revision)
    assert not await disable(uuid.uuid4(), one.revision)
    now, (change,) = await store.streams.changes("gb.a", 0, taken.epoch, after)
    assert change.stored is not None
    assert (change.stored.state, change.stored.subscription) == ("disabled", one.subscription)
    before, since = [await store.streams.subscriptions_at(at) for at in (after, now)]
    assert [{each.id: each.state for each in read}[one.id] for read in (before, since)] == [
        *("active", "disabled")
    ]
    written = await store.database.fetch("SELECT id FROM notice WHERE type = $1", told.type)
    assert [row["id"] for row in written] == [told.id]
    changed = await store.subscriptions.update(store.wanted(id_=one.id, types=["nl.b"]))
    stored = {each.id: each for each in await store.streams.subscriptions_at(changed.revision)}
    assert (stored[one.id].state, stored[one.id].subscription.types) == ("disabled", ("nl.b",))


async def test_nothing_of_an_event_is_readable_in_its_copies(store: Store) -> None:
    """Neither its key nor its data; the digest tells lanes apart, for who has the key only."""
    await store.add_domain("a", 1)
    one = (await store.subscribe()).id
    taken = await store.streams.take("gb.a", 0, "me")
    other = replace(RECORD, key=None)
    await store.streams.save(
        saved(
            taken,
            parked=(parked(one, 1), parked(one, 2), parked(one, 3, record=other)),
            dead=(dead(one, 8),),
            invalid=(InvalidRecord(6, RECORD, "missing ce_id"),),
        )
    )
    everything_ = ""
    for table in ("parked", "dead_letter", "invalid_record"):
        query = f"SELECT t::text AS row FROM {table} AS t"  # noqa: S608 - names of ours
        everything_ += "".join(row["row"] for row in await store.database.fetch(query))
    for plain in (b"999990019", b"Jansen"):
        assert plain.decode() not in everything_
        assert plain.hex() not in everything_
    rows = await store.database.fetch("SELECT key_digest FROM parked ORDER BY event_offset")
    first, second, third = [row["key_digest"] for row in rows]
    assert first == second != third
    assert first != Sealer(bytes(32)).digest(RECORD.key)


@pytest.mark.parametrize("moved", ["event_offset = 4", "partition = 1", "subscription = $1"])
async def test_a_copy_opens_at_its_own_place_only(store: Store, moved: str) -> None:
    """Moved to another row it does not: whoever asks is told, and given the others."""
    await store.add_domain("a", 2)
    one, two = [(await store.subscribe()).id for _ in range(2)]
    for partition in (0, 1):
        taken = await store.streams.take("gb.a", partition, "me")
        save = saved(taken, partition=partition, parked=(parked(one, 3), parked(two, 8)))
        await store.streams.save(save)
    await store.database.execute("DELETE FROM parked WHERE partition = 1 AND event_offset = 3")
    await store.database.execute(
        f"UPDATE parked SET {moved} WHERE partition = 0 AND event_offset = 3"  # noqa: S608 - ours
        " AND $1::uuid IS NOT NULL",
        two,
    )
    partition = 1 if moved.startswith("partition") else 0
    with pytest.raises(WrongKey):
        await store.streams.take("gb.a", partition, "me")
    told: list[Unreadable] = []
    taken = await store.streams.take("gb.a", partition, "me", unreadable=told.append)
    assert taken.parked == (parked(two, 8),)
    assert [error.subscription for error in told] == [two if "$1" in moved else one]


async def test_another_key_opens_no_copy(store: Store) -> None:
    """The settings of a worker are wrong: it says so."""
    await store.add_domain("a", 1)
    one = (await store.subscribe()).id
    taken = await store.streams.take("gb.a", 0, "me")
    await store.streams.save(saved(taken, dead=(dead(one, 3),)))
    await ask(store, one, "redrive", offsets=[3])
    with pytest.raises(WrongKey, match=str(one)):
        await Streams(store.database, Sealer(bytes(32))).commands("gb.a", 0, taken.epoch)
