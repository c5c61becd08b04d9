"""A page: what one request gets of the log, and how far it came; no I/O, no clock of its own."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bus.log.errors import OffsetOutOfRange
from bus.log.record import Partition
from bus.pull.entry import Entry
from bus.pull.wish import Wish


@dataclass(frozen=True, slots=True)
class Budget:
    """What a page may hold, and cost: a filter that lets little through must not hog the API."""

    events: int
    bytes: int = 1_048_576
    """Of the events' JSON; one event more than that is given whole."""
    scanned: int = 20_000
    """Records looked at: some 0.2 s of CPU."""
    seconds: float = 2.0


@dataclass(slots=True)
class Page:
    """Filled partition by partition, each in the order of its offsets.

    `positions` say up to where all that is wanted is on this page or was on one before.
    """

    began: Mapping[Partition, int]
    positions: dict[Partition, int]
    wish: Wish
    budget: Budget
    events: list[Entry] = field(default_factory=list)
    losses: list[OffsetOutOfRange] = field(default_factory=list)
    damaged: list[tuple[Partition, int]] = field(default_factory=list)
    """Where the log holds a record that nobody can read: the positions have passed it."""
    behind: list[Partition] = field(default_factory=list)
    """The partitions that may hold more, in the order in which they are to be asked."""
    _bytes: int = 0
    _scanned: int = 0

    @classmethod
    def begin(cls, positions: Mapping[Partition, int], wish: Wish, budget: Budget) -> "Page":
        """Begin at these positions; no partition comes first each time."""
        behind = list(positions)
        random.shuffle(behind)
        return cls(positions, dict(positions), wish, budget, behind=behind)

    @property
    def full(self) -> bool:
        """Whether nothing more may be added, or looked at."""
        return (
            len(self.events) >= self.budget.events
            or self._bytes >= self.budget.bytes
            or self._scanned >= self.budget.scanned
        )

    def take(self, entries: Iterable[Entry]) -> bool:
        """Look at the next entries of a partition; return whether there was room for all."""
        for entry in entries:
            if self.full:
                return False
            self._scanned += 1
            if self.wish.takes(entry):
                self.events.append(entry)
                self._bytes += len(entry.body)
            self.positions[entry.partition] = entry.offset + 1
        return True

    def reached(self, partition: Partition, offset: int, *, end: bool) -> None:
        """Note that there is nothing below `offset`; at the `end` nothing after it either."""
        self.positions[partition] = max(self.positions[partition], offset)
        self.behind.remove(partition)
        if not end:
            self.behind.append(partition)

    def lost(self, error: OffsetOutOfRange) -> None:
        """Note that the log does not hold what stood at a position."""
        self.losses.append(error)
        self.behind.remove(error.partition)
