"""The engine's reads and writes: whole, absolute, and only for the owner of the moment."""

import asyncio
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bus.store.errors import BadBody, Fenced, NotFound, Unreadable
from bus.store.streams import Position, Save, Taken
from tests.contract.store.stores import Store, at

WHEN = datetime(2026, 11, 23, 12, tzinfo=UTC)


def row(subscription: uuid.UUID, next_offset: int, *, open_: tuple[int, ...] = ()) -> Position:
    """Make a position that fails when something is open."""
    failing = bool(open_)
    return Position(
        subscription,
        next_offset,
        open_,
        WHEN if failing else None,
        "temporary 503" if failing else None,
    )


def saved(taken: Taken, next_offset: int = 0, **fields: Any) -> Save:  # noqa: ANN401 - of a Save
    """Make a save of gb.a/0 by its owner."""
    save = Save("gb.a", 0, taken.epoch, next_offset, taken.revision)
    return replace(save, **fields)


async def test_taking_a_stream_fences_off_the_owner_before(store: Store) -> None:
    """The new owner reads what the old one saved; the old one writes and reads nothing more."""
    await store.add_domain("a", 1)
    one = await store.subscribe()
    old = await store.streams.take("gb.a", 0, "old")
    await store.streams.save(saved(old, 5, rows=(row(one.id, 3, open_=(1, 2)),)))
    new = await store.streams.take("gb.a", 0, "new")
    assert (new.epoch, new.next_offset) == (old.epoch + 1, 5)
    assert new.positions == (row(one.id, 3, open_=(1, 2)),)
    with pytest.raises(Fenced):
        await store.streams.save(saved(old, 9, removed=(one.id,), rows=(row(one.id, 9),)))
    with pytest.raises(Fenced):
        await store.streams.changes("gb.a", 0, old.epoch, 0)
    assert await store.streams.take("gb.a", 0, "third") == Taken(
        new.epoch + 1, 5, old.revision, new.positions
    )


async def test_a_partition_without_a_stream_is_not_found(store: Store) -> None:
    """Neither an unknown topic nor a partition too many can be taken or saved."""
    await store.add_domain("a", 1)
    for topic, partition in (("gb.a", 1), ("gb.b", 0)):
        with pytest.raises(NotFound):
            await store.streams.take(topic, partition, "me")
        with pytest.raises(Fenced):
            await store.streams.save(Save(topic, partition, 0, 1, 1))


async def test_a_save_writes_what_it_names_and_nothing_else(store: Store) -> None:
    """Rows appear, are replaced and go; other rows, other partitions and other streams stay."""
    await store.add_domain("a", 2)
    one, two, three = [await store.subscribe(start=at(1)) for _ in range(3)]
    taken = await store.streams.take("gb.a", 0, "me")
    await store.streams.save(
        saved(
            taken,
            20,
            revision=7,
            rows=(row(one.id, 10, open_=(4, 8)),),
            removed=(two.id, uuid.uuid4()),
        )
    )
    again = await store.streams.take("gb.a", 0, "me")
    assert (again.next_offset, again.revision) == (20, 7)
    assert set(again.positions) == {row(one.id, 10, open_=(4, 8)), row(three.id, 1)}
    await store.streams.save(saved(again, 21, rows=(row(one.id, 11), row(two.id, 2))))
    last = await store.streams.take("gb.a", 0, "me")
    assert set(last.positions) == {row(one.id, 11), row(two.id, 2), row(three.id, 1)}
    beside = await store.streams.take("gb.a", 1, "me")
    assert beside.next_offset == 0
    assert {position.next_offset for position in beside.positions} == {1}


async def test_a_save_may_hold_a_whole_window_of_open_offsets(store: Store) -> None:
    """Large offsets, many of them, in order."""
    await store.add_domain("a", 1)
    one = await store.subscribe()
    taken = await store.streams.take("gb.a", 0, "me")
    offsets = tuple(range(2**62, 2**62 + 512, 2))
    await store.streams.save(saved(taken, 2**62, rows=(row(one.id, 2**62 + 512, open_=offsets),)))
    (position,) = (await store.streams.take("gb.a", 0, "me")).positions
    assert position.open == offsets


