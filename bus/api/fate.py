"""What became of one event for one subscription, told from what is stored: no I/O, no clock."""

from datetime import datetime
from typing import Any, Literal

from bus.store.deliveries import Passage, Trace

Fate = Literal["delivered", "pending", "parked", "dead-letter", "purged", "gap", "ended"]
"""`ended`: the subscription is deleted, and with it what was known besides attempts."""


def fate_of(trace: Trace, offset: int, passage: Passage) -> Fate:
    """Say what became of an event. What is written down comes before what follows from positions.

    A subscription with a position row has settled what lies below that, but for what is open; one
    without stands where the stream does (design §4).
    """
    written = _written(trace)
    if written is not None:
        return written
    if trace.next_offset is None:
        return "delivered" if passage.passed else "pending"
    settled = offset < trace.next_offset and not trace.open_
    return "delivered" if settled or trace.skipped else "pending"


def _written(trace: Trace) -> Fate | None:
    """Give the fate of which there is a record."""
    if trace.delivered_at is not None:
        return "delivered"
    if trace.parked_attempts is not None:
        return "parked"
    if trace.letter is not None:
        return "purged" if trace.letter_purged else "dead-letter"
    if trace.lost:
        return "gap"
    return "ended" if trace.ended else None


def shown(trace: Trace, offset: int, logged: datetime, passage: Passage) -> dict[str, Any]:
    """Give the fate with when and in how many attempts, as far as that is known.

    A delivery of which no attempt was noted took one. It lies between `after` and `before`: the
    stream passed the event then. Of a subscription with a position of its own, which may be pulled,
    no more is known than when that was saved.
    """
    fate = fate_of(trace, offset, passage)
    known: dict[str, object] = {"outcome": fate}
    match fate:
        case "delivered" if trace.delivered_at is not None:
            known |= {"attempts": trace.failed + 1, "at": trace.delivered_at}
        case "delivered":
            with_stream = trace.next_offset is None
            since = (logged, trace.failed_at, passage.after if with_stream else None)
            known |= {
                "attempts": trace.failed + 1,
                "after": max(moment for moment in since if moment is not None),
                "before": passage.before if with_stream else trace.saved_at,
            }
        case "parked":
            known |= {"attempts": trace.parked_attempts, "dueAt": trace.due_at}
        case "dead-letter" | "purged":
            known |= {
                "attempts": trace.letter_attempts,
                "reason": trace.letter_reason,
                "deadLetter": str(trace.letter),
                "at": trace.buried_at,
            }
        case "pending" | "gap" | "ended":
            known |= {"attempts": trace.failed}
    if fate != "delivered":
        known["lastOutcome"] = trace.last_outcome
    return {name: value for name, value in known.items() if value is not None}
