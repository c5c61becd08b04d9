"""Moments in a subscription: taken with any offset, kept and shown in UTC."""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})",
    re.IGNORECASE,
)
"""datetime.fromisoformat alone takes many forms of ISO 8601 that RFC 3339 does not."""


def _time(value: object) -> datetime:
    try:
        if isinstance(value, str) and _RFC3339.fullmatch(value):
            value = datetime.fromisoformat(value.upper())
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # of the right form, but no such day or hour, or beyond the calendar in UTC
    raise PydanticCustomError("not-a-time", "give a time of RFC 3339, such as 2026-11-23T12:00:00Z")


def moment_of(value: object) -> datetime:
    """Read a moment that may be looked up in the log, for pydantic."""
    time = _time(value)
    if time.timestamp() < 0:  # Kafka gives negative times a meaning of its own
        raise PydanticCustomError("out-of-range", "give a time from 1970 on, or earliest")
    return time


def _start(value: object) -> Literal["latest", "earliest"] | datetime:
    match value:
        case "latest" | "earliest":
            return value
        case _:
            return moment_of(value)


def _text(value: str | datetime) -> str:
    return value if isinstance(value, str) else value.isoformat().replace("+00:00", "Z")


_AsText = PlainSerializer(_text, when_used="json")

Time = Annotated[
    datetime,
    PlainValidator(_time),
    _AsText,
    WithJsonSchema({"type": "string", "format": "date-time"}),
]

Moment = Annotated[datetime, PlainValidator(moment_of), _AsText]
"""A time that may be looked up in the log."""

Start = Annotated[Literal["latest", "earliest"] | datetime, PlainValidator(_start), _AsText]
"""Where a subscription begins in the log: after the newest event, at the oldest, or at the first
one logged at or after a moment. A moment to come is `latest`."""
