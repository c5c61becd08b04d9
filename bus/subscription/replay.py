"""What a client asks for when it wants events once more."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator
from pydantic_core import PydanticCustomError

from bus.document import Model, load, validate
from bus.subscription.time import Time, moment_of

Offsets = Mapping[str, Mapping[int, int]]
"""Offsets by partition by topic."""

_LARGEST = 2**63 - 1


def _from(value: object) -> Literal["earliest"] | datetime | Offsets:
    match value:
        case "earliest":
            return "earliest"
        case dict() if value:
            return {topic: _offsets(each) for topic, each in value.items()}
        case dict():
            raise PydanticCustomError("empty", "give at least one topic")
        case _:
            return moment_of(value)


def _offsets(value: object) -> Mapping[int, int]:
    fault = PydanticCustomError("not-offsets", "give topics, with partitions, with offsets")
    if not isinstance(value, dict) or not value:
        raise fault
    found = {}
    for partition, offset in value.items():
        if not (partition.isascii() and partition.isdigit() and len(partition) < 10):
            raise fault
        if type(offset) is not int or not 0 <= offset <= _LARGEST:
            raise fault
        found[int(partition)] = offset
    return found


class ReplayRequest(Model):
    """From where events are wanted again; `until` a time, or else until where it stands."""

    from_: Annotated[
        Literal["earliest"] | datetime | Offsets, PlainValidator(_from), Field(alias="from")
    ]
    until: Time | None = None


def parse_replay(body: bytes | Mapping[str, Any]) -> ReplayRequest:
    """Read what a client sent. Raises InvalidDocument."""
    return validate(load(body), ReplayRequest)
