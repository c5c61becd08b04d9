"""One partition in memory with the subscribers of a worker, for tests that take step by step."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from bus.codec import kafka
from bus.event import Event
from bus.log.record import Partition
from bus.store.streams import Position, StoredSubscription
from bus.subscription import Subscription
from consumers.dispatch.budget import Budget
from consumers.dispatch.member import Member
from consumers.dispatch.moment import Moment
from consumers.dispatch.room import Room, Shelves
from consumers.dispatch.stream import Signals, Stream
from consumers.dispatch.subscriber import Subscriber
from consumers.dispatch.window import Delivery
from consumers.sinks.outcome import Delivered, Outcome, Temporary

OIN = "0" * 20
DOWN = Temporary("connect")


@dataclass(frozen=True, slots=True)
class LogRecord:
    """What a reader gives."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    topic: str = "t"
    partition: int = 0
    timestamp: int = 0


def at(loop: float) -> Moment:
    """Give a moment by the loop's clock."""
    return Moment(loop, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=loop))


def record(
    offset: int,
    *,
    key: str | None = None,
    type_: str = "nl.test",
    partition: int = 0,
    bytes_: int = 0,
) -> LogRecord:
    """Make the record of an event, of a key of its own unless told otherwise."""
    key = key or f"k{offset}"
    attributes = {"partitionkey": key, "padding": "x" * bytes_}
    event = Event(id=str(offset), source="urn:x", type=type_, attributes=attributes)
    headers, value = kafka.encode(event)
    return LogRecord(offset, key.encode(), value, list(headers), partition=partition)


def stored(number: int = 1, revision: int = 1, **terms: Any) -> StoredSubscription:  # noqa: ANN401 - fields of Subscription
    """Make a version of a subscription that takes everything."""
    identity = UUID(int=number)
    subscription = Subscription.model_validate(
        {
            "id": str(identity),
            "organisation": OIN,
            "sink": "https://sink.example/",
            "protocol": "HTTP",
            "delivery": {"retry": {"schedule": (1, 5), "jitter": 0}},
            **terms,
        }
    )
    return StoredSubscription(
        id=identity, organisation=OIN, revision=revision, subscription=subscription, secret=b"s"
    )


def row(identity: UUID, next_offset: int, *open_: int) -> Position:
    """Make a position row."""
    return Position(
        subscription=identity,
        next_offset=next_offset,
        open=open_,
        failing_since=None,
        last_outcome=None,
    )


@dataclass
class Small:
    """A worker's subscribers, and streams that share them."""

    subscribers: dict[UUID, Subscriber] = field(default_factory=dict)
    on_ready: Callable[[Subscriber], None] = lambda _: None
    may_read: set[str] = field(default_factory=lambda: {OIN})
    lost: list[tuple[UUID, set[int]]] = field(default_factory=list)
    budget: Budget = field(default_factory=lambda: Budget(float("inf")))
    shelves: Shelves = field(default_factory=lambda: Shelves(float("inf")))
    rooms: int = 0
    mores: int = 0
    rests: list[bool] = field(default_factory=list)
    hurries: int = 0

    def stream(self, start: int = 0, *, tail_bytes: int = 1_000_000) -> Stream:
        """Load a partition, as its owner does."""
        stream = Stream(
            Partition("t", 0),
            start=start,
            revision=1,
            readers=lambda _: frozenset(self.may_read),
            subscriber=self.subscriber,
            in_scope=lambda _subscription: True,
            signals=Signals(
                room=self._room,
                more=self._more,
                turn=lambda: self.rests.append(stream.pace.resting),
                hurry=self._hurry,
                lost=self._lost,
            ),
            budget=self.budget,
            tail_bytes=tail_bytes,
        )
        stream.flights.until = float("inf")
        return stream

    def subscriber(self, version: StoredSubscription) -> Subscriber:
        """Give the one subscriber that all streams share."""
        known = self.subscribers.get(version.id)
        if known is None:
            known = self.subscribers[version.id] = Subscriber(
                version, self.on_ready, Room(self.shelves)
            )
        elif version.revision > known.stored.revision:
            known.reconfigure(version)
        return known

    def _lost(self, member: Member, offsets: Collection[int]) -> None:
        self.lost.append((member.subscriber.identity, set(offsets)))

    def _hurry(self) -> None:
        self.hurries += 1

    def _more(self) -> None:
        self.mores += 1

    def _room(self) -> None:
        self.rooms += 1


def send(subscriber: Subscriber, now: float) -> list[Delivery]:
    """Take all that may be sent now."""
    sent = []
    while (delivery := subscriber.next(now)) is not None:
        sent.append(delivery)
    return sent


def answer(subscriber: Subscriber, delivery: Delivery, outcome: Outcome, now: float) -> None:
    """Bring an outcome back, as the courier does."""
    decision = subscriber.answered(delivery, outcome, now=now, roll=0.5)
    delivery.window.on_decided(delivery, decision, now)


def acknowledge_all(subscriber: Subscriber, now: float) -> list[int]:
    """Send and acknowledge until nothing is left to send; give the offsets."""
    offsets = []
    while sent := send(subscriber, now):
        for delivery in sent:
            offsets.append(delivery.offset)
            answer(subscriber, delivery, Delivered(204), now)
    return offsets
