"""Event types and their versions: whole or not at all, and never over somebody else's change."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from bus.catalogue import Deprecation, EventType, Schema
from bus.store.errors import Conflict, NotFound
from tests.contract.store.stores import Store

TYPE = "nl.zaken.zaak-gecreeerd"


def wanted(**fields: Any) -> EventType:  # noqa: ANN401 - of an EventType
    """Give an event type that is not stored yet."""
    return replace(EventType(TYPE, "zaken", "Er is een zaak.", "Registratie.", "poor"), **fields)


async def stored(store: Store, since: int = 0) -> EventType:
    """Give the only type that has changed since a revision."""
    (found,) = await store.event_types.changed(since)
    return found


async def test_a_type_comes_back_as_it_was_stored(store: Store) -> None:
    """Every field; its revision is that of the change."""
    await store.add_domain("zaken")
    end = Deprecation(date(2026, 1, 1), date(2027, 1, 1), "nl.zaken.nieuw", "Samengevoegd.")
    made = wanted(
        schema_check="warn",
        compatibility="full",
        documentation="https://docs.example.nl/",
        deprecation=end,
    )
    await store.event_types.create(made)
    found = await stored(store)
    assert found == replace(made, revision=await store.streams.revision())
    await store.event_types.replace(replace(found, deprecation=None, description="Anders."))
    changed = await stored(store, found.revision)
    assert changed == replace(
        found, deprecation=None, description="Anders.", revision=found.revision + 1
    )
    assert await store.event_types.changed(changed.revision) == []


async def test_a_version_is_a_change_of_its_type(store: Store) -> None:
    """Versions count from 1 and keep their text."""
    await store.add_domain("zaken")
    await store.event_types.create(wanted())
    for number, text in enumerate(('{ "type":"object"}', "{}"), start=1):
        before = await stored(store)
        assert await store.event_types.add_version(before, text) == number
        after = await stored(store, before.revision)
        assert after.versions[-1].schema.text == text
    assert [each.version for each in after.versions] == [1, 2]
    assert after.versions[0].schema == Schema('{"type": "object"}')


async def test_what_changed_since_is_not_overwritten(store: Store) -> None:
    """An older revision is a Conflict, of a change and of a version alike; nothing is stored."""
    await store.add_domain("zaken")
    await store.event_types.create(wanted())
    old = await stored(store)
    await store.event_types.replace(old)
    new = await stored(store)
    with pytest.raises(Conflict):
        await store.event_types.replace(replace(old, description="Te laat."))
    with pytest.raises(Conflict):
        await store.event_types.add_version(old, "{}")
    assert await stored(store) == new


async def test_a_type_needs_a_name_of_its_own_and_a_domain(store: Store) -> None:
    """Else nothing is stored, and the counter does not move."""
    await store.add_domain("zaken")
    with pytest.raises(NotFound):
        await store.event_types.create(wanted(domain="weg"))
    await store.event_types.create(wanted())
    before = await store.streams.revision()
    with pytest.raises(Conflict):
        await store.event_types.create(wanted())
    assert await store.streams.revision() == before
