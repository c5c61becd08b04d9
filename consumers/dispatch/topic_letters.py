"""Makes the record of a delivery to an inbox topic, and picks who writes which letter."""

from collections.abc import Sequence

from bus.codec import kafka
from bus.store.directory import Directory
from bus.subscription import KafkaSettings
from consumers.dispatch.courier import Letters
from consumers.dispatch.subscriber import Subscriber
from consumers.dispatch.window import Delivery
from consumers.sinks.sender import Parcel, TopicRequest


class TopicLetters:
    """CloudEvents in binary mode, under the key that they have in the log."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def request(self, subscriber: Subscriber, delivery: Delivery, at: float) -> TopicRequest | None:  # noqa: ARG002 - a webhook is signed at a time
        """Give the record for one attempt, as `Letters.request` does."""
        settings = subscriber.subscription.protocolsettings
        event = delivery.envelope.event
        if event is None or not isinstance(settings, KafkaSettings):
            return None
        if subscriber.organisation not in delivery.envelope.readers(self._directory.now):
            return None
        headers, value = kafka.encode(event)
        return TopicRequest(
            settings.topicname, delivery.envelope.key, headers, value, subscriber.organisation
        )


class EveryLetter:
    """Webhooks and records, each by the protocol of its subscription."""

    def __init__(self, *, webhooks: Letters, topics: TopicLetters) -> None:
        self._webhooks = webhooks
        self._topics = topics

    def request(self, subscriber: Subscriber, delivery: Delivery, at: float) -> Parcel | None:
        """Give the parcel for one attempt, as `Letters.request` does."""
        kafka_sink = subscriber.subscription.protocol == "KAFKA"
        letters = self._topics if kafka_sink else self._webhooks
        return letters.request(subscriber, delivery, at)

    def may_read(self, subscriber: Subscriber, delivery: Delivery) -> bool:
        """Say whether an event may go with a batch; only webhooks come in batches."""
        return self._webhooks.may_read(subscriber, delivery)

    def batch(self, subscriber: Subscriber, deliveries: Sequence[Delivery], at: float) -> Parcel:
        """Give the request for several events; only webhooks come in batches."""
        return self._webhooks.batch(subscriber, deliveries, at)
