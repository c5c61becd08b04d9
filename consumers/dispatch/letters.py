"""Makes the request of a delivery, asking once more whether its subscriber may read the event."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import structs

from bus.store.directory import Directory
from bus.store.streams import StoredSubscription
from bus.subscription import HttpSettings, SinkSecrets, read_keys
from consumers.dispatch.subscriber import Subscriber
from consumers.dispatch.window import Delivery
from consumers.sinks.sender import Request, header_lines
from consumers.sinks.webhook.credentials import Credentials
from consumers.sinks.webhook.request import RequestBuilder
from consumers.sinks.webhook.sign import signer_of

_REPLAY: Final = header_lines([("Gemeentebus-Replay", "true")])


class _Letterhead(NamedTuple):
    """What does not vary in one version, until `until` (unix seconds): then a secret has ended."""

    until: float
    builder: RequestBuilder


class WebhookLetters:
    """Signed CloudEvents in the mode of the subscription; what does not vary is prepared once.

    `origin` is the bus's host name. `credentials` keep what opens the sinks.
    """

    def __init__(self, directory: Directory, *, origin: str, credentials: Credentials) -> None:
        self._directory = directory
        self._origin = origin
        self._credentials = credentials

    def may_read(self, subscriber: Subscriber, delivery: Delivery) -> bool:
        """Say whether the right to read this event has not ended since it was matched."""
        return subscriber.organisation in delivery.envelope.readers(self._directory.now)

    def request(self, subscriber: Subscriber, delivery: Delivery, at: float) -> Request | None:
        """Give the request for one attempt at `at` (unix seconds).

        None means that the right to read this event has ended since it was matched.
        """
        if not self.may_read(subscriber, delivery):
            return None
        request = self._builder(subscriber, at).build(delivery.envelope.content, now=at)
        return _marked(request) if delivery.replayed else request

    def batch(self, subscriber: Subscriber, deliveries: Sequence[Delivery], at: float) -> Request:
        """Give the request for one attempt to deliver several events, all of which it `may_read`.

        For subscriptions of mode batch; the first of a key comes before the later.
        """
        contents = [delivery.envelope.content for delivery in deliveries]
        request = self._builder(subscriber, at).build_batch(contents, now=at)
        return _marked(request) if any(each.replayed for each in deliveries) else request

    def _builder(self, subscriber: Subscriber, at: float) -> RequestBuilder:
        letterhead = subscriber.letterhead
        if not isinstance(letterhead, _Letterhead) or at >= letterhead.until:
            letterhead = subscriber.letterhead = self._prepare(subscriber.stored, at)
        return letterhead.builder

    def _prepare(self, stored: StoredSubscription, at: float) -> _Letterhead:
        terms = stored.subscription
        if terms.sink is None or not isinstance(terms.protocolsettings, HttpSettings):
            raise ValueError(f"subscription {stored.id} has no address to post to")
        signing = [key for key in read_keys(stored.secret) if key.signs(at)]
        secrets = SinkSecrets.from_bytes(stored.credential)
        builder = RequestBuilder(
            subscription_id=str(stored.id),
            organisation=stored.organisation,
            sink=terms.sink,
            timeout=terms.delivery.timeout,
            first_byte=terms.delivery.firstbyte,
            origin=self._origin,
            signers=[signer_of(key.secret) for key in signing],
            headers={**terms.protocolsettings.headers, **self._credentials.headers(secrets)},
            mode=terms.delivery.mode,
            keys=self._credentials.keys(stored.id, stored.organisation, secrets),
        )
        until = min((key.until for key in signing if key.until is not None), default=float("inf"))
        return _Letterhead(until, builder)


def _marked(request: Request) -> Request:
    """Say in a header that the bus was asked to deliver this again."""
    return structs.replace(request, head=request.head + _REPLAY)
