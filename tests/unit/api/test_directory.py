"""The directory: a snapshot that is as new as it must be, and no newer than it can be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bus.catalogue import Access, Domain, Domains
from bus.store.directory import Directory, Snapshot
from bus.store.errors import StoreUnavailable


class Source:
    """Where a directory reads: a revision that the test moves, and an outage that it makes."""

    def __init__(self) -> None:
        self.revision = 1
        self.away = False
        self.reads = 0
        self.hold = asyncio.Event()
        self.hold.set()

    async def read(self, known: int | None) -> Snapshot | None:
        """Read as the store does."""
        self.reads += 1
        revision = self.revision
        await asyncio.sleep(0)  # as a store does, it lets others go first
        await self.hold.wait()
        if self.away:
            raise StoreUnavailable("away")
        if known == revision:
            return None
        domain = Domain(f"d{revision}", f"t.d{revision}", "0" * 20)
        return Snapshot(revision, Domains([domain]), Access({}))


@asynccontextmanager
async def directory_of(source: Source) -> AsyncIterator[Directory]:
    """Run a directory on a source."""
    directory = Directory(source.read)
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(directory._watch())
        yield directory
        watching.cancel()


async def test_before_the_first_reading_there_is_nothing() -> None:
    """Who asks too early is told that the store is away."""
    source = Source()
    source.away = True
    async with directory_of(source) as directory:
        with pytest.raises(StoreUnavailable):
            _ = directory.now
        with pytest.raises(StoreUnavailable):
            await directory.refresh()


async def test_refresh_sees_what_was_there_when_it_was_called() -> None:
    """A reading that began before the call is not enough."""
    source = Source()
    async with directory_of(source) as directory:
        assert (await directory.refresh()).revision == 1
        source.hold.clear()
        before = source.reads
        slow = asyncio.create_task(directory.refresh())
        async with asyncio.timeout(5):
            while source.reads == before:  # noqa: ASYNC110 - until it is in the middle of a reading
                await asyncio.sleep(0)
        source.revision = 2
        late = asyncio.create_task(directory.refresh())
        await asyncio.sleep(0)
        source.hold.set()
        assert (await slow).revision >= 1
        assert (await late).revision == 2


async def test_callers_at_once_share_a_reading() -> None:
    """A thousand unknown domains at once are one or two looks at the store."""
    source = Source()
    async with directory_of(source) as directory:
        await directory.refresh()
        before = source.reads
        await asyncio.gather(*(directory.refresh() for _ in range(1_000)))
        assert source.reads - before <= 2


async def test_an_outage_leaves_the_last_snapshot() -> None:
    """While the store is away the last snapshot serves; afterwards it is kept fresh again."""
    source = Source()
    async with directory_of(source) as directory:
        await directory.refresh()
        source.away = True
        with pytest.raises(StoreUnavailable):
            await directory.refresh()
        assert directory.now.revision == 1
        source.away, source.revision = False, 5
        async with asyncio.timeout(5):
            while directory.now.revision != 5:  # noqa: ASYNC110 - it looks by itself
                await asyncio.sleep(0.01)
        assert directory.now.domains.by_name("d5") is not None


async def test_closing_leaves_nobody_waiting() -> None:
    """Who waits for a reading when the directory closes gets an error, not silence."""
    source = Source()
    source.hold.clear()
    async with directory_of(source) as directory:
        waiting = asyncio.create_task(directory.refresh())
        await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable):
        await waiting
