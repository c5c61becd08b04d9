"""To and from the CloudEvent of the CloudEvents SDK (PyPI `cloudevents` 2), the type at the edges.

Only its type is used. Its own decoders invent an id, a time and a specversion that were not sent.
"""

from base64 import b64encode
from datetime import datetime
from functools import partial
from json import dumps, loads
from math import isinf
from typing import Any

from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.v1.event import CloudEvent

from bus.codec.media import IMPLIED, Form, form_of
from bus.codec.payload import Flaw, flaw_in, from_text
from bus.document import pointer
from bus.event import AttributeValue, Event, Fault, InvalidEvent, assemble, check


def to_sdk(event: Event) -> CloudEvent:
    """
    Give a valid event as the SDK's: JSON parsed, text as str, other data as bytes.

    What its types cannot hold is lost: a fraction of `time` beyond microseconds, a second 60 (it
    becomes 59), repeated members of JSON, and the difference between `null` and no data.
    """
    attributes: dict[str, Any] = event.context()
    time = attributes.get("time")
    if time is not None:
        attributes["time"] = _moment(str(time))
    converted = CloudEvent(attributes, _from_bytes(event))
    if time is None:
        del converted.get_attributes()["time"]  # its constructor fills in the present
    return converted


def from_sdk(event: BaseCloudEvent) -> Event:
    """
    Give an event of the SDK as ours. Raises InvalidEvent, places as JSON pointers.

    Its constructor has filled in an id and a time where the sender gave none: give them yourself.
    """
    context = {
        name: _from_native(value)
        for name, value in event.get_attributes().items()
        if value is not None
    }
    content = event.get_data()
    if content is not None and not isinstance(content, bytes | bytearray):
        context.setdefault("datacontenttype", IMPLIED)
    at = partial(pointer, "")
    faults = check(context, at)
    datacontenttype = context.get("datacontenttype")
    data, flaw = None, None
    if isinstance(datacontenttype, str | None):
        data, flaw = _to_bytes(content, datacontenttype)
    if flaw is not None:
        faults.append(Fault("/data", *flaw))
    if faults:
        raise InvalidEvent(faults)
    return assemble(context, data)


def _moment(text: str) -> datetime:
    second = "59" if text[17:19] == "60" else text[17:19]
    return datetime.fromisoformat(f"{text[:10]}T{text[11:17]}{second}{text[19:].upper()}")


def _from_native(value: object) -> AttributeValue | object:
    match value:
        case datetime():
            return value.isoformat()
        case bytes() | bytearray():
            return b64encode(value).decode("ascii")
        case _:
            return value


def _from_bytes(event: Event) -> Any:  # noqa: ANN401 - any JSON value
    data = event.data
    if data is None:
        return None
    match form_of(event.datacontenttype):
        case Form.JSON:
            try:
                return loads(data, parse_float=_finite)
            except ValueError:  # a number that Python cannot hold
                return data
        case Form.TEXT:
            try:
                return data.decode()
            except UnicodeDecodeError:
                return data
        case Form.BYTES:
            return data


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError("a number larger than a float")
    return number


def _to_bytes(content: object, datacontenttype: str | None) -> tuple[bytes | None, Flaw | None]:
    if content is None:
        return None, None
    if isinstance(content, bytes | bytearray):
        return bytes(content), flaw_in(datacontenttype, bytes(content))
    if datacontenttype is None or form_of(datacontenttype) is not Form.JSON:
        return from_text(content, datacontenttype or IMPLIED)
    try:
        text = dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError):
        return None, ("not-json", "the data has no form in JSON")
    return text, flaw_in(datacontenttype, text)
