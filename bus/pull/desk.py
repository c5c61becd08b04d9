"""The desk: takes in the requests of those who fetch, and sees that none hogs the API."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from itertools import islice
from typing import Self

from bus.log.background import Background
from bus.log.errors import OffsetOutOfRange
from bus.log.fetch import Fetched, Fetcher
from bus.log.reader import Reader
from bus.log.record import Partition
from bus.observe import metrics
from bus.observe.logging import LogEvent, get
from bus.pull.entry import Entry
from bus.pull.page import Budget, Page
from bus.pull.tail import SLICE, Tail
from bus.pull.wish import Readers, Wish

MOST_OPEN = 2_000
MOST_OF_ONE = 200
"""Long polls and streams that are open at a time: in a process, and of one organisation."""

_ROUND_BYTES = 524_288
"""What is asked of the log at a time."""

_ROUNDS_AT_ONCE = 4
"""Requests that ask the log at a time; the others take turns with them, round by round."""

_log = get()


class Crowded(Exception):
    """Too many long polls and streams are open: try again when some have ended."""


class Desk:
    """Reads pages for any number of requests, over one reader and one fetcher."""

    def __init__(self, fetcher: Fetcher, tail: Tail) -> None:
        self._fetcher = fetcher
        self._tail = tail
        self._rounds = asyncio.Semaphore(_ROUNDS_AT_ONCE)
        self._open: Counter[str] = Counter()
        self.closing = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, fetcher: Fetcher, reader: Reader, readers: Readers
    ) -> AsyncIterator[Self]:
        """Keep a desk for as long as the block lasts; Kafka need not be there yet."""
        tail = Tail(reader, readers)
        async with fetcher, reader, Background() as background:
            background.start(tail.run(), "pull-tail")
            yield cls(fetcher, tail)

    @contextmanager
    def seat(self, organisation: str) -> Iterator[None]:
        """Count a request that may stay; raises Crowded."""
        if self._open.total() >= MOST_OPEN or self._open[organisation] >= MOST_OF_ONE:
            raise Crowded
        self._open[organisation] += 1
        metrics.PULLS_OPEN.inc()
        try:
            yield
        finally:
            self._open[organisation] -= 1
            metrics.PULLS_OPEN.dec()

    def close(self) -> None:
        """Let those who wait go with what they have, and nobody wait any more."""
        self.closing = True
        self._tail.stop()

    async def read(
        self, positions: Mapping[Partition, int], wish: Wish, budget: Budget, *, wait: float = 0.0
    ) -> Page:
        """Give a page from these positions; an empty one only when there is nothing for `wait` s.

        Or when the budget was spent without a find: then the positions have moved, and the next
        page goes on from there. Without a wait it holds all that the log had when it was asked.
        Raises LogUnavailable.
        """
        until = time.monotonic() + wait
        page = await self._collect(Page.begin(positions, wish, budget), fresh=wait <= 0)
        damaged = page.damaged
        while not (page.events or page.losses or page.behind or self.closing):
            left = until - time.monotonic()
            if left <= 0:
                break
            reached = await self._tail.wait(page.positions, wish.terms, left)
            page = await self._collect(Page.begin(reached, wish, budget), fresh=False)
            damaged += page.damaged
        page.damaged = damaged
        metrics.PULLED.inc(len(page.events))
        return page

    async def _collect(self, page: Page, *, fresh: bool) -> Page:
        until = time.monotonic() + page.budget.seconds
        if not fresh:
            await self._from_tail(page)
        while page.behind and not page.full and time.monotonic() < until:
            async with self._rounds:
                await self._from_log(page)
        return page

    async def _from_tail(self, page: Page) -> None:
        for partition in tuple(page.behind):
            known = self._tail.since(partition, page.positions[partition])
            if known is None:
                continue
            entries, end = known
            if await _take(page, iter(entries)):
                page.reached(partition, end, end=True)

    async def _from_log(self, page: Page) -> None:
        asked = {each: page.positions[each] for each in page.behind}
        found = await self._fetcher.fetch(asked, _ROUND_BYTES)
        for partition in asked:
            match found.get(partition):
                case None:  # its topic is not there (yet, or any more)
                    page.reached(partition, 0, end=True)
                case OffsetOutOfRange() as gone:
                    page.lost(gone)
                case Fetched() as fetched:
                    await _look_at(page, partition, fetched)


async def _look_at(page: Page, partition: Partition, fetched: Fetched) -> None:
    if not await _take(page, map(Entry, fetched)):
        return
    if fetched.unreadable is not None:
        _log.error(
            LogEvent.EVENT_UNREADABLE,
            topic=partition.topic,
            partition=partition.partition,
            offset=fetched.unreadable,
        )
        page.damaged.append((partition, fetched.unreadable))
    page.reached(partition, fetched.next_offset, end=fetched.next_offset >= fetched.end)


async def _take(page: Page, entries: Iterator[Entry]) -> bool:
    """Look at all of these, with a breath for others in between; False: there was no room."""
    while some := list(islice(entries, SLICE)):
        if not page.take(some):
            return False
        await asyncio.sleep(0)
    return True
