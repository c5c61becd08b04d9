"""The relay: takes the rows of an outbox to the log, and deletes them once the log has them."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain
from time import monotonic, time
from typing import Final

from bus.log.errors import LogError
from bus.log.writer import Writer
from bus.observe import metrics
from bus.observe.logging import LogEvent, get
from bus.store.directory import Directory, Snapshot
from bus.store.errors import StoreError, StoreUnavailable
from bus.store.outbox import Backlog, Feed, Outbox
from producers.appending import append
from producers.outbox.envelope import Refused, Sorted, sort
from producers.outbox.row import Row

ROWS: Final = 1_000
"""Rows in one round: enough to spread the cost of its two trips to Postgres and one to Kafka."""

DATA_BYTES: Final = 4 * 1024 * 1024
"""Payload in one round, beyond which it takes no further row."""

LARGEST: Final = 32 * 1024 * 1024
"""Payload of one row that is not even read: the writer never holds so much."""

POLL: Final = (0.05, 0.25)
"""Seconds between looks at an outbox: soon after the last event, and after a quiet while."""

REST: Final = 4
"""An empty look is followed by a pause of at least so many times its own duration: in a table full
of dead rows that a long report keeps from being cleaned, looking is expensive."""

STANDBY: Final = 1.0
"""Seconds between attempts to take over from the relay that works."""

BACK_OFF: Final = (0.25, 10.0)
"""Seconds until the next attempt after a failure: the first pause and the longest, ±50 %."""

GAUGE_EVERY: Final = 5.0
COUNTED: Final = 100_000
"""Rows that are counted at most for the gauge of what waits."""

_log = get()


class Relay:
    """Relays one outbox. Of several for the same one, in any process, one works, the others wait.

    A round takes the first rows by id, appends them all, waits for every answer, and only then
    deletes the rows that the log has, in one transaction with moving away the rows that can never
    be published. What happens in between, at worst, is that events are sent again, with the same
    id. No row is skipped: nothing is remembered between rounds. While the log is away, or lacks the
    topic of a domain, rows wait.

    *Order per key.* Rows of a key become visible in the order of their ids (install.sql says why)
    and are appended in that order. The writer stores a beginning of what was appended to a
    partition: behind an append that failed, none succeeds. So what this deletes is, for each key, a
    beginning too, and the next round goes on where it ended. A relay that lost its lock may have a
    request under way while its successor works: both send each key from the same row on, in order,
    so the first time that an event is in the log, all that came before it is there.
    """

    def __init__(
        self,
        *,
        name: str,
        outbox: Outbox,
        writer: Writer,
        directory: Directory,
        organisation: str,
        public_url: str,
    ) -> None:
        """`name` is for logs and metrics; only sources that `organisation` owns are published.

        `public_url` is the address of the bus, under which a `dataschema` names its schemas.
        """
        self._name = name
        self._outbox = outbox
        self._writer = writer
        self._directory = directory
        self._organisation = organisation
        self._public_url = public_url
        self._findings = metrics.ProfileFindings()
        self._gauged_at = -GAUGE_EVERY

    async def run(self, stopping: asyncio.Event) -> None:
        """Relay until `stopping` is set; the round under way is finished, so that nothing repeats.

        Comes back by itself, with growing pauses, from whatever the log or the store refuses.
        """
        failures = 0
        while not stopping.is_set():
            began = monotonic()
            try:
                await self._serve(stopping)
            except (StoreError, LogError) as error:
                _log.warning(LogEvent.RELAY_FAILED, name=self._name, error=error, reason=str(error))
                failures = 1 if monotonic() - began > BACK_OFF[1] else failures + 1
                pause = min(BACK_OFF[1], BACK_OFF[0] * 2 ** min(failures - 1, 10))
                await _pause(stopping, pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
        self._gauge(None)

    async def _serve(self, stopping: asyncio.Event) -> None:
        """Use one connection until something fails."""
        async with self._outbox.feed() as feed:
            if not await self._lead(feed, stopping):
                return
            _log.info(LogEvent.RELAY_CONNECTED, name=self._name)
            await self._drain(feed, stopping)

    async def _lead(self, feed: Feed, stopping: asyncio.Event) -> bool:
        """Wait until this is the only relay; False when it shall stop before that."""
        told = False
        while not stopping.is_set():
            if await feed.lock():
                return True
            if not told:
                _log.info(LogEvent.RELAY_WAITING, name=self._name)
                self._gauge(None)
                told = True
            await _pause(stopping, STANDBY)
        return False

    async def _drain(self, feed: Feed, stopping: asyncio.Event) -> None:
        quiet = POLL[0]
        while not stopping.is_set():
            began = monotonic()
            await self._measure(feed)
            done = await self._round(feed)
            if done:
                quiet = POLL[0]
            if done < ROWS // 10:
                await _pause(stopping, max(quiet, REST * (monotonic() - began) if not done else 0))
                quiet = min(POLL[1], quiet * 1.5)

    async def _round(self, feed: Feed) -> int:
        """Take rows, append, await, delete; give the number of rows that are gone."""
        rows = await feed.take(ROWS, DATA_BYTES, LARGEST)
        if not rows:
            return 0
        ready, refused, findings = await self._sort(rows)
        relayed, too_large, failure = await append(self._writer, ready)
        refused |= {id_: Refused(str(error)) for id_, error in too_large.items()}
        if relayed or refused:
            await feed.settle(relayed, {id_: each.reason for id_, each in refused.items()})
        gone = (findings.get(id_, ()) for id_ in (*relayed, *refused))
        for found, times in Counter(chain.from_iterable(gone)).items():
            self._findings.count(*found, times)
        metrics.RELAY_ROWS.labels(self._name).inc(len(relayed))
        self._tell(rows, refused)
        if failure is not None:
            raise failure
        return len(rows)

    async def _sort(self, rows: Sequence[Row]) -> Sorted:
        """Sort the rows by a catalogue that is as new as they are.

        By an older one, events of a domain that was just made would go to the broader domain, or
        to `default`, that had them before. While the store is away the last one serves; but what
        that refuses has to wait.
        """
        with suppress(StoreUnavailable):
            return self._sort_by(await self._directory.refresh(), rows)
        found = self._sort_by(self._directory.now, rows)
        if any(each.doubtful for each in found.refused.values()):
            found = self._sort_by(await self._directory.refresh(), rows)
        return found

    def _sort_by(self, now: Snapshot, rows: Sequence[Row]) -> Sorted:
        return sort(
            rows,
            now=now,
            organisation=self._organisation,
            base=self._public_url,
            at_time=time(),
        )

    def _tell(self, rows: Sequence[Row], refused: Mapping[int, Refused]) -> None:
        """Write a line for each refused row, and count them."""
        if not refused:
            return
        metrics.RELAY_REFUSED.labels(self._name).inc(len(refused))
        for row in rows:
            if row["id"] in refused:
                _log.error(
                    LogEvent.RELAY_ROW_REFUSED,
                    name=self._name,
                    id=row["event_id"],
                    source=row["source"],
                    type=row["type"],
                    reason=refused[row["id"]].reason,
                )

    async def _measure(self, feed: Feed) -> None:
        """Bring the gauges up to date, every few seconds."""
        if monotonic() - self._gauged_at >= GAUGE_EVERY:
            self._gauge(await feed.backlog(COUNTED))

    def _gauge(self, backlog: Backlog | None) -> None:
        """Show what waits; a relay that does not lead shows nothing, not what it saw last.

        While the log or the store is away it shows that, until it can look again.
        """
        self._gauged_at = monotonic()
        rows, seconds = (backlog.rows, backlog.seconds) if backlog else (0, 0.0)
        metrics.RELAY_WAITING.labels(self._name).set(rows)
        metrics.RELAY_BACKLOG.labels(self._name).set(seconds)


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    """Wait, or less when asked to stop."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
