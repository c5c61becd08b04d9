"""Bad input to POST /v1/events: a problem document that names every fault, and nothing stored."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from tests.contract.api.bus_under_test import (
    BATCH,
    FOREIGN,
    OIN,
    PERSONAL,
    PROBLEM,
    STRUCTURED,
    Bus,
    Reply,
    event,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

Faults = set[tuple[str, str]]


async def refused(
    bus: Bus,
    body: bytes | AsyncIterator[bytes],
    headers: Mapping[str, str],
    *,
    who: str | None = "all",
) -> Reply:
    """Publish something, see that it was refused with a problem document, and nothing stored."""
    before = await bus.end_offsets()
    reply = await bus.call("POST", "/v1/events", body=body, headers=headers, who=who)
    assert await bus.end_offsets() == before
    assert reply.status >= 400
    assert reply.headers["Content-Type"] == PROBLEM
    assert reply.json["status"] == reply.status
    assert reply.json["type"].startswith("urn:gemeentebus:problem:")
    assert set(reply.json) == {"type", "title", "status", "detail", "instance", "errors"}
    assert PERSONAL not in reply.text
    return reply


async def refused_structured(bus: Bus, document: object) -> Reply:
    """Do so with a structured event."""
    return await refused(bus, json.dumps(document).encode(), {"Content-Type": STRUCTURED})


@pytest.mark.parametrize(
    ("document", "faults"),
    [
        (event(id=None), {("/id", "required")}),
        (event(source=None), {("/source", "required")}),
        (event(type=None), {("/type", "required")}),
        (event(specversion=None), {("/specversion", "required")}),
        (event(id=""), {("/id", "empty")}),
        (event(source=""), {("/source", "empty")}),
        (event(type=""), {("/type", "empty")}),
        (event(specversion=""), {("/specversion", "unknown-specversion")}),
        (event(specversion="0.3"), {("/specversion", "unknown-specversion")}),
        (event(id=7), {("/id", "not-a-string")}),
        (event(source=True), {("/source", "not-a-string")}),
        (event(type=[PERSONAL]), {("/type", "not-a-string")}),
        (event(subject={"bsn": PERSONAL}), {("/subject", "not-a-string")}),
        (event(time=f"morgen {PERSONAL}"), {("/time", "not-a-timestamp")}),
        (event(dataschema=PERSONAL), {("/dataschema", "not-a-uri")}),
        (event(bsn_nummer=PERSONAL), {("/bsn_nummer", "bad-name")}),
        (event(Zaak="x"), {("/Zaak", "bad-name")}),
        (event(count=2**31), {("/count", "out-of-range")}),
        (event(count=1.5), {("/count", "not-an-attribute")}),
        (event(data={}, data_base64="e30="), {("/data_base64", "data-twice")}),
        (event(data_base64=f"{PERSONAL}!"), {("/data_base64", "not-base64")}),
        (
            event(id="", source=7, type=None, time="nu"),
            {
                ("/id", "empty"),
                ("/source", "not-a-string"),
                ("/type", "required"),
                ("/time", "not-a-timestamp"),
            },
        ),
    ],
    ids=lambda value: (
        None if isinstance(value, dict) else ",".join(sorted(f"{p}={c}" for p, c in value))
    ),
)
async def test_a_wrong_event(bus: Bus, document: Mapping[str, Any], faults: Faults) -> None:
    """Each fault is named with its place and a code; values are not repeated."""
    reply = await refused_structured(bus, document)
    assert reply.status == 400
    assert reply.json["type"].endswith(":invalid-event")
    assert set(reply.faults()) == faults
    assert all(error["in"] == "body" and error["detail"] for error in reply.json["errors"])


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"id": "1"', b"[1]", b'"text"', b"\xff\xfe", b'{"id": "\\ud800"}', b"NaN"],
)
async def test_malformed_json(bus: Bus, body: bytes) -> None:
    """What is no JSON object in UTF-8 is refused whole."""
    reply = await refused(bus, body, {"Content-Type": STRUCTURED})
    assert reply.status == 400
    assert reply.json["errors"]


async def test_binary_faults_name_headers(bus: Bus) -> None:
    """In binary mode a fault is in a header, under the name it was sent with."""
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "",
        "ce-type": "nl.vng.zaken.x",
        "ce-time": PERSONAL,
        "Content-Type": "text/plain",
    }
    reply = await refused(bus, PERSONAL.encode(), headers)
    assert reply.status == 400
    assert set(reply.faults()) == {
        ("ce-id", "empty"),
        ("ce-source", "required"),
        ("ce-time", "not-a-timestamp"),
    }
    assert {error["in"] for error in reply.json["errors"]} == {"header"}


async def test_a_batch_with_faults_is_refused_whole(bus: Bus) -> None:
    """Every fault of every item is named; the good items are not stored either."""
    batch = [event(id="1"), event(id=""), event(id="3"), event(id="4", type=None, time="nu")]
    reply = await refused(bus, json.dumps(batch).encode(), {"Content-Type": BATCH})
    assert reply.status == 400
    assert set(reply.faults()) == {
        ("/1/id", "empty"),
        ("/3/type", "required"),
        ("/3/time", "not-a-timestamp"),
    }


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "text/plain",
        "application/cloudevents+xml",
        "application/cloudevents+json; charset=iso-8859-1",
        None,
    ],
)
async def test_the_wrong_content_type(bus: Bus, content_type: str | None) -> None:
    """What is no form of CloudEvent is 415, and the forms that are taken are named."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    reply = await refused(bus, json.dumps(event()).encode(), headers)
    assert reply.status == 415
    assert STRUCTURED in reply.headers["Accept"]


