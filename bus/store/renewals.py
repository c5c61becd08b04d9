"""Lets one worker at a time renew the refresh token of a subscription, and keeps the result."""

from uuid import UUID

from bus.store import queries
from bus.store.database import Database
from bus.store.secrets import Sealer
from bus.subscription import SinkSecrets

_SQL = queries.load("renewals")


class Renewals:
    """The turns of all subscriptions. Every method raises StoreUnavailable and WrongKey."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._claimed: dict[UUID, bytes] = {}  # as sealed: another seal of the same looks different

    async def claim(self, subscription: UUID) -> SinkSecrets | None:
        """Take the turn and give the secrets as they are now; None: it is another's, or gone.

        The turn ends by itself after half a minute.
        """
        row = await self._database.fetch_one(_SQL["claim"], subscription)
        if row is None:
            return None
        sealed: bytes = row["sealed"]
        plain = self._sealer.unseal(sealed, subscription=subscription, kind="sinkcredential")
        self._claimed[subscription] = sealed
        return SinkSecrets.from_bytes(plain)

    async def release(self, subscription: UUID, after: SinkSecrets | None) -> None:
        """End the turn; keep `after`, unless the subscriber has changed the secrets meanwhile."""
        before = self._claimed.pop(subscription)
        plain = None if after is None else after.to_bytes()
        sealed = before
        if plain is not None:
            sealed = self._sealer.seal(plain, subscription=subscription, kind="sinkcredential")
        await self._database.execute(_SQL["release"], subscription, before, sealed)
