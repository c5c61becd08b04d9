"""HTTP Message Signatures against another implementation, and against whoever changes a request."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier
from http_message_signatures.algorithms import ED25519, HMAC_SHA256
from hypothesis import given
from hypothesis import strategies as st

from bus.subscription import Signing, new_signing_secret, private_key, public_key, signing_key
from consumers.sinks.webhook.message_signature import (
    BadSignature,
    content_digest,
    sign,
    target_uri,
    verify,
)
from consumers.sinks.webhook.sign import Verifier, signer_of, verifier_of

NOW = int(datetime.now(UTC).timestamp())
URI = "https://sink.example/events?a=b"
BODY = b'{"zaak": 1}'
HEADERS = {
    "content-type": "application/json",
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "urn:x",
    "ce-type": "nl.x",
    "ce-subject": "caf%C3%A9",
}
SHARED, PRIVATE = new_signing_secret("v1"), new_signing_secret("v1a")
PUBLIC = Signing.by(PRIVATE).public_key or ""
COVERED = ["@method", "@target-uri", "content-digest", *HEADERS]
KEYS = {
    "v1": (HMAC_SHA256, signing_key(SHARED), signing_key(SHARED)),
    "v1a": (
        ED25519,
        Ed25519PrivateKey.from_private_bytes(private_key(PRIVATE)),
        Ed25519PublicKey.from_public_bytes(public_key(PUBLIC)),
    ),
}
SECRETS = {"v1": (SHARED, SHARED), "v1a": (PRIVATE, PUBLIC)}


def signed(*secrets: str, headers: dict[str, str] = HEADERS, body: bytes = BODY) -> dict[str, str]:
    """Give the headers of a request that we sign, names in lower case."""
    signers = [signer_of(secret) for secret in secrets]
    made = sign(signers, headers, body, uri=URI, keyid="sub", created=NOW)
    return headers | {name.lower(): value for name, value in made}


def check(
    headers: dict[str, str], *keys: str, body: bytes = BODY, uri: str = URI, now: float = NOW
) -> None:
    """Verify a request as a component does."""
    verifiers: list[Verifier] = [verifier_of(key) for key in keys]
    verify(verifiers, headers, body, uri=uri, now=now, tolerance=300)


@pytest.mark.parametrize("scheme", ["v1", "v1a"])
def test_another_implementation_verifies_ours(scheme: str) -> None:
    """The public library finds our signature valid, over all attributes of the event."""
    algorithm, _, key = KEYS[scheme]
    message = SimpleNamespace(method="POST", url=URI, headers=signed(SECRETS[scheme][0]))
    verifier = HTTPMessageVerifier(
        signature_algorithm=algorithm,
        key_resolver=SimpleNamespace(resolve_public_key=lambda _: key),
    )
    (result,) = verifier.verify(message, body=BODY)
    assert result.parameters["alg"] == algorithm.algorithm_id
    assert {name.strip('"') for name in result.covered_components} >= set(COVERED)


@pytest.mark.parametrize("scheme", ["v1", "v1a"])
def test_we_verify_another_implementation(scheme: str) -> None:
    """What the public library signs is verified, if it covers what has to be covered."""
    algorithm, key, _ = KEYS[scheme]
    resolver = SimpleNamespace(resolve_private_key=lambda _: key)
    signer = HTTPMessageSigner(signature_algorithm=algorithm, key_resolver=resolver)
    for covered in (COVERED, COVERED[:-1]):
        message = SimpleNamespace(method="POST", url=URI, headers=dict(HEADERS))
        signer.sign(
            message,
            key_id="sub",
            covered_component_ids=covered,
            body=BODY,
            label="theirs",
            created=datetime.fromtimestamp(NOW, UTC),
        )
        headers = {name.lower(): value for name, value in message.headers.items()}
        if covered is COVERED:
            check(headers, SECRETS[scheme][1])
        else:
            with pytest.raises(BadSignature, match="not all of it"):
                check(headers, SECRETS[scheme][1])


def test_either_key_of_a_rotation() -> None:
    """With two signatures either key alone verifies, and a third does not."""
    headers = signed(SHARED, PRIVATE)
    check(headers, SHARED)
    check(headers, PUBLIC)
    check(headers, new_signing_secret(), PUBLIC)
    with pytest.raises(BadSignature, match="not ours"):
        check(headers, new_signing_secret())


@pytest.mark.parametrize("name", sorted(HEADERS))
@pytest.mark.parametrize("secret", [SHARED, PRIVATE], ids=["v1", "v1a"])
def test_no_header_of_the_event_can_be_changed(secret: str, name: str) -> None:
    """Another value, or none: the signature does not hold."""
    headers = signed(secret)
    for changed in (headers | {name: "nl.y"}, {k: v for k, v in headers.items() if k != name}):
        with pytest.raises(BadSignature):
            check(changed, secret)


@pytest.mark.parametrize(
    "changed",
    [
        {"ce-added": "1"},
        {"content-digest": "sha-256=:AAAA:"},
        {"content-digest": ""},
        {"signature": ""},
        {"signature": "sig1=:AAAA:"},
        {"signature": "sig1=:=:"},
        {"signature-input": ""},
        {"signature-input": "sig1"},
        {"signature-input": 'sig1=("@method");created=1'},
        {"signature-input": "é"},
    ],
)
def test_what_is_not_signed(changed: dict[str, str]) -> None:
    """A header put in, a missing or malformed field: refused, and nothing raises but that."""
    with pytest.raises(BadSignature):
        check(signed(SHARED) | changed, SHARED)


def test_another_body_address_or_time() -> None:
    """Body, address and time are covered; the address in any form that means the same."""
    headers = signed(SHARED)
    check(headers, SHARED, uri="HTTPS://SINK.example:443/events?a=b")
    for wrong in ({"body": b"{}"}, {"uri": "https://sink.example/"}, {"uri": "https://[::/"}):
        with pytest.raises(BadSignature):
            check(headers, SHARED, **wrong)  # type: ignore[arg-type]
    for offset in (-301, 301):
        with pytest.raises(BadSignature, match="too old"):
            check(headers, SHARED, now=NOW + offset)


@given(st.text(max_size=200), st.text(max_size=200))
def test_nothing_strange_raises(signature: str, said: str) -> None:
    """Whatever stands in the two fields, it is at worst no signature."""
    headers = signed(SHARED)
    for changed in ({"signature": signature}, {"signature-input": said}):
        with pytest.raises(BadSignature):
            check(headers | changed, SHARED)


def test_a_long_field_costs_little() -> None:
    """A field of a megabyte without a member is passed over in one look."""
    with pytest.raises(BadSignature):
        check(signed(SHARED) | {"signature-input": "a" * 1_000_000}, SHARED)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Sink.Example", "https://sink.example/"),
        ("https://sink.example:443/a?b", "https://sink.example/a?b"),
        ("http://sink.example:80?x=1", "http://sink.example/?x=1"),
        ("http://[::1]:8080/a", "http://[::1]:8080/a"),
    ],
)
def test_target_uri(url: str, expected: str) -> None:
    """The address as it is on the wire: the same for sender and receiver."""
    assert target_uri(url) == expected


def test_the_digest_is_that_of_rfc_9530() -> None:
    """The example of RFC 9530, appendix D."""
    expected = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
    assert content_digest(b'{"hello": "world"}\n') == expected
