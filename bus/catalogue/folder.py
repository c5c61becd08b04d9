"""A catalogue as files: a folder per domain, in it one per event type with schemas and examples.

zaken/domain.toml
zaken/nl.zaken.zaak-gecreeerd/type.toml
zaken/nl.zaken.zaak-gecreeerd/schema.1.json
zaken/nl.zaken.zaak-gecreeerd/examples/eerste.json
"""

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, TypeVar

from bus.catalogue.compatibility import incompatibilities
from bus.catalogue.domain import Domain
from bus.catalogue.event_type import EventType, EventTypes, SchemaVersion
from bus.catalogue.request import DomainRequest, parse_domain
from bus.catalogue.schema import Schema, parse_schema
from bus.catalogue.type_request import EventTypeRequest, parse_event_type
from bus.codec import json as codec
from bus.document import InvalidDocument
from bus.event import Event, Fault, InvalidEvent

T = TypeVar("T")

_SCHEMA: Final = re.compile(r"schema\.([1-9][0-9]*)\.json")


class InvalidFolder(Exception):
    """A folder that is no catalogue: every fault with its file. Trying again does not help."""

    def __init__(self, faults: list["FileFault"]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class FileFault:
    """One thing wrong with a file; `fault` says where in it."""

    file: Path
    fault: Fault


@dataclass(frozen=True, slots=True)
class FiledType:
    """An event type as a folder has it."""

    request: EventTypeRequest
    document: dict[str, Any]
    """What its file says, as the API takes it."""
    schemas: tuple[Schema, ...] = ()
    examples: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class FiledDomain:
    """A domain as a folder has it."""

    request: DomainRequest
    document: dict[str, Any]
    types: tuple[FiledType, ...] = ()


@dataclass(slots=True)
class _Reading:
    """What has been found wrong so far."""

    faults: list[FileFault] = field(default_factory=list)

    def read(self, file: Path, how: Callable[[bytes], T]) -> T | None:
        """Read a file; None, with its faults noted, when it is not right."""
        try:
            return how(file.read_bytes())
        except (InvalidDocument, InvalidEvent) as error:
            self.faults += [FileFault(file, fault) for fault in error.faults]
        except OSError as error:
            self.note(file, "unreadable", error.strerror or type(error).__name__)
        return None

    def note(self, file: Path, code: str, detail: str) -> None:
        """Note something wrong with a file as a whole."""
        self.faults.append(FileFault(file, Fault("", code, detail)))


def read_folder(folder: Path) -> list[FiledDomain]:
    """Read and check a folder of domains, or of one: files, schemas in their order, examples.

    Each version must be compatible with the one before it as its type says, and each example be
    valid, of its type, and as its latest schema says. Raises InvalidFolder with every fault.
    """
    reading = _Reading()
    files = [*folder.glob("domain.toml")] or sorted(folder.glob("*/domain.toml"))
    if not files:
        reading.note(folder, "no-domains", "there is no domain.toml here or one level down")
    found = [_domain(reading, file) for file in files]
    if reading.faults:
        raise InvalidFolder(reading.faults)
    return [domain for domain in found if domain is not None]


def _domain(reading: _Reading, file: Path) -> FiledDomain | None:
    document = reading.read(file, _toml)
    request = None if document is None else reading.read(file, lambda _: parse_domain(document))
    if request is None or document is None:
        return None
    types = [
        _type(reading, each, request) for each in sorted(file.parent.iterdir()) if each.is_dir()
    ]
    return FiledDomain(request, document, tuple(each for each in types if each is not None))


def _type(reading: _Reading, folder: Path, domain: DomainRequest) -> FiledType | None:
    file = folder / "type.toml"
    read = reading.read(file, _toml)
    if read is None:
        return None
    document = {"type": folder.name, "domain": domain.name, **read}
    request = reading.read(file, lambda _: parse_event_type(document))
    schemas = tuple(_schemas(reading, folder))
    if request is None:
        return None
    if request.type != folder.name or request.domain != domain.name:
        reading.note(file, "misplaced", "type and domain are the names of its folders")
    for number, (last, new) in enumerate(pairwise(schemas), start=2):
        file = folder / f"schema.{number}.json"
        faults = incompatibilities(last, new, request.compatibility)
        reading.faults += [FileFault(file, fault) for fault in faults]
    filed = FiledType(request, document, schemas)
    return FiledType(request, document, schemas, tuple(_examples(reading, folder, filed, domain)))


def _schemas(reading: _Reading, folder: Path) -> Iterator[Schema]:
    """Give the versions in their order; they are numbered from 1 on."""
    numbers = sorted(
        int(match[1]) for each in folder.iterdir() if (match := _SCHEMA.fullmatch(each.name))
    )
    for expected, number in enumerate(numbers, start=1):
        file = folder / f"schema.{number}.json"
        if number != expected:
            reading.note(file, "gap", f"version {expected} is not there")
        schema = reading.read(file, parse_schema)
        if schema is not None:
            yield schema


def _examples(
    reading: _Reading, folder: Path, filed: FiledType, domain: DomainRequest
) -> Iterator[Event]:
    types = EventTypes([_as_registered(filed)])
    owner = Domain(domain.name, "", "")
    for file in sorted(folder.glob("examples/*.json")):
        event = reading.read(file, codec.decode)
        if event is None:
            continue
        if event.type != folder.name:
            reading.note(file, "misplaced", "an example is of the type of its folder")
        verdict = types.check(event, owner, base="")
        found = (*verdict.faults, *verdict.warnings)
        faults = (replace(each, where=f"/{each.where}") for each in found if each.where != "type")
        reading.faults += [FileFault(file, each) for each in faults]
        yield event


def _as_registered(filed: FiledType) -> EventType:
    epoch = datetime.fromtimestamp(0, UTC)
    versions = (SchemaVersion(n, epoch, each) for n, each in enumerate(filed.schemas, start=1))
    return replace(filed.request.event_type(""), versions=tuple(versions))


def _toml(text: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidDocument([Fault("", "not-toml", str(error))]) from None
