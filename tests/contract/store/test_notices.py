"""Each change of a subscription has its notice, written with it or not at all."""

import uuid
from collections.abc import Mapping
from typing import Any, Never

import msgspec
import pytest

from bus.store import notices
from bus.store.errors import Conflict, NotFound
from bus.store.subscriptions import TopicPartition
from tests.contract.store.stores import Store


async def told(store: Store) -> list[tuple[str, str, uuid.UUID | None, Mapping[str, Any]]]:
    """Give type, organisation, subscription and data of what is to be told."""
    async with store.database.session() as session:
        return [
            (
                each.notice.type.removeprefix("nl.vng.gemeentebus.subscription-"),
                each.notice.organisation,
                each.notice.subscription,
                msgspec.json.decode(each.notice.data),
            )
            for each in await notices.first(session, 100)
        ]


async def test_each_change_is_told_to_its_organisation(store: Store) -> None:
    """With the revision that it has; also when an operator of another one makes it."""
    made = await store.subscribe()
    changed = await store.subscriptions.update(made.subscription)
    await store.subscriptions.delete(made.id)
    gone = await store.streams.revision()
    assert await told(store) == [
        ("created", store.oin, made.id, {"revision": made.revision}),
        ("changed", store.oin, made.id, {"revision": changed.revision}),
        ("deleted", store.oin, made.id, {"revision": gone}),
    ]


async def test_what_did_not_happen_is_not_told(store: Store) -> None:
    """Neither a subscription that was not made, nor a change or deletion that was refused."""
    made = await store.subscribe()

    async def away(_partitions: list[TopicPartition]) -> Never:
        raise ConnectionRefusedError("Kafka is away")

    with pytest.raises(ConnectionRefusedError):
        await store.subscribe(start=away)
    with pytest.raises(Conflict):
        await store.subscriptions.update(made.subscription, expected=made.revision - 1)
    with pytest.raises(NotFound):
        await store.subscriptions.delete(made.id, organisation=store.other_oin)
    assert [what for what, *_ in await told(store)] == ["created"]


async def test_the_oldest_are_given_first(store: Store) -> None:
    """By the moment of writing; what has been published is forgotten, and nothing else."""
    made = [await store.subscribe() for _ in range(5)]
    async with store.database.session() as session:
        first = await notices.first(session, 2)
        assert [each.notice.subscription for each in first] == [each.id for each in made[:2]]
        assert first[0].at <= first[1].at
        await notices.delete(session, [each.notice.id for each in first])
    assert [id_ for _, _, id_, _ in await told(store)] == [each.id for each in made[2:]]
