"""Seals secrets on their way to Postgres and opens them again: AES-256-GCM, one key."""

import os
from typing import Literal
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bus.store.errors import WrongKey

Kind = Literal["signing", "sinkcredential"]
"""What a secret of a subscription is for."""

_VERSION = b"\x01"
_NONCE_BYTES = 12
_KEY_BYTES = 32


class Sealer:
    """Seals and opens secrets under one key of 32 bytes.

    A sealed secret belongs to its subscription and kind: moved to another row it does not open. The
    form is a version byte, a random nonce of 12 bytes, and the ciphertext with its tag. (Random
    nonces under one key are safe up to 2³² secrets: NIST SP 800-38D §8.3.)
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise ValueError(f"the key has {len(key)} bytes; wanted are {_KEY_BYTES}")
        self._cipher = AESGCM(key)

    def seal(self, secret: bytes, *, subscription: UUID, kind: Kind) -> bytes:
        """Give the sealed form, another one each time."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, secret, _belonging(subscription, kind))
        return _VERSION + nonce + sealed

    def unseal(self, sealed: bytes, *, subscription: UUID, kind: Kind) -> bytes:
        """Give the secret back; raises WrongKey when it was not sealed so."""
        if sealed[:1] != _VERSION:
            raise WrongKey(f"its {kind} secret has an unknown form", subscription)
        nonce, text = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, text, _belonging(subscription, kind))
        except (InvalidTag, ValueError):
            raise WrongKey(f"its {kind} secret does not open with this key", subscription) from None


def _belonging(subscription: UUID, kind: Kind) -> bytes:
    return subscription.bytes + kind.encode()
