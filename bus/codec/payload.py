"""The payload: JSON text that is one, base64 that is strict, strings in their character set."""

import re
from itertools import accumulate

import msgspec
import orjson

from bus.codec.media import Form, charset_of, form_of
from bus.event import parse_base64

DEEPEST = 512
"""Levels of nesting in JSON. Ours to set: the parser's own bound is the interpreter's stack, which
differs between the door and the dispatcher, so that an event could be taken and then not read."""

Flaw = tuple[str, str]
"""A code and a detail, as in `bus.event.Fault`."""

_TEXT = msgspec.json.Decoder(msgspec.Raw)
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"')
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
TOO_DEEP = ("too-deep", f"JSON nested deeper than {DEEPEST} levels")


def settle(datacontenttype: str | None, body: bytes | None) -> tuple[bytes | None, Flaw | None]:
    """
    Give the payload of a binary message, and what is wrong with it.

    An empty body where JSON is announced is no payload: no JSON text is empty, and senders that
    cannot say "nothing" write that.
    """
    if body is None or form_of(datacontenttype) is not Form.JSON:
        return body, None
    return (body, flaw_in_json(body)) if body else (None, None)


def flaw_in(datacontenttype: str | None, data: bytes) -> Flaw | None:
    """Say what is wrong with a payload of this type: bytes are opaque, JSON must be JSON."""
    return flaw_in_json(data) if form_of(datacontenttype) is Form.JSON else None


def flaw_in_json(text: bytes) -> Flaw | None:
    """
    Say why this is not a JSON text (RFC 8259) in UTF-8 that we carry; None when it is.

    Stricter than the grammar in one point: an escaped lone surrogate is refused, since most parsers
    refuse it. Numbers of any size and repeated members pass: they are the sender's.
    """
    try:
        text.decode()  # the parser does not look into strings that it skips
        _TEXT.decode(text)
    except (UnicodeDecodeError, msgspec.DecodeError):
        return not_json(text)
    except RecursionError:
        return TOO_DEEP
    return flaw_in_depth(text)


def flaw_in_depth(text: bytes) -> Flaw | None:
    """Say whether a sound JSON text is nested deeper than we carry."""
    # Every level opens and closes; and what opens few cannot be deep. Only the rest is walked.
    if len(text) <= 2 * DEEPEST or text.count(b"[") + text.count(b"{") <= DEEPEST:
        return None
    brackets = _STRINGS.sub(b"", text).translate(None, _NOT_BRACKETS)
    return TOO_DEEP if max(accumulate(map(_STEP.__getitem__, brackets))) > DEEPEST else None


def not_json(text: bytes) -> Flaw:
    """Say where a text stops being JSON, without showing it."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return "not-json", f"no JSON in UTF-8 (line {error.lineno}, column {error.colno})"
    return "not-json", "no JSON in UTF-8"


def from_base64(text: object) -> tuple[bytes | None, Flaw | None]:
    """Decode strictly: the standard alphabet, padded, nothing around it."""
    data = parse_base64(text) if isinstance(text, str) else None
    if data is None:
        return None, ("not-base64", "give a string of base64 (RFC 4648 section 4, padded)")
    return data, None


def from_text(text: object, datacontenttype: str) -> tuple[bytes | None, Flaw | None]:
    """Give the bytes that a string stands for, in the character set its media type names."""
    charset = charset_of(datacontenttype)
    if not isinstance(text, str):
        return None, ("not-a-string", "data of a type other than JSON is a string in JSON")
    if charset is None:
        return None, ("unknown-charset", "give the data as data_base64: its charset is not known")
    try:
        return text.encode(charset), None
    except UnicodeEncodeError:
        return None, ("not-in-charset", "give text that the charset of datacontenttype has")
