"""The catalogue and access in memory, kept fresh by watching the revision counter."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Self

from bus.catalogue import Access, Domain, Domains, EventTypes
from bus.observe import metrics
from bus.observe.logging import LogEvent, get
from bus.store import revision as counter
from bus.store.database import Database
from bus.store.domains import Domains as DomainStore
from bus.store.errors import NotFound, StoreError, StoreUnavailable
from bus.store.event_types import EventTypes as EventTypeStore
from bus.store.organisations import Organisations

_POLL_SECONDS = 1.0

_log = get()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Domains, access and event types as they were together, at least as new as `revision`."""

    revision: int
    domains: Domains
    access: Access
    types: EventTypes = field(default_factory=EventTypes)

    def domain_of(self, topic: str) -> Domain:
        """Give the domain that has this topic; raises NotFound where none has."""
        domain = self.domains.by_topic(topic)
        if domain is None:
            raise NotFound(f"no domain has the topic {topic}")
        return domain

    def readers(self, source: str, topic: str) -> frozenset[str]:
        """Give the organisations that may read such events; none of a topic without domain."""
        domain = self.domains.by_topic(topic)
        return frozenset() if domain is None else self.access.readers(source, domain.name)


Reader = Callable[[int | None], Awaitable[Snapshot | None]]
"""Gives a snapshot, or None when the revision is still the one given."""


class Directory:
    """Gives the newest snapshot it has; looks for a newer one every second and when asked.

    While Postgres is away the last one serves on. Every role that needs the catalogue has one.
    """

    def __init__(self, read: Reader) -> None:
        self._read = read
        self._snapshot: Snapshot | None = None
        self._fresh_at = monotonic()
        self._stale = False
        self._asked = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []

    @classmethod
    @asynccontextmanager
    async def open(cls, database: Database) -> AsyncIterator[Self]:
        """Keep a directory for as long as the block lasts; Postgres need not be there yet."""
        directory = cls(_reader(database))
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(directory._watch())
            try:
                yield directory
            finally:
                watching.cancel()

    @property
    def now(self) -> Snapshot:
        """The newest snapshot; raises StoreUnavailable when none could be read since the start."""
        if self._snapshot is None:
            raise StoreUnavailable("the catalogue has not been read yet")
        return self._snapshot

    def readers(self, source: str, topic: str) -> frozenset[str]:
        """Give the organisations that may read such events now."""
        return self.now.readers(source, topic)

    async def refresh(self) -> Snapshot:
        """Give a snapshot as new as this call, or raise StoreUnavailable or another StoreError.

        For what was not found in the last one. Who asks at the same time shares one reading.
        """
        asked = asyncio.get_running_loop().create_future()
        self._waiting.append(asked)
        self._asked.set()
        await asked
        return self.now

    async def _watch(self) -> None:
        try:
            while True:
                await self._read_once()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_SECONDS):
                        await self._asked.wait()
        finally:
            _fail(self._waiting, StoreUnavailable("the directory is closing"))

    async def _read_once(self) -> None:
        """Read what is newer, for those who were waiting when it began."""
        self._asked.clear()
        waiting, self._waiting = self._waiting, []
        try:
            newer = await self._read(self._snapshot.revision if self._snapshot else None)
        except StoreError as error:
            _fail(waiting, error)
            self._tell(error)
        else:
            self._fresh_at, self._stale = monotonic(), False
            self._snapshot = newer or self._snapshot
            for asked in waiting:
                if not asked.done():
                    asked.set_result(None)
        finally:
            _fail(waiting, StoreUnavailable("the directory is closing"))
        metrics.DIRECTORY_AGE.set(monotonic() - self._fresh_at)

    def _tell(self, error: StoreError) -> None:
        """Say once per outage that the snapshot is not kept fresh."""
        if not self._stale:
            self._stale = True
            _log.warning(LogEvent.DIRECTORY_STALE, error=error)


def _fail(waiting: list[asyncio.Future[None]], error: StoreError) -> None:
    for asked in waiting:
        if not asked.done():
            asked.set_exception(error)


def _reader(database: Database) -> Reader:
    domains, organisations = DomainStore(database), Organisations(database)
    event_types, types = EventTypeStore(database), EventTypes()

    async def read(known: int | None) -> Snapshot | None:
        nonlocal types
        # First: what is read after it is at least as new.
        revision = await counter.current(database)
        if revision == known:
            return None
        # Types and schemas are many and change seldom: only what is new, for it stays compiled.
        types = types.with_changes(await event_types.changed(types.revision))
        rows = await organisations.access_rows()
        access = Access(rows.owners, rows.grants)
        return Snapshot(revision, Domains(await domains.all(), types.domains), access, types)

    return read