async def test_a_row_of_a_deleted_subscription_is_skipped(store: Store) -> None:
    """The rest of the save is written: a deletion never stops a partition."""
    await store.add_domain("a", 1)
    gone, stays = await store.subscribe(), await store.subscribe()
    taken = await store.streams.take("gb.a", 0, "me")
    await store.subscriptions.delete(gone.id)
    await store.streams.save(saved(taken, 9, rows=(row(gone.id, 3), row(stays.id, 4))))
    again = await store.streams.take("gb.a", 0, "me")
    assert (again.next_offset, again.positions) == (9, (row(stays.id, 4),))


async def test_a_subscription_deleted_during_the_save_is_skipped_too(store: Store) -> None:
    """The save waits for a deletion under way, and then leaves that row out."""
    await store.add_domain("a", 1)
    gone, stays = await store.subscribe(), await store.subscribe()
    taken = await store.streams.take("gb.a", 0, "me")
    async with store.database.transaction() as deleting:
        await deleting.execute("DELETE FROM subscription WHERE id = $1", gone.id)
        save = saved(taken, 9, rows=(row(stays.id, 4), row(gone.id, 3)))
        saving = asyncio.create_task(store.streams.save(save))
        await someone_waits_for_a_lock(store)
    await saving
    again = await store.streams.take("gb.a", 0, "me")
    assert (again.next_offset, again.positions) == (9, (row(stays.id, 4),))


async def test_a_new_owner_sees_the_save_that_it_waited_for(store: Store) -> None:
    """Taking a stream waits for a save under way, and reads the rows that it wrote."""
    await store.add_domain("a", 1)
    one = await store.subscribe()
    async with store.database.transaction() as saving:
        await saving.execute("UPDATE stream SET next_offset = 5")
        await saving.execute("UPDATE position SET next_offset = 4")
        taking = asyncio.create_task(store.streams.take("gb.a", 0, "new"))
        await someone_waits_for_a_lock(store)
    taken = await taking
    assert (taken.next_offset, taken.positions) == (5, (row(one.id, 4),))


async def test_an_owner_that_waited_while_it_was_fenced_off_is_told(store: Store) -> None:
    """Save and changes ask for the epoch as it is once they have the lock, not as it was before."""
    await store.add_domain("a", 1)
    old = await store.streams.take("gb.a", 0, "old")
    async with store.database.transaction() as taking:
        await taking.execute("UPDATE stream SET epoch = epoch + 1")
        late = [
            asyncio.create_task(store.streams.save(saved(old, 9))),
            asyncio.create_task(store.streams.changes("gb.a", 0, old.epoch, 0)),
        ]
        await someone_waits_for_a_lock(store, many=2)
    answers = await asyncio.gather(*late, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Fenced, Fenced]
    assert (await store.streams.take("gb.a", 0, "new")).next_offset == 0


async def test_a_save_given_up_does_not_overtake_a_later_one(store: Store) -> None:
    """One that hung and comes through late is refused, though its epoch is current."""
    await store.add_domain("a", 1)
    one = await store.subscribe()
    taken = await store.streams.take("gb.a", 0, "me")
    async with store.database.transaction() as holding:
        await holding.execute("SELECT FROM stream FOR UPDATE")
        late = asyncio.create_task(store.streams.save(saved(taken, 5, removed=(one.id,))))
        await someone_waits_for_a_lock(store)
        # What the later save leaves behind, which got through before the lock was free.
        await holding.execute("UPDATE stream SET next_offset = 9, saves = $1", 2**62)
        await holding.execute("UPDATE position SET next_offset = 7")
    with pytest.raises(Fenced):
        await late
    again = await store.streams.take("gb.a", 0, "me")
    assert (again.next_offset, again.positions) == (9, (row(one.id, 7),))


