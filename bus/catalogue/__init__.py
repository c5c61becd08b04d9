"""The catalogue: domains, event types and their schemas, keys, and who may publish and read."""

from bus.catalogue.access import Access, Grant, covers
from bus.catalogue.domain import DEFAULT_DOMAIN, Domain, Domains, UnknownDomain, topic_name
from bus.catalogue.event_type import (
    FINE,
    Deprecation,
    EventType,
    EventTypes,
    SchemaVersion,
    Verdict,
    schema_uri,
)
from bus.catalogue.key import key_of
from bus.catalogue.request import DomainRequest, DomainTerms, change_domain, parse_domain
from bus.catalogue.schema import Schema, parse_schema
from bus.catalogue.type_request import EventTypeRequest, parse_event_type

__all__ = [
    "DEFAULT_DOMAIN",
    "FINE",
    "Access",
    "Deprecation",
    "Domain",
    "DomainRequest",
    "DomainTerms",
    "Domains",
    "EventType",
    "EventTypeRequest",
    "EventTypes",
    "Grant",
    "Schema",
    "SchemaVersion",
    "UnknownDomain",
    "Verdict",
    "change_domain",
    "covers",
    "key_of",
    "parse_domain",
    "parse_event_type",
    "parse_schema",
    "schema_uri",
    "topic_name",
]
