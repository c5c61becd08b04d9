"""Watches where subscriptions stand, and tells those that fall behind or may soon lose events."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from math import nan

from bus.catalogue import Domain
from bus.catalogue.retention import DAY, time_to_loss
from bus.log.record import Partition
from bus.log.topics import Topics
from bus.observe import metrics
from bus.store import notices, standing
from bus.store.database import Session
from bus.store.directory import Directory
from bus.store.standing import Line
from producers.notices.decision import Thresholds, decide
from producers.notices.ends import Ends, Offsets

CLOCKS_APART = 300.0
"""Seconds that our clock may differ from the one by which Kafka stamps records."""


class Watch:
    """Draws lines across the log by time, asks who stands before them, and tells them once.

    What is told and that it was told are one transaction: a restart repeats nothing. That takes a
    handful of questions to Kafka, however many subscriptions there are: none is asked for its age.

    How long something waits is measured by one clock, `monotonic`: since the log was seen to end
    behind it. Only what waited before anybody looked is judged by `wall`, and then with patience.
    """

    def __init__(
        self,
        topics: Topics,
        directory: Directory,
        thresholds: Thresholds,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topics = topics
        self._directory = directory
        self._thresholds = thresholds
        self._wall = wall
        self._monotonic = monotonic
        self._ends = Ends(keep=thresholds.behind)

    def close(self) -> None:
        """Show nothing any more: another process looks now."""
        metrics.SUBSCRIPTIONS_BEHIND.set(0)
        metrics.TIME_TO_LOSS.set(nan)

    async def look(self, session: Session) -> None:
        """Look once. Raises LogError, StoreError."""
        now = self._wall()
        domains = await self._domains()
        lines = await self._lines(domains, now)
        await self._tell(session, lines, datetime.fromtimestamp(now, UTC))
        await self._measure(session, domains, lines, now)

    async def _domains(self) -> list[Domain]:
        """Give the domains that the log has a topic for; one that was lost must not hide others."""
        domains = list(self._directory.now.domains)
        there = await self._topics.partitions(domain.topic for domain in domains)
        return [each for each in domains if there.get(each.topic, 0) >= each.partitions]

    async def _lines(self, domains: Sequence[Domain], now: float) -> list[Line]:
        at = {domain.name: _partitions(domain) for domain in domains}
        everything = [partition for partitions in at.values() for partition in partitions]
        until = await self._topics.end_offsets(everything)
        patience = self._thresholds.behind
        seen = self._monotonic()
        self._ends.note(seen, until)
        late = self._ends.at(seen - patience)
        level = self._ends.at(seen - patience / 2) or self._ends.first
        long_ago = await self._stored_since(everything, now - patience - CLOCKS_APART)
        near: dict[Partition, int] = {}
        for days in {domain.retention_days for domain in domains}:
            some = [p for each in domains if each.retention_days == days for p in at[each.name]]
            near |= await self._stored_since(some, now - days * DAY + self._thresholds.near)

        def line(name: str, each: Partition) -> Line:
            # The end was asked first, and the log has gone on: it bounds what was asked later.
            end = until[each]
            lost = min(near[each], end)
            # A log that was made anew ends before what was seen of the old one, which says nothing.
            waited = late.get(each, 0)
            behind = max(lost, waited if waited <= end else 0, min(long_ago[each], end))
            fine = max(behind, min(level.get(each, end), end))
            return Line(name, each.topic, each.partition, lost, behind, fine, end)

        return [line(name, each) for name, partitions in at.items() for each in partitions]

    async def _stored_since(self, partitions: Sequence[Partition], moment: float) -> Offsets:
        return await self._topics.offsets_at(partitions, int(moment * 1000))

    async def _tell(self, session: Session, lines: Sequence[Line], now: datetime) -> None:
        async with session.transaction():
            found = await standing.standings(session, lines)
            decided = [(each, *decide(each, self._thresholds, now)) for each in found]
            await notices.write(session, *(notice for _, tell, _ in decided for notice in tell))
            changed = {each.subscription: told for each, _, told in decided if told != each.told}
            await standing.remember(session, changed)
        late = sum(told.behind_since is not None for *_, told in decided)
        metrics.SUBSCRIPTIONS_BEHIND.set(late)

    async def _measure(
        self, session: Session, domains: Sequence[Domain], lines: Sequence[Line], now: float
    ) -> None:
        """Show the smallest time to loss; only what is behind is looked up in the log."""
        lowest = await standing.lowest(session, [domain.topic for domain in domains])
        behind = {(line.topic, line.partition): line.behind for line in lines}
        late = {
            Partition(*each): offset
            for each, offset in lowest.items()
            if each in behind and offset < behind[each]
        }
        since = await self._topics.first_timestamps(late)
        retention = {domain.topic: domain.retention_days * DAY for domain in domains}
        waiting = [
            time_to_loss(at / 1000, retention[each.topic], now) for each, at in since.items()
        ]
        metrics.TIME_TO_LOSS.set(min([*waiting, *retention.values()], default=nan))


def _partitions(domain: Domain) -> list[Partition]:
    return [Partition(domain.topic, number) for number in range(domain.partitions)]
