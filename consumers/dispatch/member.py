"""One subscription on one partition: where it reads, what it has open, and its row in Postgres."""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum

from bus.store.stored import Position, Replay
from bus.store.streams import StoredSubscription
from bus.subscription import Subscription
from consumers.dispatch.moment import Moment
from consumers.dispatch.shelf import Shelf
from consumers.dispatch.subscriber import Subscriber
from consumers.dispatch.wanted import Wanted, nothing
from consumers.dispatch.window import Delivery, Window

DRAG_EVENTS = 1_000
DRAG_SECONDS = 2.0
"""A subscription this far behind gets its own row, so that others never repeat for it (D).

One whose oldest event has failed gets it at once.
"""


FAILING_FOR_LONG = timedelta(minutes=1)
"""A sink that has only failed for so long has it noted: most that fail take the next event."""


class Unsure(Enum):
    """A row that a commit of unknown outcome may or may not have written."""

    MAYBE = "maybe"


class Member:
    """Where one subscription stands on one partition.

    Everything below `cursor` has been looked at; what of it is not settled is in the window. Of
    what lies below `floor` only the offsets in `owed` are still to be delivered: they were open
    when the position was last loaded, and keep the verdict of the filter that admitted them. While
    `attached`, the stream's read offset is the cursor. `shelf` holds what is parked or given up,
    if anything is; a `barred` one's shelf cannot be saved. While `replay`, what lies in its stretch
    is not delivered again. `terms` is the version by which it reads; None: it takes nothing new.
    `hurry` asks for a save soon. `failing_noted` is since when its sink has only failed, as far as
    Postgres knows.
    """

    __slots__ = (
        "attach_offset",
        "attached",
        "barred",
        "change",
        "cursor",
        "detached_at",
        "failing_noted",
        "floor",
        "hurry",
        "leaving",
        "owed",
        "replay",
        "saved",
        "shelf",
        "subscriber",
        "terms",
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
        hurry: Callable[[], None],
    ) -> None:
        self.subscriber = subscriber
        self.terms: Subscription | None = None
        self.wants: Wanted = nothing
        self.window = window
        self.floor = row.next_offset if row else start
        self.owed = set(row.open) if row else set[int]()
        self.cursor = min(self.owed | {self.floor})
        self.attached = False
        self.attach_offset = self.cursor
        self.detached_at = now
        self.saved: Position | Unsure | None = row
        self.replay = row.replay if row else None
        self.shelf: Shelf | None = None
        self.barred = False
        self.change: StoredSubscription | None = None
        self.leaving = False
        self.failing_noted: datetime | Unsure | None = Unsure.MAYBE
        self.hurry = hurry
        if self.replay is not None:
            window.replayed_below = self.replay.resume

    @property
    def frozen(self) -> bool:
        """Whether a change or a command waits for the commit that marks its moment."""
        return self.change is not None or self.window.at_rest

    @property
    def up_to_date(self) -> bool:
        """Whether the stream serves this member and all that it got is settled."""
        return self.attached and not self.window.pending

    @property
    def finished(self) -> bool:
        """Whether nothing is left to deliver of what it has looked at."""
        return not (self.window.pending or self.owed or self.frozen) and self.shelf is None

    @property
    def flying(self) -> bool:
        """Whether a request of it is on the wire."""
        deliveries = (*self.window.pending.values(), *(self.shelf or ()))
        return any(each.flying for each in deliveries)

    @property
    def open(self) -> tuple[int, ...]:
        """The offsets that are to be delivered still, though they lie below the next one."""
        opened = self.window.pending.keys() | self.owed
        if self.shelf is not None:
            if self.barred:
                opened |= self.shelf.unsaved
            else:
                opened -= self.shelf.dying.keys()
        return tuple(sorted(opened))

    def next_offset(self, read_offset: int) -> int:
        """Give the offset below which everything has been looked at."""
        return max(self.floor, read_offset if self.attached else self.cursor)

    def watermark(self, read_offset: int) -> int:
        """Give the offset below which everything is settled."""
        mark = self.next_offset(read_offset)
        oldest = self.oldest()
        if oldest is not None:
            mark = min(mark, oldest.offset)
        return min(mark, *self.owed) if self.owed else mark

    def oldest(self) -> Delivery | None:
        """Give the open delivery of the lowest offset."""
        if self.shelf is None or not self.shelf.dying:
            return self.window.oldest()
        return next((each for each in self.window.pending.values() if not each.dying), None)

    def asks_for(self, offset: int) -> bool:
        """Whether an event of this offset is for the filter to judge."""
        if offset < self.floor:
            return False
        return self.replay is None or not self.replay.until <= offset < self.replay.resume

    def move_to(self, offset: int) -> None:
        """Take in that everything below `offset` has been looked at."""
        self.cursor = max(self.cursor, offset)
        if self.replay is None:
            return
        resume = self.replay.resume
        if self.cursor >= self.replay.until and not any(each < resume for each in self.owed):
            self.cursor = max(self.cursor, resume)
        if self.cursor >= resume:
            self.replay = None

    def detach(self, at: int, now: float) -> None:
        """Leave the stream: go on from `at` by oneself."""
        self.attached = False
        self.cursor = max(at, self.floor)
        self.detached_at = now

    def attach(self, read_offset: int) -> None:
        """Join the stream at its read offset, or later, where this subscription begins."""
        self.attached = True
        self.floor = self.attach_offset = max(self.floor, self.cursor, read_offset)

    def go_back(self, window: Window, place: int, start: int, until: int, now: float) -> None:
        """Read [start, until) again, with nothing on the wire; go on then at `place`.

        What is open stays to be delivered, whatever the filter says now.
        """
        self.read_anew(window, start, now)
        window.replayed_below = place
        self.replay = Replay(until, place)

    def read_anew(self, window: Window, place: int, now: float) -> None:
        """Read what is open once more, with nothing on the wire; go on then at `place`."""
        self.owed |= set(self.open)
        window.replayed_below = self.window.replayed_below
        self.window = window
        self.attached = False
        self.detached_at = now
        self.floor = place
        self.cursor = min(self.owed | {place})

    def dragging(self, read_offset: int, now: float) -> bool:
        """Whether the watermark is too far behind for the stream to wait for it."""
        if self.up_to_date:
            return False
        if read_offset - self.watermark(read_offset) > DRAG_EVENTS:
            return True
        oldest = self.oldest()
        if oldest is not None and oldest.trouble is not None:
            return True  # it has failed: whoever waits for it would repeat for it after a crash
        return now - (oldest.admitted_at if oldest else self.detached_at) > DRAG_SECONDS

    def row(self, read_offset: int, now: Moment) -> Position:
        """Give the row that says exactly where this subscription stands."""
        failing = self._longest_failing()
        trouble = failing.trouble if failing else None
        return Position(
            subscription=self.subscriber.identity,
            next_offset=self.next_offset(read_offset),
            open=self.open,
            failing_since=now.on_the_wall(trouble.since) if trouble else None,
            last_outcome=trouble.last_failure if trouble else None,
            replay=self.replay,
        )

    def failing_since(self, now: Moment) -> datetime | None:
        """Say since when its sink has only failed, once that is worth a row.

        What is noted already is as good: the clocks drift, and a row is written when it differs.
        """
        if self.subscriber.failing_since is None:
            return None
        since = now.wall + timedelta(seconds=self.subscriber.failing_since - now.loop)
        noted = self.failing_noted
        if isinstance(noted, datetime) and abs(noted - since) < FAILING_FOR_LONG:
            return noted
        return since if now.wall - since >= FAILING_FOR_LONG else None

    def _longest_failing(self) -> Delivery | None:
        failing = [each for each in self.window.pending.values() if each.trouble is not None]
        return min(failing, key=_since, default=None)


def _since(delivery: Delivery) -> float:
    since = delivery.trouble.since if delivery.trouble else None
    return float("inf") if since is None else since
