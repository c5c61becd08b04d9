"""Keeps the tables of exceptions small: what nobody needs any more goes, in bounded steps."""

from dataclasses import dataclass
from typing import Final

from bus.observe import metrics
from bus.observe.logging import LogEvent, get
from bus.store import queries
from bus.store.database import Session

_SQL = queries.load("housekeeping")

BATCH: Final = 1_000
"""Rows that one statement removes: a second of work at most, on a busy server."""

DAYS_AHEAD: Final = 3
"""For so many days partitions are made: a weekend in which nobody could make one is survived."""

_log = get()


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """Tidies once in a while; to be done by one process at a time.

    Attempts lie in a partition a day, so that old ones go with their table. The first day of a bus,
    and any for which none could be made in time, lies in the default one, and goes row by row.
    """

    attempt_days: int
    dead_letter_days: int

    async def tidy(self, session: Session) -> bool:
        """Do a round; give whether there is more to remove at once. Raises StoreError."""
        await self._days(session)
        attempts, letters = (self.attempt_days, BATCH), (self.dead_letter_days, BATCH)
        removed = {
            "attempt": await _remove(session, "attempts", *attempts),
            "dead_letter": await _remove(session, "dead_letters", *letters),
            "invalid_record": await _remove(session, "invalid_records", *letters),
            "progress": await _remove(session, "progress", BATCH),
        }
        for table, count in removed.items():
            if count:
                metrics.ROWS_TIDIED.labels(table).inc(count)
                _log.info(LogEvent.TABLE_TIDIED, name=table, count=count)
        return BATCH in removed.values()

    async def _days(self, session: Session) -> None:
        """Make the partitions of the coming days, and drop those whose time is over."""
        made = await session.fetch(_SQL["days_to_make"], DAYS_AHEAD)
        over = await session.fetch(_SQL["days_to_drop"], self.attempt_days)
        for row in (*made, *over):
            async with session.transaction():
                await session.execute(_SQL["patience"])
                await session.execute(row["statement"])
        for row in over:
            _log.info(LogEvent.ATTEMPTS_DROPPED, name=row["name"])


async def _remove(session: Session, query: str, *args: int) -> int:
    """Remove a batch; give how many rows it had."""
    (row,) = await session.fetch(_SQL[query], *args)
    return int(row["count"])
