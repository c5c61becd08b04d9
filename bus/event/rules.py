"""What makes the context attributes of an event valid, as one table of rules.

Facts: CloudEvents 1.0.2 with the clarifications of 1.0.3-wip, RFC 3986, RFC 3339, RFC 2046, and the
documented extensions. What a value means for one binding (headers, JSON) is in `bus.codec`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from bus.event.model import SHOWN, Fault, canonical, parse_base64, parse_integer

_REQUIRED = ("specversion", "id", "source", "type")
_REQUIRED_SET = frozenset(_REQUIRED)
_STANDARD = _REQUIRED_SET | {"subject", "time", "dataschema", "datacontenttype"}
"""The attributes of the standard itself: none is an Integer or a Boolean."""

_Flaw = tuple[str, str]
"""A code and a detail."""
_Rules = tuple[tuple[str, Callable[[str], _Flaw | None]], ...]

_REMEMBERED, _MOST_NAMES, _LONGEST_NAME = 512, 32, 64
_known: dict[tuple[str, ...], _Rules] = {}
"""The rules for sets of names that were looked at before: a publisher names the same ones in each
event. Bounded in each direction, for names are the sender's."""


def check(context: Mapping[str, object], at: Callable[[str], str]) -> list[Fault]:
    """
    List every fault of a set of context attributes, specversion and datacontenttype included.

    `at` turns the name of an attribute into the place that a fault names. An attribute that is
    present without a value (`null`) must have been left out.
    """
    return [] if _sound(context) else list(_faults(context, at))


def _sound(context: Mapping[str, Any]) -> bool:
    """Say quickly that all is well; False means "look closer". By far most events pass here."""
    names = tuple(context)
    rules = _known.get(names) or _rules_of(names)
    values = context.values()
    if rules is None or not all(values):
        return False
    try:
        text = "".join(values)
        plain = len(orjson.dumps(text)) == len(text) + 2 and "\x7f" not in text
    except TypeError:  # an Integer, a Boolean, or a lone surrogate
        return False
    # Plain is what JSON writes without an escape, a byte a character; nothing is faster to ask.
    # For other text: what is forbidden is not printable.
    if not plain and not text.isprintable() and _FORBIDDEN(text):
        return False
    for name, rule in rules:  # noqa: SIM110 - all() takes longer
        if rule(context[name]) is not None:
            return False
    return True


def _rules_of(names: tuple[str, ...]) -> _Rules | None:
    """Give the rules for a set of names; None where one is missing or wrong."""
    if not _REQUIRED_SET.issubset(names) or not all(map(_NAME, names)):
        return None
    rules = tuple((name, _SYNTAX[name]) for name in names if name in _SYNTAX)
    if len(names) <= _MOST_NAMES and max(map(len, names)) <= _LONGEST_NAME:
        if len(_known) >= _REMEMBERED:
            _known.clear()
        _known[names] = rules
    return rules


def _faults(context: Mapping[str, object], at: Callable[[str], str]) -> Iterator[Fault]:
    for name in _REQUIRED:
        if name not in context:
            yield Fault(at(name), "required", f"every event has {name}")
    for name, value in context.items():
        flaw = _flaw(name, value)
        if flaw is not None:
            yield Fault(at(name[:SHOWN]), *flaw)


def _flaw(name: str, value: object) -> _Flaw | None:
    if not _NAME(name):
        return "bad-name", "the name of an attribute has only the characters a-z and 0-9"
    if isinstance(value, str):
        if _FORBIDDEN(value):
            return "forbidden-character", "no control, surrogate or noncharacter code points"
    elif name in _STANDARD:
        return "not-a-string", "give a string"
    elif not isinstance(value, int):
        return "not-an-attribute", "give a string, a boolean or an integer without fraction"
    elif not -(2**31) <= value < 2**31:
        return "out-of-range", "an integer has 32 bits, sign included"
    rule = _RULES.get(name)
    return None if rule is None else rule(canonical(value))


_NAME = re.compile(r"[a-z0-9]++").fullmatch

_FORBIDDEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(
        f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
    )
    + "]"
).search
"""Control characters, lone surrogates, and the noncharacters of every plane."""

# Wider than RFC 3986 where the official test vectors are: text outside ASCII (RFC 3987), a colon in
# the first segment, brackets. What no reader can split stays out: spaces, quotes, a stray percent.
_URI_TAIL = r'[^\s"<>\\^`{|}%]*+(?:%[0-9A-Fa-f]{2}[^\s"<>\\^`{|}%]*+)*+'
_URI_REFERENCE = re.compile(_URI_TAIL).fullmatch
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*+:"
_URI = re.compile(_SCHEME + _URI_TAIL).fullmatch
# What nearly all are, in half of the time.
_PLAIN = r"[!#$&-;=?-Z_a-z~]"
_PLAIN_REFERENCE = re.compile(_PLAIN + "++").fullmatch
_PLAIN_URI = re.compile(_SCHEME + _PLAIN + "*+").fullmatch

