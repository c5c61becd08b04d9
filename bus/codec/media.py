"""What a media type says: how a message carries its event, and how JSON carries a payload."""

import re
from enum import Enum, auto
from functools import lru_cache

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
IMPLIED = "application/json"
"""What `data` in a JSON envelope is when it has no datacontenttype."""

_LONGEST = 128
"""Characters of a media type that is remembered once looked at: a bus meets a handful of short ones
and one who sends long ones must not fill the memory."""

# Other character sets go as bytes: a string in JSON would leave open which bytes were meant.
_CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "iso-8859-1": "latin-1",
    "iso-8859-15": "iso8859-15",
    "windows-1252": "cp1252",
}

_PARAMETER = re.compile(r';[ \t]*+([^=;\s]++)=("(?:[^"\\]|\\.)*+"|[^;\s]*+)')


class Mode(Enum):
    """How a message carries an event (the content modes of the bindings)."""

    BINARY = auto()
    STRUCTURED = auto()
    BATCH = auto()
    UNKNOWN = auto()
    """A CloudEvents media type in a format or character set that we do not read."""


class Form(Enum):
    """What a payload is in a JSON envelope."""

    JSON = auto()
    TEXT = auto()
    BYTES = auto()


def mode_of(content_type: str | None) -> Mode:
    """Say the mode of a message by its content type alone, never by its `ce-` headers."""
    if content_type is None:
        return Mode.BINARY
    return _looked_at(content_type)[0]


def form_of(datacontenttype: str | None) -> Form:
    """Say how JSON carries a payload of this type; without a type it is bytes, nothing assumed."""
    if datacontenttype is None:
        return Form.BYTES
    return _looked_at(datacontenttype)[1]


def charset_of(media_type: str) -> str | None:
    """Give Python's name for the character set, UTF-8 when none is said, None for one unknown."""
    for name, value in _PARAMETER.findall(media_type):
        if name.lower() == "charset":
            return _CHARSETS.get(value.strip('"').lower())
    return "utf-8"


def _looked_at(media_type: str) -> tuple[Mode, Form]:
    known = _remembered if len(media_type) <= _LONGEST else _remembered.__wrapped__
    return known(media_type)


@lru_cache(maxsize=512)
def _remembered(media_type: str) -> tuple[Mode, Form]:
    return _mode(media_type), _form(media_type)


def _mode(content_type: str) -> Mode:
    essence = _essence(content_type)
    if not essence.startswith("application/cloudevents"):
        return Mode.BINARY
    if essence not in {STRUCTURED, BATCH} or charset_of(content_type) != "utf-8":
        return Mode.UNKNOWN
    return Mode.STRUCTURED if essence == STRUCTURED else Mode.BATCH


def _form(datacontenttype: str) -> Form:
    kind, _, subtype = _essence(datacontenttype).partition("/")
    if subtype == "json" or subtype.endswith("+json"):
        return Form.JSON
    textual = kind == "text" or subtype == "xml" or subtype.endswith("+xml")
    return Form.TEXT if textual and charset_of(datacontenttype) == "utf-8" else Form.BYTES


def _essence(media_type: str) -> str:
    return media_type.partition(";")[0].strip().lower()
