"""Which events a component has handled before: the bus delivers at least once."""

from typing import Protocol


class Seen(Protocol):
    """Remembers events by `source` and `id`, which name the same event wherever they are equal.

    One that must survive a restart keeps them in the component's own database; best of all the
    handler itself writes them in the transaction of its work.
    """

    async def has(self, source: str, event_id: str) -> bool:
        """Say whether this event was handled."""
        ...

    async def add(self, source: str, event_id: str) -> None:
        """Remember an event that was handled, for at least the 72 hours that the bus retries."""
        ...


class MemorySeen:
    """Remembers the last `limit` events, until the process ends: some 200 bytes each."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._events: dict[tuple[str, str], None] = {}

    async def has(self, source: str, event_id: str) -> bool:
        """Say whether this event was among the last."""
        return (source, event_id) in self._events

    async def add(self, source: str, event_id: str) -> None:
        """Remember an event, and forget the oldest when there are too many."""
        self._events[source, event_id] = None
        while len(self._events) > self._limit:
            del self._events[next(iter(self._events))]
