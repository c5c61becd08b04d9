"""The BSN guard: where in an event a number stands that may be that of a person. Pure."""

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final

from bus.event import Event, canonical
from bus.observe.bsn import find, has_nine

IN_SUBJECT: Final = "bsn-in-subject"
NAMED: Final = "bsn-named"
SUSPECTED: Final = "bsn-suspected"
CODES: Final = frozenset({IN_SUBJECT, NAMED, SUSPECTED})
"""The codes of the rules that only an agreement can relax."""

_NOT_TEXT = frozenset(
    {"time", "expirytime", "recordedtime", "deprecationfrom", "deprecationsunset", "dssematerial"}
)
"""Timestamps, whose nanoseconds are nine digits, and Binary."""

_NAME = re.compile("bsn|burgerservicenummer").search
_NAMES_IT = re.compile(
    r"(?:bsn|burgerservicenummer)[a-z_-]{0,20}(?:[^0-9a-z]|%[0-9a-f]{2}){0,4}$", re.IGNORECASE
).search
"""What stands before the number in `?bsn=…`, `/bsn/…` and `urn:…:bsn:…`."""
_BEFORE = 60  # characters in which such a name is looked for
_LONGEST = 256


def is_private(attribute: str) -> bool:
    """Say whether a number of nine digits in this attribute is taken for a BSN."""
    return attribute == "subject" or _NAME(attribute) is not None


def numbers_in(event: Event, allowed: Collection[str]) -> Mapping[str, list[str]]:
    """Give the attributes that hold what may be a BSN, by the code of each rule; {} for none.

    `allowed` are the attributes whose numbers are something else, an RSIN for one.
    """
    if not has_nine(_text_of(event)) and _in_source(event.source) is None:
        return {}
    found: dict[str, list[str]] = {code: [] for code in CODES}
    for name, value in event.context().items():
        if name not in _NOT_TEXT and name not in allowed:
            code = _judge(name, canonical(value))
            if code is not None:
                found[code].append(name)
    return found if any(found.values()) else {}


def _text_of(event: Event) -> str:
    """Give all but the source, which has an OIN, as one text: for most events one look will do."""
    values = event.attributes.values()
    try:
        rest = " ".join(values)  # type: ignore[arg-type] # by far most are strings
    except TypeError:
        rest = " ".join(map(canonical, values))
    return f"{event.id} {event.type} {event.datacontenttype} {rest}"


def _in_source(source: str) -> str | None:
    """Judge a source, remembered; one of many kilobytes is not."""
    return _remembered(source) if len(source) <= _LONGEST else _judge("source", source)


def _judge(name: str, text: str) -> str | None:
    numbers = list(find(text))
    if not numbers:
        return None
    if name == "subject":
        return IN_SUBJECT
    if _NAME(name) or any(
        _NAMES_IT(text[max(0, n.start() - _BEFORE) : n.start()]) for n in numbers
    ):
        return NAMED
    return SUSPECTED


@lru_cache(1_024)
def _remembered(source: str) -> str | None:
    return _judge("source", source)
