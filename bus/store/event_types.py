"""Event types and the versions of their schemas."""

from collections import defaultdict

from bus.catalogue import Deprecation, EventType, Schema, SchemaVersion
from bus.store import queries
from bus.store.database import Database, Row, Session
from bus.store.errors import Conflict
from bus.store.revision import bump

_SQL = queries.load("event_types")


class EventTypes:
    """Keeps event types; none is ever removed. Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def changed(self, since: int) -> list[EventType]:
        """Give every type that has changed after a revision, whole; after 0 those are all."""
        rows = await self._database.fetch(_SQL["changed"], since)
        if not rows:
            return []
        versions: dict[str, list[SchemaVersion]] = defaultdict(list)
        for row in await self._database.fetch(_SQL["schemas"], [row["type"] for row in rows]):
            schema = Schema(row["schema"])
            versions[row["type"]].append(SchemaVersion(row["version"], row["created_at"], schema))
        return [_event_type(row, versions[row["type"]]) for row in rows]

    async def create(self, event_type: EventType) -> None:
        """Store a new type, without its versions.

        Raises Conflict when there is one of this name, and NotFound when there is no such domain.
        """
        async with self._database.transaction() as transaction:
            revision = await bump(transaction)
            await transaction.execute(
                _SQL["insert"],
                event_type.type,
                event_type.domain,
                revision,
                *_told(event_type),
            )

    async def replace(self, event_type: EventType) -> None:
        """Say anew what a type is; its domain and its versions stay.

        Raises Conflict when it has changed since the revision that is given with it.
        """
        async with self._database.transaction() as transaction:
            revision = await bump(transaction)
            await _one(
                transaction,
                _SQL["replace"],
                event_type.type,
                event_type.revision,
                revision,
                *_told(event_type),
            )

    async def add_version(self, event_type: EventType, text: str) -> int:
        """Store the next version of a type's schema; give its number.

        Raises Conflict when the type has changed since the revision that is given with it.
        """
        version = len(event_type.versions) + 1
        async with self._database.transaction() as transaction:
            revision = await bump(transaction)
            await _one(transaction, _SQL["touch"], event_type.type, event_type.revision, revision)
            await transaction.execute(_SQL["insert_schema"], event_type.type, version, text)
        return version


async def _one(transaction: Session, query: str, *args: object) -> None:
    if await transaction.execute(query, *args) != "UPDATE 1":
        raise Conflict("the event type has changed since")


def _told(event_type: EventType) -> tuple[object, ...]:
    """Give what a client may say anew, in the order of the columns."""
    end = event_type.deprecation
    return (
        event_type.description,
        event_type.time_meaning,
        event_type.information,
        event_type.schema_check,
        event_type.compatibility,
        event_type.documentation,
        None if end is None else end.since,
        None if end is None else end.sunset,
        None if end is None else end.replaced_by,
        "" if end is None else end.reason,
    )


def _event_type(row: Row, versions: list[SchemaVersion]) -> EventType:
    columns = dict(row)
    end = Deprecation(
        columns.pop("deprecated_since"),
        columns.pop("sunset"),
        columns.pop("replaced_by"),
        columns.pop("deprecation_reason"),
    )
    return EventType(
        **columns,
        deprecation=None if row["deprecated_since"] is None else end,
        versions=tuple(versions),
    )
