"""Sends to inbox topics, each through a producer of its own."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Self

from bus.catalogue.inbox import Inboxes
from bus.log.background import Background, Raised
from bus.log.errors import LogError, LogRefused, RecordTooLarge, TopicMissing
from bus.log.record import Appended
from bus.log.writer import Writer
from consumers.sinks.outcome import (
    Delivered,
    Misconfigured,
    Outcome,
    Reason,
    Refused,
    Temporary,
)
from consumers.sinks.sender import TopicRequest

IDLE = 60.0
"""Seconds without a record after which a topic's producer is closed."""

_STOPPED = Temporary(Reason.STOPPED)

Done = Callable[[Outcome], None]


class _Inbox:
    """One topic: what waits for its producer, and what is under way."""

    def __init__(self) -> None:
        self.writer: Writer | None = None
        self.waiting: deque[tuple[TopicRequest, Done]] = deque()
        self.away: set[Done] = set()
        self.used = True


class TopicSender:
    """Appends records, with acks from all in-sync replicas, in the order in which they were given.

    A producer that fails loses all that it has under way, whatever topic it is for; so each topic
    has one of its own, and what one component's topic refuses delays no other component. `writer`
    makes them; their bound of time is that of every attempt. `inboxes` says whose a topic may be;
    none is ever made here.
    """

    def __init__(
        self, writer: Callable[[], Writer], inboxes: Inboxes, *, idle: float = IDLE
    ) -> None:
        self._new_writer = writer
        self._allowed = inboxes
        self._idle = idle
        self._inboxes: dict[str, _Inbox] = {}
        self._background = Background()
        self._stopped = False

    async def __aenter__(self) -> Self:
        await self._background.__aenter__()
        return self

    async def __aexit__(self, *raised: *Raised) -> None:
        """Tell all that is under way, then close; a record on the wire may still be stored."""
        self._stopped = True
        for inbox in self._inboxes.values():
            waiting = [done for _, done in inbox.waiting]
            inbox.waiting.clear()
            for done in [*waiting, *inbox.away]:
                done(_STOPPED)
            inbox.away.clear()
        await self._background.__aexit__(*raised)

    def send(self, request: TopicRequest, done: Done) -> None:
        """Start one attempt; `done` is called exactly once, later, on the same event loop."""
        loop = asyncio.get_running_loop()
        if self._stopped:
            loop.call_soon(done, _STOPPED)
            return
        if self._allowed.refusal(request.topic, request.organisation) is not None:
            loop.call_soon(done, Misconfigured(Reason.FORBIDDEN))
            return
        inbox = self._inboxes.get(request.topic)
        if inbox is None:
            inbox = self._inboxes[request.topic] = _Inbox()
            self._background.start(self._keep(request.topic, inbox), f"inbox {request.topic}")
        if inbox.writer is None:
            inbox.waiting.append((request, done))
        else:
            self._append(inbox, inbox.writer, request, done)

    async def _keep(self, topic: str, inbox: _Inbox) -> None:
        """Keep a topic's producer for as long as it is used."""
        async with self._new_writer() as inbox.writer:
            while inbox.waiting:
                self._append(inbox, inbox.writer, *inbox.waiting.popleft())
            while inbox.used or inbox.away:
                inbox.used = False
                await asyncio.sleep(self._idle)
            del self._inboxes[topic]

    def _append(self, inbox: _Inbox, writer: Writer, request: TopicRequest, done: Done) -> None:
        inbox.used = True
        try:
            stored = writer.append(request.topic, request.key, request.headers, request.value)
        except LogError as error:
            asyncio.get_running_loop().call_soon(done, outcome_of(error))
            return
        inbox.away.add(done)
        stored.add_done_callback(partial(_settle, inbox, done))


def _settle(inbox: _Inbox, done: Done, stored: asyncio.Future[Appended]) -> None:
    error = None if stored.cancelled() else stored.exception()
    if done not in inbox.away:
        return  # told already that we have stopped
    inbox.away.discard(done)
    if stored.cancelled():
        done(_STOPPED)
    elif error is None:
        done(Delivered(202))
    else:
        done(outcome_of(error))


def outcome_of(error: BaseException) -> Outcome:
    """Give the outcome of a record that was not stored."""
    match error:
        case RecordTooLarge():
            return Refused(413)
        case TopicMissing():
            return Misconfigured(Reason.TOPIC)
        case LogRefused():
            return Misconfigured(Reason.FORBIDDEN)
        case LogError():
            return Temporary(Reason.LOG)
        case _:
            return Temporary(Reason.FAULT)
