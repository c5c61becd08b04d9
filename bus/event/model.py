"""One CloudEvent 1.0, its attributes parsed and its payload as bytes; and a fault in one.

Nothing here changes a value: the text of `time`, unknown extensions and the payload go out as they
came in.
"""

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from typing_extensions import override

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,9})").fullmatch

AttributeValue = str | int | bool
"""What a context attribute holds. Binary, URI and Timestamp are carried in their canonical text."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """
    One CloudEvent, specversion 1.0: equal when everything it carries is equal; not hashable.

    Constructing one checks nothing: the decoders do, and `bus.codec.checked` does for one made by
    hand. A msgspec Struct, because its construction costs a tenth of a frozen dataclass's, once per
    event read.
    """

    id: str
    source: str
    type: str
    attributes: Mapping[str, AttributeValue] = {}
    """Every other context attribute as it was sent: subject, time (its text), dataschema and the
    extensions; without specversion and datacontenttype. Not to be changed."""
    datacontenttype: str | None = None
    """Set whenever the payload is known to be JSON, also where a JSON envelope left it out."""
    data: bytes | None = None
    """The payload as it was sent, None when there is none. JSON is the text it arrived in."""

    def get(self, name: str) -> AttributeValue | None:
        """Give a context attribute by its name, the required ones and datacontenttype included."""
        value = self.attributes.get(name)
        if value is not None:
            return value
        match name:
            case "type" | "source" | "id" | "datacontenttype":  # the most asked for first
                own: str | None = getattr(self, name)
                return own
            case "specversion":
                return "1.0"
            case _:
                return None

    def context(self) -> dict[str, AttributeValue]:
        """Give all context attributes in a new dict: the required ones first, data left out."""
        everything: dict[str, AttributeValue] = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            **self.attributes,
        }
        if self.datacontenttype is not None:
            everything["datacontenttype"] = self.datacontenttype
        return everything

    @override
    def __repr__(self) -> str:
        """Show what may be logged: never the subject, an extension or the data."""
        return f"Event(id={self.id!r}, source={self.source!r}, type={self.type!r})"

    @override
    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Show the same in a traceback printed by rich."""
        return [("id", self.id), ("source", self.source), ("type", self.type)]


SHOWN = 80
"""Characters of a name that a fault repeats: names are the sender's, and of any length."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with what was sent."""

    where: str
    """A JSON pointer into the body ("/id"; "" is all of it), or the name of a header ("ce-id")."""
    code: str
    """Stable, for machines: "required", "not-a-timestamp"."""
    detail: str
    """A sentence for people. It never repeats a value that was sent."""


class InvalidEvent(Exception):
    """What was sent is not a valid CloudEvent. Trying again does not help."""

    most: ClassVar[int] = 200
    """How many faults are listed: a body of nothing but faults must not make an answer 20 times its
    size."""

    def __init__(self, faults: list[Fault]) -> None:
        if len(faults) > self.most:
            rest = Fault("", "more-faults", f"and {len(faults) - self.most} more faults")
            faults = [*faults[: self.most], rest]
        super().__init__(", ".join(f"{fault.where}: {fault.code}" for fault in faults))
        self.faults = tuple(faults)

    @property
    def codes(self) -> tuple[str, ...]:
        """What is wrong in the fewest words, each once: fit for a log line or a label."""
        return tuple(dict.fromkeys(fault.code for fault in self.faults))


def canonical(value: AttributeValue) -> str:
    """Give the canonical string of an attribute value: "true", "-7", text as it is."""
    if isinstance(value, str):
        return value
    return ("false", "true")[value] if isinstance(value, bool) else str(value)


def parse_integer(text: str) -> int | None:
    """Give the Integer whose canonical string this is, None when it is none."""
    if _INTEGER(text) and -(2**31) <= (value := int(text)) < 2**31:
        return value
    return None


def parse_base64(text: str) -> bytes | None:
    """Give the Binary whose canonical string this is, None when it is none: padded, no more."""
    if len(text) % 4 or text.endswith("==="):
        return None  # what even strict_mode lets pass: padding after whole groups
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None


def assemble(context: dict[str, Any], data: bytes | None) -> Event:
    """Make an Event of all its context attributes, which `check` found sound; takes `context`."""
    del context["specversion"]
    return Event(
        context.pop("id"),
        context.pop("source"),
        context.pop("type"),
        attributes=context,
        datacontenttype=context.pop("datacontenttype", None),
        data=data,
    )
