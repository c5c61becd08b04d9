"""What is kept of a delivery that went wrong: attempts, a parked event, a dead letter."""

from typing import NamedTuple
from uuid import UUID

from bus.store.partition import AttemptMade, Burial, DeadLetter, ParkedEvent
from consumers.dispatch.moment import Moment
from consumers.dispatch.window import Delivery


def parked_row(subscription: UUID, delivery: Delivery, now: Moment) -> ParkedEvent:
    """Give the row of a delivery that waits beside the position."""
    trouble = delivery.in_trouble()
    return ParkedEvent(
        subscription=subscription,
        offset=delivery.offset,
        record=delivery.envelope.copy,
        attempts=trouble.failures,
        first_at=now.on_the_wall(trouble.since),
        due_at=now.on_the_wall(trouble.due),
        last_outcome=trouble.last_failure,
    )


def dead_letter(
    subscription: UUID, delivery: Delivery, now: Moment, *, reason: Burial | None = None
) -> DeadLetter:
    """Give the dead letter of a delivery, for the reason it was given up or for this one."""
    trouble, event = delivery.in_trouble(), delivery.envelope.event
    return DeadLetter(
        subscription=subscription,
        offset=delivery.offset,
        record=delivery.envelope.copy,
        event_id=event.id if event else "",
        source=event.source if event else "",
        type=event.type if event else "",
        reason=reason or trouble.burial or "exhausted",
        last_outcome=trouble.last_failure,
        attempts=trouble.failures,
        first_at=now.on_the_wall(trouble.since),
        last_at=now.on_the_wall(trouble.last_at),
    )


class Attempt(NamedTuple):
    """An attempt as it happened."""

    subscription: UUID
    delivery: Delivery
    number: int
    outcome: str
    at: float


def attempt_made(attempt: Attempt, now: Moment) -> AttemptMade:
    """Give an attempt as its subscriber may look it up."""
    event = attempt.delivery.envelope.event
    return AttemptMade(
        subscription=attempt.subscription,
        offset=attempt.delivery.offset,
        event_id=event.id if event else "",
        source=event.source if event else "",
        type=event.type if event else "",
        attempt=attempt.number,
        outcome=attempt.outcome,
        at=now.on_the_wall(attempt.at) or now.wall,
    )
