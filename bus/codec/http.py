"""The HTTP binding: structured, binary and batched messages."""

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote_to_bytes

from bus.codec import json
from bus.codec.headers import Binding
from bus.codec.media import BATCH, STRUCTURED, Mode, mode_of
from bus.event import Event, InvalidEvent, canonical

Message = tuple[list[tuple[str, str]], bytes]
"""Headers and body."""


class UnsupportedContentType(Exception):
    """
    No form of CloudEvent that we read; trying again does not help.

    `content_type` is what the message says, None when it says nothing.
    """

    def __init__(self, content_type: str | None) -> None:
        super().__init__(f"neither {STRUCTURED}, nor {BATCH}, nor an event in ce- headers")
        self.content_type = content_type


def decode(headers: Iterable[tuple[bytes, bytes]], body: bytes) -> Event | list[Event]:
    """
    Read a message: one event, or a list when it is a batch. Header names are in lower case.

    The content type alone says the mode. A binary message with an empty body is an event without
    data: HTTP cannot tell it from one with empty data. Attributes in headers are strings.

    Raises InvalidEvent with places as headers ("ce-id"), JSON pointers ("/3/id"), or "" for the
    body; UnsupportedContentType for another format or character set of CloudEvents, and for a
    message that has no `ce-` header either.
    """
    context, faults = _BINDING.gather(headers)
    content_type = context.get("datacontenttype")
    if any(fault.where == "content-type" for fault in faults):
        raise InvalidEvent(faults)  # the mode cannot be said
    match mode_of(content_type):
        case Mode.STRUCTURED:
            return json.decode(body)
        case Mode.BATCH:
            return json.decode_batch(body)
        case Mode.BINARY if faults or context.keys() - {"datacontenttype"}:
            return _BINDING.finish(context, faults, body or None)
        case Mode.BINARY | Mode.UNKNOWN:
            raise UnsupportedContentType(content_type)


def encode_structured(event: Event) -> Message:
    """
    Write a valid event as a structured message.

    The charset is in small letters: it means the same, and npm's cloudevents reads nothing else.
    """
    return [("content-type", f"{STRUCTURED}; charset=utf-8")], json.encode(event)


def encode_batch(events: Iterable[Event]) -> Message:
    """Write valid events as a batch, which only goes to who asked for batches."""
    return [("content-type", f"{BATCH}; charset=utf-8")], json.encode_batch(events)


def encode_binary(event: Event) -> Message:
    """
    Write a valid event as a binary message; Integers and Booleans become their canonical strings.

    An event whose data is itself a CloudEvent is written structured, for its content type would say
    so. (The webhook document wants a body: a sender sends an event without data structured.)
    """
    if mode_of(event.datacontenttype) is not Mode.BINARY:
        return encode_structured(event)
    headers = [
        ("ce-" + name, header_value(canonical(value)))
        for name, value in event.context().items()
        if name != "datacontenttype"
    ]
    if event.datacontenttype is not None:
        headers.append(("content-type", event.datacontenttype))  # as it is: it is a header already
    return headers, event.data or b""


_ENCODED = re.compile(r"[^!#$&-~]").search
_UNENCODED = "".join(map(chr, {*range(0x21, 0x7F)} - {0x22, 0x25}))
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"').fullmatch
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})").search


def header_value(text: str) -> str:
    """Percent-encode what a header of HTTP cannot carry: space, quote, percent, all but ASCII."""
    return quote(text, safe=_UNENCODED) if _ENCODED(text) else text


def header_text(value: str) -> str:
    """
    Undo quoting, then one round of percent-encoding; raises ValueError.

    Refused: text outside ASCII, a quoted string that does not end, a percent sign that encodes
    nothing, and encoded bytes that are no UTF-8, overlong forms and surrogates among them.
    """
    if not value.isascii():
        raise ValueError("a header of HTTP is ASCII")
    if value[:1] == '"':
        quoted = _QUOTED(value)
        if quoted is None:
            raise ValueError("a quoted string without end")
        value = re.sub(r"\\(.)", r"\1", quoted[1])
    if _PERCENT(value):
        raise ValueError("a percent sign that encodes nothing")
    return unquote_to_bytes(value).decode()


_BINDING: Binding[bytes] = Binding(prefix="ce-", unescape=header_text)
