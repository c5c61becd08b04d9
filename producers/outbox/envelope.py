"""Which rows of an outbox may go to the log, and what each becomes there: pure."""

from collections.abc import Iterable
from typing import NamedTuple

from bus.catalogue import Domain, UnknownDomain, key_of
from bus.codec import kafka
from bus.event import Event, InvalidEvent
from bus.profile import Finding
from bus.store.directory import Snapshot
from producers.appending import Outgoing
from producers.outbox.row import Row, event_of

Found = tuple[str, str, str, str]
"""What a rule of the profile found: domain, source, rule, verdict."""


class Refused(NamedTuple):
    """Why a row cannot be published; never quotes `subject` or `data`.

    `doubtful`: a newer catalogue may allow it.
    """

    reason: str
    doubtful: bool = False


class Sorted(NamedTuple):
    """The rows that go to the log, in their order, and those that do not, by row id.

    `findings`: what the profile found, by row id.
    """

    ready: list[Outgoing[int]]
    refused: dict[int, Refused]
    findings: dict[int, list[Found]]


def sort(
    rows: Iterable[Row], *, now: Snapshot, organisation: str, base: str, at_time: float
) -> Sorted:
    """Tell the rows that `organisation` may publish from those that it may not, or nobody can.

    `base` is the address of the bus, by which the schemas of its catalogue are known; `at_time` is
    in unix seconds.
    """
    routes: dict[tuple[str, str], Domain | Refused] = {}
    ready: list[Outgoing[int]] = []
    refused: dict[int, Refused] = {}
    findings: dict[int, list[Found]] = {}
    for row in rows:
        at = (row["type"], row["source"])
        route = routes.get(at)
        if route is None:
            route = routes[at] = _route(*at, now, organisation)
        if isinstance(route, Refused):
            refused[row["id"]] = route
            continue
        try:
            event = event_of(row)
        except InvalidEvent as error:
            refused[row["id"]] = Refused(f"invalid event: {error}")
            continue
        unfit = _unfit(event, route, now, base)
        if unfit is not None:
            refused[row["id"]] = unfit
            continue
        key, by_source = key_of(event, route)
        headers, value = kafka.encode(event)
        size = kafka.size_of(key, headers, value)
        found = route.profile.judge(event, now=at_time, by_source=by_source, size=size)
        if found:
            findings[row["id"]] = [
                (route.name, event.source, each.rule.code, each.verdict) for each in found
            ]
        if reason := _objection(found):
            refused[row["id"]] = Refused(reason, doubtful=True)
        else:
            ready.append(Outgoing(row["id"], route.topic, key, headers, value))
    return Sorted(ready, refused, findings)


def _objection(found: Iterable[Finding]) -> str | None:
    """Say which rules refuse an event, and at which attributes."""
    rules = [f"{each.rule.code} at {each.attribute}" for each in found if each.verdict == "reject"]
    return f"profile: {', '.join(rules)}" if rules else None


def _route(type_: str, source: str, now: Snapshot, organisation: str) -> Domain | Refused:
    if not now.access.may_publish(organisation, source):
        return Refused(
            "foreign source: it does not belong to the relay's organisation", doubtful=True
        )
    try:
        return now.domains.resolve(type_)
    except UnknownDomain:
        return Refused("unknown domain: no domain takes events of this type", doubtful=True)


def _unfit(event: Event, domain: Domain, now: Snapshot, base: str) -> Refused | None:
    """Say why the catalogue refuses an event; nobody is here to be warned of anything less."""
    faults = now.types.check(event, domain, base=base).faults
    if not faults:
        return None
    found = ", ".join(f"{fault.where}: {fault.code}" for fault in faults)
    return Refused(f"not as registered: {found}", doubtful=True)
