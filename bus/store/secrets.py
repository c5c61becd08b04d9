"""Seals secrets and copies of records on their way to Postgres: AES-256-GCM, one key."""

import hmac
import os
from typing import Literal
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bus.store.errors import WrongKey

Kind = Literal["signing", "sinkcredential", "copy"]
"""What a secret of a subscription is for; a `copy` is a record of the log."""

RecordPlace = tuple[str, int, int]
"""Topic, partition and offset of a record."""

NOBODY = UUID(int=0)
"""The subscription of a copy that belongs to its topic alone."""

_VERSION = b"\x01"
_NONCE_BYTES = 12
_KEY_BYTES = 32
_DIGEST_BYTES = 16


class Sealer:
    """Seals and opens secrets under one key of 32 bytes.

    A sealed secret belongs to its subscription and kind, a copy to its place in the log too: moved
    to another row it does not open. The form is a version byte, a random nonce of 12 bytes, and the
    ciphertext with its tag. (Random nonces under one key are safe up to 2³² secrets: NIST SP
    800-38D §8.3.)
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise ValueError(f"the key has {len(key)} bytes; wanted are {_KEY_BYTES}")
        self._cipher = AESGCM(key)
        # A key of its own, derived: a digest says nothing of the key that seals.
        self._digest_key = hmac.digest(key, b"gemeentebus key digest", "sha256")

    def seal(
        self, secret: bytes, *, subscription: UUID, kind: Kind, place: RecordPlace | None = None
    ) -> bytes:
        """Give the sealed form, another one each time. A copy has its `place`."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, secret, _belonging(subscription, kind, place))
        return _VERSION + nonce + sealed

    def unseal(
        self, sealed: bytes, *, subscription: UUID, kind: Kind, place: RecordPlace | None = None
    ) -> bytes:
        """Give the secret back; raises WrongKey when it was not sealed so."""
        if sealed[:1] != _VERSION:
            raise WrongKey(f"its sealed {kind} has an unknown form", subscription)
        nonce, text = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, text, _belonging(subscription, kind, place))
        except (InvalidTag, ValueError):
            raise WrongKey(f"its sealed {kind} does not open with this key", subscription) from None

    def digest(self, key: bytes | None) -> bytes:
        """Give what tells keys of records (None is one) apart, and nothing else about them."""
        text = b"0" if key is None else b"1" + key
        return hmac.digest(self._digest_key, text, "sha256")[:_DIGEST_BYTES]


def _belonging(subscription: UUID, kind: Kind, place: RecordPlace | None) -> bytes:
    # A topic has no slash in its name: no two places are written alike.
    where = "" if place is None else "/".join(map(str, ("", *place)))
    return subscription.bytes + (kind + where).encode()
