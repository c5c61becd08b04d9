"""Subscriptions: each change is one version with a number; secrets stay apart and sealed."""

import asyncio
import uuid
from base64 import b64encode
from collections.abc import Mapping
from typing import Never

import pytest

from bus.store.errors import Conflict, NotFound, WrongKey
from bus.store.secrets import Sealer
from bus.store.streams import Position, Streams
from bus.store.subscriptions import TopicPartition
from tests.contract.store.stores import Store, nowhere


async def test_a_subscription_comes_back_as_it_was_given(store: Store) -> None:
    """The terms, the organisation and the moment; and again by its id."""
    wanted = store.wanted(types=["nl.a"], filters=[{"exact": {"source": "urn:a"}}], domains=["a"])
    made = await store.subscriptions.create(wanted, secret=b"s", start=nowhere)
    assert made.subscription == wanted
    assert (str(made.id), made.organisation) == (wanted.id, store.oin)
    assert made.created_at == made.updated_at
    assert await store.subscriptions.get(made.id) == made


async def test_it_has_a_position_on_every_partition_in_scope(store: Store) -> None:
    """At the offset that was asked for, before anybody can see the subscription."""
    await store.add_domain("a", 2)
    await store.add_domain("b", 1)
    asked = []

    async def start(partitions: list[TopicPartition]) -> Mapping[TopicPartition, int]:
        asked.append(partitions)
        return {("gb.a", 0): 10, ("gb.a", 1): 11, ("gb.b", 0): 12}

    everywhere = await store.subscribe(start=start)
    some = await store.subscriptions.create(
        store.wanted(), secret=b"s", start=start, topics=["gb.b", "gb.not-there"]
    )
    assert asked == [[("gb.a", 0), ("gb.a", 1), ("gb.b", 0)], [("gb.b", 0)]]
    assert await offsets(store, everywhere.id) == {"gb.a/0": 10, "gb.a/1": 11, "gb.b/0": 12}
    assert await offsets(store, some.id) == {"gb.a/0": None, "gb.a/1": None, "gb.b/0": 12}


async def test_without_a_start_nothing_is_stored(store: Store) -> None:
    """What the asking raises comes through; so does a partition that it forgot."""
    await store.add_domain("a")
    before = await store.streams.revision()

    async def away(_partitions: list[TopicPartition]) -> Never:
        raise ConnectionRefusedError("Kafka is away")

    for start, error in ((away, ConnectionRefusedError), (nowhere, KeyError)):
        with pytest.raises(error):
            await store.subscribe(start=start)
    assert await store.subscriptions.page(limit=10) == []
    assert await store.streams.revision() == before


async def test_an_id_is_used_once_and_an_organisation_must_be_there(store: Store) -> None:
    """A second one is a Conflict; one for nobody is NotFound."""
    made = await store.subscribe()
    with pytest.raises(Conflict):
        await store.subscriptions.create(made.subscription, secret=b"s", start=nowhere)
    orphan = store.wanted().model_copy(update={"organisation": "0" * 20})
    with pytest.raises(NotFound):
        await store.subscriptions.create(orphan, secret=b"s", start=nowhere)


async def test_another_organisation_sees_nothing(store: Store) -> None:
    """Not by its id, not in a list, not to change or delete it."""
    made = await store.subscribe()
    theirs = made.subscription.model_copy(update={"organisation": store.other_oin})
    with pytest.raises(NotFound):
        await store.subscriptions.get(made.id, organisation=store.other_oin)
    with pytest.raises(NotFound):
        await store.subscriptions.update(theirs)
    with pytest.raises(NotFound):
        await store.subscriptions.delete(made.id, organisation=store.other_oin)
    assert await store.subscriptions.page(store.other_oin, limit=10) == []
    assert await store.subscriptions.get(made.id, organisation=store.oin) == made


async def test_pages_give_each_once_in_order(store: Store) -> None:
    """Of one organisation or of all; a page goes on where the one before it ended."""
    await asyncio.gather(*(store.subscribe() for _ in range(7)))
    await store.database.execute(
        "UPDATE subscription SET created_at = date_trunc('day', now()) WHERE revision > 2"
    )
    made = await store.subscriptions.page(limit=100)
    in_order = sorted(made, key=lambda one: (one.created_at, one.id))
    assert len({one.id for one in in_order}) == 7
    for organisation in (store.oin, None):
        seen, after = [], None
        while page := await store.subscriptions.page(organisation, after=after, limit=3):
            seen += page
            after = (page[-1].created_at, page[-1].id)
        assert seen == in_order


