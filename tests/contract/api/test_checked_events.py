"""Events at the door, judged by the catalogue: refused, warned of, or left alone."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bus.catalogue import EventType
from bus.store.database import Database
from bus.store.event_types import EventTypes
from tests.contract.api.bus_under_test import (
    BATCH,
    DOMAIN,
    PERSONAL,
    PROBLEM,
    STRUCTURED,
    TYPE,
    Bus,
    Reply,
    event,
)
from tests.contract.api.test_event_types import register

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCHEMA = {
    "properties": {"zaak": {"type": "string", "maxLength": 4}, "aantal": {"type": "integer"}},
    "required": ["zaak"],
    "additionalProperties": False,
}


async def registered(bus: Bus, name: str, *schemas: Mapping[str, Any], **fields: object) -> str:
    """Register a type with these schemas; give its name."""
    type_ = f"{DOMAIN}.{name}"
    await register(bus, type_, compatibility="none", **fields)
    for schema in schemas:
        added = await bus.call("POST", f"/v1/event-types/{type_}/schemas", json=schema)
        assert added.status == 201, added.text
    return type_


async def refused(bus: Bus, body: object, **headers: str) -> Reply:
    """Publish what must be refused: as the catalogue's, repeating nothing, and storing nothing."""
    before = await bus.end_offsets()
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = headers or {"Content-Type": STRUCTURED}
    reply = await bus.call("POST", "/v1/events", body=sent, headers=headers)
    assert (reply.status, reply.headers["Content-Type"]) == (400, PROBLEM), reply.text
    assert reply.json["type"].endswith(":not-as-registered")
    assert PERSONAL not in reply.text
    assert await bus.end_offsets() == before
    return reply


async def test_data_that_does_not_fit(bus: Bus) -> None:
    """Every fault is at its place in the data; no value and no foreign name is repeated."""
    type_ = await registered(bus, "streng", SCHEMA)
    data = {"zaak": PERSONAL, "aantal": PERSONAL, PERSONAL: 1}
    reply = await refused(bus, event(type=type_, data=data))
    assert set(reply.faults()) == {
        ("/data/zaak", "maxLength"),
        ("/data/aantal", "type"),
        ("/data", "additionalProperties"),
    }
    metrics = (await bus.call("GET", "/metrics", who=None)).text
    assert f'catalogue_findings_total{{domain="{DOMAIN}",verdict="refused"}}' in metrics
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]
    reply = await refused(bus, event(type=type_, data={"zaak": deep}))
    assert reply.faults() == [("/data", "does-not-fit")]
    good = await bus.publish(event(type=type_, data={"zaak": "Z-1"}))
    assert (good.status, "warnings" in good.json) == (202, False)


async def test_data_in_binary_mode(bus: Bus) -> None:
    """The body is the data, and JSON by its content type; of another type it cannot fit."""
    type_ = await registered(bus, "binair", SCHEMA)
    headers = {f"ce-{name}": value for name, value in event(type=type_).items()}
    wrong = await refused(bus, b'{"aantal": 1}', **headers, **{"Content-Type": "application/json"})
    assert wrong.faults() == [("/data/zaak", "required")]
    text = await refused(bus, b"<zaak/>", **headers, **{"Content-Type": "text/xml"})
    assert text.faults() == [("/data", "not-json")]
    bare = await refused(bus, PERSONAL.encode(), **headers)
    assert bare.faults() == [("/data", "not-json")]


async def test_a_batch_is_refused_whole(bus: Bus) -> None:
    """The faults of every item are named with its number."""
    type_ = await registered(bus, "batch", SCHEMA)
    batch = [
        event(id="1", type=type_, data={"zaak": "Z"}),
        event(id="2", type=type_, data={}),
        event(id="3", type=type_, data={"zaak": 1}),
        event(id="4"),
    ]
    reply = await refused(bus, batch, **{"Content-Type": BATCH})
    assert reply.faults() == [("/1/data/zaak", "required"), ("/2/data/zaak", "type")]