async def test_content_encoding_is_not_taken(bus: Bus) -> None:
    """A packed body could be any size."""
    headers = {"Content-Type": STRUCTURED, "Content-Encoding": "gzip"}
    assert (await refused(bus, b"\x1f\x8b", headers)).status == 415


@pytest.mark.parametrize("chunked", [False, True])
async def test_too_large(bus: Bus, *, chunked: bool) -> None:
    """A body over the limit is 413, whether its length was announced or not."""
    body = json.dumps(event(data="x" * bus.settings.max_event_bytes)).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 10_000):
            yield body[start : start + 10_000]

    sent = pieces() if chunked else body
    reply = await refused(bus, sent, {"Content-Type": STRUCTURED})
    assert reply.status == 413
    assert str(bus.settings.max_event_bytes) in reply.json["detail"]


async def test_a_body_without_end_is_cut_off(bus: Bus) -> None:
    """The answer comes when the limit is passed, not when the body ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bus.port)
    head = f"POST /v1/events HTTP/1.1\r\nAuthorization: Bearer {bus.tokens['all']}\r\n"
    head += f"Host: x\r\nContent-Type: {STRUCTURED}\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head.encode())
    for _ in range(bus.settings.max_event_bytes // 4_096 + 1):
        writer.write(b"1000\r\n" + b"x" * 4_096 + b"\r\n")
    answer = await asyncio.wait_for(reader.readline(), 5)
    assert answer.startswith(b"HTTP/1.1 413 ")
    writer.close()


async def test_an_event_in_a_batch_too_large(bus: Bus) -> None:
    """The limit of an event holds in a batch as well."""
    batch = [event(), event(id="2", data="x" * bus.settings.max_event_bytes)]
    reply = await refused(bus, json.dumps(batch).encode(), {"Content-Type": BATCH})
    assert reply.status == 413
    assert reply.faults() == [("/1/data", "too-large")]


async def test_too_many_in_a_batch(bus: Bus) -> None:
    """A batch has a limit of events, too."""
    batch = [event(id=str(number)) for number in range(21)]
    reply = await refused(bus, json.dumps(batch).encode(), {"Content-Type": BATCH})
    assert (reply.status, reply.json["type"].rpartition(":")[2]) == (413, "too-many-events")


async def test_a_foreign_source(bus: Bus) -> None:
    """Only sources of one's own organisation: 403, each one named."""
    reply = await refused_structured(bus, event(source=FOREIGN))
    assert reply.status == 403
    assert reply.faults() == [("/source", "foreign-source")]
    headers = {f"ce-{name}": value for name, value in event(source=FOREIGN).items()}
    assert (await refused(bus, b"", headers)).faults() == [("ce-source", "foreign-source")]
    batch = [event(), event(id="2", source=FOREIGN), event(id="3"), event(source=FOREIGN + ":x")]
    reply = await refused(bus, json.dumps(batch).encode(), {"Content-Type": BATCH})
    assert reply.status == 403
    assert set(reply.faults()) == {
        ("/1/source", "foreign-source"),
        ("/3/source", "foreign-source"),
    }


@pytest.mark.parametrize("below", ["", ":x"])
async def test_nobody_publishes_as_the_bus(bus: Bus, below: str) -> None:
    """Not even who owns all that its OIN begins: what the bus tells can be trusted."""
    source = f"urn:nld:oin:{OIN}:systeem:gemeentebus{below}"
    reply = await refused_structured(bus, event(source=source))
    assert reply.status == 403
    assert reply.faults() == [("/source", "foreign-source")]


async def test_an_unknown_domain(bus: Bus) -> None:
    """A type that no domain takes is 400, and the domain is not made on the fly."""
    reply = await refused_structured(bus, event(type="nl.brp.persoon-verhuisd"))
    assert reply.status == 400
    assert reply.faults() == [("/type", "unknown-domain")]


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "no-token"),
        ("", "no-token"),
        ("Basic " + base64.b64encode(b"a:b").decode(), "malformed-token"),
        ("Bearer", "malformed-token"),
        ("Bearer gb_nobody-has-this", "unknown-token"),
    ],
)
async def test_no_token_or_a_wrong_one(bus: Bus, authorization: str | None, code: str) -> None:
    """Without a good token it is 401, with a challenge, and the detail says what is wrong."""
    headers = {"Content-Type": STRUCTURED}
    if authorization is not None:
        headers["Authorization"] = authorization
    reply = await refused(bus, json.dumps(event()).encode(), headers, who=None)
    assert reply.status == 401
    assert reply.json["type"].endswith(f":{code}")
    assert reply.headers["WWW-Authenticate"].startswith('Bearer realm="gemeentebus"')


async def test_an_expired_token(bus: Bus) -> None:
    """An expired token is told apart from an unknown one."""
    headers = {"Content-Type": STRUCTURED}
    reply = await refused(bus, json.dumps(event()).encode(), headers, who="expired")
    assert (reply.status, reply.json["type"].rpartition(":")[2]) == (401, "expired-token")


async def test_a_token_without_the_role(bus: Bus) -> None:
    """A subscriber may not publish: 403 that names the role."""
    headers = {"Content-Type": STRUCTURED}
    reply = await refused(bus, json.dumps(event()).encode(), headers, who="subscriber")
    assert reply.status == 403
    assert "publisher" in reply.json["detail"]
