"""Every kind of parcel to those who know how to send it."""

from collections.abc import Callable
from typing import assert_never

from consumers.sinks.kafka.topic_sender import TopicSender
from consumers.sinks.outcome import Outcome
from consumers.sinks.sender import Parcel, Request, Sender, TopicRequest


class Route:
    """A Carrier over one sender per kind; the caller opens and closes these."""

    def __init__(self, *, webhooks: Sender, topics: TopicSender) -> None:
        self._webhooks = webhooks
        self._topics = topics

    def send(self, parcel: Parcel, done: Callable[[Outcome], None]) -> None:
        """Start one attempt, as `Sender.send` promises."""
        match parcel:
            case Request():
                self._webhooks.send(parcel, done)
            case TopicRequest():
                self._topics.send(parcel, done)
            case _:
                assert_never(parcel)
