"""/v1/event-types: who registers what where, and each rule's refusal."""

import asyncio
import json
from typing import Any

import pytest

from tests.contract.api.bus_under_test import DOMAIN, OIN, PROBLEM, Bus, Reply, event

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCHEMA = {"type": "object", "properties": {"zaak": {"type": "string"}}}


def wish(type_: str, **changes: object) -> dict[str, Any]:
    """Give a valid wish for an event type; None leaves a field out."""
    valid = {
        "type": type_,
        "description": "Er is iets gebeurd.",
        "timeMeaning": "Moment van registratie.",
        "information": "poor",
    }
    return {name: value for name, value in {**valid, **changes}.items() if value is not None}


async def register(bus: Bus, type_: str, **changes: object) -> Reply:
    """Register an event type that must be taken."""
    reply = await bus.call("POST", "/v1/event-types", json=wish(type_, **changes))
    assert reply.status == 201, reply.text
    return reply


async def test_registered_shown_changed(bus: Bus) -> None:
    """A type is shown as it was registered, with what its domain says; PUT says it anew."""
    type_ = f"{DOMAIN}.eerste"
    end = {"since": "2026-01-01", "sunset": "2027-01-01", "replacedBy": "nl.vng.zaken.tweede"}
    made = await register(bus, type_, deprecation=end, documentation="https://docs.example.nl/")
    assert made.headers["Location"] == f"/v1/event-types/{type_}"
    assert made.json == {
        "type": type_,
        "domain": DOMAIN,
        "description": "Er is iets gebeurd.",
        "timeMeaning": "Moment van registratie.",
        "information": "poor",
        "schemaCheck": "enforce",
        "compatibility": "forward",
        "documentation": "https://docs.example.nl/",
        "deprecation": {**end, "reason": ""},
        "organisation": OIN,
        "retentionDays": 14,
        "schemas": [],
    }
    shown = await bus.call("GET", f"/v1/event-types/{type_}", who="subscriber")
    assert (shown.json, shown.headers["ETag"]) == (made.json, made.headers["ETag"])
    changed = await bus.call(
        "PUT",
        f"/v1/event-types/{type_}",
        json=wish(type_, description="Anders."),
        headers={"If-Match": made.headers["ETag"]},
    )
    assert changed.json["description"] == "Anders."
    assert not {"deprecation", "documentation"} & set(changed.json)
    listed = await bus.call("GET", f"/v1/event-types?domain={DOMAIN}")
    assert changed.json in listed.json["items"]
    assert (await bus.call("GET", "/v1/event-types?domain=nl.geen")).json == {"items": []}


async def test_an_old_version_overwrites_nothing(bus: Bus) -> None:
    """If-Match with what it was before is 412."""
    type_ = f"{DOMAIN}.oud"
    made = await register(bus, type_)
    for status in (200, 412):
        reply = await bus.call(
            "PUT",
            f"/v1/event-types/{type_}",
            json=wish(type_),
            headers={"If-Match": made.headers["ETag"]},
        )
        assert reply.status == status


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"type": "nl.vng.gemeentebus.subscription-gap"}, ("/type", "reserved")),
        ({"domain": "nl.vng.gemeentebus"}, ("/domain", "reserved")),
        ({"type": "zonder-punt"}, ("/type", "not-an-event-type")),
        ({"type": "nl..zaken"}, ("/type", "not-an-event-type")),
        ({"type": "nl.zaken/x"}, ("/type", "not-an-event-type")),
        ({"type": "nl." + "x" * 200}, ("/type", "not-an-event-type")),
        ({"domain": "nl.geen"}, ("/domain", "unknown-domain")),
        ({"type": "org.elders.x"}, ("/type", "unknown-domain")),
        ({"description": None}, ("/description", "required")),
        ({"description": ""}, ("/description", "empty")),
        ({"timeMeaning": None}, ("/timeMeaning", "required")),
        ({"information": "rijk"}, ("/information", "not-allowed")),
        ({"schemaCheck": True}, ("/schemaCheck", "not-allowed")),
        ({"compatibility": "sideways"}, ("/compatibility", "not-allowed")),
        ({"documentation": "javascript:x"}, ("/documentation", "malformed")),
        ({"deprecation": {"since": "gisteren"}}, ("/deprecation/since", "not-a-date")),
        ({"deprecation": {}}, ("/deprecation/since", "required")),
        ({"schema": {}}, ("/schema", "unknown-field")),
    ],
)
async def test_what_is_no_event_type(
    bus: Bus, changes: dict[str, object], fault: tuple[str, str]
) -> None:
    """Each fault is named with its place, and nothing is registered."""
    before = (await bus.call("GET", "/v1/event-types")).json
    reply = await bus.call("POST", "/v1/event-types", json=wish(f"{DOMAIN}.fout", **changes))
    assert (reply.status, reply.headers["Content-Type"]) == (400, PROBLEM)
    assert fault in reply.faults()
    assert (await bus.call("GET", "/v1/event-types")).json == before


