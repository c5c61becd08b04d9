"""One row of the table of operations: what is served, to whom, and how it is described."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bus.api.call import Handler
from bus.store.credentials import Role

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

PUBLISHER: frozenset[Role] = frozenset({"publisher"})
SUBSCRIBER: frozenset[Role] = frozenset({"subscriber"})
OPERATOR: frozenset[Role] = frozenset({"operator"})
ANYBODY: frozenset[Role] = PUBLISHER | SUBSCRIBER | OPERATOR
"""Whoever has a token, whatever its roles."""


@dataclass(frozen=True, slots=True)
class Content:
    """A body: its schema (a name in the OpenAPI document) and the media types it comes in."""

    schema: str
    media_types: tuple[str, ...] = ("application/json",)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the query, or a header; those of the path follow from the path."""

    name: str
    description: str
    schema: Mapping[str, object]
    where: Literal["query", "header"] = "query"


PAGE = (
    Parameter("limit", "Het aantal per pagina.", {"type": "integer", "maximum": 200}),
    Parameter("after", "Waar de vorige pagina eindigde.", {"type": "string"}),
)
IF_MATCH = Parameter("If-Match", "Wijzig alleen deze versie.", {"type": "string"}, "header")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answer that is not an error, described in Dutch."""

    description: str
    content: Content | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    also: tuple[Content, ...] = ()
    """Other forms of the same, by the Accept header."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path. `roles` None: no token needed. Descriptions are in Dutch."""

    method: Method
    path: str
    name: str
    handler: Handler
    roles: frozenset[Role] | None
    tag: str
    summary: str
    outcomes: Mapping[int, Outcome]
    description: str = ""
    body: Content | None = None
    parameters: tuple[Parameter, ...] = ()
    errors: tuple[int, ...] = ()
    """The 4xx that are particular to it; the others follow from the rest of the row."""

    @property
    def query(self) -> tuple[str, ...]:
        """The names that its query may have."""
        return tuple(each.name for each in self.parameters if each.where == "query")
