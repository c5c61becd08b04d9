"""Records that are no event, as they wait in memory for the save that keeps them."""

from collections.abc import Iterable, Iterator

from consumers.dispatch.envelope import Envelope

MAX_INVALID = 1_000
"""Records of one partition; also what one save has to take of them."""


class Invalid:
    """The invalid records that no save has taken yet, in the order of the log.

    It takes whatever comes: whoever feeds it stops while it is `full` (decision 16), so that it
    holds its bound and what one read has brought beyond it.
    """

    __slots__ = ("_waiting", "bytes", "max_bytes")

    def __init__(self, max_bytes: int) -> None:
        self._waiting: dict[int, Envelope] = {}
        self.bytes = 0
        self.max_bytes = max_bytes

    def __iter__(self) -> Iterator[Envelope]:
        return iter(self._waiting.values())

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether nothing more is to be read before a save has taken some."""
        return len(self._waiting) >= MAX_INVALID or self.bytes >= self.max_bytes

    def add(self, envelope: Envelope) -> None:
        """Keep a record until it is saved."""
        self._waiting[envelope.offset] = envelope
        self.bytes += envelope.size

    def saved(self, offsets: Iterable[int]) -> None:
        """Let go of what a save has taken."""
        for offset in offsets:
            self.bytes -= self._waiting.pop(offset).size
