"""Brings the schema of a database to that of this version: the files of `migrations/`, in order."""

import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import resources

from bus.store import queries
from bus.store.database import Database, Session
from bus.store.errors import SchemaRefused

_SQL = queries.load("migrations")

_FILE = re.compile(r"\d{4}_(pre|post)_[a-z0-9_]+\.sql")
"""`pre` fits the code before it as well, and may run before the new code does; `post` may not."""

_PATIENCE_SECONDS = 300.0
"""For one migration, and for waiting until another process has done its own."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `name` without its ending, `checksum` the SHA-256 of `sql` in hexadecimal."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Tell this text from any other."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def shipped() -> list[Migration]:
    """Read the migrations of this version, in order.

    Raises ValueError when a file has another name than `0001_pre_some_words.sql`.
    """
    found = []
    for file in resources.files("bus.store").joinpath("migrations").iterdir():
        if not _FILE.fullmatch(file.name):
            raise ValueError(f"bus/store/migrations/{file.name} is not named like a migration")
        found.append(Migration(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8")))
    return sorted(found, key=lambda migration: migration.name)


async def migrate(url: str, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Apply what is missing and give the names of it; doing it twice does nothing more.

    Each migration is one transaction, so a failing one leaves those before it. Several processes
    may call this at once: one works, the others wait and find nothing to do. Raises SchemaRefused
    before it changes anything when the database has had a migration that was changed since, that
    this version does not know, or that comes after a missing one; StoreUnavailable; and
    StatementRefused when a migration fails. `migrations` are those of this version if not given.
    """
    wanted = shipped() if migrations is None else migrations
    async with _connected(url) as session:
        await session.execute(_SQL["lock"])
        await session.execute(_SQL["create_table"])
        missing = _missing(wanted, await _applied(session))
        for migration in missing:
            async with session.transaction():
                await session.execute(migration.sql)
                await session.execute(_SQL["record"], migration.name, migration.checksum)
    return [migration.name for migration in missing]


async def pending(url: str, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Give the names of what `migrate` would apply, and change nothing; raises what it raises."""
    wanted = shipped() if migrations is None else migrations
    async with _connected(url) as session:
        present = await session.fetch_one(_SQL["table_exists"])
        applied = await _applied(session) if present and present["present"] else {}
    return [migration.name for migration in _missing(wanted, applied)]


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Session]:
    async with (
        Database.open(
            url, application_name="bus migrate", max_size=1, patience=_PATIENCE_SECONDS
        ) as database,
        database.session() as session,
    ):
        yield session


async def _applied(session: Session) -> dict[str, str]:
    return {row["name"]: row["checksum"] for row in await session.fetch(_SQL["applied"])}


def _missing(wanted: Sequence[Migration], applied: dict[str, str]) -> list[Migration]:
    """Compare this version with the database; raises SchemaRefused when they do not go together."""
    names = {migration.name for migration in wanted}
    if unknown := sorted(set(applied) - names):
        raise SchemaRefused(
            f"the database is newer than this version of the bus: it has had {', '.join(unknown)}; "
            "install the version that belongs to it"
        )
    for migration in wanted:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise SchemaRefused(
                f"migration {migration.name} is not the text that was applied to this database; "
                "an applied migration never changes: restore its file, or start a new database"
            )
    missing = [migration for migration in wanted if migration.name not in applied]
    if missing and applied and missing[0].name < max(applied):
        raise SchemaRefused(
            f"migration {missing[0].name} was never applied, though the later {max(applied)} was; "
            "number it after that one"
        )
    return missing
