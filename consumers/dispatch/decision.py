"""From the outcome of an attempt to what happens next: a pure function (design §4, table)."""

from dataclasses import dataclass
from typing import assert_never

from bus.subscription import RetryPolicy
from consumers.sinks.outcome import Delivered, Gone, Misconfigured, Outcome, Refused, Temporary

SHORTEST_QUIET = 1.0
"""Seconds: a sink whose `Retry-After` is 0, or a date that is past, is not asked without end."""


@dataclass(frozen=True, slots=True)
class Settle:
    """The sink has the event; its lane moves on."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after `delay` seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class Hold:
    """The sink asked for quiet for `delay` seconds; the attempt does not count."""

    delay: float


Decision = Settle | Retry | Hold


def decide(outcome: Outcome, *, failures: int, policy: RetryPolicy, roll: float) -> Decision:
    """Decide what follows an attempt, the `failures`-th in a row to fail if it failed.

    `roll`, in [0, 1), is the jitter that the caller drew. Nothing is given up: whatever is not
    delivered is tried again, at the schedule's last interval for ever.
    """
    match outcome:
        case Delivered():
            return Settle()
        case Temporary(retry_after=float() | int() as seconds):
            return Hold(max(SHORTEST_QUIET, seconds))
        case Temporary() | Misconfigured() | Refused() | Gone():
            return Retry(policy.delay(failures, roll))
        case _:
            assert_never(outcome)


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
