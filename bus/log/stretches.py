"""Stretches: read parts of many partitions, each to its end or as far as the reader is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from bus.log.errors import OffsetOutOfRange
from bus.log.reader import Reader
from bus.log.record import Partition, Record

_AT_ONCE: Final = 16
"""Partitions that are fetched at a time: what is read ahead of each is held in memory."""


class Gap(NamedTuple):
    """Offsets of a stretch that the log does not hold (any more), or not as a record."""

    partition: Partition
    start: int
    end: int


@dataclass(slots=True)
class Stretch:
    """A part of a partition: what lies before `position` has been read."""

    position: int
    end: int


class Stretches:
    """What is `left` to be read of each partition, and the `gaps` that were met.

    The reader is to have no assignment. Transaction markers are passed over.
    """

    def __init__(self, reader: Reader, stretches: Mapping[Partition, Stretch]) -> None:
        self._reader = reader
        self._at_hand: set[Partition] = set()
        self.left = {each: part for each, part in stretches.items() if part.position < part.end}
        self.gaps: list[Gap] = []

    @property
    def remaining(self) -> int:
        """How many offsets are left: at most so many records, for some offsets hold none."""
        return sum(part.end - part.position for part in self.left.values())

    async def read(self, max_records: int, seconds: float) -> Mapping[Partition, Sequence[Record]]:
        """Read at most so many records more, waiting up to `seconds` for the first.

        Raises LogUnavailable and TopicMissing, as the reader does.
        """
        self._take_up()
        try:
            batch = await self._reader.read(max_records, seconds)
        except OffsetOutOfRange as error:
            self._pass_over(error)
            batch = {}
        found = {
            partition: [record for record in records if record.offset < self.left[partition].end]
            for partition, records in batch.items()
        }
        for partition in self._at_hand:
            part = self.left[partition]
            part.position = min(max(part.position, self._reader.position(partition)), part.end)
        self._put_down()
        return found

    def _take_up(self) -> None:
        waiting = [each for each in self.left if each not in self._at_hand]
        new = waiting[: _AT_ONCE - len(self._at_hand)]
        if new:
            self._reader.assign({each: self.left[each].position for each in new})
            self._at_hand.update(new)

    def _put_down(self) -> None:
        done = {each for each in self._at_hand if self.left[each].position >= self.left[each].end}
        if done:
            self._reader.release(done)
            self._at_hand -= done
            for partition in done:
                del self.left[partition]

    def _pass_over(self, error: OffsetOutOfRange) -> None:
        """Go on where the log does; one that ends before the position has nothing more of this."""
        part = self.left[error.partition]
        on = error.start if error.start > error.offset else part.end
        self.gaps.append(Gap(error.partition, error.offset, min(on, part.end)))
        part.position = min(on, part.end)
        if part.position < part.end:
            self._reader.seek(error.partition, part.position)
