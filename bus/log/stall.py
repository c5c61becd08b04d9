"""Stall: which partitions have stood still while somebody was waiting for them."""

from collections.abc import Mapping

from bus.log.record import Partition


class Stall:
    """
    Watches positions; times are seconds of one monotonic clock, given by the caller.

    Standing still is no fault of the client where nobody reads, or where there is no more; the
    first is judged here, the second by asking Kafka.
    """

    def __init__(self, after: float) -> None:
        self.after = after
        self._seen: dict[Partition, tuple[int, float]] = {}
        self._reading = False
        self._read_at = 0.0

    def reading(self) -> None:
        """Note that somebody waits for records now."""
        self._reading = True

    def read(self, now: float) -> None:
        """Note that the waiting ended."""
        self._reading = False
        self._read_at = now

    def moved(self, partition: Partition) -> None:
        """Begin anew with this partition: it was sought, resumed, or is known to be at the end."""
        self._seen.pop(partition, None)

    def suspects(self, positions: Mapping[Partition, int], now: float) -> set[Partition]:
        """Give those that have stood at one position, being read, for `after` seconds."""
        if not self._reading and now - self._read_at > self.after / 2:
            self._seen.clear()
            return set()
        self._seen = {
            partition: seen
            if (seen := self._seen.get(partition)) and seen[0] == position
            else (position, now)
            for partition, position in positions.items()
        }
        return {
            partition for partition, (_, since) in self._seen.items() if now - since >= self.after
        }
