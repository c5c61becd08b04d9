"""CloudEvents 1.0.2, rule by rule, through the HTTP door: what stands in the log, what is refused.

The same rules in process, with more cases each, are tests of the codec and of the event.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from bus.log.record import Record
from tests.contract.api.bus_under_test import BATCH, SOURCE, STRUCTURED, TYPE, Bus, Reply, event

pytestmark = pytest.mark.asyncio(loop_scope="session")

HEAD = json.dumps(event())[:-1].encode()
"""A structured event without its end."""
LEAST = {f"ce-{name}": value for name, value in event().items()}


async def publish(bus: Bus, headers: Mapping[str, str], body: bytes = b"") -> Reply:
    """Publish as anybody would."""
    return await bus.call("POST", "/v1/events", headers=headers, body=body)


async def stored(bus: Bus, headers: Mapping[str, str], body: bytes = b"") -> Record:
    """Publish what must be taken, and give what stands in the log."""
    reply = await publish(bus, headers, body)
    assert reply.status == 202, reply.text
    (record,) = await bus.records(reply.json)
    return record


def attributes(record: Record) -> dict[str, str]:
    """Give the headers of a record as text."""
    return {name: value.decode() for name, value in record.headers}


async def test_null_is_absent(bus: Bus) -> None:
    """An attribute that is null was not sent; null data is the payload null."""
    body = HEAD + b', "subject": null, "time": null, "data_base64": null, "data": null}'
    record = await stored(bus, {"Content-Type": STRUCTURED}, body)
    assert {"ce_subject", "ce_time", "ce_data_base64"}.isdisjoint(attributes(record))
    assert record.value == b"null"


async def test_no_data_is_a_null_value(bus: Bus) -> None:
    """In Kafka no data is null, which is not the same as empty; nothing is said of its type."""
    for headers, body in (({"Content-Type": STRUCTURED}, HEAD + b"}"), (LEAST, b"")):
        record = await stored(bus, headers, body)
        assert record.value is None
        assert "content-type" not in attributes(record)


@pytest.mark.parametrize(
    ("members", "content_type", "value"),
    [
        (b'"data": "I\'m just a string"', "application/json", b'"I\'m just a string"'),
        (b'"data": {"n": 1.10, "n": 1e400}', "application/json", b'{"n": 1.10, "n": 1e400}'),
        (b'"data": "x", "datacontenttype": "text/plain"', "text/plain", b"x"),
        (b'"data": "x", "datacontenttype": "IMAGE/X+JSON; a=b"', "IMAGE/X+JSON; a=b", b'"x"'),
        (b'"data_base64": "AP8="', None, b"\x00\xff"),
        (b'"data_base64": "eyJhIjoxfQ==", "datacontenttype": "a/json"', "a/json", b'{"a":1}'),
        (b'"data_base64": "", "datacontenttype": "image/png"', "image/png", b""),
    ],
)
async def test_the_payload_is_what_its_media_type_says(
    bus: Bus, members: bytes, content_type: str | None, value: bytes
) -> None:
    """JSON with its quotes and digits, text, bytes: and data without a type is JSON, no other."""
    record = await stored(bus, {"Content-Type": STRUCTURED}, HEAD + b", " + members + b"}")
    assert record.value == value
    assert attributes(record).get("content-type") == content_type


@pytest.mark.parametrize(
    "content_type",
    [
        "Application/CloudEvents+JSON",
        f"{STRUCTURED};charset=utf-8",
        f'{STRUCTURED}; charset="UTF-8"',
    ],
)
async def test_the_content_type_alone_says_the_mode(bus: Bus, content_type: str) -> None:
    """Structured is structured, whatever ce- headers stand beside it."""
    headers = {**LEAST, "ce-id": "other", "ce-bad_name": "x", "Content-Type": content_type}
    record = await stored(bus, headers, HEAD + b', "data": 1}')
    assert (attributes(record)["ce_id"], record.value) == ("1", b"1")


async def test_a_json_body_beside_headers_is_data(bus: Bus) -> None:
    """Binary is binary, though its body looks like an event."""
    body = HEAD.replace(b'"id": "1"', b'"id": "2"') + b"}"
    record = await stored(bus, {**LEAST, "Content-Type": "application/json"}, body)
    assert (attributes(record)["ce_id"], record.value) == ("1", body)


async def test_every_attribute_comes_through(bus: Bus) -> None:
    """Unknown extensions, names of any length, integers and booleans, nanoseconds."""
    time, name = "2026-11-23T19:13:05.123456789+01:00", "x" * 67
    more = {"time": time, name: "é \U0001f600", "count": -7, "urgent": False, "empty": ""}
    body = json.dumps({**event(), **more}).encode()
    found = attributes(await stored(bus, {"Content-Type": STRUCTURED}, body))
    assert found["ce_time"] == time
    assert found[f"ce_{name}"] == "é \U0001f600"
    assert (found["ce_count"], found["ce_urgent"], found["ce_empty"]) == ("-7", "false", "")
    assert found["gemeentebus-types"] == "count=i,urgent=b"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € \U0001f600"),
        ("%e2%82%ac%41", "€A"),
        ("%2525", "%25"),
        ('"a \\"b\\" %C3%A9"', 'a "b" é'),
        ("a b", "a b"),
    ],
)
async def test_a_header_is_unquoted_and_decoded_once(bus: Bus, value: str, text: str) -> None:
    """Quotes first, then one round of percent-decoding; in Kafka the text stands as it is."""
    record = await stored(bus, {**LEAST, "ce-note": value})
    assert attributes(record)["ce_note"] == text


@pytest.mark.parametrize("value", ["%C0%A0", "%ED%A0%80", "%FF", "%E2%82", "100%", '"open', "%00"])
async def test_a_header_that_stands_for_no_text_is_refused(bus: Bus, value: str) -> None:
    """Overlong forms, surrogates, cut sequences, stray signs, control characters."""
    reply = await publish(bus, {**LEAST, "ce-note": value})
    assert reply.status == 400
    ((place, code),) = reply.faults()
    assert place == "ce-note"
    assert code in {"bad-encoding", "forbidden-character"}
    assert value not in reply.text


@pytest.mark.parametrize(
    ("headers", "fault"),
    [
        ({"ce-datacontenttype": "text/plain"}, ("ce-datacontenttype", "misplaced")),
        ({"ce-data": "x"}, ("ce-data", "bad-name")),
        ({"ce-a-b": "x"}, ("ce-a-b", "bad-name")),
        ({"ce-specversion": "0.3"}, ("ce-specversion", "unknown-specversion")),
        ({"Content-Type": "json"}, ("content-type", "not-a-media-type")),
        ({"Content-Type": "application/json"}, ("", "not-json")),
    ],
)
async def test_a_wrong_header_is_named(
    bus: Bus, headers: Mapping[str, str], fault: tuple[str, str]
) -> None:
    """Each rule of binary mode has an answer of its own."""
    reply = await publish(bus, {**LEAST, **headers}, b"{")
    assert (reply.status, reply.faults()) == (400, [fault])


@pytest.mark.parametrize("name", ["ce-id", "content-type"])
async def test_a_header_that_comes_twice_is_refused(bus: Bus, name: str) -> None:
    """Readers differ in which of two they take."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bus.port)
    sent = {**LEAST, "content-type": "text/plain", "Authorization": f"Bearer {bus.tokens['all']}"}
    lines = [f"{key}: {value}" for key, value in sent.items()]
    head = ["POST /v1/events HTTP/1.1", "Host: x", *lines, f"{name}: text/x", "Content-Length: 0"]
    writer.write("\r\n".join([*head, "Connection: close", "", ""]).encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    document = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert [(e["location"]["name"], e["code"]) for e in document["errors"]] == [(name, "repeated")]


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        (b', "id": "2"}', ("/id", "repeated")),
        (b', "\\u0069d": "2"}', ("/id", "repeated")),
        (b', "data": 1, "data": 2}', ("/data", "repeated")),
        (b', "list": [1]}', ("/list", "not-an-attribute")),
        (b', "count": 1.0}', ("/count", "not-an-attribute")),
        (b', "count": 2147483648}', ("/count", "out-of-range")),
        (b', "note": "\\ufffe"}', ("/note", "forbidden-character")),
        (b', "note": "\\u0085"}', ("/note", "forbidden-character")),
        (b', "data": {}, "datacontenttype": "text/plain"}', ("/data", "not-a-string")),
        (b', "datacontenttype": "json"}', ("/datacontenttype", "not-a-media-type")),
        (b', "dataschema": "/relative"}', ("/dataschema", "not-a-uri")),
        (b', "data": ' + b"[" * 600 + b"]" * 600 + b"}", ("/data", "too-deep")),
    ],
)
async def test_a_wrong_member_is_named(bus: Bus, members: bytes, fault: tuple[str, str]) -> None:
    """Each rule of the JSON format has an answer of its own."""
    reply = await publish(bus, {"Content-Type": STRUCTURED}, HEAD + members)
    assert (reply.status, reply.faults()) == (400, [fault])


