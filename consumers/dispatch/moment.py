"""One moment on both clocks: the loop's, by which we wait, and the wall's, which is saved."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Moment:
    """Now: `loop` in seconds of the event loop, `wall` with its time zone."""

    loop: float
    wall: datetime

    def on_the_wall(self, at: float | None) -> datetime | None:
        """Give a loop time as a date, in whole seconds.

        The two clocks drift by microseconds, and a row is written only when it differs.
        """
        if at is None:
            return None
        return (self.wall + timedelta(seconds=at - self.loop)).replace(microsecond=0)

    def on_the_loop(self, at: datetime | None) -> float | None:
        """Give a date as a loop time."""
        return None if at is None else self.loop + (at - self.wall).total_seconds()


def moment() -> Moment:
    """Give this moment, on the running loop."""
    return Moment(asyncio.get_running_loop().time(), datetime.now(UTC))
