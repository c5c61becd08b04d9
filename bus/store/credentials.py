"""Bearer tokens: issued once, known afterwards by their digest only."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from bus.store import queries
from bus.store.database import Database

_SQL = queries.load("credentials")

Role = Literal["publisher", "subscriber", "operator"]

_PREFIX: Final = "gb_"
"""Lets scanners of source code and logs recognise a token of ours."""

_TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Credential:
    """What a token allows: to act in these roles for this organisation."""

    organisation: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class Issued:
    """A token as it is listed: by an id that lets nobody in."""

    id: UUID
    organisation: str
    roles: list[Role]
    label: str
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Expired:
    """A token that was good until `at`."""

    at: datetime


class Credentials:
    """Keeps tokens. Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def issue(
        self,
        organisation: str,
        roles: Iterable[Role],
        *,
        label: str,
        expires: datetime | None = None,
    ) -> str:
        """Make a token with 256 random bits and give it, this once.

        `label` says to people what it is for. Raises NotFound when there is no such organisation.
        """
        token = _PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
        await self.ensure(token, organisation, roles, label=label, expires=expires)
        return token

    async def ensure(
        self,
        token: str,
        organisation: str,
        roles: Iterable[Role],
        *,
        label: str,
        expires: datetime | None = None,
    ) -> None:
        """Let a token chosen by the caller be good for this and nothing else.

        It must be as hard to guess as one from `issue`: it is kept under a plain SHA-256. Raises
        NotFound when there is no such organisation.
        """
        digest = _digest(token)
        await self._database.execute(
            _SQL["put"], organisation, digest, sorted(set(roles)), label, expires
        )

    async def find(self, token: str) -> Credential | Expired | None:
        """Give what a token allows; None when nobody ever had it."""
        row = await self._database.fetch_one(_SQL["find"], _digest(token))
        if row is None:
            return None
        if row["expired"]:
            return Expired(row["expires_at"])
        return Credential(row["organisation"], frozenset(row["roles"]))

    async def issued(self) -> list[Issued]:
        """Give all tokens, the oldest first."""
        return [Issued(**row) for row in await self._database.fetch(_SQL["list"])]

    async def revoke(self, id_: UUID) -> str | None:
        """Let a token in no more, and give its label; None when it is not there.

        An API that has just let it in may do so for a few seconds more.
        """
        row = await self._database.fetch_one(_SQL["revoke"], id_)
        return None if row is None else str(row["label"])


def _digest(token: str) -> bytes:
    # A header may hold any byte, and so a token any character.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
