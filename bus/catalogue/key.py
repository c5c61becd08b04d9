"""By what an event is ordered."""

from bus.catalogue.domain import Domain
from bus.event import Event, canonical


def key_of(event: Event, domain: Domain) -> tuple[bytes, bool]:
    """Give the key of an event in the log, and whether it fell back to `source` (design §2).

    The attribute that the domain names comes first, then `partitionkey`, then `subject`. An event
    that has none of them is ordered with everything of its source, which the caller should warn of.
    """
    for name in (domain.key_attribute, "partitionkey", "subject"):
        value = None if name is None else event.get(name)
        if value is not None:
            return canonical(value).encode(), False
    return event.source.encode(), True
