"""Event types at one moment: which version an event is checked by, and what stays compiled."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bus.catalogue import (
    Domain,
    Domains,
    EventType,
    EventTypes,
    Schema,
    SchemaVersion,
    schema_uri,
)
from bus.event import Event

DOMAIN = Domain("nl.zaken", "gb.nl.zaken", "0" * 20)
TYPE = "nl.zaken.zaak-gecreeerd"
BASE = "https://bus.example"


def version(number: int, text: str) -> SchemaVersion:
    """Give a version of a schema."""
    return SchemaVersion(number, datetime.fromtimestamp(number, UTC), Schema(text))


def known(*texts: str, **fields: Any) -> EventType:  # noqa: ANN401 - of an EventType
    """Give an event type with these versions of its schema."""
    versions = tuple(version(n, text) for n, text in enumerate(texts, start=1))
    made = EventType(TYPE, "nl.zaken", "Er is een zaak.", "Registratie.", "poor", versions=versions)
    return replace(made, **fields)


def event(data: bytes, **attributes: str) -> Event:
    """Give an event with JSON data."""
    return Event("1", "urn:x", TYPE, attributes, "application/json", data)


def found(types: EventTypes, each: Event, domain: Domain = DOMAIN) -> list[tuple[str, str]]:
    """Give place and code of each fault."""
    verdict = types.check(each, domain, base=BASE)
    return [(fault.where, fault.code) for fault in verdict.faults]


def test_the_named_version_or_the_latest() -> None:
    """Only an address below this bus names a version."""
    types = EventTypes([known('{"maximum": 1}', '{"maximum": 2}')])
    assert found(types, event(b"2")) == []
    assert found(types, event(b"2", dataschema=schema_uri(BASE, TYPE, 1))) == [("data", "maximum")]
    assert found(types, event(b"3", dataschema=schema_uri("https://x.example", TYPE, 1))) == [
        ("data", "maximum")
    ]
    assert found(types, event(b"1", dataschema=schema_uri(BASE, TYPE, 3))) == [
        ("dataschema", "unknown-schema")
    ]


def test_a_type_of_the_bus_is_refused() -> None:
    """Whatever domain takes it, known or not: the relay of an outbox judges by this, too."""
    types = EventTypes()
    for name in ("nl.vng.gemeentebus", "nl.vng.gemeentebus.subscription-gap"):
        assert found(types, Event("1", "urn:x", name)) == [("type", "reserved")]
    assert found(types, Event("1", "urn:x", "nl.vng.gemeentebussen.x")) == []


def test_an_unknown_type_is_for_the_domain_to_judge() -> None:
    """By default it is taken."""
    assert found(EventTypes(), event(b"1")) == []
    strict = replace(DOMAIN, unknown_types="reject")
    assert found(EventTypes(), event(b"1"), strict) == [("type", "unknown-type")]
    assert found(EventTypes([known()]), event(b"1"), strict) == []


def test_a_registered_type_belongs_where_it_is_registered() -> None:
    """Its name decides only while it is not."""
    other = replace(DOMAIN, name="nl.elders", topic="gb.nl.elders")
    domains = [DOMAIN, other]
    assert Domains(domains).resolve(TYPE) is DOMAIN
    types = EventTypes([known(domain="nl.elders")])
    assert Domains(domains, types.domains).resolve(TYPE) is other
    assert Domains(domains, types.domains).resolve("nl.zaken.anders") is DOMAIN


def test_a_schema_is_compiled_once() -> None:
    """A change to its type, or a later version, leaves the compiled form of a version as it is."""
    before = EventTypes([known("{}", revision=3)])
    changed = known("{}", '{"type": "integer"}', description="Anders.", revision=7)
    after = before.with_changes([changed])
    old, new = before.get(TYPE), after.get(TYPE)
    assert old is not None
    assert new is not None
    assert new.versions[0].schema is old.versions[0].schema
    assert (new.description, len(new.versions), after.revision) == ("Anders.", 2, 7)
    assert (old.description, before.revision) == ("Er is een zaak.", 3)
