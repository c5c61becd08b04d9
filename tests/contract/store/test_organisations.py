"""Organisations and access: sure of something twice is no change, what changes counts."""

import asyncio

import pytest

from bus.catalogue import Access, Grant
from bus.store import revision
from bus.store.errors import Conflict, NotFound, StatementRefused
from tests.contract.store.stores import Store


async def test_access_comes_back_as_it_was_given(store: Store) -> None:
    """Owned prefixes, a grant in one domain and one in all: what `Access` is made of."""
    await store.add_domain("zaken")
    await store.organisations.add_source("urn:nld:oin:1", store.oin)
    await store.organisations.add_source("", store.other_oin)
    await store.organisations.grant("urn:nld:oin:1", "zaken", store.other_oin)
    await store.organisations.grant("urn:nld:oin:2", None, store.oin)
    rows = await store.organisations.access_rows()
    assert rows.owners == {"urn:nld:oin:1": store.oin, "": store.other_oin}
    assert set(rows.grants) == {
        Grant("urn:nld:oin:1", "zaken", store.other_oin),
        Grant("urn:nld:oin:2", None, store.oin),
    }
    assert Access(rows.owners, rows.grants).may_publish(store.oin, "urn:nld:oin:1")


async def test_a_change_of_access_moves_the_counter_and_a_repetition_does_not(store: Store) -> None:
    """Followers read access again exactly when it has changed."""
    seen = [await revision.current(store.database)]
    for _ in range(2):
        await store.organisations.ensure_organisation(store.oin, "Gemeente Voorbeeld")
        await store.organisations.add_source("urn:a", store.oin)
        await store.organisations.grant("urn:a", None, store.other_oin)
        seen.append(await revision.current(store.database))
    assert seen == [0, 2, 2]


async def test_a_source_has_one_owner(store: Store) -> None:
    """Of two organisations that want it, one gets it and the other is told, at once or later."""
    for prefix in ("urn:a", "urn:b", "urn:c"):
        answers = await asyncio.gather(
            *(
                store.organisations.add_source(prefix, oin)
                for oin in (store.oin, store.other_oin) * 3
            ),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers].count(Conflict) == 3
        assert answers.count(None) == 3


async def test_an_organisation_is_renamed(store: Store) -> None:
    """The name last given counts."""
    await store.organisations.ensure_organisation(store.oin, "Gemeente Nieuw")
    assert (await store.organisations.names())[store.oin] == "Gemeente Nieuw"


async def test_what_is_referred_to_must_be_there(store: Store) -> None:
    """An unknown organisation or domain is NotFound, an OIN that is none is refused."""
    nobody = "0" * 20
    with pytest.raises(NotFound):
        await store.organisations.add_source("urn:a", nobody)
    with pytest.raises(NotFound):
        await store.organisations.grant("urn:a", None, nobody)
    with pytest.raises(NotFound):
        await store.organisations.grant("urn:a", "nowhere", store.oin)
    with pytest.raises(StatementRefused):
        await store.organisations.ensure_organisation("123", "too short")
    assert await revision.current(store.database) == 0
