"""The sample register: a table of zaken that is changed by ordinary SQL transactions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import resources
from typing import Final, NamedTuple, Self
from urllib.parse import unquote, urlsplit

from bus.store import queries
from bus.store.database import Database, Session
from bus.store.outbox import Outbox, Watch
from producers.outbox.install import install

DOMAIN: Final = "nl.zaken"
TYPE_PREFIX: Final = "nl.zaken.zaak"
CREATED: Final = f"{TYPE_PREFIX}-gecreeerd"
CHANGED: Final = f"{TYPE_PREFIX}-gewijzigd"
REMOVED: Final = f"{TYPE_PREFIX}-verwijderd"

_SQL = queries.parse(resources.files("bus.demo").joinpath("register.sql").read_text("utf-8"))
_MAKING_SECONDS = 30.0  # a new database is a copy of some megabytes


class Change(NamedTuple):
    """What happened to which zaak: the type that its event should have."""

    zaak: str
    type: str


class Work:
    """One transaction; `changes` is what the bus should tell of it, once it is committed."""

    def __init__(self, session: Session, drawn: set[str]) -> None:
        self._session = session
        self._drawn = drawn
        self.changes: list[Change] = []
        self.undone = False

    async def open(self, department: str, about: str) -> str:
        """Open a zaak; give its identification."""
        row = await self._session.fetch_one(_SQL["open_zaak"], department, about)
        zaak = str(row["identificatie"]) if row else ""
        self._drawn.add(zaak)
        self.changes.append(Change(zaak, CREATED))
        return zaak

    async def move(self, zaak: str, status: str) -> None:
        """Give a zaak another status."""
        await self._session.execute(_SQL["move_zaak"], zaak, status)
        self.changes.append(Change(zaak, CHANGED))

    async def leave(self, zaak: str, status: str) -> None:
        """Give a zaak the status that it has: a statement that changes nothing."""
        await self._session.execute(_SQL["move_zaak"], zaak, status)

    async def remove(self, zaak: str) -> None:
        """Remove a zaak."""
        await self._session.execute(_SQL["remove_zaak"], zaak)
        self.changes.append(Change(zaak, REMOVED))

    def undo(self) -> None:
        """Let the transaction end with ROLLBACK instead of COMMIT: nothing of it has happened."""
        self.undone = True

    async def any_zaak(self) -> tuple[str, str, int] | None:
        """Give some zaak, its status and the number of all; None when there is none."""
        row = await self._session.fetch_one(_SQL["any_zaak"])
        return (row["identificatie"], row["status"], row["zaken"]) if row else None


class _Undone(Exception):
    """Ends a transaction whose work was undone."""


class Register:
    """The register, for the length of one demonstration.

    `committed` is what its transactions did, in their order. `drawn` are the zaken that were opened
    meanwhile, those of transactions that were rolled back too.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.committed: list[Change] = []
        self.drawn: set[str] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Self]:
        """Use the register at `url`, which `prepare` has made."""
        async with Database.open(url, application_name="zaken", max_size=2) as database:
            yield cls(database)

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        """Run the block as one transaction; one at a time, for `committed` keeps their order."""
        with suppress(_Undone):
            async with self._database.transaction() as session:
                work = Work(session, self.drawn)
                yield work
                if work.undone:
                    raise _Undone
            self.committed += work.changes


async def ensure_database(url: str, beside: str) -> None:
    """See that the database of `url` is there, on the server where `beside` is a database."""
    name = unquote(urlsplit(url).path.removeprefix("/"))
    async with Database.open(
        beside, application_name="zaken", max_size=1, patience=_MAKING_SECONDS
    ) as database:
        row = await database.fetch_one(_SQL["has_database"], name)
        if row is None or not row["found"]:
            quoted = name.replace('"', '""')
            await database.execute(f'CREATE DATABASE "{quoted}"')


async def prepare(url: str, *, source: str) -> None:
    """Make the table, and let the bus know of its changes, as `bus outbox install` and `watch` do.

    Safe to repeat.
    """
    watch = Watch(
        table="zaak",
        source=source,
        type_prefix=TYPE_PREFIX,
        dataref="https://zaken.example.nl/zaken/{identificatie}",
    )
    async with Database.open(url, application_name="zaken", max_size=1) as database:
        async with database.transaction() as session:
            await session.execute(_SQL["create"])
        await install(database)
        await Outbox(database).watch(watch)
