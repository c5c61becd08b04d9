"""Tokens: found by those who have one, never stored, and told apart when expired."""

from datetime import UTC, datetime, timedelta

import pytest

from bus.store.credentials import Credential, Expired
from bus.store.errors import NotFound
from tests.contract.store.stores import Store


async def test_a_token_gives_its_organisation_and_roles(store: Store) -> None:
    """Each token is another one, and allows what it was issued for."""
    operator = await store.credentials.issue(store.oin, ["operator"], label="beheer")
    both = await store.credentials.issue(
        store.other_oin, ["subscriber", "publisher"], label="zaaksysteem"
    )
    assert operator.startswith("gb_")
    assert len(operator) >= 3 + 43  # 256 bits in base64
    assert await store.credentials.find(operator) == Credential(store.oin, frozenset({"operator"}))
    assert await store.credentials.find(both) == Credential(
        store.other_oin, frozenset({"publisher", "subscriber"})
    )


@pytest.mark.parametrize("token", ["", "gb_", "gb_" + "x" * 43, "\x00", "é\udc80", "a" * 100_000])
async def test_a_token_nobody_has_is_not_found(store: Store, token: str) -> None:
    """Whatever a client sends: the answer is None, not an error."""
    assert await store.credentials.find(token) is None


async def test_an_expired_token_is_told_apart(store: Store) -> None:
    """The client learns that it was good once; one that lasts longer still is."""
    now = datetime.now(UTC)
    past, future = now - timedelta(seconds=1), now + timedelta(hours=1)
    old = await store.credentials.issue(store.oin, ["publisher"], label="old", expires=past)
    new = await store.credentials.issue(store.oin, ["publisher"], label="new", expires=future)
    assert await store.credentials.find(old) == Expired(past)
    assert isinstance(await store.credentials.find(new), Credential)


async def test_a_chosen_token_is_good_for_what_was_said_last(store: Store) -> None:
    """`bus dev` starts again with another set of roles, and the old ones are gone."""
    await store.credentials.ensure("gb_chosen", store.oin, ["operator", "publisher"], label="dev")
    await store.credentials.ensure("gb_chosen", store.oin, ["subscriber"], label="dev")
    assert await store.credentials.find("gb_chosen") == Credential(
        store.oin, frozenset({"subscriber"})
    )


async def test_no_token_is_in_the_database(store: Store) -> None:
    """Who reads the table cannot act as anybody."""
    token = await store.credentials.issue(store.oin, ["operator"], label="beheer")
    rows = await store.database.fetch("SELECT credential::text AS row FROM credential")
    assert not [row for row in rows if token in row["row"] or token[3:] in row["row"]]


async def test_a_token_needs_an_organisation(store: Store) -> None:
    """For one that is not there, none is issued."""
    with pytest.raises(NotFound):
        await store.credentials.issue("0" * 20, ["operator"], label="x")