async def test_a_name_is_taken_once(bus: Bus) -> None:
    """Of many at once one is made; the others are 409."""
    replies = await asyncio.gather(
        *(bus.call("POST", "/v1/event-types", json=wish(f"{DOMAIN}.dubbel")) for _ in range(5))
    )
    assert sorted(reply.status for reply in replies) == [201, 409, 409, 409, 409]
    other_case = await bus.call("POST", "/v1/event-types", json=wish(f"{DOMAIN}.Dubbel"))
    assert other_case.status == 409


async def test_name_and_domain_stay(bus: Bus) -> None:
    """What is in the log already would be elsewhere than what follows."""
    type_ = f"{DOMAIN}.vast"
    await register(bus, type_)
    other = await bus.call("POST", "/v1/domains", json={"name": "nl.vast", "partitions": 1})
    assert other.status == 201
    path = f"/v1/event-types/{type_}"
    for change, place in (({"domain": "nl.vast"}, "/domain"), ({"type": "nl.vast.x"}, "/type")):
        reply = await bus.call("PUT", path, json={**wish(type_), **change})
        assert (reply.status, reply.faults()) == (400, [(place, "fixed")])


async def test_only_operators_and_the_owner_of_the_domain(bus: Bus) -> None:
    """A publisher registers in its own domains; another's are 403, whatever the type is called."""
    mine = await bus.call("POST", "/v1/event-types", json=wish(f"{DOMAIN}.eigen"), who="publisher")
    assert mine.status == 201
    path = f"/v1/event-types/{DOMAIN}.eigen"
    for method, where, body in (
        ("POST", "/v1/event-types", wish(f"{DOMAIN}.vreemd")),
        ("PUT", path, wish(f"{DOMAIN}.eigen")),
        ("POST", f"{path}/schemas", SCHEMA),
    ):
        reply = await bus.call(method, where, json=body, who="other")
        assert (reply.status, reply.json["type"].rpartition(":")[2]) == (403, "not-your-domain")
        assert (await bus.call(method, where, json=body, who="subscriber")).status == 403


async def test_an_absent_one(bus: Bus) -> None:
    """404 on every path below it."""
    path = f"/v1/event-types/{DOMAIN}.weg"
    for method, where in (("GET", ""), ("PUT", ""), ("GET", "/schemas"), ("POST", "/schemas")):
        body = {"POST": SCHEMA, "PUT": wish(f"{DOMAIN}.weg")}.get(method)
        assert (await bus.call(method, path + where, json=body)).status == 404
    assert (await bus.call("GET", f"{path}/schemas/1", who=None)).status == 404


async def test_versions_of_a_schema(bus: Bus) -> None:
    """Versions count from 1, come back byte for byte, without a token; the same adds nothing."""
    type_ = f"{DOMAIN}.versies"
    await register(bus, type_, compatibility="backward")
    path = f"/v1/event-types/{type_}/schemas"
    text = b'{ "properties": {"zaak": {"maxLength": 1.0e1}} }'
    kind = {"Content-Type": "application/schema+json"}
    first = await bus.call("POST", path, body=text, headers=kind)
    assert (first.status, first.headers["Location"]) == (201, f"{path}/1")
    assert first.json["dataschema"] == f"{bus.url}{path}/1"
    same = await bus.call("POST", path, body=text.replace(b" ", b""), headers=kind)
    assert (same.status, same.json) == (200, first.json)
    wider = {"properties": {"zaak": {"maxLength": 11}}}
    second = await bus.call("POST", path, json=wider)
    assert (second.status, second.json["version"]) == (201, 2)
    listed = await bus.call("GET", path)
    assert listed.json == {"items": [first.json, second.json]}
    raw = await bus.call("GET", f"{path}/1", who=None)
    assert (raw.text.encode(), raw.headers["Content-Type"]) == (text, "application/schema+json")
    for version in ("3", "0", "01", "x"):
        assert (await bus.call("GET", f"{path}/{version}", who=None)).status == 404