async def test_a_change_is_a_new_version(store: Store) -> None:
    """Number and moment move on, the creation stays; both versions are in the history."""
    made = await store.subscribe(types=["nl.a"])
    changed = await store.subscriptions.update(store.wanted(id_=made.id, types=["nl.b"]))
    assert changed.subscription.types == ("nl.b",)
    assert changed.revision > made.revision
    assert changed.created_at == made.created_at
    assert changed.updated_at > made.updated_at
    before = await store.streams.subscriptions_at(made.revision)
    now = await store.streams.subscriptions_at(changed.revision)
    assert [one.subscription.types for one in before + now] == [("nl.a",), ("nl.b",)]


async def test_a_change_of_something_else_is_a_conflict(store: Store) -> None:
    """Of two who read the same version, the second is told; nothing of its change is kept."""
    made = await store.subscribe(types=["nl.a"])
    first = await store.subscriptions.update(
        store.wanted(id_=made.id, types=["nl.b"]), expected=made.revision
    )
    with pytest.raises(Conflict):
        await store.subscriptions.update(
            store.wanted(id_=made.id, types=["nl.c"]), expected=made.revision, credential=b"new"
        )
    assert await store.subscriptions.get(made.id) == first
    with pytest.raises(NotFound):
        await store.subscriptions.update(store.wanted(id_=uuid.uuid4()), expected=1)


async def test_a_deleted_one_is_gone_and_its_history_is_not(store: Store) -> None:
    """Secrets and positions go with it; a second deletion finds nothing."""
    await store.add_domain("a")
    made = await store.subscribe()
    await store.subscriptions.delete(made.id)
    for table in ("subscription", "subscription_secret", "position"):
        assert not await store.database.fetch(f"SELECT 1 FROM {table}")  # noqa: S608 - three names
    history = await store.database.fetch("SELECT body FROM subscription_revision ORDER BY revision")
    assert [row["body"] is None for row in history] == [False, True]
    with pytest.raises(NotFound):
        await store.subscriptions.delete(made.id)
    with pytest.raises(NotFound):
        await store.subscriptions.get(made.id)


async def test_no_secret_is_readable_in_the_database(store: Store) -> None:
    """Not in a body, not anywhere: as text, as hexadecimal or as base64."""
    secret, credential, later = b"whsec_Zm9vYmFyYmF6", b"hunter2-hunter2", b"swordfish-swordfish"
    made = await store.subscriptions.create(
        store.wanted(), secret=secret, credential=credential, start=nowhere
    )
    await store.subscriptions.update(made.subscription, credential=lambda _: later)
    tables = await store.database.fetch("SELECT tablename FROM pg_tables WHERE schemaname='public'")
    everything = ""
    for table in tables:
        query = f'SELECT t::text AS row FROM "{table["tablename"]}" AS t'  # noqa: S608 - our tables
        everything += "".join(row["row"] for row in await store.database.fetch(query))
    assert made.subscription.id in everything
    for plain in (secret, credential, later):
        for form in (plain.decode(), plain.hex(), b64encode(plain).decode()):
            assert form not in everything


async def test_the_credential_stays_until_it_is_changed_or_removed(store: Store) -> None:
    """A change that does not name it leaves it."""
    made = await store.subscriptions.create(
        store.wanted(), secret=b"s", credential=b"one", start=nowhere
    )

    async def credential() -> bytes | None:
        (stored,) = await store.streams.subscriptions_at(await store.streams.revision())
        return stored.credential

    seen = [await credential()]
    for change in ({}, {"credential": lambda _: b"two"}, {}, {"credential": lambda _: None}):
        await store.subscriptions.update(made.subscription, **change)
        seen.append(await credential())
    assert seen == [b"one", b"one", b"two", b"two", None]


async def test_another_key_opens_nothing(store: Store) -> None:
    """The settings of a worker are wrong: it says so, and names the subscription."""
    made = await store.subscribe()
    with pytest.raises(WrongKey, match=str(made.id)):
        await Streams(store.database, Sealer(bytes(32))).subscriptions_at(made.revision)


async def test_status_tells_streams_and_positions(store: Store) -> None:
    """Where it goes with the stream there is no position; elsewhere its own."""
    await store.add_domain("a", 2)
    made = await store.subscribe()
    taken = await store.streams.take("gb.a", 0, "me")
    await store.database.execute("DELETE FROM position WHERE partition = 1")
    status = await store.subscriptions.status(made.id, topics=["gb.a"])
    assert [(one.topic, one.partition, one.stream_offset) for one in status] == [
        ("gb.a", 0, taken.next_offset),
        ("gb.a", 1, 0),
    ]
    assert [one.position for one in status] == [Position(made.id, 0, (), None, None), None]


async def offsets(store: Store, id_: uuid.UUID) -> dict[str, int | None]:
    """Give where a subscription stands: partition → offset of its row, if it has one."""
    return {
        f"{one.topic}/{one.partition}": one.position.next_offset if one.position else None
        for one in await store.subscriptions.status(id_)
    }
