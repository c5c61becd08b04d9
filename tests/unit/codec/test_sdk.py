"""To and from the CloudEvents SDK, and events that it writes and reads."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from cloudevents.core.bindings import http as sdk_http
from cloudevents.core.bindings import kafka as sdk_kafka
from cloudevents.core.v1.event import CloudEvent

from bus.codec import http, kafka
from bus.codec.sdk import from_sdk, to_sdk
from bus.event import Event, InvalidEvent

TIME = datetime(2026, 11, 23, 19, 13, 5, 123456, tzinfo=UTC)
ATTRIBUTES: dict[str, Any] = {
    "id": "1",
    "source": "urn:nld:oin:00000001823288444000:zaken",
    "type": "nl.example.zaak-gewijzigd",
    "specversion": "1.0",
    "time": TIME,
    "subject": "zaak é",
    "partitionkey": "7",
}
JSON: dict[str, Any] = {**ATTRIBUTES, "datacontenttype": "application/json"}


Content = dict[str, Any] | str | bytes | None
HttpWriter = Callable[[Event], http.Message]
KafkaWriter = Callable[[Event], tuple[list[tuple[str, bytes]], bytes | None]]
SdkHttpWriter = Callable[[CloudEvent], sdk_http.HTTPMessage]
SdkKafkaWriter = Callable[[CloudEvent], sdk_kafka.KafkaMessage]


def wire(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Give headers as a server does."""
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def test_an_event_becomes_the_sdks() -> None:
    """Time as datetime, JSON parsed."""
    event = Event(
        id="1",
        source="/s",
        type="t",
        attributes={"time": "2026-11-23T19:13:05.123456789Z", "count": 7},
        datacontenttype="application/json",
        data=b'{"a":[1,"\\u00e9"]}',
    )
    converted = to_sdk(event)
    assert converted.get_time() == TIME
    assert converted.get_data() == {"a": [1, "é"]}
    assert converted.get_extension("count") == 7


@pytest.mark.parametrize(
    ("datacontenttype", "data", "expected"),
    [
        (None, b"x", b"x"),
        ("text/plain", "é".encode(), "é"),
        ("text/plain", b"\xff", b"\xff"),
        ("a/b", b"x", b"x"),
        ("application/json", b"12345678901234567890123", 12345678901234567890123),
        ("application/json", b"1" * 5000, b"1" * 5000),
        ("application/json", b"[1e999]", b"[1e999]"),
        ("application/json", None, None),
    ],
)
def test_data_becomes_what_the_sdk_takes(
    datacontenttype: str | None, data: bytes | None, expected: object
) -> None:
    """JSON is parsed, text is str, the rest stays bytes."""
    event = Event("1", "/s", "t", {}, datacontenttype, data)
    assert to_sdk(event).get_data() == expected


def test_the_sdk_invents_no_time() -> None:
    """Its constructor fills in the present; an event without time stays so."""
    assert to_sdk(Event("1", "/s", "t")).get_time() is None


@pytest.mark.parametrize("time", ["2016-12-31T23:59:60.5Z", "2016-12-31t23:59:59.5z"])
def test_a_time_that_python_lacks_becomes_the_nearest(time: str) -> None:
    """A second 60 becomes 59; small letters are read."""
    converted = to_sdk(Event("1", "/s", "t", {"time": time})).get_time()
    assert converted == datetime(2016, 12, 31, 23, 59, 59, 500000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("datacontenttype", "content", "settled", "data"),
    [
        ("application/json", {"a": [1, "é"]}, "application/json", '{"a":[1,"é"]}'.encode()),
        ("application/json", [1], "application/json", b"[1]"),
        ("application/json", "x", "application/json", b'"x"'),
        ("application/json", b"[ 1 ]", "application/json", b"[ 1 ]"),
        (None, {"a": 1}, "application/json", b'{"a":1}'),
        (None, "x", "application/json", b'"x"'),
        (None, b"x", None, b"x"),
        (None, bytearray(b"x"), None, b"x"),
        (None, None, None, None),
        ("text/plain", "é", "text/plain", "é".encode()),
        ("text/plain; charset=iso-8859-1", "é", "text/plain; charset=iso-8859-1", b"\xe9"),
        ("a/b", bytearray(b"x"), "a/b", b"x"),
    ],
)
def test_data_of_the_sdk_becomes_bytes(
    datacontenttype: str | None, content: Content, settled: str | None, data: bytes | None
) -> None:
    """A dict or list is JSON; so is a string where JSON is said or nothing is said."""
    attributes = dict(ATTRIBUTES)
    if datacontenttype is not None:
        attributes["datacontenttype"] = datacontenttype
    event = from_sdk(CloudEvent(attributes, content))
    assert (event.datacontenttype, event.data) == (settled, data)


