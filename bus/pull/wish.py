"""What a reader wants of the log: the terms of a subscription, asked of one event at a time."""

from collections.abc import Callable, Hashable
from typing import TypeVar

from bus.catalogue.asking import add_wanted
from bus.match import Index
from bus.pull.entry import Entry
from bus.subscription import Subscription

K = TypeVar("K", bound=Hashable)

Readers = Callable[[str, str], frozenset[str]]
"""The organisations that may read events of a source in a topic, at this moment."""


def takers(index: Index[K], entry: Entry, readers: Readers) -> list[K]:
    """Give the keys of those who want this event and may read it now."""
    if entry.type is not None and not index.wants(entry.type):
        return []
    event = entry.event
    if event is None:
        return []
    return index.match(event.type, event.get, readers(event.source, entry.partition.topic))


class Wish:
    """What one subscription wants, tested for itself alone."""

    def __init__(self, terms: Subscription, readers: Readers) -> None:
        self.terms = terms
        self._readers = readers
        self._index: Index[str] = Index()
        add_wanted(self._index, terms.id, terms, organisation=terms.organisation)

    def takes(self, entry: Entry) -> bool:
        """Whether this event is wanted and may be read now."""
        return bool(takers(self._index, entry, self._readers))
