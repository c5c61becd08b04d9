"""Makes the request of a delivery, asking once more whether its subscriber may read the event."""

from weakref import WeakKeyDictionary

from bus.store.directory import Directory
from bus.store.streams import StoredSubscription
from bus.subscription import HttpSettings, credential_from_json
from consumers.dispatch.subscriber import Subscriber
from consumers.dispatch.window import Delivery
from consumers.sinks.sender import Request
from consumers.sinks.webhook.request import RequestBuilder
from consumers.sinks.webhook.sign import Signer


class WebhookLetters:
    """Signed structured CloudEvents; what does not vary is prepared once per version."""

    def __init__(self, directory: Directory, *, origin: str) -> None:
        self._directory = directory
        self._origin = origin
        self._builders: WeakKeyDictionary[Subscriber, tuple[int, RequestBuilder]] = (
            WeakKeyDictionary()
        )

    def request(self, subscriber: Subscriber, delivery: Delivery, at: float) -> Request | None:
        """Give the request for one attempt at `at` (unix seconds).

        None means that the right to read this event has ended since it was matched.
        """
        envelope = delivery.envelope
        now = self._directory.now
        domain = now.domains.by_topic(envelope.record.topic)
        if domain is None or envelope.event is None:
            return None
        if subscriber.organisation not in now.access.readers(envelope.event.source, domain.name):
            return None
        return self._builder(subscriber).build(envelope.event, envelope.body, now=at)

    def _builder(self, subscriber: Subscriber) -> RequestBuilder:
        revision, builder = self._builders.get(subscriber, (-1, None))
        if builder is None or revision != subscriber.stored.revision:
            builder = _builder(subscriber.stored, self._origin)
            self._builders[subscriber] = (subscriber.stored.revision, builder)
        return builder


def _builder(stored: StoredSubscription, origin: str) -> RequestBuilder:
    terms = stored.subscription
    if terms.sink is None or not isinstance(terms.protocolsettings, HttpSettings):
        raise ValueError(f"subscription {stored.id} has no address to post to")
    headers = dict(terms.protocolsettings.headers)
    if stored.credential is not None:
        headers["Authorization"] = credential_from_json(stored.credential).authorization
    return RequestBuilder(
        subscription_id=str(stored.id),
        organisation=stored.organisation,
        sink=terms.sink,
        timeout=terms.delivery.timeout,
        origin=origin,
        signers=[Signer(stored.secret.decode())],
        headers=headers,
    )
