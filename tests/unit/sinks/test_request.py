"""From an event and a subscription to the request on the wire."""

import time

import pytest
from standardwebhooks import Webhook

from bus.event import AttributeValue, Event
from bus.subscription import new_signing_secret
from consumers.sinks.sender import Request
from consumers.sinks.webhook.request import RequestBuilder
from consumers.sinks.webhook.sign import Signer, webhook_id

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
BODY = b'{"specversion":"1.0"}'
NOW = 1_800_000_000.9


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
    return builder(*secrets).build(event(**attributes), BODY, now=NOW)


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
        "webhook-id": webhook_id("urn:x", "1", "sub"),
        "webhook-timestamp": "1800000000",
    }


def test_id_stays_and_signature_follows_the_attempt() -> None:
    """A later attempt has the same id, its own timestamp, and a signature over that."""
    secret = new_signing_secret()
    first = dict(builder(secret).build(event(), BODY, now=NOW).headers)
    second = dict(builder(secret).build(event(), BODY, now=NOW + 5).headers)
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
    request = builder(secret).build(event(), BODY, now=time.time())
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
    request = builder(headers=headers).build(event(), BODY, now=NOW)
    sent = dict(request.headers)
    assert sent["Authorization"] == "Bearer x"
    assert [value for name, value in sent.items() if name.lower() == "user-agent"] == ["Other"]
    assert "Bearer" not in repr(request)
