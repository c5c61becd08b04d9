"""The tail: the newest records of partitions that somebody waits at, read once for all of them."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from bus.catalogue.asking import add_wanted
from bus.log.errors import LogUnavailable, OffsetOutOfRange, TopicMissing
from bus.log.reader import Reader
from bus.log.record import Partition, Record
from bus.match import Index
from bus.observe.logging import LogEvent, get
from bus.pull.entry import Entry
from bus.pull.wish import Readers, takers
from bus.subscription import Subscription

MAX_BYTES = 16 * 1024 * 1024
"""What all partitions of a process keep together."""

LINGER = 60.0
"""Seconds that a partition is read on after the last who waited there: pollers come back."""

SLICE = 200
"""Records looked at without giving the loop a breath: some 2 ms."""

_READ = 2_000
_PAUSE = 0.5

_log = get()


@dataclass(slots=True, eq=False)
class _Waiter:
    """Somebody at the end of the log; `positions` move along when it wakes."""

    positions: dict[Partition, int]
    woken: asyncio.Future[None]


@dataclass(slots=True)
class _Part:
    """One partition: `entries` are all its records from `start` up to `next_offset`."""

    start: int
    next_offset: int
    entries: deque[Entry] = field(default_factory=deque)
    size: int = 0
    waiting: int = 0
    wanted_at: float = 0.0


class Tail:
    """Reads on at the ends; `run` is the one task that does.

    An event wakes those who want it and may read it, found as the dispatcher finds them: an idle
    waiter costs nothing, whatever is published for others.
    """

    def __init__(self, reader: Reader, readers: Readers, *, max_bytes: int = MAX_BYTES) -> None:
        self._reader = reader
        self._readers = readers
        self._max_bytes = max_bytes
        self._parts: dict[Partition, _Part] = {}
        self._index: Index[_Waiter] = Index()
        self._waiters: set[_Waiter] = set()
        self._stopped = False

    def since(self, partition: Partition, offset: int) -> tuple[Sequence[Entry], int] | None:
        """Give all that is known from there on, and up to where; None: the log has to be asked."""
        part = self._parts.get(partition)
        if part is None or not part.start <= offset:
            return None
        newest_first = takewhile(lambda entry: entry.offset >= offset, reversed(part.entries))
        return list(newest_first)[::-1], part.next_offset

    async def wait(
        self, positions: Mapping[Partition, int], terms: Subscription, seconds: float
    ) -> dict[Partition, int]:
        """Wait for an event that these terms want; give the positions up to which there is none.

        Returns at once where the tail knows of records after a position: they are to be looked at.
        """
        waiter = _Waiter(dict(positions), asyncio.get_running_loop().create_future())
        parts = [self._follow(partition, offset) for partition, offset in positions.items()]
        known = zip(parts, positions.values(), strict=True)
        if self._stopped or any(part.next_offset > offset for part, offset in known):
            return waiter.positions
        add_wanted(self._index, waiter, terms, organisation=terms.organisation)
        self._waiters.add(waiter)
        for part in parts:
            part.waiting += 1
        try:
            await asyncio.wait([waiter.woken], timeout=seconds)
        finally:
            self._waiters.discard(waiter)
            self._index.remove(waiter)
            for part in parts:
                part.waiting -= 1
                part.wanted_at = time.monotonic()
        self._move_along(waiter)
        return waiter.positions

    def stop(self) -> None:
        """Let everybody go, and nobody wait any more."""
        self._stopped = True
        for waiter in self._waiters:
            _wake(waiter)

    async def run(self) -> None:
        """Read until cancelled, whatever is wrong with one partition or with Kafka."""
        while True:
            try:
                found = await self._reader.read(_READ, _PAUSE)
            except OffsetOutOfRange as gone:
                self._drop({gone.partition})
            except TopicMissing as missing:
                self._drop({each for each in self._parts if each.topic == missing.topic})
            except LogUnavailable as error:
                _log.warning(LogEvent.LOG_UNAVAILABLE, error=error)
                await asyncio.sleep(_PAUSE)
            else:
                for partition, records in found.items():
                    for start in range(0, len(records), SLICE):
                        self._feed(partition, records[start : start + SLICE])
                        await asyncio.sleep(0)
            self._let_go(time.monotonic())

    def _follow(self, partition: Partition, offset: int) -> _Part:
        part = self._parts.get(partition)
        if part is None:
            part = self._parts[partition] = _Part(offset, offset)
            self._reader.assign({partition: offset})
        part.wanted_at = time.monotonic()
        return part

    def _feed(self, partition: Partition, records: Sequence[Record]) -> None:
        part = self._parts.get(partition)
        if part is None:
            return
        for record in records:
            if record.offset < part.next_offset:
                continue
            entry = Entry(record)
            part.entries.append(entry)
            part.size += entry.size
            for waiter in takers(self._index, entry, self._readers):
                if waiter.positions.get(partition, entry.offset + 1) <= entry.offset:
                    self._move_along(waiter)
                    _wake(waiter)
            part.next_offset = entry.offset + 1
        self._trim(part)

    def _trim(self, part: _Part) -> None:
        while part.entries and part.size > self._max_bytes // len(self._parts):
            oldest = part.entries.popleft()
            part.size -= oldest.size
            part.start = oldest.offset + 1

    def _move_along(self, waiter: _Waiter) -> None:
        """Put a waiter where the tail is: it would have been woken by what it wants before that."""
        if waiter.woken.done():
            return
        for partition, offset in waiter.positions.items():
            if part := self._parts.get(partition):
                waiter.positions[partition] = max(offset, part.next_offset)

    def _drop(self, partitions: set[Partition]) -> None:
        """Read these no more; who waits there asks the log, which says what is wrong."""
        self._reader.release(partitions)
        for partition in partitions:
            self._parts.pop(partition, None)
        for waiter in self._waiters:
            if not partitions.isdisjoint(waiter.positions):
                _wake(waiter)

    def _let_go(self, now: float) -> None:
        """Read on no longer where nobody has waited for a while; done after each read."""
        idle = {
            each
            for each, part in self._parts.items()
            if not part.waiting and now - part.wanted_at > LINGER
        }
        if idle:
            self._drop(idle)


def _wake(waiter: _Waiter) -> None:
    if not waiter.woken.done():
        waiter.woken.set_result(None)
