"""The Subscription: fields of the CloudEvents Subscriptions API under their own names, and ours."""

import secrets
from base64 import b64decode, b64encode
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from bus.document import Model
from bus.subscription.sink import HttpSettings, Sink, SinkCredential
from bus.subscription.time import Start

_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the mark of Standard Webhooks, not a secret


def _filled(schedule: tuple[float, ...]) -> tuple[float, ...]:
    if not schedule:
        raise PydanticCustomError("too-few", "give at least one wait")
    return schedule


class RetryPolicy(Model):
    """When a failed delivery is tried again (design §4).

    `schedule` holds the seconds to wait after the first, second … failure; the last one repeats.
    Each wait is longer or shorter by a random part of at most `jitter`, so that subscribers who
    failed together do not return together.
    """

    schedule: Annotated[
        tuple[Annotated[float, Field(ge=0.1, le=86_400)], ...],
        Field(max_length=50),
        AfterValidator(_filled),  # min_length would count the sound entries only
    ] = (5, 60, 300, 1_800, 7_200, 18_000, 36_000)
    jitter: Annotated[float, Field(ge=0, le=0.5)] = 0.2

    def delay(self, failures: int, roll: float) -> float:
        """Give the seconds to wait after `failures` ≥ 1; `roll` is random in [0, 1)."""
        wait = self.schedule[min(failures, len(self.schedule)) - 1]
        return wait * (1 + self.jitter * (2 * roll - 1))


class DeliveryOptions(Model):
    """Requests in flight at most, and seconds until an answer must be complete."""

    concurrency: Annotated[int, Field(ge=1, le=256)] = 16
    timeout: Annotated[float, Field(ge=1, le=120)] = 30
    retry: RetryPolicy = RetryPolicy()


class Signing(Model):
    """How deliveries are signed; v1 is the HMAC-SHA256 of Standard Webhooks."""

    scheme: Literal["v1"] = "v1"


def _signing_secret(secret: str) -> str:
    signing_key(secret)
    return secret


def signing_key(secret: str) -> bytes:
    """Give the HMAC key in a secret of Standard Webhooks.

    Raises PydanticCustomError, a ValueError, unless it is whsec_ and the base64 of 24 to 64 bytes.
    """
    try:
        key = b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith(_SECRET_PREFIX) or not 24 <= len(key) <= 64:
        raise PydanticCustomError(
            "not-a-secret", "give whsec_ and the base64 of 24 to 64 random bytes"
        )
    return key


_Secret = Annotated[str, AfterValidator(_signing_secret)]


def new_signing_secret() -> str:
    """Make a secret for a subscription that brought none; 32 bytes, as long as the digest."""
    return _SECRET_PREFIX + b64encode(secrets.token_bytes(32)).decode()


class SigningRequest(Signing):
    """Signing as a client asks for it.

    Without `secret` the bus makes one and shows it once, as `signing.secret` in the 201: the form
    that every Standard Webhooks library takes as it is. A secret that the client brought is not
    repeated.
    """

    secret: Annotated[_Secret | None, Field(repr=False)] = None


class NoConfig(Model):
    """The standard leaves the keys of `config` to the subscription manager; this one has none."""


class Terms(Model):
    """What a subscriber decides and may read back."""

    source: Annotated[str, Field(min_length=1, max_length=2048)] | None = None
    """Only events with exactly this source."""

    types: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=512)], ...], Field(max_length=256)
    ] = ()
    """Only events of one of these types; none: of any."""

    filters: tuple[dict[str, Any], ...] = ()
    """All must pass; `check_filters` says what they may be."""

    config: NoConfig = NoConfig()
    sink: Sink
    protocol: Literal["HTTP"]
    protocolsettings: HttpSettings = HttpSettings()

    domains: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=249)], ...], Field(max_length=256)
    ] = ()
    """Only events of these domains; none: of all that the organisation may read, future ones
    included."""

    ordering: Literal["key", "partition", "none"] = "key"
    start: Start = "latest"
    delivery: DeliveryOptions = DeliveryOptions()


class Subscription(Terms):
    """A subscription as it is stored and shown: no secret is in it."""

    id: str
    organisation: str
    """OIN of the organisation that subscribed."""

    signing: Signing = Signing()

    def document(self) -> dict[str, Any]:
        """Give the JSON document, defaults written out: a later default changes no subscription."""
        return self.model_dump(mode="json", exclude_none=True)

    def to_json(self) -> str:
        """Give what the store keeps."""
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` gave."""
        return cls.model_validate_json(text)


class SubscriptionRequest(Terms):
    """What a client asks for: the terms, and secrets, which are write-only."""

    signing: SigningRequest = SigningRequest()
    sinkcredential: Annotated[SinkCredential | None, Field(repr=False)] = None
    """Goes with every delivery in the Authorization header. null in a patch: remove it; absent:
    leave it."""

    @property
    def removes_credential(self) -> bool:
        """Whether the client said `"sinkcredential": null`."""
        return self.sinkcredential is None and "sinkcredential" in self.model_fields_set

    def subscription(self, *, id: str, organisation: str) -> Subscription:  # noqa: A002 - its name in the standard
        """Give the subscription that is stored for this request."""
        terms = {name: getattr(self, name) for name in Terms.model_fields}
        signing = Signing(scheme=self.signing.scheme)
        return Subscription(id=id, organisation=organisation, signing=signing, **terms)
