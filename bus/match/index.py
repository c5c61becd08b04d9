"""The subscriptions of one domain, laid out so that an event meets only those that can want it.

A tree of dicts: how much of the type counts (None: all of it) → that beginning of the type →
organisation → name of one attribute that must have one value (None: no such) → that value. Each
level only narrows: what is left is always tested against all that the subscription asks.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Generic, TypeVar

from bus.event import canonical
from bus.match.cesql import Getter
from bus.match.demands import OneOf, Prefix, demands
from bus.match.filters import Predicate, compile_filters

K = TypeVar("K", bound=Hashable)

_Filters = Sequence[Mapping[str, Any]]
_Path = tuple[int | None, str, str, str | None, str | None]
_ByName = dict[str | None, dict[str | None, dict[K, Predicate]]]
_ByType = dict[str, dict[str, _ByName[K]]]


class Index(Generic[K]):
    """Subscriptions by key; which of them an event is for.

    An event that nobody takes costs one dict lookup, and one more for each length of type prefix in
    use. Any other grows with the subscriptions that may read it, take its type by `types` or by
    what their filters demand of it, and demand no other value of an attribute than it has.
    """

    def __init__(self) -> None:
        self._tree: dict[int | None, _ByType[K]] = {}
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
        self._paths[key] = _paths(types, conditions, organisation)
        for length, beginning, _, name, value in self._paths[key]:
            by_organisation = self._tree.setdefault(length, {}).setdefault(beginning, {})
            by_name = by_organisation.setdefault(organisation, {})
            by_name.setdefault(name, {}).setdefault(value, {})[key] = predicate

    def remove(self, key: K) -> None:
        """Forget a subscription; KeyError if it is unknown."""
        for path in self._paths.pop(key):
            _prune(self._tree, (*path, key))

    def wants(self, type_: str) -> bool:
        """Whether any subscription takes this type: the first thing to ask of an event."""
        for length, by_type in self._tree.items():  # noqa: SIM110 - any() takes 3.5 times as long
            if type_[:length] in by_type:
                return True
        return False

    def match(self, type_: str, get: Getter, readers: AbstractSet[str]) -> list[K]:
        """Give the keys of the subscriptions that want this event and may read it.

        `readers` is the answer of `Access.readers` for the source of the event. The order of the
        keys means nothing.
        """
        found: list[K] = []
        for length, by_type in self._tree.items():
            by_organisation = by_type.get(type_[:length])
            if by_organisation is not None:
                for organisation in by_organisation.keys() & readers:
                    _add_passing(found, by_organisation[organisation], get)
        return found


def _add_passing(found: list[K], by_name: _ByName[K], get: Getter) -> None:
    for name, by_value in by_name.items():
        value = None if name is None else get(name)
        members = by_value.get(None if value is None else canonical(value))
        if members is not None:
            for key, predicate in members.items():
                if predicate(get):
                    found.append(key)


def _paths(types: Collection[str], conditions: _Filters, organisation: str) -> list[_Path]:
    """Give the places of a subscription: one for each type that can pass, or one for all types."""
    wanted = set(types) or None
    prefix, name, value = "", None, None
    for demand in demands(conditions):
        match demand:
            case OneOf("type", texts):
                wanted = {*texts} if wanted is None else wanted & texts
            case OneOf(attribute, texts) if len(texts) == 1:
                name, (value,) = attribute, texts
            case Prefix("type", text):
                prefix = max(prefix, text, key=len)
            case _:
                pass
    if wanted is None:
        return [(len(prefix), prefix, organisation, name, value)]
    return [(None, type_, organisation, name, value) for type_ in wanted]


def _prune(tree: dict[Any, Any], path: tuple[object, ...]) -> None:
    """Remove the leaf at the path, and every branch that it leaves empty."""
    head, *rest = path
    if rest:
        _prune(tree[head], tuple(rest))
    if not rest or not tree[head]:
        del tree[head]
