"""Signatures against the public library, ids against each other, secrets."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from bus.subscription import Signing, new_signing_secret
from consumers.sinks.webhook.sign import (
    EventIds,
    Signer,
    batch_id,
    counted,
    signer_of,
    verifier_of,
    verify,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def secret_of(key: bytes) -> str:
    """Write a key as the secret it is in."""
    return "whsec_" + base64.b64encode(key).decode()


@given(st.binary(min_size=24, max_size=64), st.text("abc_0"), st.integers(0, 2**40), st.binary())
def test_signature_is_hmac(key: bytes, message_id: str, timestamp: int, body: bytes) -> None:
    """A signature is HMAC-SHA256 over id, timestamp and body, whatever the key's length."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert Signer(secret_of(key)).sign(message_id, timestamp, body) == f"v1,{expected}"


def test_published_vector() -> None:
    """The example that the standard's libraries all test comes out as published."""
    signer = Signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


VECTOR = "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="


@pytest.mark.parametrize("length", [32, 64])
def test_published_vector_of_v1a(length: int) -> None:
    """The example of the standard, by Svix, comes out as published, of either form of the key."""
    key = base64.b64decode(VECTOR)
    secret = "whsk_" + base64.b64encode(key[:length]).decode()
    message = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    expected = (
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7"
        "AZdpXwVLPo3mNl8EM+m7TBAg=="
    )
    assert signer_of(secret).sign(*message) == expected
    shown = Signing.by(secret)
    assert shown.public_key == "whpk_" + base64.b64encode(key[32:]).decode()
    assert verify([verifier_of(shown.public_key)], *message, f"v1,AAAA {expected}")
    assert not verify([verifier_of(shown.public_key)], *message, expected.replace("hnO3", "hnO4"))


def test_keys_are_told_apart_by_their_scheme() -> None:
    """A signature counts under its own scheme only; either key of a rotation will do."""
    shared, private = new_signing_secret("v1"), new_signing_secret("v1a")
    items = [signer_of(secret).sign("msg_1", 1, b"{}") for secret in (shared, private)]
    both = " ".join(items)
    for key in (shared, private, Signing.by(private).public_key or ""):
        assert verify([verifier_of(key)], "msg_1", 1, b"{}", both)
        assert not verify([verifier_of(key)], "msg_1", 2, b"{}", both)
    swapped = " ".join(
        f"{scheme},{item.partition(',')[2]}"
        for scheme, item in zip(("v1a", "v1"), items, strict=True)
    )
    assert not verify([verifier_of(shared), verifier_of(private)], "msg_1", 1, b"{}", swapped)


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_a_batch_has_the_id_of_its_events(ids: list[bytes]) -> None:
    """The same events in the same order have one id, without a dot; others have others."""
    texts = [f"msg_{each.hex()}" for each in ids]
    assert batch_id(texts) == batch_id(list(texts))
    assert batch_id(texts) != batch_id([*texts, "msg_"])
    assert "." not in batch_id(texts)


def test_public_library_accepts() -> None:
    """The library that components use verifies what we sign, and we verify what it signs."""
    secret = new_signing_secret()
    library, signer, body = Webhook(secret), Signer(secret), '{"id": "1"}'
    now = datetime.now(UTC)
    timestamp = int(now.timestamp())
    signature = signer.sign("msg_1", timestamp, body.encode())
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,bm90IG91cnM= {signature}",
    }
    assert library.verify(body, headers) == {"id": "1"}
    theirs = library.sign("msg_1", now, body)
    assert signer.verify("msg_1", timestamp, body.encode(), theirs)
    assert signer.verify("msg_1", timestamp, body.encode(), f"{theirs} v1,bm90IG91cnM=")


@pytest.mark.parametrize(
    "signatures", ["", " ", "v1", "v1,", "v1a,AAAA", "v1,é", "v1,AAAA v2,BBBB", "v1,=\0"]
)
def test_other_signatures_do_not_verify(signatures: str) -> None:
    """No malformed or foreign item verifies, and none raises."""
    assert not Signer(new_signing_secret()).verify("msg_1", 1, b"{}", signatures)


@pytest.mark.parametrize("text", ["", "whsec_", secret_of(bytes(23)), secret_of(bytes(65))])
def test_invalid_secrets(text: str) -> None:
    """A text that is no secret of 24 to 64 bytes makes no signer."""
    with pytest.raises(ValueError, match="whsec_"):
        Signer(text)


@pytest.mark.parametrize(
    "text", ["", "whpk_", "whpk_AAAA", "whsk_" + base64.b64encode(bytes(33)).decode(), "whsk_é"]
)
def test_invalid_keys(text: str) -> None:
    """A text that is no key verifies nothing."""
    with pytest.raises(ValueError, match=r"whpk_|whsk_|whsec_"):
        verifier_of(text)


def webhook_id(source: str, event_id: str, subscription: str) -> str:
    """Give the id of an event for a subscription."""
    return EventIds(source, event_id).for_subscription(counted(subscription))


@given(st.tuples(TEXTS, TEXTS, TEXTS), st.tuples(TEXTS, TEXTS, TEXTS))
def test_ids_are_told_apart(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    """The same triple has the same id, another triple another one, however its parts are cut."""
    assert (webhook_id(*one) == webhook_id(*other)) == (one == other)


def test_id_is_stable() -> None:
    """The id of a triple stays what it is over releases: components remember it. It has no dot."""
    assert webhook_id("urn:x", "1", "s") == webhook_id("urn:x", "1", "s")
    assert webhook_id("urn:x", "1", "s") != webhook_id("urn:x1", "", "s")
    assert webhook_id("urn:nld:oin:1", "42", "7f") == "msg_6cb6ffe5607c3757fd795f485f9bfd82"
