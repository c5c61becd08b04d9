"""Reading a delivery: verified first, then decoded, each fault with its status."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from bus.codec import http
from bus.event import Event
from bus.subscription import Scheme, Signing, new_signing_secret
from consumers.receive import Rejected, read
from consumers.sinks.webhook.request import Content, RequestBuilder
from consumers.sinks.webhook.sign import Signer, signer_of, verifier_of

NOW = 1_800_000_000
SECRET = new_signing_secret()
EVENT = Event(id="1", source="urn:x", type="nl.x", attributes={"subject": "999990019"})
WITH_DATA = Event(
    id="1",
    source="urn:x",
    type="nl.x",
    attributes={"subject": "999990019"},
    datacontenttype="application/json",
    data=b"[1]",
)
HEADERS, BODY = http.encode_structured(EVENT)
CONTENT_TYPE = dict(HEADERS)["content-type"]


def headers(
    body: bytes = BODY,
    *,
    secret: str = SECRET,
    at: int = NOW,
    content_type: str | None = CONTENT_TYPE,
    **others: str,
) -> list[tuple[bytes, bytes]]:
    """Sign a body as a sender with the public library does; `others` replace or add headers."""
    signature = Webhook(secret).sign("msg_1", datetime.fromtimestamp(at, UTC), body.decode())
    said = {"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": signature}
    if content_type is not None:
        said["content-type"] = content_type
    said |= {name.replace("_", "-"): value for name, value in others.items()}
    return [(name.encode(), value.encode("latin-1")) for name, value in said.items()]


def received(said: list[tuple[bytes, bytes]], body: bytes = BODY, *secrets: str) -> list[Event]:
    """Read a delivery with one secret or several."""
    return read(said, body, signers=[Signer(each) for each in secrets or (SECRET,)], now=NOW)


def status_of(said: list[tuple[bytes, bytes]], body: bytes = BODY) -> int:
    """Give the status of a delivery that is rejected, in a sentence without its data."""
    with pytest.raises(Rejected) as rejection:
        received(said, body)
    assert "999990019" not in rejection.value.detail
    return rejection.value.status


def test_one_event() -> None:
    """A signed event comes out as it went in."""
    assert received(headers()) == [EVENT]


def test_batch() -> None:
    """A signed batch comes out as its events, in order; an empty one as none."""
    other = Event(id="2", source="urn:x", type="nl.x")
    for events in ([EVENT, other], []):
        said, body = http.encode_batch(events)
        assert received(headers(body, content_type=dict(said)["content-type"]), body) == events


def test_secrets_in_rotation() -> None:
    """Either of two secrets may have signed, on our side and on theirs."""
    old, new = new_signing_secret(), new_signing_secret()
    assert received(headers(secret=old), BODY, new, old) == [EVENT]
    assert received(headers(secret=new), BODY, new, old) == [EVENT]
    both = [dict(headers(secret=each))[b"webhook-signature"].decode() for each in (old, new)]
    assert received(headers(webhook_signature=" ".join(both)), BODY, new) == [EVENT]


@pytest.mark.parametrize("offset", [-300, 300])
def test_clocks_may_differ(offset: int) -> None:
    """A signature up to five minutes old, or ahead, is taken."""
    assert received(headers(at=NOW + offset)) == [EVENT]


@pytest.mark.parametrize(
    "said",
    [
        pytest.param([], id="nothing"),
        pytest.param(headers(secret=new_signing_secret()), id="another secret"),
        pytest.param(headers(BODY + b" "), id="another body"),
        pytest.param(headers(webhook_id="msg_2"), id="another id"),
        pytest.param(headers(webhook_id=""), id="no id"),
        pytest.param(headers(webhook_timestamp=str(NOW + 1)), id="another time"),
        pytest.param(headers(webhook_timestamp="soon"), id="no time"),
        pytest.param(headers(webhook_timestamp=f"+{NOW}"), id="odd time"),
        pytest.param(headers(webhook_timestamp="9" * 5_000), id="huge time"),
        pytest.param(headers(at=NOW - 301), id="old"),
        pytest.param(headers(at=NOW + 301), id="future"),
        pytest.param(headers(webhook_signature=""), id="no signature"),
        pytest.param(headers(webhook_signature="v1"), id="no comma"),
        pytest.param(headers(webhook_signature="v1,=="), id="bad base64"),
        pytest.param(headers(webhook_signature="é"), id="not ASCII"),
    ],
)
def test_unsigned(said: list[tuple[bytes, bytes]]) -> None:
    """Without a signature of ours, of now and over this body, nothing is read."""
    assert status_of(said) == 401


def test_verified_before_read() -> None:
    """Who has not signed is told nothing about the body."""
    assert status_of([(b"content-type", b"text/plain")], b"{") == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"specversion":"1.0","id":"","source":"urn:x","type":"nl.x"}',
        b'{"specversion":"1.0","id":"1","source":"urn:x","type":"nl.x","subject":999990019}',
    ],
)
def test_invalid(body: bytes) -> None:
    """What is signed but no CloudEvent is refused, in a sentence without its values."""
    assert status_of(headers(body), body) == 400


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/json", "application/cloudevents+avro", "application/xml"],
)
def test_other_forms(content_type: str | None) -> None:
    """Only structured and batched JSON are read."""
    assert status_of(headers(content_type=content_type)) == 415


URI = "https://component.example/events"


def binary(secret: str = SECRET) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Give a delivery in binary mode as the bus sends it."""
    builder = RequestBuilder(
        subscription_id="sub",
        organisation="org",
        sink=URI,
        timeout=1,
        origin="bus.example",
        signers=[signer_of(secret)],
        mode="binary",
    )
    request = builder.build(Content(WITH_DATA, b""), now=NOW)
    return [(n.lower().encode(), v.encode()) for n, v in request.headers], request.body


@pytest.mark.parametrize("scheme", ["v1", "v1a"])
def test_binary_mode(scheme: Scheme) -> None:
    """An event in headers is read when its HTTP Message Signature covers it, and the address."""
    secret = new_signing_secret(scheme)
    said, body = binary(secret)
    key = verifier_of(Signing.by(secret).public_key or secret)
    assert read(said, body, signers=[key], now=NOW, uri=URI) == [WITH_DATA]
    said_of: dict[str, Any] = {"headers": said, "body": body, "signers": [key], "now": NOW}
    for wrong in (
        {"uri": "https://other.example/events"},
        {"now": NOW + 301},
        {"signers": [Signer(SECRET)]},
        {"body": b"{}"},
        {"headers": [*said, (b"ce-subject", b"2")]},
        {"headers": [*said, (b"ce-more", b"2")]},
    ):
        with pytest.raises(Rejected) as rejection:
            read(**{"uri": URI, **said_of, **wrong})
        assert rejection.value.status == 401


def test_binary_mode_asks_for_a_signature_over_its_headers() -> None:
    """By the body's signature alone whoever can repeat a request could change its attributes."""
    said, body = binary()
    bare = [pair for pair in said if pair[0] not in {b"signature", b"signature-input"}]
    for headers_, uri in ((bare, URI), (said, None)):
        with pytest.raises(Rejected) as rejection:
            read(headers_, body, signers=[Signer(SECRET)], now=NOW, uri=uri)
        assert rejection.value.status == 415


def test_secret_of_other_length() -> None:
    """Any secret that Standard Webhooks allows will do."""
    for length in (24, 64):
        secret = "whsec_" + base64.b64encode(bytes(length)).decode()
        assert received(headers(secret=secret), BODY, secret) == [EVENT]
