"""From the outcome of an attempt to what happens next: a pure function (design §4, table)."""

from dataclasses import dataclass
from typing import Literal, assert_never

from bus.store.partition import Burial
from bus.subscription import RetryPolicy
from consumers.sinks.outcome import Delivered, Gone, Misconfigured, Outcome, Refused, Temporary

SHORTEST_QUIET = 1.0
"""Seconds: a sink whose `Retry-After` is 0, or a date that is past, is not asked without end."""

RETRIES_IN_WINDOW = 1
"""So many short retries are made before an event is parked: most failures pass within them."""

LONGEST_IN_WINDOW = 10.0
"""Seconds: an event that waits for longer is parked at once, so that the position moves on."""

Disablement = Literal["gone", "failing"]
"""Why the bus disables a subscription: its sink answered 410, or has only failed for days."""


@dataclass(frozen=True, slots=True)
class Settle:
    """The sink has the event; its lane moves on."""


SETTLE = Settle()
WITHHELD = Settle()
"""What is settled without a delivery: the right to read it has ended."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after `delay` seconds, from the window."""

    delay: float


@dataclass(frozen=True, slots=True)
class Park:
    """Try again after `delay` seconds; the event and its lane wait beside the position."""

    delay: float


@dataclass(frozen=True, slots=True)
class Hold:
    """The sink asked for quiet for `delay` seconds; the attempt does not count."""

    delay: float


@dataclass(frozen=True, slots=True)
class Bury:
    """The event becomes a dead letter."""

    reason: Burial


@dataclass(frozen=True, slots=True)
class Disable:
    """The subscription is to be disabled; its position stays."""

    reason: Disablement


Decision = Settle | Retry | Park | Hold | Bury | Disable


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is true of a subscription as the outcome of one of its attempts comes in.

    `failures` counts this event's failed attempts, this one included if it failed. `outage`:
    whether the endpoint as a whole is down. `others_succeed`: whether another event has succeeded
    since this one's first attempt. `failing_for`: seconds without any success. `may_park`: whether
    lanes other than this event's can go on without it.
    """

    failures: int = 1
    outage: bool = False
    others_succeed: bool = False
    failing_for: float = 0.0
    may_park: bool = True


def decide(outcome: Outcome, when: Circumstances, policy: RetryPolicy, roll: float) -> Decision:
    """Decide what follows an attempt. `roll`, in [0, 1), is the jitter that the caller drew.

    In an outage nothing is given up: what the endpoint says of an event counts only while it
    takes others.
    """
    match outcome:
        case Delivered():
            return SETTLE
        case Gone():
            return Disable("gone")
        case Misconfigured() | Refused() | Temporary() if when.failing_for >= policy.disable:
            return Disable("failing")
        case Temporary(retry_after=float() | int() as seconds):
            return Hold(max(SHORTEST_QUIET, seconds))
        case Refused() if not when.outage:
            return Bury("refused")
        case Temporary() | Misconfigured() | Refused():
            return _again(outcome, when, policy, roll)
        case _:
            assert_never(outcome)


def _again(outcome: Outcome, when: Circumstances, policy: RetryPolicy, roll: float) -> Decision:
    delay = policy.delay(when.failures, roll)
    if when.outage:
        return Retry(delay)
    # A misconfigured endpoint says nothing of the event, unless it takes others.
    telling = when.others_succeed or not isinstance(outcome, Misconfigured)
    if telling and policy.exhausted(when.failures):
        return Bury("exhausted")
    short = when.failures <= RETRIES_IN_WINDOW and delay <= LONGEST_IN_WINDOW
    return Retry(delay) if short or not when.may_park else Park(delay)


def describe(outcome: Outcome) -> str:
    """Name an outcome in a word or two, for status pages and log lines."""
    match outcome:
        case Delivered(status):
            return f"delivered {status}"
        case Refused(status):
            return f"refused {status}"
        case Misconfigured(reason, status) | Temporary(reason, status):
            kind = "misconfigured" if isinstance(outcome, Misconfigured) else "temporary"
            return f"{kind} {status or reason}"
        case Gone():
            return "gone 410"
        case _:
            assert_never(outcome)
