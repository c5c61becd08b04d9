"""The Subscription: fields of the CloudEvents Subscriptions API under their own names, and ours."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError, PydanticKnownError

from bus.document import Model
from bus.subscription.consent import Consent
from bus.subscription.credential import SinkCredential, SinkSecrets, SinkTls
from bus.subscription.delivery import DeliveryOptions
from bus.subscription.signing import Signing, SigningRequest
from bus.subscription.sink import HttpSettings, KafkaSettings, Sink
from bus.subscription.time import Start


class NoConfig(Model):
    """The standard leaves the keys of `config` to the subscription manager; this one has none."""


def _shared(default: Model) -> AfterValidator:
    """Keep one object of what most subscriptions leave alone: else it is half of their memory."""
    return AfterValidator(lambda given: default if given == default else given)


class Wanted(Model):
    """Which events: all of these must hold."""

    source: Annotated[str, Field(min_length=1, max_length=2048)] | None = None
    """Only events with exactly this source."""

    types: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=512)], ...], Field(max_length=256)
    ] = ()
    """Only events of one of these types; none: of any."""

    filters: tuple[dict[str, Any], ...] = ()
    """All must pass; `check_filters` says what they may be."""

    domains: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=249)], ...], Field(max_length=256)
    ] = ()
    """Only events of these domains; none: of all that the organisation may read, future ones
    included."""


class Terms(Wanted):
    """What a subscriber decides and may read back."""

    config: Annotated[NoConfig, _shared(NoConfig())] = NoConfig()
    protocol: Literal["HTTP", "PULL", "KAFKA"]
    """PULL: the subscriber comes to fetch. KAFKA: to a topic on the bus's own cluster."""

    sink: Annotated[Sink | None, Field(validate_default=True)] = None
    """For HTTP, and only there: nothing is sent to who pulls, and a topic is no address."""

    protocolsettings: Annotated[
        HttpSettings | KafkaSettings, Field(validate_default=True), _shared(HttpSettings())
    ] = HttpSettings()

    ordering: Literal["key", "partition", "none"] = "key"
    start: Start = "latest"
    delivery: Annotated[DeliveryOptions, _shared(DeliveryOptions())] = DeliveryOptions()

    @property
    def pulled(self) -> bool:
        """Whether nothing is sent: the engine leaves such a subscription alone."""
        return self.protocol == "PULL"

    @field_validator("sink")
    @classmethod
    def _sink_goes_with_protocol(cls, sink: str | None, info: ValidationInfo) -> str | None:
        without = info.data.get("protocol") in {"PULL", "KAFKA"}
        if sink is None and not without:
            raise PydanticKnownError("missing")
        if sink is not None and without:
            raise PydanticCustomError("not-for-protocol", "leave it out: only HTTP has a sink")
        return sink

    @field_validator("protocolsettings", mode="wrap")
    @classmethod
    def _settings_of_protocol(
        cls, given: object, _: object, info: ValidationInfo
    ) -> HttpSettings | KafkaSettings:
        if info.data.get("protocol") == "KAFKA":
            if given == HttpSettings():
                raise PydanticKnownError("missing")
            return KafkaSettings.model_validate(given)
        settings = HttpSettings.model_validate(given)
        if info.data.get("protocol") == "PULL" and settings != HttpSettings():
            raise PydanticCustomError("not-for-protocol", "leave it out: nothing is sent")
        return settings


class Subscription(Terms):
    """A subscription as it is stored and shown: no secret is in it."""

    id: str
    organisation: str
    """OIN of the organisation that subscribed."""

    signing: Annotated[Signing, _shared(Signing())] = Signing()
    consent: Consent | None = None
    """What the sink said when it was asked; None: it was not."""

    @property
    def rate(self) -> float | None:
        """Events per second at most, by the subscriber's wish and by what the sink allows.

        What it allows is requests; each is counted as one event, so that batches only stay further
        below it.
        """
        allowed = None if self.consent is None else self.consent.rate
        bounds = [bound for bound in (self.delivery.rate, allowed and allowed / 60) if bound]
        return min(bounds, default=None)

    def document(self) -> dict[str, Any]:
        """Give the JSON document, defaults written out: a later default changes no subscription."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def to_json(self) -> str:
        """Give what the store keeps."""
        return self.model_dump_json(by_alias=True, exclude_none=True)

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
    sinktls: Annotated[SinkTls | None, Field(repr=False)] = None
    """How the bus meets the sink over TLS. null and absent as above."""

    def change_secrets(self, sealed: bytes | None = None) -> bytes | None:
        """Give what is to be sealed of what was: only that which this request names is another."""
        named = {
            _SECRETS[name]: getattr(self, name) for name in self.model_fields_set & {*_SECRETS}
        }
        return SinkSecrets.from_bytes(sealed).model_copy(update=named).to_bytes()

    def subscription(
        self,
        *,
        id: str,  # noqa: A002 - its name in the standard
        organisation: str,
        signing: Signing | None = None,
        consent: Consent | None = None,
    ) -> Subscription:
        """Give the subscription that is stored for this request."""
        terms = {name: getattr(self, name) for name in Terms.model_fields}
        return Subscription(
            id=id,
            organisation=organisation,
            signing=signing or Signing(scheme=self.signing.scheme),
            consent=consent,
            **terms,
        )


_SECRETS = {"sinkcredential": "credential", "sinktls": "tls"}
"""What is named so in a request, and so in what the store seals."""
