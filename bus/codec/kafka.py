"""The Kafka binding: binary and structured records. The record's key is nobody's business here."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from bus.codec import json
from bus.codec.headers import Binding
from bus.codec.media import STRUCTURED, Mode, mode_of
from bus.event import Event, Fault, InvalidEvent, canonical, parse_integer

TYPES = "gemeentebus-types"
"""A header of ours, no attribute: which attributes were an Integer or a Boolean, as in
"count=i,urgent=b". Headers are text only; without it the `7` of a JSON envelope would reach the
subscriber as `"7"`."""

_CONTENT_TYPE = "content-type"
_STRUCTURED_HEADERS = [(_CONTENT_TYPE, f"{STRUCTURED}; charset=utf-8".encode())]
_KINDS: dict[str, Callable[[str], int | None]] = {
    "i": parse_integer,
    "b": {"true": True, "false": False}.get,
}
_BINDING: Binding[str] = Binding(prefix="ce_", others=[TYPES], lenient=True)


class _Typed(msgspec.Struct, gc=False):
    type: str


_TYPED = msgspec.json.Decoder(_Typed)
"""Skips all members but one, at a tenth of the cost of reading the event."""


def encode(event: Event) -> tuple[list[tuple[str, bytes]], bytes | None]:
    """
    Write a valid event as a binary record: headers, and the value, None when there is no data.

    One kind of event has no binary form: one whose data is itself a CloudEvent, for its content
    type would say that the record is structured. It is written structured.
    """
    content_type = event.datacontenttype
    if mode_of(content_type) is not Mode.BINARY:
        return encode_structured(event)
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_type", event.type.encode()),
        ("ce_source", event.source.encode()),
        ("ce_id", event.id.encode()),
    ]
    types = []
    for name, value in event.attributes.items():
        if not isinstance(value, str):
            types.append(f"{name}={'b' if isinstance(value, bool) else 'i'}")
        headers.append(("ce_" + name, canonical(value).encode()))
    if content_type is not None:
        headers.append((_CONTENT_TYPE, content_type.encode()))
    if types:
        headers.append((TYPES, ",".join(types).encode()))
    return headers, event.data


def size_of(key: bytes, headers: Sequence[tuple[str, bytes]], value: bytes | None) -> int:
    """Give the bytes of a record, without what Kafka adds."""
    size = len(key) + len(value or b"")
    return size + sum(len(name) + len(text) for name, text in headers)


def encode_structured(event: Event) -> tuple[list[tuple[str, bytes]], bytes]:
    """Write a valid event as a structured record."""
    return _STRUCTURED_HEADERS.copy(), json.encode(event)


def decode(headers: Sequence[tuple[str, bytes | None]], value: bytes | None) -> Event:
    """
    Read a record, ours or anybody's: structured when its content type says so, else binary.

    Raises InvalidEvent. Places are headers ("ce_id") for a binary record, JSON pointers for a
    structured one, and "" for a value that is wrong as a whole.
    """
    context, faults = _BINDING.gather(headers)
    match mode_of(context.get("datacontenttype")):
        case Mode.BINARY:
            types = context.pop(TYPES, None)
            if types is not None:
                faults += _type(context, types)
            return _BINDING.finish(context, faults, value)
        case Mode.STRUCTURED if value is not None:
            return json.decode(value)
        case Mode.STRUCTURED:
            raise InvalidEvent([Fault("", "required", "a structured record has a value")])
        case Mode.BATCH | Mode.UNKNOWN:
            detail = f"a record is {STRUCTURED} in UTF-8, or binary; there is no batch in Kafka"
            raise InvalidEvent([Fault(_CONTENT_TYPE, "unknown-format", detail)])


def event_in(headers: Sequence[tuple[str, bytes | None]], value: bytes | None) -> Event | None:
    """Read a record as `decode` does; None for one that is no event."""
    try:
        return decode(headers, value)
    except InvalidEvent:
        return None


def type_of(headers: Sequence[tuple[str, bytes | None]], value: bytes | None) -> str | None:
    """
    Look at the type of the event in a record, before anything is built and nothing checked.

    None means "decode it to know", which says what is wrong: by far most such records are no event.
    """
    found = None
    for name, text in headers:
        if name == "ce_type":
            found = text
        elif name == _CONTENT_TYPE and text and text[:23].lower() == b"application/cloudevents":
            return _type_within(value)
    try:
        return None if found is None else found.decode()
    except UnicodeDecodeError:
        return None


def _type_within(value: bytes | None) -> str | None:
    """Give the type in the JSON of a structured record; of another format, None."""
    try:
        return None if value is None else _TYPED.decode(value).type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _type(context: dict[str, Any], types: str) -> list[Fault]:
    """Turn the attributes that `types` names back into what they were."""
    for entry in types.split(","):
        name, _, kind = entry.partition("=")
        text = context.get(name)
        value: int | None = None
        if isinstance(text, str) and kind in _KINDS:
            value = _KINDS[kind](text)
        if value is None:
            return [Fault(TYPES, "bad-types", "it does not fit the attributes")]
        context[name] = value
    return []
