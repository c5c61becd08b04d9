"""What is listed of an event while the right to read its source lasts, and what after that."""

from dataclasses import dataclass, replace
from typing import Any, Self

from bus.api.house import House
from bus.pull.wish import Readers
from bus.store.dead_letters import Choice
from bus.store.stored import ListedSubscription

_OF_THE_EVENT = ("eventId", "source", "type", "event")


@dataclass(frozen=True, slots=True)
class Sight:
    """What of events is shown by the rights that a subscription's organisation has at a moment.

    Operators see the same of its events.
    """

    _readers: Readers
    _organisation: str

    @classmethod
    async def now(cls, house: House, listed: ListedSubscription) -> Self:
        """Take the rights as they are now; raises StoreUnavailable."""
        snapshot = await house.directory.refresh()
        return cls(snapshot.readers, listed.organisation)

    def show(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Give an entry about one event as it is shown.

        Where the right has ended the entry stays, without what came from the event.
        """
        if not any(name in entry for name in _OF_THE_EVENT):
            return entry  # purged, or never read
        source = entry.get("source")
        if source is not None and self._may_read(source, entry["topic"]):
            return entry
        kept = {name: value for name, value in entry.items() if name not in _OF_THE_EVENT}
        return {**kept, "withheld": True}

    async def narrowed(self, choice: Choice, house: House, listed: ListedSubscription) -> Choice:
        """Let a choice by type or source pass over those that do not show them.

        Else who guesses would learn what they are. Raises StoreUnavailable.
        """
        if choice.type is None and choice.source is None:
            return choice
        found = await house.dead_letters.sources(listed.id)
        hidden = [(topic, source) for topic, source in found if not self._may_read(source, topic)]
        return replace(choice, hidden=tuple(hidden))

    def _may_read(self, source: str, topic: str) -> bool:
        return self._organisation in self._readers(source, topic)
