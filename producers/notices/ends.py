"""Where the log ended a while ago, by this machine's own clock: pure."""

from collections import deque
from collections.abc import Mapping
from typing import Final

from bus.log.record import Partition

Offsets = Mapping[Partition, int]

SAMPLES: Final = 32
"""Kept at most, about: how exactly an age is known, as a part of the largest."""


class Ends:
    """The end offsets as they were seen in the last `keep` seconds.

    What lies below an end has waited at least since that was seen, whatever the clock says by which
    Kafka stamps records. Times are of one clock that never goes back.
    """

    def __init__(self, keep: float) -> None:
        self._keep = keep
        self._samples: deque[tuple[float, Offsets]] = deque()

    def note(self, now: float, ends: Offsets) -> None:
        """Take in the ends of now; what lies too close together, or is too old, goes."""
        samples = self._samples
        while len(samples) > 1 and samples[1][0] <= now - self._keep:
            samples.popleft()
        if len(samples) > 1 and samples[-1][0] - samples[-2][0] < self._keep / SAMPLES:
            samples.pop()
        samples.append((now, ends))

    def at(self, moment: float) -> Offsets:
        """Give the last ends that were seen by then; none where that is before the first."""
        return next((ends for seen, ends in reversed(self._samples) if seen <= moment), {})

    @property
    def first(self) -> Offsets:
        """The oldest ends that are still known; none before anything was noted."""
        return self._samples[0][1] if self._samples else {}
