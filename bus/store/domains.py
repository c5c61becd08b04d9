"""Domains: each is a topic of the log, with a stream per partition from its first event on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from bus.catalogue import Domain, DomainTerms
from bus.catalogue.domain import UnknownTypes
from bus.profile import Policy
from bus.store import queries
from bus.store.database import Database, Row, Session
from bus.store.errors import Conflict
from bus.store.revision import bump

_SQL = queries.load("domains")


@dataclass(frozen=True, slots=True)
class DomainRevision:
    """The terms of a domain from one change to the next, and the organisation that made them so."""

    revision: int
    organisation: str
    description: str
    retention_days: int
    unknown_types: UnknownTypes
    profile: Policy
    at: datetime


class Domains:
    """Keeps domains. Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Domain]:
        """Give every domain, by name."""
        rows = await self._database.fetch(_SQL["all"])
        return [Domain(**{**row, "profile": _policy(row)}) for row in rows]

    async def create(self, domain: Domain, create_topic: Callable[[], Awaitable[None]]) -> Domain:
        """Make a domain with its topic and streams; none of them is there when this raises.

        (But for the topic: `create_topic` must bear to be called for one that exists.) No
        subscription is created meanwhile, so that each has either a position on the new partitions
        or was there before them, and then starts at their first event. What `create_topic` raises
        comes through. Raises Conflict when the name or the topic is taken, and NotFound when there
        is no such organisation.
        """
        async with self._database.transaction() as transaction:
            made = replace(domain, revision=await bump(transaction))
            await transaction.execute(
                _SQL["insert"],
                made.name,
                made.topic,
                made.organisation,
                made.key_attribute,
                made.retention_days,
                made.partitions,
                made.description,
                made.unknown_types,
                made.profile.to_json(),
                made.revision,
            )
            await _record(transaction, made, made.organisation)
            await create_topic()
            await transaction.execute(
                _SQL["insert_streams"], made.topic, made.partitions, made.revision
            )
        return made

    async def change(
        self,
        domain: Domain,
        terms: DomainTerms,
        *,
        by: str,
        change_topic: Callable[[], Awaitable[None]],
    ) -> Domain:
        """Give a domain other terms, and record that organisation `by` did; gives it as it is now.

        What `change_topic` raises comes through; nothing is changed then (but for the topic, when
        the store fails after it: to be repeated). Raises Conflict when the domain is no longer at
        its revision.
        """
        async with self._database.transaction() as transaction:
            changed = replace(
                domain,
                description=terms.description,
                retention_days=terms.retention_days,
                unknown_types=terms.unknown_types,
                profile=terms.profile,
                revision=await bump(transaction),
            )
            row = await transaction.fetch_one(
                _SQL["change"],
                changed.name,
                changed.description,
                changed.retention_days,
                changed.unknown_types,
                changed.profile.to_json(),
                changed.revision,
                domain.revision,
            )
            if row is None:
                raise Conflict(f"domain {domain.name} is no longer at revision {domain.revision}")
            await _record(transaction, changed, by)
            await change_topic()
        return changed

    async def history(self, name: str) -> list[DomainRevision]:
        """Give the versions of a domain's terms, the newest first."""
        rows = await self._database.fetch(_SQL["history"], name)
        return [DomainRevision(**{**row, "profile": _policy(row)}) for row in rows]


async def _record(transaction: Session, domain: Domain, by: str) -> None:
    await transaction.execute(
        _SQL["record"],
        domain.revision,
        domain.name,
        by,
        domain.description,
        domain.retention_days,
        domain.unknown_types,
        domain.profile.to_json(),
    )


_read = lru_cache(1_024)(Policy.stored)
"""The same text gives the same policy, with what that has made ready for judging."""


def _policy(row: Row) -> Policy:
    return _read(row["profile"])
