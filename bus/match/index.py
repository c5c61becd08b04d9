"""The subscriptions of one domain, laid out so that an event meets only those that can want it.

A tree of dicts: type → organisation → name of one attribute whose value the subscription demands →
that value. None stands for "any type" and "demands nothing". A level only narrows: the whole
condition of what is left is always tested.
"""

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Generic, TypeVar

from bus.event import canonical
from bus.match.filters import Getter, Predicate, compile_filters

K = TypeVar("K", bound=Hashable)

_Filters = Sequence[Mapping[str, Any]]
_Path = tuple[str | None, str, str | None, str | None]
_ByName = dict[str | None, dict[str | None, dict[K, Predicate]]]


class Index(Generic[K]):
    """Subscriptions by key; which of them an event is for.

    An event costs two dict lookups when nobody takes its type. Otherwise its cost grows with the
    subscriptions that share its type, may read it, and demand no other value of an attribute than
    it has. A `prefix` or `any` on `type` does not narrow: `types` does.
    """

    def __init__(self) -> None:
        self._tree: dict[str | None, dict[str, _ByName[K]]] = {}
        self._paths: dict[K, list[_Path]] = {}

    def __len__(self) -> int:
        return len(self._paths)

    def __contains__(self, key: object) -> bool:
        return key in self._paths

    def add(
        self,
        key: K,
        *,
        types: Collection[str] = (),
        source: str | None = None,
        filters: _Filters = (),
        organisation: str,
    ) -> None:
        """Take up a subscription, in the place of what stood under its key.

        No `types` is any type. `source` is compared for equality, as the Subscriptions API says
        ("matches this value"): a filter with the prefix dialect does the other thing.
        """
        conditions = [*filters, {"exact": {"source": source}}] if source is not None else filters
        predicate = compile_filters(conditions)
        if key in self._paths:
            self.remove(key)
        self._paths[key] = list(_paths(types, conditions, organisation))
        for type_, _, name, value in self._paths[key]:
            by_name = self._tree.setdefault(type_, {}).setdefault(organisation, {})
            by_name.setdefault(name, {}).setdefault(value, {})[key] = predicate

    def remove(self, key: K) -> None:
        """Forget a subscription; KeyError if it is unknown."""
        for path in self._paths.pop(key):
            _prune(self._tree, (*path, key))

    def wants(self, type_: str) -> bool:
        """Whether any subscription takes this type: the first thing to ask of an event."""
        return type_ in self._tree or None in self._tree

    def match(self, type_: str, get: Getter, readers: AbstractSet[str]) -> list[K]:
        """Give the keys of the subscriptions that want this event and may read it.

        `readers` is the answer of `Access.readers` for the source of the event. The order of the
        keys means nothing.
        """
        found: list[K] = []
        for wanted in (type_, None):
            by_organisation = self._tree.get(wanted)
            if by_organisation is not None:
                for organisation in by_organisation.keys() & readers:
                    found.extend(_passing(by_organisation[organisation], get))
        return found


def _passing(by_name: _ByName[K], get: Getter) -> Iterator[K]:
    for name, by_value in by_name.items():
        value = None if name is None else get(name)
        at = None if value is None else canonical(value)
        for key, predicate in by_value.get(at, {}).items():
            if predicate(get):
                yield key


def _paths(types: Collection[str], conditions: _Filters, organisation: str) -> Iterator[_Path]:
    """Give the places of a subscription, one for each type that can pass: several, one or none."""
    wanted: set[str | None] = set(types) or {None}
    name = value = None
    for demanded, exactly in _demands(conditions):
        if demanded == "type":
            wanted = {exactly} if wanted & {exactly, None} else set()
        elif name is None:
            name, value = demanded, exactly
    return ((type_, organisation, name, value) for type_ in wanted)


def _demands(conditions: _Filters) -> Iterator[tuple[str, str]]:
    """Give every (attribute, value) that each passing event must have."""
    for expression in conditions:
        for dialect, operand in expression.items():
            if dialect == "exact":
                yield from operand.items()
            elif dialect == "all":
                yield from _demands(operand)


def _prune(tree: dict[Any, Any], path: tuple[object, ...]) -> None:
    """Remove the leaf at the path, and every branch that it leaves empty."""
    head, *rest = path
    if rest:
        _prune(tree[head], tuple(rest))
    if not rest or not tree[head]:
        del tree[head]