def test_attributes_of_the_sdk_become_canonical() -> None:
    """Times as text, binary as base64, what is None is absent."""
    zone = timezone(timedelta(hours=1))
    extensions = {"when": TIME.astimezone(zone), "blob": b"M", "count": 7, "on": True, "no": None}
    event = from_sdk(CloudEvent({**ATTRIBUTES, **extensions}))
    assert event.attributes == {
        "time": "2026-11-23T19:13:05.123456+00:00",
        "subject": "zaak é",
        "partitionkey": "7",
        "when": "2026-11-23T20:13:05.123456+01:00",
        "blob": "TQ==",
        "count": 7,
        "on": True,
    }


@pytest.mark.parametrize(
    ("attributes", "content", "found"),
    [
        ({"count": 1.5}, None, {"/count": "not-an-attribute"}),
        (
            {"count": 2**40, "subject": "\n"},
            None,
            {"/count": "out-of-range", "/subject": "forbidden-character"},
        ),
        ({"source": "a b"}, None, {"/source": "not-a-uri-reference"}),
        ({"datacontenttype": "x"}, b"x", {"/datacontenttype": "not-a-media-type"}),
        ({"datacontenttype": "application/json"}, b"{", {"/data": "not-json"}),
        ({"datacontenttype": "application/json"}, {"a": {1}}, {"/data": "not-json"}),
        ({"datacontenttype": "application/json"}, {"a": float("nan")}, {"/data": "not-json"}),
        ({"datacontenttype": "application/json"}, "\ud800", {"/data": "not-json"}),
        ({"datacontenttype": "text/plain"}, {"a": 1}, {"/data": "not-a-string"}),
    ],
)
def test_what_the_sdk_lets_pass_is_refused(
    attributes: dict[str, Any], content: Content, found: dict[str, str]
) -> None:
    """The SDK checks little; the bus checks all."""
    with pytest.raises(InvalidEvent) as caught:
        from_sdk(CloudEvent({**ATTRIBUTES, **attributes}, content))
    assert {fault.where: fault.code for fault in caught.value.faults} == found


@pytest.mark.parametrize("mode", [sdk_http.to_structured_event, sdk_http.to_binary_event])
def test_an_http_message_of_the_sdk_is_read(mode: SdkHttpWriter) -> None:
    """Structured and binary messages that the SDK writes are the event it wrote."""
    theirs = CloudEvent(dict(JSON), {"a": [1, "é"]})
    message = mode(theirs)
    event = http.decode(wire(message.headers), message.body)
    assert isinstance(event, Event)
    back = to_sdk(event)
    assert back.get_attributes() == theirs.get_attributes()
    assert back.get_data() == theirs.get_data()


@pytest.mark.parametrize("mode", [http.encode_structured, http.encode_binary])
def test_an_http_message_of_ours_is_read_by_the_sdk(mode: HttpWriter) -> None:
    """Structured and binary messages that we write are read by the SDK."""
    event = from_sdk(CloudEvent(dict(JSON), {"a": [1, "é"]}))
    headers, body = mode(event)
    theirs = sdk_http.from_http_event(sdk_http.HTTPMessage(headers=dict(headers), body=body))
    assert theirs.get_attributes() == JSON
    assert theirs.get_data() == {"a": [1, "é"]}


@pytest.mark.parametrize("mode", [sdk_kafka.to_structured_event, sdk_kafka.to_binary_event])
def test_a_kafka_record_of_the_sdk_is_read(mode: SdkKafkaWriter) -> None:
    """Structured and binary records that the SDK writes are the event it wrote."""
    theirs = CloudEvent(dict(JSON), {"a": [1, "é"]})
    message = mode(theirs)
    back = to_sdk(kafka.decode(list(message.headers.items()), message.value))
    assert back.get_attributes() == theirs.get_attributes()
    assert back.get_data() == theirs.get_data()


@pytest.mark.parametrize("mode", [kafka.encode_structured, kafka.encode])
def test_a_kafka_record_of_ours_is_read_by_the_sdk(mode: KafkaWriter) -> None:
    """Structured and binary records that we write are read by the SDK."""
    event = from_sdk(CloudEvent(dict(JSON), {"a": [1, "é"]}))
    headers, value = mode(event)
    message = sdk_kafka.KafkaMessage(headers=dict(headers), key=None, value=value or b"")
    theirs = sdk_kafka.from_kafka_event(message)
    assert theirs.get_attributes() == JSON
    assert theirs.get_data() == {"a": [1, "é"]}
