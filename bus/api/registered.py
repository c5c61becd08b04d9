"""What the catalogue says of events on their way in: which are refused, and what is warned of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from bus.api.house import House
from bus.api.problem import Problem, body_errors
from bus.catalogue import FINE, Domain, Verdict
from bus.event import Event, Fault
from bus.observe import metrics
from bus.store.directory import Snapshot

Place = Callable[[int, str], str]
"""Where an attribute of the nth event was sent: a JSON pointer or the name of a header."""

Warnings = Sequence[Mapping[str, Any]]
"""What is warned of in one event, in the form of a problem's `errors`."""

_MOST = 200  # faults in one answer


async def as_registered(
    house: House,
    snapshot: Snapshot,
    events: Sequence[Event],
    domains: Sequence[Domain],
    at: Place,
) -> tuple[Sequence[Domain], list[Warnings]]:
    """Give the domain of each event, and the warnings of each; 400 names what is refused.

    Before something is refused, a newer catalogue is asked: a type, or a version of its schema,
    may have been registered a moment ago, and the type in another domain.
    """
    verdicts = _verdicts(snapshot, events, domains, house.public_url)
    if verdicts.count(FINE) == len(verdicts):
        return domains, [()] * len(verdicts)
    if any(verdict.faults for verdict in verdicts):
        snapshot = await house.directory.refresh()
        domains = [snapshot.domains.resolve(event.type) for event in events]
        verdicts = _verdicts(snapshot, events, domains, house.public_url)
    refused = [verdict.faults for verdict in verdicts]
    if any(refused):
        _count(domains, refused, "refused")
        faults = (_placed(each, number, at) for number, each in enumerate(refused))
        detail = "This does not keep to the catalogue; nothing was stored."
        named = islice((fault for each in faults for fault in each), _MOST)
        raise Problem(400, "not-as-registered", detail, body_errors(named))
    warned = [verdict.warnings for verdict in verdicts]
    _count(domains, warned, "warned")
    return domains, [
        body_errors(_placed(each, number, at)) if each else () for number, each in enumerate(warned)
    ]


def _verdicts(
    snapshot: Snapshot, events: Sequence[Event], domains: Sequence[Domain], base: str
) -> list[Verdict]:
    check = snapshot.types.check
    return [check(event, domain, base=base) for event, domain in zip(events, domains, strict=True)]


def _placed(faults: Sequence[Fault], number: int, at: Place) -> Iterator[Fault]:
    """Give each fault where the event was sent: of `data/zaak` the attribute is `data`."""
    for fault in faults:
        attribute, slash, rest = fault.where.partition("/")
        yield Fault("".join((at(number, attribute), slash, rest)), fault.code, fault.detail)


def _count(domains: Sequence[Domain], found: Sequence[Sequence[Fault]], verdict: str) -> None:
    for domain, faults in zip(domains, found, strict=True):
        if faults:
            metrics.CATALOGUE_FINDINGS.labels(domain.name, verdict).inc()
