"""What should have come, beside what came: pure."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from bus.demo.components import Arrival, Component
from bus.demo.register import Change

Types = Mapping[str, Sequence[str]]
"""Per zaak the types of its events, in their order."""


def differences(
    committed: Sequence[Change],
    arrivals: Iterable[Arrival],
    *,
    components: Iterable[Component],
    drawn: Collection[str],
) -> list[str]:
    """Name each difference between what each component should have and what it has; [] if none.

    Right is, per component and zaak: the type of each committed change that the component wants,
    once, in the order of the changes. Only zaken in `drawn` are looked at, so that what an earlier
    run left behind is no fault. Attempts that the component did not take do not count.
    """
    came: defaultdict[str, list[Change]] = defaultdict(list)
    for arrival in arrivals:
        if arrival.taken:
            came[arrival.component].append(arrival.change)
    return [
        f"{component.name}: {zaak}: {text}"
        for component in components
        for zaak, text in _compare(
            _by_zaak(filter(component.wants, committed), drawn),
            _by_zaak(came[component.name], drawn),
        )
    ]


def _by_zaak(changes: Iterable[Change], drawn: Collection[str]) -> Types:
    types: defaultdict[str, list[str]] = defaultdict(list)
    for change in changes:
        if change.zaak in drawn:
            types[change.zaak].append(change.type)
    return types


def _compare(wanted: Types, came: Types) -> Iterator[tuple[str, str]]:
    for zaak in sorted({*wanted, *came}):
        right, found = list(wanted.get(zaak, ())), list(came.get(zaak, ()))
        missing, extra = Counter(right) - Counter(found), Counter(found) - Counter(right)
        for type_, times in missing.items():
            yield zaak, f"{type_} did not come" + _times(times)
        for type_, times in extra.items():
            yield zaak, f"{type_} came, and should not have" + _times(times)
        if not missing and not extra and right != found:
            yield zaak, f"came as {', '.join(found)}; right is {', '.join(right)}"


def _times(times: int) -> str:
    return f" ({times} times)" if times > 1 else ""
