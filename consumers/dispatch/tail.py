"""The last records that the stream has read, so that a short burst needs no second read."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from itertools import islice

from consumers.dispatch.envelope import Envelope


class Tail:
    """Holds every record from `start` up to the stream's read offset, bounded in bytes."""

    __slots__ = ("_bytes", "_envelopes", "_first", "_offsets", "max_bytes", "start")

    def __init__(self, start: int, *, max_bytes: int) -> None:
        self.start = start
        self.max_bytes = max_bytes
        self._offsets: list[int] = []
        self._envelopes: deque[Envelope] = deque()
        self._first = 0
        self._bytes = 0

    def append(self, envelope: Envelope) -> None:
        """Take the newest record; the oldest ones leave while the tail is over its bound."""
        self._offsets.append(envelope.offset)
        self._envelopes.append(envelope)
        self._bytes += envelope.size
        while self._bytes > self.max_bytes:
            oldest = self._envelopes.popleft()
            self._bytes -= oldest.size
            self.start = oldest.offset + 1
            self._first += 1
        if self._first > 1024 and self._first * 2 > len(self._offsets):
            del self._offsets[: self._first]
            self._first = 0

    @property
    def end(self) -> int:
        """The offset after the newest record."""
        return self._offsets[-1] + 1 if self._envelopes else self.start

    def is_about_to_lose(self, offset: int) -> bool:
        """Whether the record at `offset` is in the older half of a tail that is half full."""
        if self._bytes * 2 < self.max_bytes:
            return False
        return self.start <= offset < self._offsets[self._first + len(self._envelopes) // 2]

    def since(self, offset: int) -> Iterator[Envelope]:
        """Give the records at or after `offset`, which must not lie before `start`."""
        index = bisect_left(self._offsets, offset, lo=self._first)
        return islice(self._envelopes, index - self._first, None)
