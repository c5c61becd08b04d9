"""What a rule of the profile is, what it looks at, and what it finds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec

from bus.event import Event

Verdict = Literal["reject", "warn", "off"]
"""What becomes of an event that a rule finds fault with: refused, taken with a warning, taken."""

Keyword = Literal["MUST", "MUST NOT", "SHOULD", "SHOULD NOT"]


class Case(msgspec.Struct, frozen=True, gc=False):
    """What the rules look at: a valid event and what surrounds it. One is made for every event."""

    event: Event
    now: float
    """Unix seconds."""
    by_source: bool
    """Whether the event is ordered by its source, for want of a key."""
    size: int
    """Its bytes in the log, key included."""


Check = Callable[[Case], Iterable[str]]
"""Gives the names of the attributes that offend; `data` is the data."""


@dataclass(frozen=True, slots=True)
class Values:
    """A check of `source` or `type` alone: made once for each value, of which there are few."""

    attribute: Literal["source", "type"]
    offends: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it asks, where it is written, and how it is checked."""

    code: str
    """Stable, for machines and policies: "type-not-reverse-dns"."""
    keyword: Keyword
    detail: str
    """A sentence that says what is asked; it stands in answers and in docs/profile.md."""
    section: str
    """Where the rule is written."""
    check: Check | Values | None
    """None: the BSN guard looks for it."""
    default: Verdict
    needs: frozenset[str] = frozenset()
    """The check is made only for events with one of these attributes; empty: for every event."""


class Finding(NamedTuple):
    """One attribute that offends a rule, and what follows from it in this domain."""

    rule: Rule
    attribute: str
    verdict: Verdict
