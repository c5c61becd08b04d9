"""What a value must look like to be of a type: RFC 3986, RFC 3339, RFC 2046, RFC 4648."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from bus.event.model import parse_base64, parse_integer

Flaw = tuple[str, str]
"""A code and a detail."""

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

_WORDS = re.compile(r"[^\s,]++").fullmatch

_WORD = r"[A-Za-z0-9!#$%&'*+.^_`|~-]++"
_MEDIA_TYPE = re.compile(
    rf"{_WORD}/{_WORD}"
    rf'(?:[ \t]*+;[ \t]*+(?:{_WORD}=(?:{_WORD}|"(?:[\t !#-\[\]-~]|\\[\t -~])*+"))?)*+'
).fullmatch


def anything(_: str) -> Flaw | None:
    """Take any String."""
    return None


def filled(text: str) -> Flaw | None:
    """Take a String that says something."""
    return None if text else ("empty", "give at least one character")


def version(text: str) -> Flaw | None:
    """Take the one specversion that is known."""
    return None if text == "1.0" else ("unknown-specversion", 'only "1.0" is known')


def reference(text: str) -> Flaw | None:
    """Take a URI-reference."""
    if _PLAIN_REFERENCE(text) or (text and _URI_REFERENCE(text)):
        return None
    return filled(text) or ("not-a-uri-reference", "give a URI-reference (RFC 3986)")


def uri(text: str) -> Flaw | None:
    """Take a URI: it has a scheme."""
    if _PLAIN_URI(text) or _URI(text):
        return None
    return filled(text) or ("not-a-uri", "give a URI with its scheme")


def timestamp(text: str) -> Flaw | None:
    """Take a Timestamp."""
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


def media_type(text: str) -> Flaw | None:
    """Take a media type."""
    if text == "application/json" or _MEDIA_TYPE(text):
        return None
    return filled(text) or ("not-a-media-type", "give a media type (RFC 2046)")


def boolean(text: str) -> Flaw | None:
    """Take the canonical string of a Boolean."""
    return None if text in {"true", "false"} else ("not-a-boolean", "give true or false")


def integer_from(least: int) -> Callable[[str], Flaw | None]:
    """Give what takes the canonical string of an Integer that is at least so large."""

    def rule(text: str) -> Flaw | None:
        value = parse_integer(text)
        if value is not None and value >= least:
            return None
        return "out-of-range", f"give an integer from {least}"

    return rule


def words(text: str) -> Flaw | None:
    """Take words without spaces, with commas between."""
    if all(_WORDS(entry.strip(" ")) for entry in text.split(",")):
        return None
    return filled(text) or ("malformed", "give words without spaces, with commas between")


def base64(text: str) -> Flaw | None:
    """Take the canonical string of a Binary."""
    if parse_base64(text) is None:
        return "not-base64", "give base64 (RFC 4648 section 4, padded)"
    return None