async def test_changes_give_the_newest_of_each_with_its_position(store: Store) -> None:
    """Created, changed twice, deleted: one entry each, and the counter of that moment."""
    await store.add_domain("a", 1)
    old = await store.subscribe()
    taken = await store.streams.take("gb.a", 0, "me")
    after = await store.streams.revision()
    new = await store.subscribe(start=at(7), types=["nl.a"], secret=b"new")
    await store.subscriptions.update(store.wanted(id_=new.id, types=["nl.b"]))
    latest = await store.subscriptions.update(store.wanted(id_=new.id, types=["nl.c"]))
    await store.subscriptions.delete(old.id)
    now, (changed, deleted) = await store.streams.changes("gb.a", 0, taken.epoch, after)
    assert now == await store.streams.revision() == deleted.revision
    assert (changed.revision, changed.id) == (latest.revision, new.id)
    assert changed.stored is not None
    assert changed.stored.subscription == latest.subscription
    assert (changed.stored.secret, changed.stored.organisation) == (b"new", store.oin)
    assert changed.position == row(new.id, 7)
    assert (deleted.id, deleted.stored, deleted.position) == (old.id, None, None)
    assert await store.streams.changes("gb.a", 0, taken.epoch, now) == (now, [])


async def test_a_version_is_found_as_it_was_valid_then(store: Store) -> None:
    """At each number: the versions of those that were there and still are."""
    one = await store.subscribe(types=["nl.a"])
    two = await store.subscribe(types=["nl.b"])
    changed = await store.subscriptions.update(store.wanted(id_=one.id, types=["nl.c"]))
    await store.subscriptions.delete(two.id)

    async def types_at(revision: int) -> list[tuple[str, ...]]:
        return [s.subscription.types for s in await store.streams.subscriptions_at(revision)]

    assert await types_at(one.revision - 1) == []
    assert await types_at(two.revision) == [("nl.a",)]
    assert await types_at(changed.revision) == [("nl.c",)]


async def test_a_body_that_does_not_read_names_its_subscription(store: Store) -> None:
    """Whoever asks for it is told of that one and given the others; else it is an error."""
    await store.add_domain("a", 1)
    good, bad = await store.subscribe(), await store.subscribe(types=["nl.secret-type"])
    await store.database.execute(
        """UPDATE subscription_revision SET body = body || '{"from": "a later version"}'
        WHERE subscription = $1""",
        bad.id,
    )
    taken = await store.streams.take("gb.a", 0, "me")
    with pytest.raises(BadBody, match=f"{bad.id}.*from") as caught:
        await store.streams.subscriptions_at(bad.revision)
    assert "secret-type" not in str(caught.value)
    assert "a later version" not in str(caught.value)
    with pytest.raises(BadBody, match=str(bad.id)):
        await store.streams.changes("gb.a", 0, taken.epoch, 0)
    told: list[Unreadable] = []
    read = await store.streams.subscriptions_at(bad.revision, unreadable=told.append)
    _, changes = await store.streams.changes("gb.a", 0, taken.epoch, 0, unreadable=told.append)
    assert [one.id for one in read] == [good.id]
    assert [(each.id, each.unreadable) for each in changes] == [(good.id, False), (bad.id, True)]
    assert [one.subscription for one in told] == [bad.id, bad.id]


async def test_lags_tell_how_far_the_streams_are(store: Store) -> None:
    """Of the topics asked for, by topic and partition, with the owner."""
    await store.add_domain("b", 1)
    await store.add_domain("a", 2)
    taken = await store.streams.take("gb.a", 1, "worker-1")
    await store.streams.save(Save("gb.a", 1, taken.epoch, 12, taken.revision))
    rows = await store.streams.lags(["gb.a", "gb.nowhere"])
    assert [(one.partition, one.next_offset, one.epoch, one.owner) for one in rows] == [
        (0, 0, 0, None),
        (1, 12, 1, "worker-1"),
    ]
    assert rows[1].saved_at > rows[0].saved_at


async def someone_waits_for_a_lock(store: Store, *, many: int = 1) -> None:
    """Wait until as many statements on this database wait for a lock."""
    for _ in range(500):
        waiting = await store.database.fetch(
            "SELECT 1 FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        if len(waiting) >= many:
            return
        await asyncio.sleep(0.01)
    pytest.fail("nothing waits for a lock")
