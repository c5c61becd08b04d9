"""What the documented extensions of CloudEvents ask of more than one attribute. Pure.

What one attribute may hold by itself is in `bus.event.rules`, which refuses it everywhere.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import orjson

from bus.event import Event, canonical, parse_integer
from bus.profile.rule import Case

_BAM: Final = ("bamtxid", "bampid", "bamptxid", "bamptxsid")

NEEDS: Final = {
    "sequencetype": ("sequence",),
    "tracestate": ("traceparent",),
    "severitytext": ("severitynumber",),
    "authid": ("authtype",),
    "authclaims": ("authtype",),
    "dataregulation": ("dataclassification",),
    "datacategory": ("dataclassification",),
    **dict.fromkeys((*_BAM, "bamptxsstatus", "bamptxcompleted"), _BAM),
}
"""An attribute → those that its extension REQUIRES beside it."""

DEPRECATION: Final = frozenset({"deprecationfrom", "deprecationsunset", "deprecationmigration"})

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
).fullmatch
_PADDED = re.compile(r"(-?)0*([0-9]+)").fullmatch
_PRINCIPALS: Final = frozenset(
    {"app_user", "user", "service_account", "api_key", "system", "unauthenticated", "unknown"}
)
# What the bus can be asked to honour: only who was granted reads, over TLS, and nothing of the data
# is logged; but what the log holds is not sealed.
_CLASSIFICATIONS: Final = frozenset({"public", "internal", "confidential"})
_CATEGORIES: Final = frozenset({"non-sensitive", "standard", "sensitive"})
_REGULATIONS: Final = frozenset({"gdpr", "avg"})


def missing(case: Case) -> Iterator[str]:
    """Give the attributes that an extension requires beside those that are there."""
    attributes = case.event.attributes
    wanted = {name: None for each in attributes if each in NEEDS for name in NEEDS[each]}
    return (name for name in wanted if name not in attributes)


def bad_sequence(case: Case) -> Iterator[str]:
    """Look at a sequence of Integers; the profile's own example writes `integer`."""
    attributes = case.event.attributes
    if _text(case.event, "sequencetype").lower() == "integer" and "sequence" in attributes:
        number = _PADDED(_text(case.event, "sequence"))
        if number is None or parse_integer(_canonical(*number.groups())) is None:
            yield "sequence"


def bad_traceparent(case: Case) -> Iterator[str]:
    """Look at the form of W3C Trace Context, whose readers ignore what has another one."""
    if not _TRACEPARENT(_text(case.event, "traceparent")):
        yield "traceparent"


def unknown_principal(case: Case) -> Iterator[str]:
    """Look at the kinds of principal that authcontext lists."""
    if _text(case.event, "authtype") not in _PRINCIPALS:
        yield "authtype"


def bad_claims(case: Case) -> Iterator[str]:
    """Look whether the claims are JSON."""
    try:
        orjson.loads(_text(case.event, "authclaims"))
    except orjson.JSONDecodeError:
        yield "authclaims"


def bad_deprecation(case: Case) -> Iterator[str]:
    """Look whether the event says that it is deprecated, and ends after that began."""
    event = case.event
    if _text(event, "deprecated") != "true":
        yield "deprecated"
    since, until = moment(event, "deprecationfrom"), moment(event, "deprecationsunset")
    if since is not None and until is not None and until < since:
        yield "deprecationsunset"


def expired_before(case: Case) -> Iterator[str]:
    """Look whether the event expired before it happened."""
    time, expiry = moment(case.event, "time"), moment(case.event, "expirytime")
    if time is not None and expiry is not None and expiry < time:
        yield "expirytime"


def unmet_classification(case: Case) -> Iterator[str]:
    """Give what asks for more than the bus does, or for what it does not know."""
    event = case.event
    if _text(event, "dataclassification").strip().lower() not in {"", *_CLASSIFICATIONS}:
        yield "dataclassification"
    if _text(event, "datacategory").strip().lower() not in {"", *_CATEGORIES}:
        yield "datacategory"
    regulations = _text(event, "dataregulation").lower().split(",")
    if not {each.strip() for each in regulations} <= {"", *_REGULATIONS}:
        yield "dataregulation"


def moment(event: Event, name: str) -> float | None:
    """Give a Timestamp as unix seconds; None when there is none, or Python has no such moment."""
    text = event.attributes.get(name)
    if text is None:
        return None
    try:
        return datetime.fromisoformat(str(text).upper()).timestamp()
    except (ValueError, OverflowError):
        return None


def _text(event: Event, name: str) -> str:
    return canonical(event.attributes.get(name, ""))


def _canonical(sign: str, digits: str) -> str:
    return digits if digits == "0" else sign + digits
