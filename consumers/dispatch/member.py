"""One subscription on one partition: where it reads, what it has open, and its row in Postgres."""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum

from bus.event import Event
from bus.store.streams import Position, StoredSubscription
from consumers.dispatch.envelope import Envelope
from consumers.dispatch.subscriber import Subscriber
from consumers.dispatch.wanted import nothing
from consumers.dispatch.window import Delivery, Window

DRAG_EVENTS = 1_000
DRAG_SECONDS = 2.0
"""A subscription this far behind gets its own row, so that others never repeat for it (D)."""


class Unsure(Enum):
    """A row that a commit of unknown outcome may or may not have written."""

    MAYBE = "maybe"


class Member:
    """Where one subscription stands on one partition.

    Everything below `cursor` has been looked at; what of it is not settled is in the window. Of
    what lies below `floor` only the offsets in `owed` are still to be delivered: they were open
    when the position was last loaded, and keep the verdict of the filter that admitted them. While
    `attached`, the stream's read offset is the cursor.
    """

    __slots__ = (
        "attach_offset",
        "attached",
        "change",
        "cursor",
        "detached_at",
        "floor",
        "leaving",
        "owed",
        "saved",
        "subscriber",
        "wants",
        "window",
    )

    def __init__(
        self,
        subscriber: Subscriber,
        window: Window,
        *,
        start: int,
        row: Position | None,
        now: float,
    ) -> None:
        self.subscriber = subscriber
        self.wants: Callable[[Event], bool] = nothing
        self.window = window
        self.floor = row.next_offset if row else start
        self.owed = set(row.open) if row else set[int]()
        self.cursor = min(self.owed, default=self.floor)
        self.attached = False
        self.attach_offset = self.cursor
        self.detached_at = now
        self.saved: Position | Unsure | None = row
        self.change: StoredSubscription | None = None
        self.leaving = False

    @property
    def frozen(self) -> bool:
        """Whether a change waits for the commit that marks its moment."""
        return self.change is not None

    @property
    def up_to_date(self) -> bool:
        """Whether the stream serves this member and all that it got is settled."""
        return self.attached and not self.window.pending

    @property
    def open(self) -> tuple[int, ...]:
        """The offsets below the next one that are not settled, ascending."""
        return tuple(sorted(self.window.pending.keys() | self.owed))

    def next_offset(self, read_offset: int) -> int:
        """Give the offset below which everything has been looked at."""
        return max(self.floor, read_offset if self.attached else self.cursor)

    def watermark(self, read_offset: int) -> int:
        """Give the offset below which everything is settled."""
        oldest = self.window.oldest()
        opened = [] if oldest is None else [oldest.offset]
        if self.owed:
            opened.append(min(self.owed))
        return min(opened, default=self.next_offset(read_offset))

    def take(self, envelope: Envelope, *, readable: bool, now: float) -> bool:
        """Look at an event at or after the cursor.

        Returns False, and stays where it is, if the event is wanted and the window is full.
        """
        offset = envelope.offset
        owed = offset in self.owed
        if owed or (offset >= self.floor and readable and self._wanted(envelope)):
            if self.window.full:
                self.cursor = offset
                return False
            self.owed.discard(offset)
            self.admit(envelope, now)
        self.cursor = offset + 1
        return True

    def admit(self, envelope: Envelope, now: float) -> None:
        """Put an event into the window, and on its way if nothing of its lane is before it."""
        head = self.window.admit(envelope, now)
        if head is not None:
            self.subscriber.offer(head)

    def detach(self, at: int, now: float) -> None:
        """Leave the stream: go on from `at` by oneself."""
        self.attached = False
        self.cursor = max(at, self.floor)
        self.detached_at = now

    def attach(self, read_offset: int) -> None:
        """Join the stream at its read offset, or later, where this subscription begins."""
        self.attached = True
        self.floor = self.attach_offset = max(self.floor, self.cursor, read_offset)

    def dragging(self, read_offset: int, now: float) -> bool:
        """Whether the watermark is too far behind for the stream to wait for it."""
        if self.up_to_date:
            return False
        if read_offset - self.watermark(read_offset) > DRAG_EVENTS:
            return True
        oldest = self.window.oldest()
        return now - (oldest.admitted_at if oldest else self.detached_at) > DRAG_SECONDS

    def row(self, read_offset: int, now: float, wall: datetime) -> Position:
        """Give the row that says exactly where this subscription stands."""
        failing = self._longest_failing()
        return Position(
            subscription=self.subscriber.identity,
            next_offset=self.next_offset(read_offset),
            open=self.open,
            failing_since=_moment(failing, now, wall),
            last_outcome=failing.last_failure if failing else None,
        )

    def _wanted(self, envelope: Envelope) -> bool:
        return envelope.event is not None and self.wants(envelope.event)

    def _longest_failing(self) -> Delivery | None:
        failing = (each for each in self.window.pending.values() if each.failed_at is not None)
        return min(failing, key=lambda each: each.failed_at or 0.0, default=None)


def _moment(failing: Delivery | None, now: float, wall: datetime) -> datetime | None:
    if failing is None or failing.failed_at is None:
        return None
    # Whole seconds: the two clocks drift by microseconds, and a row is written only when it
    # differs.
    return (wall - timedelta(seconds=now - failing.failed_at)).replace(microsecond=0)