async def test_a_batch_has_one_specversion(bus: Bus) -> None:
    """The one that is read: an event of another makes the batch invalid, and is named."""
    batch = [event(id="1"), event(id="2", specversion="0.3")]
    reply = await publish(bus, {"Content-Type": BATCH}, json.dumps(batch).encode())
    assert (reply.status, reply.faults()) == (400, [("/1/specversion", "unknown-specversion")])
    reply = await publish(bus, {"Content-Type": BATCH}, HEAD + b"}")
    assert (reply.status, reply.faults()) == (400, [("", "not-an-array")])


async def test_events_of_64_kib_are_taken(bus: Bus) -> None:
    """What every intermediary must carry: 64 KiB on the wire."""
    document: dict[str, Any] = event(data="")
    document["data"] = "x" * (65_536 - len(json.dumps(document)))
    body = json.dumps(document).encode()
    assert len(body) == 65_536
    record = await stored(bus, {"Content-Type": STRUCTURED}, body)
    assert record.value == json.dumps(document["data"]).encode()


async def test_the_key_is_the_partitionkey_and_the_event_keeps_it(bus: Bus) -> None:
    """The key is taken from the event, which is not changed for it; none is made up."""
    record = await stored(bus, LEAST)
    assert (record.key, attributes(record)["ce_partitionkey"]) == (b"zaak-1", "zaak-1")
    bare = {name: value for name, value in LEAST.items() if name != "ce-partitionkey"}
    record = await stored(bus, bare)
    assert (record.key, "ce_partitionkey" in attributes(record)) == (SOURCE.encode(), False)
    assert attributes(record)["ce_type"] == TYPE
