"""Where subscriptions stand in the log, and what they have been told of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal
from uuid import UUID

from bus.store import queries
from bus.store.database import Session
from bus.store.stored import State

_SQL = queries.load("standing")

Verdict = Literal["near", "behind", "short"]
"""The first line that a place lies before: what is near its loss is behind as well."""


@dataclass(frozen=True, slots=True)
class Line:
    """Offsets of one partition of a domain, none lower than the one before.

    What is stored before `near` may soon be lost; what is stored before `behind` has waited too
    long; from `level` on all is well. `until` is the end.
    """

    domain: str
    topic: str
    partition: int
    near: int
    behind: int
    level: int
    until: int


@dataclass(frozen=True, slots=True)
class Told:
    """Since when a subscription has been told that it is behind, and near its loss; None: not."""

    behind_since: datetime | None = None
    near_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A place before the last line, and how many offsets lie from there to the end."""

    topic: str
    partition: int
    waiting: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one subscription stands: its worst place, None when it is level everywhere."""

    subscription: UUID
    organisation: str
    state: State
    place: Place | None
    told: Told


async def standings(session: Session, lines: Sequence[Line]) -> list[Standing]:
    """Give where each subscription stands that is not level, or was told something."""
    columns = [[getattr(line, field.name) for line in lines] for field in fields(Line)]
    return [
        Standing(
            row["subscription"],
            row["organisation"],
            row["state"],
            None
            if row["topic"] is None
            else Place(row["topic"], row["partition"], row["waiting"], row["verdict"]),
            Told(row["behind_since"], row["near_since"]),
        )
        for row in await session.fetch(_SQL["standings"], *columns)
    ]


async def lowest(session: Session, topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """Give the lowest offset of each partition that an active subscription has to settle."""
    rows = await session.fetch(_SQL["lowest"], topics)
    return {(row["topic"], row["partition"]): row["lowest"] for row in rows}


async def remember(session: Session, told: Mapping[UUID, Told]) -> None:
    """Keep what these subscriptions have now been told."""
    await session.execute(
        _SQL["remember"],
        list(told),
        [each.behind_since for each in told.values()],
        [each.near_since for each in told.values()],
    )
