"""What a subscription may park on a worker: so many events, so many bytes, and a fair share."""

from collections.abc import Collection

from consumers.dispatch.envelope import Envelope

MAX_PARKED = 1_000
"""Events of one subscription; one more, and the longest lane's head is given up."""

MAX_PARKED_BYTES = 8 * 1024 * 1024
"""Bytes of one subscription, for the same price: two full windows, so that one fits at once."""

FEW_PARKED = 4
"""Events that may always be parked, whatever they weigh and whoever has parked much."""


class Shelves:
    """What is parked on a worker, in bytes, and by how many subscriptions.

    They are full at `most`. That they may be fuller has a bound of its own (decision 15).
    """

    __slots__ = ("most", "sharers", "used")

    def __init__(self, most: float) -> None:
        self.most = most
        self.used = 0
        self.sharers = 0


class Room:
    """What one subscription has parked on this worker, and whether that is too much.

    A copy counts for each that parks it. As long as the shelves of the worker are not full, nobody
    else's matter; then it is too much to have more than an equal share of them.
    """

    __slots__ = ("_shelves", "bytes", "events")

    def __init__(self, shelves: Shelves) -> None:
        self._shelves = shelves
        self.events = 0
        self.bytes = 0

    def take(self, envelope: Envelope) -> None:
        """Count an event that is parked."""
        self._shelves.sharers += not self.events
        self._shelves.used += envelope.size
        self.events += 1
        self.bytes += envelope.size

    def give_back(self, envelope: Envelope) -> None:
        """Count it no longer."""
        self.events -= 1
        self.bytes -= envelope.size
        self._shelves.used -= envelope.size
        self._shelves.sharers -= not self.events

    @property
    def exceeded(self) -> bool:
        """Whether more is parked than may be."""
        return not self._allows(self.events, self.bytes)

    def fits(self, envelope: Envelope) -> bool:
        """Whether another event may be parked."""
        return self._allows(self.events + 1, self.bytes + envelope.size)

    def takes_back(self, envelopes: Collection[Envelope]) -> bool:
        """Whether these may be brought back: half the room is left for what comes behind them."""
        if self.events < FEW_PARKED:
            return True
        size = self.bytes + sum(each.size for each in envelopes)
        return self._allows(2 * (self.events + len(envelopes)), 2 * size)

    def _allows(self, events: int, size: int) -> bool:
        return events <= MAX_PARKED and (size <= self._most_bytes() or events <= FEW_PARKED)

    def _most_bytes(self) -> float:
        shelves = self._shelves
        if shelves.used < shelves.most:
            return MAX_PARKED_BYTES
        return min(MAX_PARKED_BYTES, shelves.most / max(1, shelves.sharers))
