"""What one subscription asks of an event, for a member that reads by itself."""

from collections.abc import Callable

from bus.catalogue.asking import filters_of
from bus.event import Event
from bus.match.filters import compile_filters
from bus.subscription import Subscription

Wanted = Callable[[Event], bool]


def nothing(_event: Event) -> bool:
    """Want no event: what a subscription asks of a domain that it has left."""
    return False


def wanted(subscription: Subscription) -> Wanted:
    """Compile a subscription's types, source and filters, all of which must pass."""
    types = frozenset(subscription.types)
    source = subscription.source
    passes = compile_filters(filters_of(subscription))

    def wants(event: Event) -> bool:
        if types and event.type not in types:
            return False
        return source in (None, event.source) and passes(event.get)

    return wants
