"""From an event and a subscription to the request on the wire."""

import time
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from standardwebhooks import Webhook

from bus.codec import http, json
from bus.event import AttributeValue, Event
from bus.subscription import new_signing_secret
from consumers.receive import read
from consumers.sinks.sender import Request
from consumers.sinks.webhook import message_signature
from consumers.sinks.webhook.request import Content, RequestBuilder
from consumers.sinks.webhook.sign import (
    EventIds,
    Signer,
    counted,
    signer_of,
    verifier_of,
    verify,
)
from tests.property.valid_events import exactly, in_headers, trimmed, valid_events

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
BODY = b'{"specversion":"1.0"}'
NOW = 1_800_000_000.9


FULL = Event(
    id="1",
    source="urn:x",
    type="nl.x",
    attributes={"subject": "café %", "traceparent": TRACEPARENT, "number": "7"},
    datacontenttype="application/json",
    data=b'{"a": 1.0}',
)


def made(secret: str, mode: Literal["structured", "binary", "batch"]) -> RequestBuilder:
    """Give the builder of a subscription in one mode."""
    return RequestBuilder(
        subscription_id="sub",
        organisation="org",
        sink="https://Sink.example:443/events",
        timeout=30,
        origin="bus.example",
        signers=[signer_of(secret)],
        mode=mode,
    )


def builder(*secrets: str, headers: dict[str, str] | None = None) -> RequestBuilder:
    """Give the builder of a subscription with these signing secrets."""
    return RequestBuilder(
        subscription_id="sub",
        organisation="00000001234567890000",
        sink="https://sink.example/events",
        timeout=30,
        origin="bus.example",
        signers=[Signer(secret) for secret in secrets],
        headers=headers,
    )


def event(**attributes: AttributeValue) -> Event:
    """Give an event with these attributes."""
    return Event(id="1", source="urn:x", type="nl.x", attributes=attributes)


def build(*secrets: str, **attributes: AttributeValue) -> Request:
    """Build one attempt to deliver an event with these attributes."""
    return builder(*secrets).build(Content(event(**attributes), BODY), now=NOW)


def test_request() -> None:
    """The body goes to the sink as it is, with the headers of design §5 and no other."""
    request = build(new_signing_secret())
    assert (request.url, request.body, request.timeout, request.organisation) == (
        "https://sink.example/events",
        BODY,
        30,
        "00000001234567890000",
    )
    headers = dict(request.headers)
    assert len(headers) == len(request.headers)
    assert headers.pop("webhook-signature").startswith("v1,")
    assert headers == {
        "Content-Type": "application/cloudevents+json; charset=utf-8",
        "User-Agent": "Gemeentebus",
        "WebHook-Request-Origin": "bus.example",
        "webhook-id": EventIds("urn:x", "1").for_subscription(counted("sub")),
        "webhook-timestamp": "1800000000",
    }


def test_id_stays_and_signature_follows_the_attempt() -> None:
    """A later attempt has the same id, its own timestamp, and a signature over that."""
    secret = new_signing_secret()
    first = dict(builder(secret).build(Content(event(), BODY), now=NOW).headers)
    second = dict(builder(secret).build(Content(event(), BODY), now=NOW + 5).headers)
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-signature"] != second["webhook-signature"]
    assert second["webhook-timestamp"] == "1800000005"


def test_both_secrets_sign_during_a_rotation() -> None:
    """A component that has either the old or the new secret can verify."""
    old, new = new_signing_secret(), new_signing_secret()
    headers = dict(build(new, old).headers)
    for secret in (old, new):
        signature = Signer(secret).sign(headers["webhook-id"], int(NOW), BODY)
        assert signature in headers["webhook-signature"].split(" ")
    assert "webhook-signature" not in dict(build().headers)


def test_public_library_verifies() -> None:
    """A component with the public library takes the request as it is sent."""
    secret = new_signing_secret()
    request = builder(secret).build(Content(event(), BODY), now=time.time())
    assert Webhook(secret).verify(BODY, dict(request.headers)) == {"specversion": "1.0"}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, {}),
        ({"traceparent": TRACEPARENT}, {"traceparent": TRACEPARENT}),
        (
            {"traceparent": TRACEPARENT, "tracestate": "a=1,b=2"},
            {"traceparent": TRACEPARENT, "tracestate": "a=1,b=2"},
        ),
        ({"tracestate": "a=1"}, {}),
        ({"traceparent": TRACEPARENT, "tracestate": "é"}, {"traceparent": TRACEPARENT}),
        ({"traceparent": TRACEPARENT, "tracestate": "a" * 600}, {"traceparent": TRACEPARENT}),
        ({"traceparent": TRACEPARENT.upper()}, {}),
        ({"traceparent": TRACEPARENT + "\n"}, {}),
        ({"traceparent": 7}, {}),
    ],
)
def test_trace(attributes: dict[str, AttributeValue], expected: dict[str, str]) -> None:
    """An event's trace goes into the head in W3C form; what is not in that form stays out of it."""
    headers = dict(build(**attributes).headers)
    assert {name: value for name, value in headers.items() if name.startswith("trace")} == expected


