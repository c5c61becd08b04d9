"""Notices that wait for the log: written with what they are about, deleted once published."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from uuid import UUID

from bus.catalogue.notices import Notice, NoticeType, changed
from bus.store import queries
from bus.store.database import Session

_SQL = queries.load("notices")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notice that the log may not have yet, and when it was written."""

    notice: Notice
    at: datetime


async def write(transaction: Session, *notices: Notice) -> None:
    """Have notices published if, and as soon as, this transaction commits. Raises StoreError."""
    if notices:
        columns = zip(*map(astuple, notices), strict=True)
        await transaction.execute(_SQL["write"], *map(list, columns))


async def tell(
    transaction: Session, type_: NoticeType, subscription: UUID, organisation: str, revision: int
) -> None:
    """Have it published that a subscription was created, changed, … in this transaction."""
    await write(transaction, changed(type_, subscription, organisation, revision))


async def first(session: Session, limit: int) -> list[Waiting]:
    """Give the oldest notices, and leave them there. Raises StoreError."""
    return [
        Waiting(
            Notice(row["id"], row["type"], row["organisation"], row["subscription"], row["data"]),
            row["at"],
        )
        for row in await session.fetch(_SQL["first"], limit)
    ]


async def delete(session: Session, ids: Sequence[UUID]) -> None:
    """Forget notices that the log has. Raises StoreError."""
    await session.execute(_SQL["delete"], ids)
