"""What is listed of an event while the right to read its source lasts, and what after that."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bus.api.house import House
from bus.store.dead_letters import Choice
from bus.store.stored import ListedSubscription

_OF_THE_EVENT = ("eventId", "source", "type", "event")

Show = Callable[[dict[str, Any]], dict[str, Any]]
"""Gives an entry about one event as it may be shown."""


async def as_may_be_read(house: House, listed: ListedSubscription) -> Show:
    """Give what shows entries by the rights that the subscription's organisation has now.

    Where the right has ended the entry stays, without what came from the event; operators see the
    same. Raises StoreUnavailable.
    """
    await house.directory.refresh()

    def show(entry: dict[str, Any]) -> dict[str, Any]:
        if not any(name in entry for name in _OF_THE_EVENT):
            return entry  # purged, or never read
        source = entry.get("source")
        if source is not None and _may_read(house, listed, entry["topic"], source):
            return entry
        kept = {name: value for name, value in entry.items() if name not in _OF_THE_EVENT}
        return {**kept, "withheld": True}

    return show


async def by_what_is_shown(house: House, listed: ListedSubscription, choice: Choice) -> Choice:
    """Let a choice by type or source pass over those that do not show them.

    Else who guesses would learn what they are. Raises StoreUnavailable.
    """
    if choice.type is None and choice.source is None:
        return choice
    await house.directory.refresh()
    sources = await house.dead_letters.sources(listed.id)
    return replace(
        choice, hidden=tuple(each for each in sources if not _may_read(house, listed, *each))
    )


def _may_read(house: House, listed: ListedSubscription, topic: str, source: str) -> bool:
    return listed.organisation in house.directory.readers(source, topic)
