"""The chores: what one dispatch process of all does for the whole bus, from time to time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Final

from bus.app.domains import ensure, ensure_types, own_domain, widen
from bus.app.parts import topics_of, writer_of
from bus.log.errors import LogError
from bus.observe import metrics
from bus.observe.logging import LogEvent, get
from bus.settings import Settings
from bus.store.chores import turn
from bus.store.database import Database, Session
from bus.store.directory import Directory
from bus.store.errors import StoreError, StoreUnavailable
from bus.store.housekeeping import Housekeeping
from producers.notices.decision import Thresholds
from producers.notices.relay import NoticeRelay
from producers.notices.watch import Watch

STANDBY: Final = 2.0
"""Seconds between attempts to get the turn."""

RETRY: Final = 1 / 60
"""What failed is tried again after this part of its period, and STANDBY at least."""

_log = get()


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do every so many seconds.

    `do` gets the connection that holds the turn; what gives True has more to do at once.
    """

    name: str
    every: float
    do: Callable[[Session], Awaitable[bool | None]]


class Chores:
    """Does the chores while it is this process's turn. Of several, in any process, one works.

    They run one after the other, so that none needs to think of another; each fails by itself and
    is tried again. `chores` opens what they need, for as long as the turn lasts.
    """

    def __init__(
        self, database: Database, chores: Callable[[], AbstractAsyncContextManager[Sequence[Chore]]]
    ) -> None:
        self._database = database
        self._chores = chores
        self._due: dict[str, float] = {}
        self._doing = ""
        self._failing: dict[str, str] = {}

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set; what is under way is finished."""
        while not stopping.is_set():
            self._doing = "turn"
            try:
                async with turn(self._database) as session:
                    self._succeeded()
                    if session is not None:
                        await self._work(session, stopping)
            except StoreError as error:
                self._failed(error)
            await _pause(stopping, STANDBY)

    async def _work(self, session: Session, stopping: asyncio.Event) -> None:
        async with self._chores() as chores:
            while not stopping.is_set():
                for chore in chores:
                    if self._due.get(chore.name, 0.0) <= monotonic():
                        await self._do(chore, session)
                await _pause(stopping, min(self._due.values()) - monotonic())

    async def _do(self, chore: Chore, session: Session) -> None:
        """Do one, and note when it is due again. Raises StoreUnavailable: the turn may be over."""
        self._doing = chore.name
        self._due[chore.name] = monotonic() + max(STANDBY, chore.every * RETRY)
        try:
            more = await chore.do(session)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a chore, deliveries go on
            self._failed(error)
        else:
            self._due[chore.name] = monotonic() + (0.0 if more else chore.every)
            self._succeeded()

    def _failed(self, error: Exception) -> None:
        """Count it, and write a line when it begins to fail or does so in a new way."""
        metrics.CHORES_FAILED.labels(self._doing).inc()
        reason = str(error) if isinstance(error, LogError | StoreError) else type(error).__name__
        if self._failing.get(self._doing) != reason:
            self._failing[self._doing] = reason
            _log.warning(LogEvent.CHORE_FAILED, name=self._doing, error=error, reason=reason)

    def _succeeded(self) -> None:
        if self._failing.pop(self._doing, None) is not None:
            _log.info(LogEvent.CHORE_RECOVERED, name=self._doing)


@asynccontextmanager
async def chores_of(
    settings: Settings, database: Database, directory: Directory, url: str
) -> AsyncIterator[Sequence[Chore]]:
    """Open what one dispatcher of all does for the whole bus; `url` is where others reach it."""
    domain = own_domain(settings.namespace, settings.organisation)
    thresholds = Thresholds(settings.behind_seconds, settings.near_retention_hours * 3_600)
    async with topics_of(settings) as topics, writer_of(settings) as writer:
        relay = NoticeRelay(writer, topic=domain.topic, url=url)
        housekeeping = Housekeeping(settings.attempt_days, settings.dead_letter_days)
        with closing(Watch(topics, directory, thresholds)) as watch:
            yield [
                Chore("domain", 60.0, lambda _: ensure(domain, database, topics)),
                Chore("topics", 60.0, lambda _: widen(directory, topics)),
                Chore("event-types", 60.0, lambda _: ensure_types(database, directory)),
                Chore("notices", 0.5, relay.round),
                Chore("watch", 10.0, watch.look),
                Chore("housekeeping", 3_600.0, housekeeping.tidy),
            ]


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    """Wait, or less when asked to stop."""
    with suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, seconds)):
            await stopping.wait()
