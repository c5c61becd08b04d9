"""How the deliveries of a subscription are signed (Standard Webhooks 1.0)."""

import secrets
from base64 import b64decode, b64encode
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from bus.document import Model

_PREFIX: Final = "whsec_"


def signing_key(secret: str) -> bytes:
    """Give the HMAC key in a secret.

    Raises PydanticCustomError, a ValueError, unless it is whsec_ and the base64 of 24 to 64 bytes.
    """
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith(_PREFIX) or not 24 <= len(key) <= 64:
        detail = "give whsec_ and the base64 of 24 to 64 random bytes"
        raise PydanticCustomError("not-a-secret", detail)
    return key


def new_signing_secret() -> str:
    """Make a secret for a subscription that brought none; 32 bytes, as long as the digest."""
    return _PREFIX + b64encode(secrets.token_bytes(32)).decode()


def _sound(secret: str) -> str:
    signing_key(secret)
    return secret


class Signing(Model):
    """Signing as it is stored and shown; v1 is HMAC-SHA256."""

    scheme: Literal["v1"] = "v1"


class SigningRequest(Signing):
    """Signing as a client asks for it.

    Without `secret` the bus makes one and shows it once, as `signing.secret` in the 201: the form
    that every Standard Webhooks library takes as it is. A secret that the client brought is not
    repeated.
    """

    secret: Annotated[Annotated[str, AfterValidator(_sound)] | None, Field(repr=False)] = None
