"""What a client sends to make a domain, or to change one."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from bus.catalogue.domain import DEFAULT_POLICY, DOMAIN_NAME, LONGEST_NAME, UnknownTypes
from bus.catalogue.notices import reserved
from bus.document import InvalidDocument, Model, apply_merge_patch, load, validate
from bus.event import Fault
from bus.profile import Policy, unagreed


def _domain_name(name: str) -> str:
    if not DOMAIN_NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise PydanticCustomError(
            "not-a-domain-name",
            "give labels of lower-case letters, digits and hyphens with dots between, 200 at most",
        )
    if reserved(name):
        raise PydanticCustomError("reserved", "this domain is the bus's own: give another name")
    return name


class DomainTerms(Model):
    """What can be changed of a domain; what each field means stands at `Domain`."""

    description: Annotated[str, Field(max_length=2000)] = ""
    retention_days: Annotated[int, Field(alias="retentionDays", ge=8, le=3650)] = 14
    """At least 8: the longest retry takes 3 days, and a failing endpoint is disabled after 5
    (design §4)."""
    unknown_types: Annotated[UnknownTypes, Field(alias="unknownTypes")] = "accept"
    profile: Policy = DEFAULT_POLICY


class DomainRequest(DomainTerms):
    """A domain as a client asks for it."""

    name: Annotated[str, AfterValidator(_domain_name)]
    key_attribute: Annotated[
        str | None, Field(alias="keyAttribute", pattern="^[a-z0-9]+$", max_length=100)
    ] = None
    partitions: Annotated[int, Field(ge=1, le=256)] = 8
    """Fixed for the life of the topic: more of them would move keys."""


_Terms = TypeVar("_Terms", bound=DomainTerms)


def parse_domain(body: bytes | Mapping[str, Any]) -> DomainRequest:
    """Read the body of `POST /v1/domains`. Raises InvalidDocument."""
    return _agreed(validate(load(body), DomainRequest))


def change_domain(current: Mapping[str, Any], patch: bytes | Mapping[str, Any]) -> DomainTerms:
    """Apply a JSON merge patch (RFC 7396) to a domain as the API shows it.

    Only its terms can change. Raises InvalidDocument.
    """
    changes = load(patch)
    document = apply_merge_patch(current, changes)
    fixed = (current.keys() | changes.keys()) & _FIXED
    moved = sorted(name for name in fixed if document.get(name) != current.get(name))
    if moved:
        detail = "this stays as it was when the domain was made"
        raise InvalidDocument(Fault(f"/{name}", "immutable", detail) for name in moved)
    terms = {name: value for name, value in document.items() if name not in _FIXED}
    return _agreed(validate(terms, DomainTerms))


_FIXED = frozenset({"name", "topic", "organisation", "keyAttribute", "partitions"})


def _agreed(terms: _Terms) -> _Terms:
    if faults := list(unagreed(terms.profile, "/profile")):
        raise InvalidDocument(faults)
    return terms
