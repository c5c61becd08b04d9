"""What has to be done so that the catalogue of a bus is as a folder says: pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from bus.catalogue.folder import FiledDomain, FiledType

Json = Mapping[str, Any]

_CHANGEABLE: Final = frozenset({"description", "retentionDays", "unknownTypes"})
"""What can be said anew of a domain; the rest is fixed with its topic."""

Act = Literal["create", "change", "add", "left"]
"""`left`: it differs in a way that cannot be mended, and stays as it is."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a bus has: its documents as its API shows them, by name; schemas by type and number."""

    domains: Mapping[str, Json] = field(default_factory=dict)
    types: Mapping[str, Json] = field(default_factory=dict)
    schemas: Mapping[tuple[str, int], Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, in the order in which it can be done."""

    act: Act
    what: str
    differs: tuple[str, ...] = ()
    """Names of the fields that are not as the folder says."""
    method: str = ""
    path: str = ""
    body: Json | str | None = None
    """A document, or the text of a schema, which goes as it is."""


def plan(folder: Iterable[FiledDomain], now: Catalogue) -> list[Step]:
    """Give the steps from what is to what the folder says; what it does not name stays.

    Done, there are none left but those that are `left`.
    """
    return [step for domain in folder for step in _domain(domain, now)]


def _domain(filed: FiledDomain, now: Catalogue) -> Iterator[Step]:
    name = filed.request.name
    current = now.domains.get(name)
    what = f"domain {name}"
    if current is None:
        yield Step("create", what, method="POST", path="/v1/domains", body=filed.document)
    else:
        differs = _differs(filed.document, current)
        changes = tuple(each for each in differs if each in _CHANGEABLE)
        if changes:
            body = {each: filed.document[each] for each in changes}
            yield Step("change", what, changes, "PATCH", f"/v1/domains/{name}", body)
        if left := tuple(each for each in differs if each not in _CHANGEABLE):
            yield Step("left", what, left)
    for each in filed.types:
        yield from _type(each, now)


def _type(filed: FiledType, now: Catalogue) -> Iterator[Step]:
    name = filed.request.type
    path, what = f"/v1/event-types/{name}", f"event type {name}"
    current = now.types.get(name)
    wanted = filed.request.model_dump(mode="json", by_alias=True, exclude_none=True)
    if current is None:
        yield Step("create", what, method="POST", path="/v1/event-types", body=wanted)
    else:
        gone = {"documentation", "deprecation"} & current.keys() - wanted.keys()
        differs = (*_differs(wanted, current), *sorted(gone))
        if "domain" in differs:
            yield Step("left", what, ("domain",))
            return
        if differs:
            yield Step("change", what, differs, method="PUT", path=path, body=wanted)
    for number, schema in enumerate(filed.schemas, start=1):
        registered = now.schemas.get((name, number))
        what = f"schema {name} {number}"
        if registered is None:
            yield Step("add", what, method="POST", path=f"{path}/schemas", body=schema.text)
        elif registered != schema.document:
            yield Step("left", what, ("schema",))


def _differs(wanted: Json, current: Json) -> tuple[str, ...]:
    return tuple(name for name, value in wanted.items() if current.get(name) != value)
