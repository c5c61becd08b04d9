"""Organisations, the sources they own and the grants they gave: who may publish and read what."""

from dataclasses import dataclass

from bus.catalogue import Grant
from bus.store import queries
from bus.store.database import Database
from bus.store.errors import Conflict

_SQL = queries.load("organisations")


@dataclass(frozen=True, slots=True)
class AccessRows:
    """All access at one moment, as `bus.catalogue.Access` takes it; `owners` is prefix → OIN."""

    owners: dict[str, str]
    grants: tuple[Grant, ...]


class Organisations:
    """Keeps organisations and access.

    A change of access moves the revision counter, by which others see that theirs is stale; what
    changes nothing does not. Every method raises StoreUnavailable.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ensure_organisation(self, oin: str, name: str) -> None:
        """Make the organisation, or give it this name when it is there. `oin` has 20 digits."""
        await self._database.execute(_SQL["ensure_organisation"], oin, name)

    async def add_organisation(self, oin: str) -> None:
        """Make the organisation, named by its number, unless it is there."""
        await self._database.execute(_SQL["add_organisation"], oin)

    async def names(self) -> dict[str, str]:
        """Give every organisation: OIN → name."""
        return {row["oin"]: row["name"] for row in await self._database.fetch(_SQL["all"])}

    async def add_source(self, prefix: str, organisation: str) -> None:
        """Give a source prefix to an organisation; "" is every source.

        Nothing happens when it has it already. Raises Conflict when it belongs to another one, and
        NotFound when there is no such organisation.
        """
        await self._database.execute(_SQL["add_source"], prefix, organisation)
        row = await self._database.fetch_one(_SQL["owner"], prefix)
        if row is None or row["organisation"] != organisation:
            raise Conflict("the source belongs to another organisation")

    async def grant(self, prefix: str, domain: str | None, grantee: str) -> None:
        """Let an organisation read events of these sources, in one domain or (None) in all.

        Nothing happens when it may already. Raises NotFound when there is no such domain or
        organisation.
        """
        await self._database.execute(_SQL["grant"], prefix, domain, grantee)

    async def access_rows(self) -> AccessRows:
        """Read all access."""
        rows = await self._database.fetch(_SQL["access"])
        return AccessRows(
            owners={row["prefix"]: row["organisation"] for row in rows if row["owned"]},
            grants=tuple(
                Grant(row["prefix"], row["domain"], row["organisation"])
                for row in rows
                if not row["owned"]
            ),
        )
