"""What follows from an outcome for the partition that the delivery belongs to."""

from typing import Protocol, assert_never

from bus.observe import metrics
from consumers.dispatch import parking
from consumers.dispatch.decision import (
    SETTLE,
    Bury,
    Decision,
    Disable,
    Hold,
    Park,
    Retry,
    Settle,
)
from consumers.dispatch.member import Member
from consumers.dispatch.rows import Attempt
from consumers.dispatch.window import Delivery

MAX_ATTEMPTS = 2_000
"""Attempts of a partition written with one save; what is over is counted, not kept."""


class Partition(Protocol):
    """What of a stream changes with an outcome."""

    busy: set[Member]
    to_disable: set[Member]
    attempts: list[Attempt]

    def settle(self, member: Member, delivery: Delivery, now: float) -> None:
        """Let a delivery go, and the member read on."""
        ...


def decided(
    stream: Partition, member: Member, delivery: Delivery, decision: Decision, now: float
) -> None:
    """Carry out what was decided about a delivery, as far as it concerns its partition."""
    if delivery.window.closed:
        return
    if isinstance(decision, Settle):
        if decision is SETTLE and member.subscriber.keeps_all_attempts:
            _note(stream, member, delivery, "delivered", now)
        stream.settle(member, delivery, now)
    else:
        trouble = delivery.in_trouble()
        _note(stream, member, delivery, trouble.last_failure or "", now)
        _carry_out(stream, member, delivery, decision)
    if member.shelf is not None:
        stream.busy.add(member)


def _carry_out(
    stream: Partition,
    member: Member,
    delivery: Delivery,
    decision: Retry | Park | Hold | Bury | Disable,
) -> None:
    match decision:
        case Park():
            parking.park(member, delivery)
        case Bury(reason):
            parking.bury(member, delivery, reason)
        case Disable():
            stream.to_disable.add(member)
        case Retry() if delivery.parked:
            parking.park(member, delivery)
        case Hold() | Retry():
            pass
        case _:
            assert_never(decision)


def _note(stream: Partition, member: Member, delivery: Delivery, outcome: str, now: float) -> None:
    if len(stream.attempts) >= MAX_ATTEMPTS:
        metrics.ATTEMPTS_NOT_KEPT.inc()
        return
    failures = delivery.trouble.failures if delivery.trouble else 0
    number = failures + 1 if outcome == "delivered" else max(1, failures)
    identity = member.subscriber.identity
    stream.attempts.append(Attempt(identity, delivery, number, outcome, now))
