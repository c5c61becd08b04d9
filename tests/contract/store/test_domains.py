"""Domains: row, topic and streams come together or not at all."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bus.catalogue import Domain, DomainTerms
from bus.profile import Policy
from bus.store.errors import Conflict, NotFound
from tests.contract.store.stores import Store, nothing

STRICT = Policy(rules={"type-version": "reject"})


def domain(store: Store, name: str, **fields: Any) -> Domain:  # noqa: ANN401 - of a Domain
    """Make a domain of the first organisation."""
    return replace(Domain(name, f"gb.{name}", store.oin, partitions=3), **fields)


async def test_a_domain_comes_with_a_stream_per_partition(store: Store) -> None:
    """They stand at the first event, with every change up to the domain's own applied."""
    made = domain(store, "zaken", key_attribute="zaak", description="Zaken", retention_days=30)
    await store.domains.create(made, nothing)
    assert await store.domains.all() == [made]
    streams = await store.streams.lags(["gb.zaken"])
    now = await store.streams.revision()
    assert [(row.partition, row.next_offset, row.revision, row.epoch) for row in streams] == [
        (0, 0, now, 0),
        (1, 0, now, 0),
        (2, 0, now, 0),
    ]


async def test_the_topic_is_made_once_the_name_is_known_to_be_free(store: Store) -> None:
    """A name or a topic that is taken is a Conflict, and no topic is touched for it."""
    await store.domains.create(domain(store, "zaken"), nothing)
    before = await store.streams.revision()

    async def never() -> None:
        pytest.fail("the topic of another domain was touched")

    for taken in (domain(store, "zaken", topic="gb.new"), domain(store, "new", topic="gb.zaken")):
        with pytest.raises(Conflict):
            await store.domains.create(taken, never)
    assert await store.streams.revision() == before


async def test_without_a_topic_there_is_no_domain(store: Store) -> None:
    """What the making of the topic raises comes through, and it can be tried again."""

    async def away() -> None:
        raise ConnectionRefusedError("Kafka is away")

    with pytest.raises(ConnectionRefusedError, match="Kafka"):
        await store.domains.create(domain(store, "zaken"), away)
    assert await store.domains.all() == []
    assert await store.streams.lags(["gb.zaken"]) == []
    await store.domains.create(domain(store, "zaken"), nothing)


async def test_other_terms_are_kept_and_recorded(store: Store) -> None:
    """Only from the revision that they were made on; each version stays to be read."""
    made = await store.domains.create(domain(store, "zaken"), nothing)
    terms = DomainTerms(description="Later", retentionDays=30, profile=STRICT)
    changed = await store.domains.change(made, terms, by=store.other_oin, change_topic=nothing)
    assert await store.domains.all() == [changed]
    assert (changed.description, changed.retention_days) == ("Later", 30)
    assert changed.profile == STRICT
    with pytest.raises(Conflict):
        await store.domains.change(made, terms, by=store.oin, change_topic=nothing)
    history = await store.domains.history("zaken")
    assert [(each.revision, each.organisation, each.profile) for each in history] == [
        (changed.revision, store.other_oin, STRICT),
        (made.revision, store.oin, Policy()),
    ]


async def test_what_the_topic_refuses_changes_nothing(store: Store) -> None:
    """The domain stays as it was, and so does its history."""
    made = await store.domains.create(domain(store, "zaken"), nothing)

    async def away() -> None:
        raise ConnectionRefusedError("Kafka is away")

    with pytest.raises(ConnectionRefusedError):
        await store.domains.change(made, DomainTerms(), by=store.oin, change_topic=away)
    assert await store.domains.all() == [made]
    assert len(await store.domains.history("zaken")) == 1


async def test_of_two_at_once_one_is_made(store: Store) -> None:
    """The other one is told that the name is taken; the topic is made once."""
    made: list[int] = []

    async def create(number: int) -> None:
        async def topic() -> None:
            made.append(number)
            await asyncio.sleep(0)

        await store.domains.create(domain(store, "zaken"), topic)

    answers = await asyncio.gather(*(create(n) for n in range(5)), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict"] * 4 + ["NoneType"]
    assert len(made) == 1
    assert len(await store.streams.lags(["gb.zaken"])) == 3


async def test_a_domain_needs_an_organisation(store: Store) -> None:
    """For one that is not there, nothing is made."""
    with pytest.raises(NotFound):
        await store.domains.create(domain(store, "zaken", organisation="0" * 20), nothing)
    assert await store.domains.all() == []
