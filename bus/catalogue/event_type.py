"""Event types: what a register tells of, what `time` means there, and what the data looks like."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final, Literal

from bus.catalogue.compatibility import Mode
from bus.catalogue.domain import NEVER, Domain
from bus.catalogue.notices import reserved
from bus.catalogue.schema import Schema
from bus.codec.media import Form, form_of
from bus.event import Event, Fault

Information = Literal["poor", "rich"]
"""poor: the event points to its source, where the data can be asked. rich: it carries the data."""

SchemaCheck = Literal["enforce", "warn", "off"]

_PATH: Final = "/v1/event-types/"


@dataclass(frozen=True, slots=True)
class Deprecation:
    """From when a type should not be counted on any more, and what comes in its place."""

    since: date
    sunset: date | None = None
    """From when it is no longer published."""
    replaced_by: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """One version of what the data of a type looks like; it never changes."""

    version: int
    created_at: datetime
    schema: Schema


@dataclass(frozen=True, slots=True)
class EventType:
    """An event type as the catalogue has it. Its owner is the one of its domain."""

    type: str
    domain: str
    description: str
    time_meaning: str
    """What moment `time` is: the standard asks to say so."""
    information: Information
    schema_check: SchemaCheck = "enforce"
    compatibility: Mode = "forward"
    documentation: str | None = None
    deprecation: Deprecation | None = None
    revision: int = 0
    """Number of its last change, or of its last new version."""
    created_at: datetime = field(default=NEVER, compare=False)
    changed_at: datetime = field(default=NEVER, compare=False)
    """When its last change was made, or its last version came."""
    versions: tuple[SchemaVersion, ...] = ()

    @property
    def latest(self) -> SchemaVersion | None:
        """Give the newest version of its schema, if it has one."""
        return self.versions[-1] if self.versions else None

    def version(self, text: str) -> SchemaVersion | None:
        """Give the version of this number as written in an address."""
        return next((each for each in self.versions if str(each.version) == text), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the catalogue says of an event; `faults` refuse it.

    Each is at the name of an attribute, or at `data` and a JSON pointer within it.
    """

    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()


FINE: Final = Verdict()
"""Nothing to say."""


class EventTypes:
    """All event types at one moment; make a new one when they change."""

    def __init__(self, types: Iterable[EventType] = ()) -> None:
        self._by_type = {each.type: each for each in types}

    def __iter__(self) -> Iterator[EventType]:
        return iter(self._by_type.values())

    def get(self, type_: str) -> EventType | None:
        """Give the type of this name."""
        return self._by_type.get(type_)

    @property
    def revision(self) -> int:
        """Give the number of the last change."""
        return max((each.revision for each in self), default=0)

    @property
    def domains(self) -> Mapping[str, str]:
        """Give the name of the domain that each type belongs to."""
        return {each.type: each.domain for each in self}

    def with_changes(self, changed: Iterable[EventType]) -> "EventTypes":
        """Give these with some replaced or added; a schema that was there keeps its compiled form.

        That holds for the life of the process: a version never changes.
        """
        found = dict(self._by_type)
        for each in changed:
            known = found[each.type].versions if each.type in found else ()
            found[each.type] = replace(each, versions=known + each.versions[len(known) :])
        return EventTypes(found.values())

    def check(self, event: Event, domain: Domain, *, base: str) -> Verdict:
        """Judge an event of a register by its type: one of the bus's own is refused.

        A domain may ask that the type is known here.
        `base` is the address of this bus: a `dataschema` below it names the version to check by;
        otherwise that is the latest.
        """
        known = self._by_type.get(event.type)
        if known is None or reserved(event.type):
            return _without_type(event.type, domain)
        if known.schema_check == "off" and known.deprecation is None:
            return FINE
        found = () if known.schema_check == "off" else tuple(_data_faults(known, event, base))
        warnings = () if known.deprecation is None else (_deprecated(known.deprecation),)
        if not (found or warnings):
            return FINE
        if known.schema_check == "enforce":
            return Verdict(found, warnings)
        return Verdict((), found + warnings)


def schema_uri(base: str, type_: str, version: int) -> str:
    """Give the address of one version of a type's schema, for `dataschema`."""
    return f"{base}{_PATH}{type_}/schemas/{version}"


def _without_type(name: str, domain: Domain) -> Verdict:
    if reserved(name):
        detail = "only the bus itself publishes events of this type"
        return Verdict((Fault("type", "reserved", detail),))
    if domain.unknown_types == "accept":
        return FINE
    detail = "the domain takes only event types that the catalogue knows"
    return Verdict((Fault("type", "unknown-type", detail),))


def _data_faults(known: EventType, event: Event, base: str) -> Iterator[Fault]:
    named = event.attributes.get("dataschema")
    by = known.latest
    if isinstance(named, str) and named.startswith(base + _PATH):
        prefix, _, number = named.rpartition("/")
        ours = prefix == f"{base}{_PATH}{known.type}/schemas"
        by = known.version(number) if ours else None
        if by is None:
            yield Fault("dataschema", "unknown-schema", "the type has no schema of this address")
            return
    if event.data is None:
        if known.information == "rich":
            yield Fault("data", "required", "events of this type carry their data")
        return
    if by is None:
        return
    if form_of(event.datacontenttype) is not Form.JSON:
        yield Fault("data", "not-json", "the data of this type is JSON: its schema describes it")
        return
    for fault in by.schema.faults(event.data):
        yield Fault(f"data{fault.where}", fault.code, fault.detail)


def _deprecated(deprecation: Deprecation) -> Fault:
    detail = f"this type is deprecated since {deprecation.since}"
    if deprecation.sunset is not None:
        detail += f", and ends on {deprecation.sunset}"
    if deprecation.replaced_by is not None:
        detail += f"; use {deprecation.replaced_by}"
    return Fault("type", "deprecated-type", detail)
