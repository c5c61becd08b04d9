"""Whether the key opens what is sealed in Postgres, asked before deliveries fail for it."""

from uuid import UUID

from bus.store import queries
from bus.store.database import Database
from bus.store.errors import WrongKey
from bus.store.secrets import Sealer

_SQL = queries.load("seals")


async def opened(database: Database, sealer: Sealer) -> dict[UUID, bool]:
    """Say of each subscription whether its signing secret opens. Raises StoreUnavailable."""
    rows = await database.fetch(_SQL["signing"])
    return {row["subscription"]: _opens(sealer, row["subscription"], row["sealed"]) for row in rows}


def _opens(sealer: Sealer, subscription: UUID, sealed: bytes) -> bool:
    try:
        sealer.unseal(sealed, subscription=subscription, kind="signing")
    except WrongKey:
        return False
    return True
