"""How many requests may be on the wire to one host, and for one organisation.

One slow host with fifty subscriptions is one slow host: together they hold no more connections than
this, and take turns.
"""

from typing import Final, Generic, TypeVar
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from bus.store.stored import StoredSubscription

Waiter = TypeVar("Waiter")

MOST_OF_HOST: Final = 256
"""Requests to one host and port, from one worker."""

MOST_OF_ORGANISATION: Final = 1_024
"""Requests for one organisation, from one worker."""


class Cap(Generic[Waiter]):
    """Counts what is out, and keeps who waits for room, in turn."""

    __slots__ = ("__weakref__", "most", "out", "waiting")

    def __init__(self, most: int) -> None:
        self.most = most
        self.out = 0
        self.waiting: dict[Waiter, None] = {}

    def next_in_turn(self) -> Waiter | None:
        """Give who may try now, if there is room and somebody waits."""
        if not self.waiting or self.out >= self.most:
            return None
        first = next(iter(self.waiting))
        del self.waiting[first]
        return first


class Caps(Generic[Waiter]):
    """The caps of a worker, each there for as long as a subscription is under it."""

    def __init__(self, host: int = MOST_OF_HOST, organisation: int = MOST_OF_ORGANISATION) -> None:
        self._most = {"host": host, "organisation": organisation}
        self._caps: WeakValueDictionary[tuple[str, str], Cap[Waiter]] = WeakValueDictionary()

    def of(self, stored: StoredSubscription) -> tuple[Cap[Waiter], ...]:
        """Give the caps that a subscription is under; a topic of our own cluster has no host."""
        named = [("organisation", stored.organisation)]
        sink = stored.subscription.sink
        if sink is not None:
            parts = urlsplit(sink)
            named.append(("host", f"{parts.scheme}://{parts.netloc.lower()}"))
        return tuple(self._cap(kind, name) for kind, name in named)

    def _cap(self, kind: str, name: str) -> Cap[Waiter]:
        cap = self._caps.get((kind, name))
        if cap is None:
            cap = self._caps[kind, name] = Cap(self._most[kind])
        return cap