def test_own_headers() -> None:
    """A subscription's own headers go along; it may call the bus by another name."""
    headers = {"Authorization": "Bearer x", "user-agent": "Other"}
    request = builder(headers=headers).build(Content(event(), BODY), now=NOW)
    sent = dict(request.headers)
    assert sent["Authorization"] == "Bearer x"
    assert [value for name, value in sent.items() if name.lower() == "user-agent"] == ["Other"]
    assert "Bearer" not in repr(request)


def test_binary_mode() -> None:
    """Attributes go in ce- headers, percent-encoded, the data is the body as it was published."""
    secret = new_signing_secret()
    sent = made(secret, "binary").build(Content(FULL, BODY), now=NOW)
    headers = dict(sent.headers)
    assert len({name.lower() for name in headers}) == len(sent.headers)
    assert sent.body == b'{"a": 1.0}'
    assert headers["content-type"] == "application/json"
    assert headers["ce-subject"] == "caf%C3%A9%20%25"
    assert (headers["ce-id"], headers["ce-specversion"]) == ("1", "1.0")
    assert headers["WebHook-Request-Origin"] == "bus.example"
    raw = [(name.lower().encode(), value.encode()) for name, value in sent.headers]
    assert http.decode(raw, sent.body) == FULL
    lower = {name.lower(): value for name, value in sent.headers}
    key = verifier_of(secret)
    uri = "https://sink.example/events"
    message_signature.verify([key], lower, sent.body, uri=uri, now=NOW, tolerance=1)
    signature = headers["webhook-signature"]
    assert verify([key], headers["webhook-id"], int(NOW), sent.body, signature)


@pytest.mark.parametrize(
    "changes",
    [
        {"data": None},
        {"data": b""},
        {"datacontenttype": None},
        {"datacontenttype": "application/cloudevents+json"},
        {"datacontenttype": "Application/CloudEvents-Batch+json"},
    ],
)
def test_what_has_no_binary_form_goes_structured(changes: dict[str, object]) -> None:
    """Without a body or a media type, or with one that would say another mode (webhook §2)."""
    odd = msgspec.structs.replace(FULL, **changes)
    sent = made(new_signing_secret(), "binary").build(Content(odd, BODY), now=NOW)
    assert sent.body == BODY
    names = {name.lower() for name, _ in sent.headers}
    assert not any(name.startswith("ce-") for name in names)
    assert "signature" not in names
    assert dict(sent.headers)["Content-Type"] == "application/cloudevents+json; charset=utf-8"


@given(valid_events())
def test_any_event_arrives_signed_in_any_mode(event: Event) -> None:
    """What was published is what a component reads, and every bit of it was signed."""
    secret, body = new_signing_secret(), json.encode(event)
    for mode in ("structured", "binary", "batch"):
        sent = made(secret, mode).build(Content(event, body), now=NOW)
        raw = [(name.lower().encode(), value.encode()) for name, value in sent.headers]
        (arrived,) = read(
            raw,
            sent.body,
            signers=[verifier_of(secret)],
            now=NOW,
            uri="https://sink.example/events",
        )
        in_text = "Signature" in dict(sent.headers)
        assert exactly(trimmed(in_headers(arrived))) == exactly(trimmed(in_headers(event))), mode
        assert in_text or exactly(trimmed(arrived)) == exactly(trimmed(event))


def test_batch() -> None:
    """Several events make one signed request, in their order; its id is that of these events."""
    secret = new_signing_secret()
    build = made(secret, "batch").build_batch
    one, two = (Event(id=each, source="urn:x", type="nl.x") for each in "12")
    both = [Content(each, json.encode(each)) for each in (one, two)]
    sent = build(both, now=NOW)
    headers = dict(sent.headers)
    assert headers["Content-Type"] == "application/cloudevents-batch+json; charset=utf-8"
    assert json.decode_batch(sent.body) == [one, two]
    assert verify(
        [verifier_of(secret)],
        headers["webhook-id"],
        int(NOW),
        sent.body,
        headers["webhook-signature"],
    )
    ids = [
        dict(build(events, now=NOW + later).headers)["webhook-id"]
        for events, later in ((both, 5), (both[:1], 0), (both[1:], 0), (both[::-1], 0))
    ]
    assert ids[0] == headers["webhook-id"]
    assert len(set(ids)) == 4
    assert ids[1] == EventIds("urn:x", "1").for_subscription(counted("sub"))
    single = made(secret, "batch").build(both[0], now=NOW)
    assert single == build(both[:1], now=NOW)
