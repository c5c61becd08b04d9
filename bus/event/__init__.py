"""The Event that both sides share, and the rules that make one valid."""

from bus.event.model import (
    SHOWN,
    AttributeValue,
    Event,
    Fault,
    InvalidEvent,
    assemble,
    canonical,
    parse_base64,
    parse_integer,
)
from bus.event.rules import check

__all__ = [
    "SHOWN",
    "AttributeValue",
    "Event",
    "Fault",
    "InvalidEvent",
    "assemble",
    "canonical",
    "check",
    "parse_base64",
    "parse_integer",
]
