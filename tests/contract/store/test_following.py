"""Followers and creators at the same time: nothing is missed, nothing comes out of order."""

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from uuid import UUID

from bus.store.errors import NotFound
from bus.store.streams import Change, Save, Taken
from bus.store.subscriptions import TopicPartition
from tests.contract.store.stores import Store, nothing

WRITERS = 20
CHANGES_EACH = 12


async def test_a_follower_misses_no_change_of_twenty_writers(store: Store) -> None:
    """Every answer is what was committed between two numbers; the end is the whole truth."""
    await store.add_domain("a", 1)
    epoch = (await store.streams.take("gb.a", 0, "follower")).epoch
    answers: list[tuple[int, int, list[Change]]] = []
    writing = asyncio.gather(*(_write(store, random.Random(seed)) for seed in range(WRITERS)))  # noqa: S311 - a repeatable mix of changes
    seen, last_round = 0, False
    while not last_round:
        last_round = writing.done()
        now, changes = await store.streams.changes("gb.a", 0, epoch, seen)
        answers.append((seen, now, changes))
        seen = now
    await writing

    history = await store.database.fetch("SELECT revision, subscription FROM subscription_revision")
    for after, now, changes in answers:
        newest: dict[UUID, int] = {}
        for row in sorted(history, key=lambda row: row["revision"]):
            if after < row["revision"] <= now:
                newest[row["subscription"]] = row["revision"]
        assert {change.id: change.revision for change in changes} == newest
    assert len([answer for answer in answers if answer[2]]) > 3, "the follower saw it happen"

    known: dict[UUID, Change] = {}
    for _, _, changes in answers:
        known |= {change.id: change for change in changes}
    living = {id_: change.revision for id_, change in known.items() if change.stored is not None}
    page = await store.subscriptions.page(limit=1000)
    assert living == {one.id: one.revision for one in page}
    assert all(change.position for change in known.values() if change.stored is not None)


async def _write(store: Store, dice: random.Random) -> None:
    """Create, change and delete subscriptions, mostly own ones."""
    own = [await store.subscribe()]
    for _ in range(CHANGES_EACH):
        match dice.choice(["create", "update", "update", "delete"]):
            case "create":
                own.append(await store.subscribe(types=["nl.a"]))
            case "update" if own:
                wanted = store.wanted(id_=dice.choice(own).id, types=[f"nl.{dice.random()}"])
                await store.subscriptions.update(wanted)
            case "delete" if own:
                await store.subscriptions.delete(own.pop().id)


async def test_a_subscription_has_a_place_on_every_partition_or_was_there_before(
    store: Store,
) -> None:
    """Domains and subscriptions are created together: of the two, each pair has exactly one."""

    async def start(partitions: list[TopicPartition]) -> Mapping[TopicPartition, int]:
        await asyncio.sleep(0.002)  # ask Kafka: this is when a new domain must not slip in
        return dict.fromkeys(partitions, 100)

    async def topic() -> None:
        await asyncio.sleep(0.002)

    async def domain(number: int) -> None:
        made = store.domain(f"d{number}", partitions=2)
        await store.domains.create(made, topic)

    await asyncio.gather(
        *(domain(n) for n in range(10)), *(store.subscribe(start=start) for _ in range(30))
    )
    pairs = await store.database.fetch(
        """
        SELECT s.revision < t.revision AS before, p.next_offset AS placed
        FROM subscription AS s
        CROSS JOIN stream AS t
        LEFT JOIN position AS p
            ON p.subscription = s.id AND p.topic = t.topic AND p.partition = t.partition
        """
    )
    assert len(pairs) == 30 * 20
    assert {(pair["before"], pair["placed"]) for pair in pairs} == {(True, None), (False, 100)}


async def test_saves_and_deletions_do_not_lock_each_other_up(store: Store) -> None:
    """Owners save rows of subscriptions that are being deleted: all get through."""
    await store.domains.create(store.domain("a", partitions=4), nothing)
    made = [await store.subscribe() for _ in range(40)]
    taken = [await store.streams.take("gb.a", n, "me") for n in range(4)]
    dice = random.Random(7)  # noqa: S311 - a repeatable order

    async def owner(partition: int, taken: Taken) -> None:
        for number in range(25):
            rows = dice.sample(taken.positions, 20)
            await store.streams.save(
                Save(
                    "gb.a",
                    partition,
                    taken.epoch,
                    number,
                    taken.revision,
                    rows=tuple(rows[:10]),
                    removed=tuple(row.subscription for row in rows[10:]),
                )
            )

    async def deleter(ids: list[UUID]) -> None:
        for id_ in ids:
            with suppress(NotFound):
                await store.subscriptions.delete(id_)

    ids = [one.id for one in made]
    await asyncio.gather(
        *(owner(n, each) for n, each in enumerate(taken)), *(deleter(ids[n::3]) for n in range(3))
    )
    assert not await store.database.fetch("SELECT 1 FROM position")
