"""What one subscription has admitted from one partition and not yet settled, in lanes."""

from collections.abc import Callable
from typing import Literal

from bus.store.partition import Burial
from consumers.dispatch.budget import Budget
from consumers.dispatch.decision import Decision
from consumers.dispatch.envelope import Envelope
from consumers.dispatch.flights import Flights

Ordering = Literal["key", "partition", "none"]

MAX_EVENTS = 256
"""Bounds a row's `open`, and what a crash can repeat."""

MAX_BYTES = 4 * 1024 * 1024
"""What a slow sink can hold of one partition in memory, whatever the size of its events."""

FEW_EVENTS = 4
"""What each window may hold while all together hold more than their budget: nobody stands still."""

_WHOLE_PARTITION = b""


class Trouble:
    """What went wrong with a delivery so far, and what becomes of it. Moments are loop times.

    `parked` deliveries wait beside the position; `burial` is the reason of one that is to be a
    dead letter as soon as that is saved. `kept` tells whether Postgres may hold its parked copy,
    `durable` whether it surely does; `due` is when it may be tried again at the earliest, `offered`
    whether the subscriber knows of it since it was parked. One that is to go `alone` was in a batch
    that was refused.
    """

    __slots__ = (
        "alone",
        "burial",
        "due",
        "durable",
        "failures",
        "kept",
        "last_at",
        "last_failure",
        "offered",
        "parked",
        "since",
    )

    def __init__(self) -> None:
        self.alone = False
        self.failures = 0
        self.since: float | None = None
        self.last_at: float | None = None
        self.last_failure: str | None = None
        self.parked = False
        self.offered = False
        self.due: float | None = None
        self.kept = False
        self.durable = False
        self.burial: Burial | None = None


class Delivery:
    """One event on its way to one subscription, from admission to settlement.

    `trouble` is None as long as nothing went wrong. `flying`: its request is on the wire.
    """

    __slots__ = ("admitted_at", "behind", "envelope", "flying", "lane", "trouble", "window")

    def __init__(
        self, envelope: Envelope, window: "Window", lane: bytes | None, now: float
    ) -> None:
        self.envelope = envelope
        self.window = window
        self.lane = lane
        self.admitted_at = now
        self.behind: Delivery | None = None
        self.trouble: Trouble | None = None
        self.flying = False

    @property
    def offset(self) -> int:
        """Where the event stands in its partition."""
        return self.envelope.offset

    @property
    def replayed(self) -> bool:
        """Whether the event lies in a stretch that the bus was asked to deliver again."""
        return self.envelope.offset < self.window.replayed_below

    @property
    def parked(self) -> bool:
        """Whether it waits beside the position."""
        return self.trouble is not None and self.trouble.parked

    @property
    def goes_alone(self) -> bool:
        """Whether it is in no batch, for it failed before or was in a batch that was refused."""
        trouble = self.trouble
        return trouble is not None and (trouble.alone or trouble.parked or trouble.failures > 0)

    @property
    def dying(self) -> bool:
        """Whether it is to be a dead letter and is not sent any more."""
        return self.trouble is not None and self.trouble.burial is not None

    def in_trouble(self) -> Trouble:
        """Give what went wrong with it, to be added to."""
        if self.trouble is None:
            self.trouble = Trouble()
        return self.trouble


class Window:
    """Admits deliveries in offset order, bounded; knows which may be sent and which are open.

    A lane is a linked list of deliveries of one key: only its head may be sent.
    `on_decided(delivery, decision, now)` is what the owner of the window does with an outcome; of a
    closed window nothing is sent or settled any more, of one at rest nothing is sent for now.
    Events below `replayed_below` were delivered before, as far as the bus knows.
    """

    __slots__ = (
        "_last_of_lane",
        "at_rest",
        "budget",
        "bytes",
        "closed",
        "flights",
        "on_decided",
        "ordering",
        "pending",
        "replayed_below",
    )

    def __init__(self, ordering: Ordering, flights: Flights, budget: Budget) -> None:
        self.ordering = ordering
        self.flights = flights
        self.budget = budget
        self.on_decided: Callable[[Delivery, Decision, float], None] = _unowned
        self.closed = False
        self.at_rest = False
        self.replayed_below = 0
        self.pending: dict[int, Delivery] = {}
        self.bytes = 0
        self._last_of_lane: dict[bytes, Delivery] = {}

    @property
    def full(self) -> bool:
        """Whether another event must wait in the log."""
        number = len(self.pending)
        if self.budget.used >= self.budget.most and number >= FEW_EVENTS:
            return True
        return number >= MAX_EVENTS or self.bytes >= MAX_BYTES

    @property
    def roomy(self) -> bool:
        """Whether the window is at most half full, the mark at which reading goes on."""
        most = MAX_EVENTS if self.budget.used < self.budget.most else FEW_EVENTS
        return len(self.pending) * 2 <= most and self.bytes * 2 <= MAX_BYTES

    def admit(self, envelope: Envelope, now: float) -> Delivery | None:
        """Take an event in; return its delivery if nothing of its lane is before it."""
        delivery = Delivery(envelope, self, self.lane_of(envelope), now)
        self.pending[envelope.offset] = delivery
        self.bytes += envelope.size
        if not envelope.holders:  # as Budget.hold does, on the hottest path
            self.budget.used += envelope.size
        envelope.holders += 1
        if delivery.lane is None:
            return delivery
        ahead = self._last_of_lane.get(delivery.lane)
        self._last_of_lane[delivery.lane] = delivery
        if ahead is None:
            return delivery
        ahead.behind = delivery
        return None

    def settle(self, delivery: Delivery) -> Delivery | None:
        """Let a delivery go; return the one behind it in its lane, which may be sent now."""
        del self.pending[delivery.offset]
        envelope = delivery.envelope
        self.bytes -= envelope.size
        envelope.holders -= 1
        if not envelope.holders:
            self.budget.used -= envelope.size
        if delivery.lane is not None and delivery.behind is None:
            del self._last_of_lane[delivery.lane]
        if not self.pending:
            # A dict that was emptied keeps its room, which adds up over thousands of windows.
            self.pending.clear()
            if not self._last_of_lane:
                self._last_of_lane.clear()
        return delivery.behind

    def give_up_lane(self, head: Delivery, *, keep_head: bool = False) -> list[Delivery]:
        """Let a lane go whole, or all that is behind its head; gives it in order."""
        lane = [] if keep_head else [head]
        behind, head.behind = head.behind, None
        while behind is not None:
            lane.append(behind)
            behind, lane[-1].behind = behind.behind, None
        for delivery in lane:
            del self.pending[delivery.offset]
            self.bytes -= delivery.envelope.size
            self.budget.let_go(delivery.envelope)
        if head.lane is not None:
            if keep_head:
                self._last_of_lane[head.lane] = head
            else:
                del self._last_of_lane[head.lane]
        return lane

    def has_lane(self, lane: bytes) -> bool:
        """Whether an event of this lane is in the window."""
        return lane in self._last_of_lane

    def oldest(self) -> Delivery | None:
        """Give the open delivery of the lowest offset: they are admitted in offset order."""
        return next(iter(self.pending.values()), None)

    def lane_of(self, envelope: Envelope) -> bytes | None:
        """Give what orders an event here; None: nothing does."""
        match self.ordering:
            case "key":
                return envelope.key
            case "partition":
                return _WHOLE_PARTITION
            case "none":
                return None


def _unowned(delivery: Delivery, _decision: Decision, _now: float) -> None:
    msg = f"the window of offset {delivery.offset} has no owner"
    raise RuntimeError(msg)
