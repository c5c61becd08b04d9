"""What a back-test finds: the events that one subscription would have got. No I/O, no awaits."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from bus.codec import kafka
from bus.event import Event
from bus.log.record import Record
from bus.match import Index

_MOST_TYPES: Final = 500
"""Types that are counted one by one in an answer; a publisher may make as many as it likes."""

Readers = Callable[[str, str], frozenset[str]]
"""The organisations that may read events of a source in a topic."""


class Trial:
    """Judges records as the dispatcher does, and remembers what it may show of them.

    Of an event that the subscriber may not read, nothing is counted but that a record was read.
    """

    def __init__(self, index: Index[str], readers: Readers, samples: int) -> None:
        self._index = index
        self._readers = readers
        self._most = samples
        self.read = 0
        self.matched = 0
        self.invalid = 0
        self.samples: list[dict[str, Any]] = []
        self._by_type: Counter[str] = Counter()

    def take(self, record: Record) -> None:
        """Look at the next record."""
        self.read += 1
        type_ = kafka.type_of(record.headers, record.value)
        if type_ is not None and not self._index.wants(type_):
            return
        event = kafka.event_in(record.headers, record.value)
        if event is None:
            self.invalid += 1
            return
        if not self._index.match(event.type, event.get, self._readers(event.source, record.topic)):
            return
        self.matched += 1
        self._by_type[event.type] += 1
        if len(self.samples) < self._most:
            self.samples.append(_sample(event, record))

    def by_type(self) -> list[dict[str, Any]]:
        """Give how many matched of each type, the most first."""
        common = self._by_type.most_common(_MOST_TYPES)
        return [{"type": type_, "matched": count} for type_, count in common]


def _sample(event: Event, record: Record) -> dict[str, Any]:
    """Show which event it is and where it stands: never what it is about, nor its data."""
    logged = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    sample = {
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "loggedAt": logged,
    }
    moment = event.get("time")
    return sample if moment is None else {**sample, "time": moment}