async def test_the_version_that_dataschema_names(bus: Bus) -> None:
    """One of ours is checked by; a foreign one says nothing, so that the latest holds."""
    type_ = await registered(bus, "keuze", SCHEMA, {"required": ["besluit"]})
    base = f"{bus.url}/v1/event-types"
    old, new = {"zaak": "Z-1"}, {"besluit": "B-1"}
    for schema, data in ((f"{base}/{type_}/schemas/1", old), ("https://x.example/1", new)):
        good = await bus.publish(event(type=type_, dataschema=schema, data=data))
        assert good.status == 202, good.text
    assert (await bus.publish(event(type=type_, data=new))).status == 202
    wrong = event(type=type_, dataschema="https://x.example/1", data=old)
    assert (await refused(bus, wrong)).faults() == [("/data/besluit", "required")]
    for path in (f"{type_}/schemas/3", f"{type_}/schemas/01", f"{TYPE}/schemas/1", "x"):
        absent = event(type=type_, dataschema=f"{base}/{path}", data=new)
        assert (await refused(bus, absent)).faults() == [("/dataschema", "unknown-schema")]


async def test_a_rich_type_carries_its_data(bus: Bus) -> None:
    """An event without data is fine for a type that only points to its source."""
    rich = await registered(bus, "rijk", information="rich")
    assert (await refused(bus, event(type=rich))).faults() == [("/data", "required")]
    poor = await registered(bus, "arm", SCHEMA)
    assert (await bus.publish(event(type=poor))).status == 202


async def test_warn_takes_the_event_and_says_so(bus: Bus) -> None:
    """The warnings stand in the answer in the form of errors; a batch has them together."""
    type_ = await registered(bus, "mild", SCHEMA, schemaCheck="warn")
    wrong = event(type=type_, data={"zaak": PERSONAL})
    one = await bus.publish(wrong)
    assert one.status == 202
    (warning,) = one.json["warnings"]
    assert {name: warning[name] for name in ("in", "location", "code")} == {
        "in": "body",
        "location": {"pointer": "/data/zaak"},
        "code": "maxLength",
    }
    assert PERSONAL not in one.text
    (record,) = await bus.records(one.json)
    assert record.value == json.dumps({"zaak": PERSONAL}).encode()
    many = await bus.publish(event(id="1"), wrong)
    assert [each["location"]["pointer"] for each in many.json["items"][1]["warnings"]] == [
        "/1/data/zaak"
    ]
    assert "warnings" not in many.json["items"][0]


async def test_off_says_nothing(bus: Bus) -> None:
    """What is registered to be left alone is."""
    type_ = await registered(bus, "vrij", SCHEMA, schemaCheck="off")
    reply = await bus.publish(event(type=type_, data={}))
    assert (reply.status, "warnings" in reply.json) == (202, False)


async def test_a_deprecated_type_is_warned_of(bus: Bus) -> None:
    """The publisher hears until when, and what comes instead."""
    end = {"since": "2026-01-01", "sunset": "2027-01-01", "replacedBy": f"{DOMAIN}.nieuw"}
    type_ = await registered(bus, "oudje", deprecation=end)
    (warning,) = (await bus.publish(event(type=type_))).json["warnings"]
    assert (warning["location"], warning["code"]) == ({"pointer": "/type"}, "deprecated-type")
    assert all(text in warning["detail"] for text in end.values())
    headers = {f"ce-{name}": value for name, value in event(type=type_).items()}
    binary = await bus.call("POST", "/v1/events", body=b"", headers=headers)
    assert binary.json["warnings"][0]["location"] == {"name": "ce-type"}


async def test_a_domain_that_takes_only_what_is_known(bus: Bus) -> None:
    """An unknown type is refused until it is registered, and from that moment on taken."""
    name = "nl.streng"
    made = await bus.call(
        "POST", "/v1/domains", json={"name": name, "partitions": 1, "unknownTypes": "reject"}
    )
    assert made.json["unknownTypes"] == "reject"
    unknown = event(type=f"{name}.iets")
    assert (await refused(bus, unknown)).faults() == [("/type", "unknown-type")]
    await register(bus, f"{name}.iets")
    assert (await bus.publish(unknown)).status == 202
    assert bus.settings.database_url is not None
    url = bus.settings.database_url.get_secret_value()
    async with Database.open(url, application_name="test") as database:  # as another API would
        elsewhere = EventType(f"{name}.elders", name, "x", "x", "poor")
        await EventTypes(database).create(elsewhere)
        assert (await bus.publish(event(type=elsewhere.type))).status == 202
    wrong = await bus.call("POST", "/v1/domains", json={"name": "nl.x", "unknownTypes": "soms"})
    assert wrong.faults() == [("/unknownTypes", "not-allowed")]
