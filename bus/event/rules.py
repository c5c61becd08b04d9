"""What makes the context attributes of an event valid, as one table of rules.

Facts: CloudEvents 1.0.2 with the clarifications of 1.0.3-wip, RFC 3986, RFC 3339, RFC 2046, and the
documented extensions. What a value means for one binding (headers, JSON) is in `bus.codec`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from bus.event.model import SHOWN, Fault, canonical
from bus.event.values import (
    Flaw,
    anything,
    base64,
    boolean,
    filled,
    integer_from,
    media_type,
    reference,
    timestamp,
    uri,
    version,
    words,
)

_REQUIRED = ("specversion", "id", "source", "type")
_REQUIRED_SET = frozenset(_REQUIRED)

_Rules = tuple[tuple[str, Callable[[str], Flaw | None]], ...]

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
        texts = _in_text(context)
        return texts is not None and _sound(texts)
    # Plain is what JSON writes without an escape, a byte a character; nothing is faster to ask.
    # For other text: what is forbidden is not printable.
    if not plain and not text.isprintable() and _FORBIDDEN(text):
        return False
    for name, rule in rules:  # noqa: SIM110 - all() takes longer
        if rule(context[name]) is not None:
            return False
    return True


def _in_text(context: Mapping[str, Any]) -> dict[str, str] | None:
    """Write Integers and Booleans as text, where they may be sent; None where all are Strings."""
    texts = {}
    for name, value in context.items():
        if not isinstance(value, str):
            if name in _STRINGS or not isinstance(value, int) or not -(2**31) <= value < 2**31:
                return None
            texts[name] = canonical(value)
    return {**context, **texts} if texts else None


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


def _flaw(name: str, value: object) -> Flaw | None:
    if not _NAME(name):
        return "bad-name", "the name of an attribute has only the characters a-z and 0-9"
    if isinstance(value, str):
        if _FORBIDDEN(value):
            return "forbidden-character", "no control, surrogate or noncharacter code points"
    elif name in _STRINGS:
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

# The standard's own attributes, then its documented extensions. Boolean and Integer values may be
# sent as such or as their canonical strings, and stay what they were; all others are strings.
_RULES: dict[str, Callable[[str], Flaw | None]] = {
    "specversion": version,
    "id": filled,
    "source": reference,
    "type": filled,
    "subject": filled,
    "time": timestamp,
    "dataschema": uri,
    "datacontenttype": media_type,
    "data": lambda _: ("bad-name", "data is no name for an attribute"),
    "partitionkey": filled,
    "sequence": filled,
    "sequencetype": filled,
    "traceparent": filled,
    "tracestate": anything,
    "dataref": reference,
    "expirytime": timestamp,
    "recordedtime": timestamp,
    "deprecated": boolean,
    "deprecationfrom": timestamp,
    "deprecationsunset": timestamp,
    "deprecationmigration": uri,
    "severitytext": filled,
    "severitynumber": integer_from(0),
    "sampledrate": integer_from(1),
    "authtype": filled,
    "authid": anything,
    "authclaims": anything,
    "correlationid": filled,
    "causationid": filled,
    "dataclassification": filled,
    "dataregulation": words,
    "datacategory": filled,
    "dssematerial": base64,
    "bamtxid": filled,
    "bampid": filled,
    "bamptxid": filled,
    "bamptxsid": filled,
    "bamptxsstatus": filled,
    "bamptxcompleted": boolean,
    "opcuametadatamajorversion": integer_from(-(2**31)),
    "opcuametadataminorversion": integer_from(-(2**31)),
    "opcuastatus": integer_from(-(2**31)),
}

_STRINGS = _RULES.keys() - {
    *("deprecated", "severitynumber", "sampledrate", "bamptxcompleted", "opcuastatus"),
    *("opcuametadatamajorversion", "opcuametadataminorversion"),
}
_SYNTAX = {name: rule for name, rule in _RULES.items() if rule not in {filled, anything}}
"""The rules that remain when no value is empty."""
