"""Signatures and message ids by Standard Webhooks 1.0 (scheme v1: HMAC-SHA256)."""

import binascii
import hashlib
import hmac

from bus.subscription import signing_key

_BLOCK = 64  # bytes per SHA-256 block, to which HMAC pads its key (RFC 2104)
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class Signer:
    """Signs with one secret, given as `whsec_…`; raises ValueError for a text that is none.

    The two SHA-256 states of HMAC that depend on the key alone are made once and copied per
    signature: that halves its cost (1.2 instead of 2.5 µs).
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, secret: str) -> None:
        key = signing_key(secret).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(key.translate(_INNER))
        self._outer = hashlib.sha256(key.translate(_OUTER))

    def sign(self, message_id: str, timestamp: int, body: bytes) -> str:
        """Give the `v1,…` item for `webhook-signature`; `timestamp` is in Unix seconds."""
        inner = self._inner.copy()
        inner.update(f"{message_id}.{timestamp}.".encode())
        inner.update(body)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return "v1," + binascii.b2a_base64(outer.digest(), newline=False).decode()

    def verify(self, message_id: str, timestamp: int, body: bytes, signatures: str) -> bool:
        """Say whether one of the space-separated items is ours; takes the same time either way."""
        expected = self.sign(message_id, timestamp, body).encode()
        found = False
        for item in signatures.split(" "):
            found |= hmac.compare_digest(item.encode(), expected)
        return found


def webhook_id(source: str, event_id: str, subscription_id: str) -> str:
    """Give the `webhook-id` of an event for a subscription: the same at each attempt and replay.

    `msg_` and 32 hex digits of SHA-256 over the three, each preceded by its length in bytes (four
    bytes, big-endian), so that no two triples are written alike. It holds no dot, as the signature
    needs, and tells nothing of the three.
    """
    digest = hashlib.sha256()
    for part in (source, event_id, subscription_id):
        text = part.encode()
        digest.update(len(text).to_bytes(4, "big"))
        digest.update(text)
    return f"msg_{digest.hexdigest()[:32]}"
