"""What one subscription has parked of one partition: events beside the position, in their lanes."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from operator import attrgetter

from consumers.dispatch.envelope import Envelope
from consumers.dispatch.window import Delivery, Window

Lane = bytes | int
"""The key of a lane; an event that nothing orders has a lane of its own, named by its offset."""

_by_offset = attrgetter("offset")


class Shelf:
    """Parked deliveries, each lane in offset order; only the head of a lane may be sent.

    `dirty` are those whose row in Postgres is not as it should be, `leaving` the offsets whose row
    is to go, `dying` those that become dead letters with the next save, parked or not. `ahead` are
    offsets at or after the position that are parked or dead already: reading passes them over, and
    what lies below them in their lane comes first.
    """

    __slots__ = ("_events", "_lanes", "ahead", "dirty", "dying", "leaving")

    def __init__(self) -> None:
        self._lanes: dict[Lane, list[Delivery]] = {}
        self._events: dict[int, Delivery] = {}
        self.dirty: dict[int, Delivery] = {}
        self.dying: dict[int, Delivery] = {}
        self.leaving: set[int] = set()
        self.ahead: set[int] = set()

    def __iter__(self) -> Iterator[Delivery]:
        return iter(self._events.values())

    def __contains__(self, offset: int) -> bool:
        return offset in self._events

    def at(self, offset: int) -> Delivery:
        """Give the delivery parked at an offset."""
        return self._events[offset]

    @property
    def empty(self) -> bool:
        """Whether nothing is parked."""
        return not self._events

    @property
    def quiet(self) -> bool:
        """Whether Postgres has it as it is, and nothing waits for the position."""
        return not (self.dirty or self.dying or self.leaving or self.ahead)

    @property
    def unsaved(self) -> set[int]:
        """The offsets of which Postgres is not known to hold a copy."""
        fresh = {each.offset for each in self.dirty.values() if not each.in_trouble().durable}
        return fresh | self.dying.keys()

    def add(self, delivery: Delivery) -> None:
        """Take a delivery in at its place in its lane."""
        trouble = delivery.in_trouble()
        trouble.parked = True
        offset = delivery.offset
        self._events[offset] = self.dirty[offset] = delivery
        self.leaving.discard(offset)
        insort(self._lanes.setdefault(_lane(delivery), []), delivery, key=_by_offset)

    def remove(self, delivery: Delivery) -> None:
        """Let a delivery go, and its row with it."""
        offset = delivery.offset
        del self._events[offset]
        self.dirty.pop(offset, None)
        if delivery.in_trouble().kept:
            self.leaving.add(offset)
        lane = self._lanes[_lane(delivery)]
        del lane[bisect_left(lane, offset, key=_by_offset)]
        if not lane:
            del self._lanes[_lane(delivery)]

    def laned(self, window: Window) -> "Shelf":
        """Give the same shelf with the lanes of this window's ordering."""
        other = Shelf()
        for delivery in self:
            delivery.lane = window.lane_of(delivery.envelope)
            other.add(delivery)
        other.dirty, other.dying, other.leaving, other.ahead = (
            self.dirty,
            self.dying,
            self.leaving,
            self.ahead,
        )
        return other

    def head(self, lane: Lane) -> Delivery | None:
        """Give the first of a lane."""
        deliveries = self._lanes.get(lane)
        return deliveries[0] if deliveries else None

    def heads(self) -> Iterator[Delivery]:
        """Give the first of every lane."""
        return (lane[0] for lane in self._lanes.values())

    def has_behind(self, delivery: Delivery) -> bool:
        """Whether another one waits behind this one, parked, in its lane."""
        return delivery.parked and len(self._lanes[_lane(delivery)]) > 1

    def holds_back(self, lane: bytes | None, envelope: Envelope) -> bool:
        """Whether an event of this lane has to wait behind one that is here."""
        if lane is None:
            return False
        head = self.head(lane)
        return head is not None and head.offset < envelope.offset

    def longest_lane(self) -> Delivery | None:
        """Give the head of the longest lane that has one which can be given up now."""
        lanes = (lane for lane in self._lanes.values() if not (lane[0].flying or lane[0].dying))
        longest = max(lanes, key=len, default=None)
        return longest[0] if longest else None


def _lane(delivery: Delivery) -> Lane:
    return delivery.offset if delivery.lane is None else delivery.lane
