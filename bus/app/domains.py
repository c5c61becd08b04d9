"""What is in the catalogue without anybody putting it there: the bus's own domain and types."""

from contextlib import suppress
from typing import Final

from bus.catalogue import Domain, topic_name
from bus.catalogue.notices import DOMAIN
from bus.catalogue.own_types import own_types
from bus.log.errors import LogRefused
from bus.log.topics import Topics
from bus.observe.logging import LogEvent, get
from bus.store.database import Database
from bus.store.directory import Directory
from bus.store.domains import Domains
from bus.store.errors import Conflict
from bus.store.event_types import EventTypes
from bus.store.organisations import Organisations

_log = get()

NOBODY: Final = "00000000000000000000"
"""Looks after the bus's own domain where no organisation is said to run the bus."""


def own_domain(namespace: str, organisation: str | None) -> Domain:
    """Give the domain in which the bus tells of itself; `organisation` runs the bus."""
    return Domain(
        name=DOMAIN,
        topic=topic_name(namespace, DOMAIN),
        organisation=organisation or NOBODY,
        description="Wat de bus over abonnementen meldt aan de organisatie die ze heeft.",
    )


async def ensure(domain: Domain, database: Database, topics: Topics) -> None:
    """Make the domain with its organisation, topic and streams, whatever of it is not there.

    Several processes may do this at once. Raises StoreError and LogError; LogRefused says which
    topic an operator has to make where this process may not.
    """

    async def create_topic() -> None:
        await topics.create(domain.topic, domain.partitions, domain.retention_days)

    try:
        # First, and each time: after a Kafka that was emptied, a domain is there without its topic.
        await create_topic()
    except LogRefused as error:
        wanted = f"{domain.partitions} partitions, {domain.retention_days} days"
        raise LogRefused(f"{error}: make topic {domain.topic} by hand ({wanted})") from error
    domains = Domains(database)
    if domain.name not in {each.name for each in await domains.all()}:
        await Organisations(database).add_organisation(domain.organisation)
        with suppress(Conflict):
            await domains.create(domain, create_topic)


async def widen(directory: Directory, topics: Topics) -> None:
    """Let every domain's topic take events as large as the settings say now.

    A topic that takes larger ones stays as it is: another process may have newer settings. Raises
    StoreError and LogError; LogRefused says what an operator has to set where this process may not.
    """
    domains = (await directory.refresh()).domains
    narrow = await topics.narrow(domain.topic for domain in domains)
    if not narrow:
        return
    try:
        await topics.widen(narrow)
    except LogRefused as error:
        wanted = f"max.message.bytes {topics.max_message_bytes} for {', '.join(narrow)}"
        raise LogRefused(f"{error}: set {wanted} by hand") from error
    for topic in narrow:
        _log.info(LogEvent.TOPIC_WIDENED, topic=topic)


async def ensure_types(database: Database, directory: Directory) -> None:
    """Put the bus's own event types into the catalogue, and each new form of their data.

    A form that is there is not added again, so that an older process that runs meanwhile changes
    nothing. Raises StoreError.
    """
    types = EventTypes(database)
    known = (await directory.refresh()).types
    for wanted, _ in own_types():
        if known.get(wanted.type) is None:
            await types.create(wanted)
    known = (await directory.refresh()).types
    for wanted, schema in own_types():
        stored = known.get(wanted.type)
        if stored and schema not in [version.schema for version in stored.versions]:
            await types.add_version(stored, schema.text)
