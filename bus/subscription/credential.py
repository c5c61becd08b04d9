"""What opens the door of a sink: a credential, a client certificate. Write-only everywhere."""

from base64 import b64encode
from datetime import datetime
from typing import Annotated, Literal, Self
from urllib.parse import quote_plus

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from bus.document import Model
from bus.subscription.sink import Sink
from bus.subscription.time import Time

_Token = Annotated[str, Field(pattern=r"^[A-Za-z0-9\-._~+/]+=*$", max_length=16_384)]
"""RFC 6750 §2.1: what may stand after "Bearer"."""

_Visible = Annotated[str, Field(pattern=r"^[ -~]+$", max_length=1024)]
"""RFC 6749 appendix A: what names and secrets of clients are made of."""

_Scope = Annotated[str, Field(pattern=r"^[!#-\[\]-~]+( [!#-\[\]-~]+)*$", max_length=1024)]
"""RFC 6749 §3.3."""


def basic(identifier: str, secret: str) -> str:
    """Give the value of an Authorization header of HTTP Basic (RFC 7617)."""
    return f"Basic {b64encode(f'{identifier}:{secret}'.encode()).decode()}"


class Plain(Model):
    """A name and a password, sent as HTTP Basic."""

    credentialtype: Literal["PLAIN"]
    identifier: Annotated[str, Field(pattern="^[^:]+$", max_length=1024)]
    secret: Annotated[str, Field(min_length=1, max_length=1024, repr=False)]

    @property
    def authorization(self) -> str:
        """The value of the Authorization header."""
        return basic(self.identifier, self.secret)


class AccessToken(Model):
    """A token that the subscriber gives out itself.

    The standard asks for an expiry and a type; we take tokens without them too, because many never
    expire. Past its expiry a token is not sent, and neither are events, until there is another one.
    """

    credentialtype: Literal["ACCESSTOKEN"]
    accesstoken: Annotated[_Token, Field(repr=False)]
    accesstokenexpiresutc: Time | None = None
    accesstokentype: Literal["Bearer"] = "Bearer"

    @property
    def authorization(self) -> str:
        """The value of the Authorization header."""
        return f"Bearer {self.accesstoken}"


class RefreshToken(Model):
    """A token that the bus renews at `refreshtokenendpoint` when it is over, or refused.

    `clientid` and `clientsecret` are ours: most authorization servers want to know who asks.
    """

    credentialtype: Literal["REFRESHTOKEN"]
    accesstoken: Annotated[_Token, Field(repr=False)]
    accesstokenexpiresutc: Time | None = None
    accesstokentype: Literal["Bearer"] = "Bearer"
    refreshtoken: Annotated[str, Field(pattern=r"^[ -~]+$", max_length=16_384, repr=False)]
    refreshtokenendpoint: Sink
    clientid: _Visible | None = None
    clientsecret: Annotated[_Visible | None, Field(repr=False)] = None

    @property
    def endpoint(self) -> str:
        """Where it is renewed."""
        return self.refreshtokenendpoint

    def grant(self) -> dict[str, str]:
        """Give the form that asks for the next token (RFC 6749 §6)."""
        return {"grant_type": "refresh_token", "refresh_token": self.refreshtoken}


class ClientCredentials(Model):
    """OAuth2 client credentials (RFC 6749 §4.4), ours: tokens come from `tokenendpoint`."""

    credentialtype: Literal["CLIENTCREDENTIALS"]
    clientid: _Visible
    clientsecret: Annotated[_Visible, Field(repr=False)]
    tokenendpoint: Sink
    scope: _Scope | None = None

    @property
    def endpoint(self) -> str:
        """Where tokens are fetched."""
        return self.tokenendpoint

    def grant(self) -> dict[str, str]:
        """Give the form that asks for a token."""
        scope = {} if self.scope is None else {"scope": self.scope}
        return {"grant_type": "client_credentials", **scope}


def client_authorization(credential: RefreshToken | ClientCredentials) -> str | None:
    """Give how the bus makes itself known to a token endpoint (RFC 6749 §2.3.1), if it does."""
    if credential.clientid is None or credential.clientsecret is None:
        return None
    return basic(quote_plus(credential.clientid), quote_plus(credential.clientsecret))


SinkCredential = Annotated[
    Plain | AccessToken | RefreshToken | ClientCredentials, Field(discriminator="credentialtype")
]


_Pem = Annotated[str, Field(max_length=65_536)]


def _certificates(pem: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise PydanticCustomError("not-a-certificate", "give X.509 certificates in PEM") from None


def _sound(pem: str) -> str:
    _certificates(pem)
    return pem


_Certificates = Annotated[_Pem, AfterValidator(_sound)]


class SinkTls(Model):
    """How the bus shows itself to a sink over TLS, and whom it trusts there; all in PEM.

    `authorities` take the place of the public ones.
    """

    certificate: _Certificates | None = None
    """The bus's own for this sink, with the ones between it and its authority behind it."""
    key: Annotated[_Pem | None, Field(repr=False, validate_default=True)] = None
    authorities: _Certificates | None = None

    @field_validator("key")
    @classmethod
    def _belongs(cls, key: str | None, info: ValidationInfo) -> str | None:
        """Ask for a key where there is a certificate, and for the one that belongs to it."""
        if "certificate" not in info.data:  # it has a fault of its own
            return key
        certificate = info.data["certificate"]
        if (key is None) != (certificate is None):
            raise PydanticCustomError("required", "give a certificate with its key, or neither")
        if key is None:
            return None
        try:
            public = load_pem_private_key(key.encode(), None).public_key()
        except (ValueError, TypeError):
            detail = "give a private key in PEM, not encrypted"
            raise PydanticCustomError("not-a-key", detail) from None
        if public != _certificates(certificate)[0].public_key():
            raise PydanticCustomError("not-a-pair", "the key is not that of the certificate")
        return key

    def has_expired(self, now: datetime) -> bool:
        """Say whether the bus's own certificate is past its end; it was not when it was given."""
        if self.certificate is None:
            return False
        return _certificates(self.certificate)[0].not_valid_after_utc < now


class SinkSecrets(Model):
    """What the store seals of a sink, in one piece."""

    credential: SinkCredential | None = None
    tls: SinkTls | None = None

    def to_bytes(self) -> bytes | None:
        """Give what is sealed; None when there is nothing to keep."""
        if self.credential is None and self.tls is None:
            return None
        return self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def from_bytes(cls, sealed: bytes | None) -> Self:
        """Read what `to_bytes` gave."""
        return cls() if sealed is None else cls.model_validate_json(sealed)