# Offsets end at 14:00: none larger exists, and most parsers refuse what RFC 3339 would let pass.
_CLOCK = (
    r"[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:{second}(?:\.[0-9]++)?"
    r"(?:[Zz]|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
)
_YEAR_MONTH = r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])"
_PLAIN_TIMESTAMP = re.compile(
    _YEAR_MONTH + r"-(?:0[1-9]|1[0-9]|2[0-8])" + _CLOCK.format(second="[0-5][0-9]")
).fullmatch
_TIMESTAMP = re.compile(
    _YEAR_MONTH + r"-(?:0[1-9]|[12][0-9]|3[01])" + _CLOCK.format(second="(?:[0-5][0-9]|60)")
).fullmatch
"""Also the end of a month and a second 60, which take a calendar to judge."""

_WORD = r"[A-Za-z0-9!#$%&'*+.^_`|~-]++"
_MEDIA_TYPE = re.compile(
    rf"{_WORD}/{_WORD}"
    rf'(?:[ \t]*+;[ \t]*+(?:{_WORD}=(?:{_WORD}|"(?:[\t !#-\[\]-~]|\\[\t -~])*+"))?)*+'
).fullmatch


def _filled(text: str) -> _Flaw | None:
    return None if text else ("empty", "give at least one character")


def _version(text: str) -> _Flaw | None:
    return None if text == "1.0" else ("unknown-specversion", 'only "1.0" is known')


def _reference(text: str) -> _Flaw | None:
    if _PLAIN_REFERENCE(text) or (text and _URI_REFERENCE(text)):
        return None
    return _filled(text) or ("not-a-uri-reference", "give a URI-reference (RFC 3986)")


def _uri(text: str) -> _Flaw | None:
    if _PLAIN_URI(text) or _URI(text):
        return None
    return _filled(text) or ("not-a-uri", "give a URI with its scheme")


def _timestamp(text: str) -> _Flaw | None:
    if _PLAIN_TIMESTAMP(text) or (_TIMESTAMP(text) and _is_date(text) and _is_second(text)):
        return None
    return "not-a-timestamp", "give a date and time with offset as in RFC 3339"


def _is_date(text: str) -> bool:
    try:
        datetime(int(text[:4]), int(text[5:7]), int(text[8:10]), tzinfo=UTC)
    except ValueError:
        return False
    return True


def _is_second(text: str) -> bool:
    """Say whether a second 60 is one that can be: the last of June or December in UTC."""
    if text[17:19] != "60":
        return True
    offset = "+00:00" if text[-1] in "Zz" else text[-6:]
    try:
        before = datetime.fromisoformat(f"{text[:10]}T{text[11:17]}59{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        return False  # at an end of the calendar
    return (before.month, before.day, before.hour, before.minute) in {
        (6, 30, 23, 59),
        (12, 31, 23, 59),
    }


def _media_type(text: str) -> _Flaw | None:
    if text == "application/json" or _MEDIA_TYPE(text):
        return None
    return _filled(text) or ("not-a-media-type", "give a media type (RFC 2046)")


def _boolean(text: str) -> _Flaw | None:
    return None if text in {"true", "false"} else ("not-a-boolean", "give true or false")


def _from(least: int) -> Callable[[str], _Flaw | None]:
    def rule(text: str) -> _Flaw | None:
        value = parse_integer(text)
        if value is not None and value >= least:
            return None
        return "out-of-range", f"give an integer from {least}"

    return rule


def _base64(text: str) -> _Flaw | None:
    if parse_base64(text) is None:
        return "not-base64", "give base64 (RFC 4648 section 4, padded)"
    return None


# The standard's own attributes, then its documented extensions. Their values may be sent as native
# types or as canonical strings alike, and stay what they were.
_RULES: dict[str, Callable[[str], _Flaw | None]] = {
    "specversion": _version,
    "id": _filled,
    "source": _reference,
    "type": _filled,
    "subject": _filled,
    "time": _timestamp,
    "dataschema": _uri,
    "datacontenttype": _media_type,
    "data": lambda _: ("bad-name", "data is no name for an attribute"),
    "partitionkey": _filled,
    "sequence": _filled,
    "traceparent": _filled,
    "dataref": _reference,
    "expirytime": _timestamp,
    "recordedtime": _timestamp,
    "deprecated": _boolean,
    "deprecationfrom": _timestamp,
    "deprecationsunset": _timestamp,
    "deprecationmigration": _uri,
    "severitytext": _filled,
    "severitynumber": _from(0),
    "sampledrate": _from(1),
    "authtype": _filled,
    "correlationid": _filled,
    "causationid": _filled,
    "dataclassification": _filled,
    "dataregulation": _filled,
    "datacategory": _filled,
    "dssematerial": _base64,
}

_SYNTAX = {name: rule for name, rule in _RULES.items() if rule is not _filled}
"""The rules that remain when no value is empty."""
