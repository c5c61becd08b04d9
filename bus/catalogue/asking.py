"""Who gets what the bus tells of itself: who asks for it by name, and not whoever asks for all."""

from typing import Any, Final

from bus.catalogue.notices import DOMAIN
from bus.subscription import Wanted

_NAMES: Final = (DOMAIN, ":systeem:gemeentebus")
"""Of its types and its domain, and of its sources."""

_OF_REGISTERS: Final[dict[str, Any]] = {"not": {"prefix": {"type": f"{DOMAIN}."}}}


def filters_of(wanted: Wanted) -> tuple[dict[str, Any], ...]:
    """Give the filters of a subscription as they are applied.

    Without types, source and domains it asks for what registers tell, notices left out; unless a
    filter names those, in whatever dialect and wherever in it.
    """
    chosen = wanted.types or wanted.source or wanted.domains
    if chosen or any(name in str(wanted.filters) for name in _NAMES):
        return wanted.filters
    return (*wanted.filters, _OF_REGISTERS)