async def test_many_versions_at_once(bus: Bus) -> None:
    """None is lost and none overwritten: each gets the next number."""
    type_ = f"{DOMAIN}.tegelijk"
    await register(bus, type_, compatibility="none")
    path = f"/v1/event-types/{type_}/schemas"
    schemas = [{"maxProperties": number} for number in range(4)]
    replies = await asyncio.gather(*(bus.call("POST", path, json=each) for each in schemas))
    assert sorted(reply.json["version"] for reply in replies) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        (b"{", ("", "not-json")),
        (b"[]", ("", "not-an-object")),
        (b'{"type": "tekst"}', ("/type", "not-a-schema")),
        (b'{"$ref": "http://169.254.169.254/"}', ("/$ref", "not-local")),
        (b'{"$schema": "http://json-schema.org/draft-03/schema#"}', ("/$schema", "unknown-draft")),
        (b'{"pattern": "(?=a)(a+)+b"}', ("/pattern", "not-a-schema")),
    ],
)
async def test_what_is_no_schema(bus: Bus, schema: bytes, fault: tuple[str, str]) -> None:
    """Each fault is named with its place in the schema, and no version is made."""
    type_ = f"{DOMAIN}.versies-fout"
    await bus.call("POST", "/v1/event-types", json=wish(type_))
    path = f"/v1/event-types/{type_}/schemas"
    headers = {"Content-Type": "application/schema+json"}
    reply = await bus.call("POST", path, body=schema, headers=headers)
    assert (reply.status, reply.headers["Content-Type"]) == (400, PROBLEM)
    assert fault in reply.faults()
    assert (await bus.call("GET", path)).json == {"items": []}


async def test_a_version_that_is_not_compatible(bus: Bus) -> None:
    """409 with each path that is in the way, in the mode of the type; nothing is stored."""
    type_ = f"{DOMAIN}.strijdig"
    await register(bus, type_, compatibility="forward")
    path = f"/v1/event-types/{type_}/schemas"
    assert (await bus.call("POST", path, json={**SCHEMA, "required": ["zaak"]})).status == 201
    other = {"type": "object", "title": "x", "properties": {"zaak": {"type": ["string", "null"]}}}
    reply = await bus.call("POST", path, json=other)
    assert (reply.status, reply.json["type"].rpartition(":")[2]) == (409, "incompatible-schema")
    assert set(reply.faults()) == {
        ("/properties/zaak/type", "incompatible"),
        ("/required", "incompatible"),
    }
    assert len((await bus.call("GET", path)).json["items"]) == 1
    anything = await bus.call("PUT", path[:-8], json=wish(type_, compatibility="none"))
    assert anything.status == 200
    assert (await bus.call("POST", path, json=other)).status == 201


async def test_a_schema_that_takes_too_much_to_compare(bus: Bus) -> None:
    """What would take for ever is not proven; meanwhile others are served."""
    type_ = f"{DOMAIN}.ingewikkeld"
    await register(bus, type_)
    path = f"/v1/event-types/{type_}/schemas"
    knot = {
        "allOf": [
            {"anyOf": [{"properties": {f"{a}{n}": {"type": "string"}}} for a in "pqr"]}
            for n in range(8)
        ]
    }
    assert (await bus.call("POST", path, json=knot)).status == 201
    adding = asyncio.create_task(bus.call("POST", path, json={**knot, "minProperties": 1}))
    for _ in range(20):
        assert (await bus.call("GET", "/healthz")).status == 200
    assert not adding.done()
    assert {code for _, code in (await adding).faults()} == {"not-proven"}


async def test_a_type_registered_in_another_domain_goes_there(bus: Bus) -> None:
    """The registered domain comes before the one whose name begins the type."""
    made = await bus.call("POST", "/v1/domains", json={"name": "nl.apart", "partitions": 1})
    type_ = f"{DOMAIN}.verhuisd"
    assert (await bus.publish(event(type=type_))).json["topic"] == bus.topic
    await register(bus, type_, domain="nl.apart")
    moved = await bus.publish(event(type=type_))
    assert moved.json["topic"] == made.json["topic"]
    assert json.dumps(moved.json).count("warnings") == 0
