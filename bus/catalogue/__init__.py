"""The catalogue: domains, which one an event belongs to, its key, and who may publish and read."""

from bus.catalogue.access import Access, Grant, covers
from bus.catalogue.domain import DEFAULT_DOMAIN, Domain, Domains, UnknownDomain, topic_name
from bus.catalogue.key import key_of
from bus.catalogue.request import DomainRequest, parse_domain

__all__ = [
    "DEFAULT_DOMAIN",
    "Access",
    "Domain",
    "DomainRequest",
    "Domains",
    "Grant",
    "UnknownDomain",
    "covers",
    "key_of",
    "parse_domain",
    "topic_name",
]
