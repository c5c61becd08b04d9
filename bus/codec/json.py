"""The JSON format and the JSON batch format: `data` is sliced out of the text, never rebuilt."""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from operator import call
from typing import Any, TypeVar

import msgspec
import orjson

from bus.codec.media import IMPLIED, Form, form_of
from bus.codec.payload import (
    TOO_DEEP,
    Flaw,
    flaw_in,
    flaw_in_depth,
    from_base64,
    from_text,
    not_json,
)
from bus.document import pointer
from bus.event import SHOWN, Event, Fault, InvalidEvent, assemble, check

_T = TypeVar("_T")


class _Name:
    """The name of a member as a key equal to no other, so that a repeated one is not swallowed."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
"""Gives the members of an object, each value as the slice of text it arrived in."""
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_NAMES = msgspec.json.Decoder(dict[_Name, msgspec.Raw], dec_hook=call)
_STRINGS = msgspec.json.Decoder(dict[str, str])
_AT_TOP = partial(pointer, "")
_VALUE = msgspec.json.Decoder()
_compact = msgspec.json.Encoder().encode


def decode(body: bytes) -> Event:
    """
    Read one event (`application/cloudevents+json`). Raises InvalidEvent, places as JSON pointers.

    `data` without datacontenttype is JSON: the Event says `application/json` then, as every other
    binding must. A member that is null is absent, but `"data": null` is the payload `null`.
    """
    return _read(body, "")


def decode_batch(body: bytes) -> list[Event]:
    """
    Read a batch (`application/cloudevents-batch+json`), which may be empty.

    Raises InvalidEvent with the faults of every item ("/3/id"). All have one specversion, since
    only 1.0 is read.
    """
    items = _parse(_ARRAY, body, "", ("not-an-array", "a batch is a JSON array of CloudEvents"))
    events: list[Event] = []
    faults: list[Fault] = []
    for number, item in enumerate(items):
        try:
            events.append(_read(bytes(item), f"/{number}"))
        except InvalidEvent as invalid:
            faults.extend(invalid.faults)
    if faults:
        raise InvalidEvent(faults)
    return events


def encode(event: Event) -> bytes:
    """
    Write a valid event as one JSON object: JSON data as the text it came in, other text as string.

    Bytes, also those of a text that is not UTF-8, and data of no known type go as `data_base64`.
    """
    envelope: dict[str, Any] = event.context()
    data = event.data
    if data is not None:
        form = form_of(event.datacontenttype)
        if form is Form.JSON:
            envelope["data"] = orjson.Fragment(data)
        elif form is Form.TEXT and (text := _text_of(data)) is not None:
            envelope["data"] = text
        else:
            envelope["data_base64"] = b64encode(data).decode("ascii")
    return orjson.dumps(envelope)


def encode_batch(events: Iterable[Event]) -> bytes:
    """Write valid events as one JSON array."""
    return b"[" + b",".join(map(encode, events)) + b"]"


def _text_of(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _parse(decoder: msgspec.json.Decoder[_T], text: bytes, where: str, misshapen: Flaw) -> _T:
    try:
        text.decode()  # the parser does not look into the slices it cuts
        return decoder.decode(text)
    except msgspec.ValidationError:
        flaw = misshapen
    except (UnicodeDecodeError, msgspec.DecodeError):
        flaw = not_json(text)
    except RecursionError:
        flaw = TOO_DEEP
    raise InvalidEvent([Fault(where, *flaw)])


def _read(text: bytes, where: str) -> Event:
    members = _parse(_OBJECT, text, where, ("not-an-object", "a CloudEvent is a JSON object"))
    data = bytes(members.pop("data")) if "data" in members else None
    binary = bytes(members.pop("data_base64")) if "data_base64" in members else None
    rest = _compact(members)
    at = partial(pointer, where) if where else _AT_TOP
    faults: list[Fault] = []
    # Nothing but members, once each, is exactly this long: the 8 and 15 are name, colon and comma.
    length = len(rest) + (0 if data is None else 8 + len(data))
    length += 0 if binary is None else 15 + len(binary)
    if length != len(text):
        detail = "give this member once"
        faults += [Fault(at(name[:SHOWN]), "repeated", detail) for name in _repeated(text)]
    if binary == b"null":
        binary = None  # absent, as an attribute would be; only data has a null of its own
    context = _context(rest, members)
    faults += check(context, at)
    payload, flaw = _payload(data, binary, context)
    if flaw is not None:
        faults.append(Fault(at("data" if binary is None else "data_base64"), *flaw))
    if faults:
        raise InvalidEvent(faults)
    return assemble(context, payload)


def _repeated(text: bytes) -> list[str]:
    names = [name.text for name in _NAMES.decode(text)]
    if len(names) == len(set(names)):
        return []
    return [name for name, count in Counter(names).items() if count > 1]


def _context(rest: bytes, members: Mapping[str, msgspec.Raw]) -> dict[str, Any]:
    """Give the attributes as values; what is null is absent."""
    try:
        return _STRINGS.decode(rest)  # by far most events have nothing else
    except msgspec.ValidationError:
        values = {name: _value_of(text) for name, text in members.items()}
        return {name: value for name, value in values.items() if value is not None}


def _value_of(text: bytes | msgspec.Raw) -> object:
    try:
        return _VALUE.decode(text)
    except msgspec.DecodeError:
        return float("inf")  # a number out of range: refused like any other that is no Integer


def _payload(
    data: bytes | None, binary: bytes | None, context: dict[str, Any]
) -> tuple[bytes | None, Flaw | None]:
    """Give the payload and what is wrong with it; settles the datacontenttype it implies."""
    if data is not None and "datacontenttype" not in context:
        context["datacontenttype"] = IMPLIED
    datacontenttype = context.get("datacontenttype")
    if not isinstance(datacontenttype, str | None):
        return None, None  # a fault already; what the payload is cannot be said
    if binary is not None:
        if data is not None:
            return None, ("data-twice", "give data or data_base64, not both")
        payload, flaw = from_base64(_value_of(binary))
        return payload, flaw if payload is None else flaw_in(datacontenttype, payload)
    if data is None or datacontenttype is None:
        return None, None
    if form_of(datacontenttype) is Form.JSON:
        return data, flaw_in_depth(data)
    return from_text(_value_of(data), datacontenttype)
