"""Domains: each is a topic of the log, with a stream per partition from its first event on."""

from collections.abc import Awaitable, Callable

from bus.catalogue import Domain
from bus.store import queries
from bus.store.database import Database
from bus.store.revision import bump

_SQL = queries.load("domains")


class Domains:
    """Keeps domains. Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Domain]:
        """Give every domain, by name."""
        return [Domain(**row) for row in await self._database.fetch(_SQL["all"])]

    async def create(self, domain: Domain, create_topic: Callable[[], Awaitable[None]]) -> None:
        """Make a domain with its topic and streams; none of them is there when this raises.

        (But for the topic: `create_topic` must bear to be called for one that exists.) No
        subscription is created meanwhile, so that each has either a position on the new partitions
        or was there before them, and then starts at their first event. What `create_topic` raises
        comes through. Raises Conflict when the name or the topic is taken, and NotFound when there
        is no such organisation.
        """
        async with self._database.transaction() as transaction:
            revision = await bump(transaction)
            await transaction.execute(
                _SQL["insert"],
                domain.name,
                domain.topic,
                domain.organisation,
                domain.key_attribute,
                domain.retention_days,
                domain.partitions,
                domain.description,
                domain.unknown_types,
            )
            await create_topic()
            await transaction.execute(
                _SQL["insert_streams"], domain.topic, domain.partitions, revision
            )
