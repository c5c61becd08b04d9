"""What a client sends to make a domain."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from bus.catalogue.domain import DOMAIN_NAME, LONGEST_NAME, UnknownTypes
from bus.catalogue.notices import DOMAIN as OWN_DOMAIN
from bus.document import Model, load, validate


def _domain_name(name: str) -> str:
    if not DOMAIN_NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise PydanticCustomError(
            "not-a-domain-name",
            "give labels of lower-case letters, digits and hyphens with dots between, 200 at most",
        )
    if f"{name}.".startswith(f"{OWN_DOMAIN}."):
        raise PydanticCustomError("reserved", "this domain is the bus's own: give another name")
    return name


class DomainRequest(Model):
    """A domain as a client asks for it; what each field means stands at `Domain`."""

    name: Annotated[str, AfterValidator(_domain_name)]
    description: Annotated[str, Field(max_length=2000)] = ""
    key_attribute: Annotated[
        str | None, Field(alias="keyAttribute", pattern="^[a-z0-9]+$", max_length=100)
    ] = None
    retention_days: Annotated[int, Field(alias="retentionDays", ge=8, le=3650)] = 14
    """At least 8: the longest retry takes 3 days, and a failing endpoint is disabled after 5
    (design §4)."""
    partitions: Annotated[int, Field(ge=1, le=256)] = 8
    """Fixed for the life of the topic: more of them would move keys."""
    unknown_types: Annotated[UnknownTypes, Field(alias="unknownTypes")] = "accept"


def parse_domain(body: bytes | Mapping[str, Any]) -> DomainRequest:
    """Read the body of `POST /v1/domains`. Raises InvalidDocument."""
    return validate(load(body), DomainRequest)
