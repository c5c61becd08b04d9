"""What a subscription asks for, as it is applied.

What the bus tells of itself gets who asks for it by name, and not whoever asks for all.
"""

from collections.abc import Hashable
from typing import Any, Final, TypeVar

from bus.catalogue.notices import DOMAIN
from bus.match import Index
from bus.subscription import Wanted

K = TypeVar("K", bound=Hashable)

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


def add_wanted(index: Index[K], key: K, wanted: Wanted, *, organisation: str) -> None:
    """Take up under its key what an organisation asks for, in the place of what stood there."""
    index.add(
        key,
        types=wanted.types,
        source=wanted.source,
        filters=filters_of(wanted),
        organisation=organisation,
    )
