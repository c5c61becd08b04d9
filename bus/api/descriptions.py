"""/v1/asyncapi.json and /v1/registry: the catalogue as others' tools read it, open to everybody."""

from dataclasses import asdict
from functools import lru_cache

from bus.api.call import Answer, Call, answer
from bus.api.door import API_VERSION
from bus.api.house import Contact
from bus.catalogue import Domains, EventTypes
from bus.catalogue.asyncapi import asyncapi as describe
from bus.catalogue.xregistry import xregistry


async def asyncapi(call: Call) -> Answer:
    """Describe every event type, and where its events are to be had, as AsyncAPI 3.1."""
    now = call.house.directory.now
    return _asyncapi(now.domains, now.types, call.house.public_url, call.house.contact)


async def registry(call: Call) -> Answer:
    """Give the catalogue as an xRegistry document."""
    now = call.house.directory.now
    return _registry(now.domains, now.types, call.house.public_url)


# Anybody may ask, so each is made once per state of the catalogue.
@lru_cache(maxsize=1)
def _asyncapi(domains: Domains, types: EventTypes, public_url: str, contact: Contact) -> Answer:
    document = describe(
        domains, types, public_url=public_url, version=API_VERSION, contact=asdict(contact)
    )
    return answer(200, document)


@lru_cache(maxsize=1)
def _registry(domains: Domains, types: EventTypes, public_url: str) -> Answer:
    return answer(200, xregistry(domains, types, base=public_url, version=API_VERSION))
