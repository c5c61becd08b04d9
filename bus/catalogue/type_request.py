"""What a client sends to make or change an event type."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from bus.catalogue.compatibility import Mode
from bus.catalogue.event_type import Deprecation, EventType, Information, SchemaCheck
from bus.catalogue.notices import reserved
from bus.document import Model, load, validate

LONGEST_TYPE: Final = 200
_LABEL = r"[A-Za-z0-9]+([_-]+[A-Za-z0-9]+)*"
_TYPE = re.compile(rf"{_LABEL}(\.{_LABEL})+")


def _event_type(text: str) -> str:
    if not _TYPE.fullmatch(text) or len(text) > LONGEST_TYPE:
        raise PydanticCustomError(
            "not-an-event-type",
            "give a reversed domain name of letters, digits, hyphens and underscores, 200 at most",
        )
    return text


def _of_others(name: str | None) -> str | None:
    if name is not None and reserved(name):
        raise PydanticCustomError("reserved", "this is the bus's own: give another name")
    return name


TypeName = Annotated[str, AfterValidator(_event_type)]
_Text = Annotated[str, Field(min_length=1, max_length=2000)]


class DeprecationRequest(Model):
    """The end of an event type; what each field means stands at `Deprecation`."""

    since: date
    sunset: date | None = None
    replaced_by: Annotated[TypeName | None, Field(alias="replacedBy")] = None
    reason: Annotated[str, Field(max_length=2000)] = ""


class EventTypeRequest(Model):
    """An event type as a client asks for it; what each field means stands at `EventType`."""

    type: Annotated[TypeName, AfterValidator(_of_others)]
    domain: Annotated[str | None, AfterValidator(_of_others)] = None
    """Where it belongs; if not given, to the domain that takes it now. Fixed from then on."""
    description: _Text
    time_meaning: Annotated[_Text, Field(alias="timeMeaning")]
    information: Information
    schema_check: Annotated[SchemaCheck, Field(alias="schemaCheck")] = "enforce"
    compatibility: Mode = "forward"
    documentation: Annotated[str | None, Field(pattern=r"^https?://[!-~]+$", max_length=1000)] = (
        None
    )
    deprecation: DeprecationRequest | None = None

    def event_type(self, domain: str) -> EventType:
        """Give the event type that is asked for, in a domain."""
        end = self.deprecation
        return EventType(
            type=self.type,
            domain=domain,
            description=self.description,
            time_meaning=self.time_meaning,
            information=self.information,
            schema_check=self.schema_check,
            compatibility=self.compatibility,
            documentation=self.documentation,
            deprecation=None if end is None else Deprecation(**end.model_dump()),
        )


def parse_event_type(body: bytes | Mapping[str, Any]) -> EventTypeRequest:
    """Read the body of a POST or PUT of an event type. Raises InvalidDocument."""
    return validate(load(body), EventTypeRequest)
