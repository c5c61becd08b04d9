"""How the deliveries of a subscription are signed: secrets, public keys, and their rotation."""

import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from bus.document import Model
from bus.subscription.time import Time

Scheme = Literal["v1", "v1a"]
"""Of Standard Webhooks: v1 is HMAC-SHA256, v1a is Ed25519."""

_SHARED: Final = "whsec_"
_PRIVATE: Final = "whsk_"
_PUBLIC: Final = "whpk_"

MOST_KEYS: Final = 4
"""Signatures in one delivery, by the newest secret and by those whose grace period runs."""


def signing_key(secret: str) -> bytes:
    """Give the HMAC key in a secret.

    Raises PydanticCustomError, a ValueError, unless it is whsec_ and the base64 of 24 to 64 bytes.
    """
    key = _bytes_in(secret, _SHARED)
    if not 24 <= len(key) <= 64:
        detail = "give whsec_ and the base64 of 24 to 64 random bytes"
        raise PydanticCustomError("not-a-secret", detail)
    return key


def private_key(secret: str) -> bytes:
    """Give the 32 bytes of an Ed25519 private key in a secret.

    Libraries write them alone, or with the 32 of the public key behind them. Raises
    PydanticCustomError, a ValueError, for anything else, and for two that do not belong together.
    """
    pair = _bytes_in(secret, _PRIVATE)
    key, public = pair[:32], pair[32:]
    if len(pair) not in {32, 64} or (public and public != _public_of(key)):
        detail = "give whsk_ and the base64 of an Ed25519 key: 32 bytes, or 64 with its public key"
        raise PydanticCustomError("not-a-secret", detail)
    return key


def public_key(text: str) -> bytes:
    """Give the 32 bytes of an Ed25519 public key, written as whpk_ and base64; else ValueError."""
    key = _bytes_in(text, _PUBLIC)
    if len(key) != 32:
        raise ValueError("give whpk_ and the base64 of 32 bytes")
    return key


def scheme_of(secret: str) -> Scheme:
    """Say which scheme signs with a secret."""
    return "v1a" if secret.startswith(_PRIVATE) else "v1"


def new_signing_secret(scheme: Scheme = "v1") -> str:
    """Make a secret for a subscription that brought none; 32 bytes in either scheme."""
    prefix = _SHARED if scheme == "v1" else _PRIVATE
    return prefix + b64encode(secrets.token_bytes(32)).decode()


def _bytes_in(text: str, prefix: str) -> bytes:
    """Give what stands behind a prefix in base64, b"" where it is not of that form."""
    if not text.startswith(prefix):
        return b""
    try:
        return b64decode(text.removeprefix(prefix), validate=True)
    except ValueError:
        return b""


def _public_of(key: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()


class Signing(Model):
    """Signing as it is stored and shown."""

    scheme: Scheme = "v1"
    public_key: str | None = Field(None, alias="publicKey")
    """`whpk_…`, by which anybody verifies v1a; v1 has none."""
    previous_until: Time | None = Field(None, alias="previousUntil")
    """Until when the secret before the last rotation signs too."""

    @classmethod
    def by(cls, secret: str, *, previous_until: Time | None = None) -> Self:
        """Give what is shown of a sound secret."""
        scheme = scheme_of(secret)
        public = None
        if scheme == "v1a":
            public = _PUBLIC + b64encode(_public_of(private_key(secret))).decode()
        return cls(scheme=scheme, publicKey=public, previousUntil=previous_until)


class SigningRequest(Model):
    """Signing as a client asks for it.

    Without `secret` the bus makes one. One of v1 it shows once, as `signing.secret` in the answer:
    the form that every Standard Webhooks library takes as it is; of v1a it shows the public key. A
    secret that the client brought is not repeated.
    """

    scheme: Scheme = "v1"
    secret: Annotated[str | None, Field(repr=False)] = None

    @field_validator("secret")
    @classmethod
    def _sound(cls, secret: str | None, info: ValidationInfo) -> str | None:
        if secret is not None:
            (private_key if info.data.get("scheme") == "v1a" else signing_key)(secret)
        return secret

    def key(self) -> str:
        """Give the secret, newly made unless the client brought one."""
        return self.secret or new_signing_secret(self.scheme)

    def to_show(self, secret: str) -> str | None:
        """Give the secret, this once, if the bus made it and somebody needs it to verify."""
        return secret if self.secret is None and self.scheme == "v1" else None


class Rotation(SigningRequest):
    """What a client asks for to replace a secret; the one before signs too for `grace` seconds.

    0 is for a secret that leaked: from then on only the new one signs.
    """

    grace: Annotated[float, Field(ge=0, le=7 * 86_400)] = 86_400


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A secret, and until when it signs in Unix seconds; None: until it is replaced."""

    secret: str = field(repr=False)
    until: float | None = None

    def signs(self, now: float) -> bool:
        """Say whether it signs what is sent at `now`."""
        return self.until is None or now < self.until


def read_keys(text: bytes) -> list[SigningKey]:
    """Read what `write_keys` wrote, the newest first."""
    lines = (line.split(" ") for line in text.decode().splitlines())
    return [SigningKey(secret, *map(float, until)) for secret, *until in lines]


def write_keys(keys: Iterable[SigningKey]) -> bytes:
    """Write keys as the store seals them: a line each, with its end where it has one."""
    return "\n".join(
        key.secret if key.until is None else f"{key.secret} {key.until!r}" for key in keys
    ).encode()


def rotate(
    keys: Iterable[SigningKey], secret: str, *, grace: float, now: float
) -> list[SigningKey]:
    """Put a new secret before those that sign; each keeps its own end, the newest gets one."""
    if grace <= 0:
        return [SigningKey(secret)]
    living = [key for key in keys if key.signs(now)]
    ending = [key if key.until else SigningKey(key.secret, now + grace) for key in living]
    return [SigningKey(secret), *ending]
