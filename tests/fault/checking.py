"""What must be true of the journals, whatever was killed: judged against the log itself."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.fault.components import Component, dropping, picky

SLACK = 4.0
"""Seconds around a disturbance in which what was taken may come again: a save, a drag, a lease."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One event of the log."""

    partition: int
    offset: int
    id: str
    key: str
    type: str


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What was done to the bus, and from when until when."""

    name: str
    began: float
    ended: float


def wanted(component: Component, log: Iterable[Logged]) -> list[Logged]:
    """Give the events of the log that a component subscribed to."""
    return [each for each in log if not component.types or each.type in component.types]


def refused(component: Component, log: Iterable[Logged]) -> set[str]:
    """Give the ids of the events that a component will never take."""
    if component.temper is not picky:
        return set()
    return {each.id for each in wanted(component, log) if each.key == "k7"}


def missing(component: Component, log: Iterable[Logged]) -> set[str]:
    """Give what a component should have taken and has not."""
    taken = {each.id for each in component.journal if each.accepted is not None}
    return {each.id for each in wanted(component, log)} - taken - refused(component, log)


def unwanted(component: Component, log: Iterable[Logged]) -> set[str]:
    """Give what reached a component that had not asked for it."""
    return {each.id for each in component.journal} - {each.id for each in wanted(component, log)}


def disordered(component: Component, log: Iterable[Logged]) -> list[str]:
    """Give the events of which the first attempt came before that of an earlier one of its key."""
    offsets: dict[str, int] = {}
    for each in log:
        offsets.setdefault(each.id, each.offset)
    last: dict[str, int] = {}
    seen: set[str] = set()
    wrong = []
    for arrival in component.journal:
        if arrival.id in seen:
            continue
        seen.add(arrival.id)
        if offsets[arrival.id] < last.get(arrival.key, -1):
            wrong.append(arrival.id)
        last[arrival.key] = max(last.get(arrival.key, -1), offsets[arrival.id])
    return wrong


def unexplained(
    component: Component, log: Sequence[Logged], disturbances: Iterable[Disturbance]
) -> list[str]:
    """Give the events that came again though nothing had happened when they were taken."""
    if component.temper is dropping:
        return []
    windows = [(each.began - SLACK, each.ended + SLACK) for each in disturbances]
    published = Counter(each.id for each in log)
    taken: dict[str, list[float]] = {}
    for arrival in component.journal:
        if arrival.accepted is not None:
            taken.setdefault(arrival.id, []).append(arrival.accepted)
    return [
        identity
        for identity, times in taken.items()
        if len(times) > published[identity]
        and not any(began <= times[0] <= ended for began, ended in windows)
    ]


def repeats(component: Component, log: Iterable[Logged]) -> int:
    """Count what a component took more often than it is in the log."""
    published = Counter(each.id for each in log)
    taken = Counter(each.id for each in component.journal if each.accepted is not None)
    return sum(max(0, taken[identity] - published[identity]) for identity in taken)
