"""Events on their way to the log, held against the profiles of their domains."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from bus.api.house import House
from bus.api.problem import Problem, body_errors
from bus.api.registered import Place, Warnings
from bus.catalogue import Domain
from bus.event import Event, Fault, InvalidEvent
from bus.log.record import Headers
from bus.profile import Finding


class Entry(NamedTuple):
    """One event on its way: where it goes and what is written there."""

    event: Event
    domain: Domain
    key: bytes
    by_source: bool
    """Whether it is ordered by its source, for want of a key."""
    headers: Headers
    value: bytes | None
    size: int


def judged(house: House, entries: Sequence[Entry], at: Place) -> list[Warnings]:
    """Give the warnings for each entry; 400 names what any of them is refused for."""
    now = time.time()
    found = [
        e.domain.profile.judge(e.event, now=now, by_source=e.by_source, size=e.size)
        for e in entries
    ]
    if not any(found):
        return [[] for _ in entries]
    refused = [
        _fault(finding, number, at)
        for number, findings in enumerate(found)
        for finding in findings
        if finding.verdict == "reject"
    ]
    for entry, findings in zip(entries, found, strict=True):
        for rule, _, verdict in findings:
            if verdict == "reject" or not refused:
                house.findings.count(entry.domain.name, entry.event.source, rule.code, verdict)
    if refused:
        detail = "The profile of its domain refuses this; nothing was stored."
        faults = InvalidEvent(refused).faults  # no more than are worth reading
        raise Problem(400, "refused-by-profile", detail, body_errors(faults))
    return [
        body_errors(_fault(finding, number, at) for finding in findings)
        for number, findings in enumerate(found)
    ]


def _fault(finding: Finding, number: int, at: Place) -> Fault:
    return Fault(at(number, finding.attribute[:80]), finding.rule.code, finding.rule.detail)
