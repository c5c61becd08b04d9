"""Fifty components behind one port, each with a temper of its own, and the journal they keep."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, cast

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_REASONS = {204: "No Content", 410: "Gone", 422: "Unprocessable", 429: "Slow", 503: "Unavailable"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a component does with a request: a status after some seconds; 0 hangs up instead."""

    status: int = 204
    after: float = 0.0
    retry_after: int | None = None


Temper = Callable[["Component", dict[str, Any]], Answer]


@dataclass(slots=True)
class Arrival:
    """One event as it came in; `accepted` is when the component took it, if it did."""

    id: str
    key: str
    at: float
    accepted: float | None


@dataclass
class Component:
    """One subscriber; `calm` ends whatever is wrong with it."""

    name: str
    temper: Temper
    types: tuple[str, ...] = ()
    rng: Random = field(default_factory=lambda: Random(1))  # noqa: S311 - the same each time
    journal: list[Arrival] = field(default_factory=list)
    calm: bool = False

    def take(self, event: dict[str, Any]) -> Answer:
        """Note an event, and say how it is answered."""
        answer = Answer() if self.calm and self.temper is not picky else self.temper(self, event)
        now = time.monotonic()
        # One that hangs up has taken the event all the same.
        took = answer.status in (0, 204)
        arrival = Arrival(event["id"], event["partitionkey"], now, now if took else None)
        self.journal.append(arrival)
        return answer


def healthy(_self: Component, _event: dict[str, Any]) -> Answer:
    """Take everything."""
    return Answer()


def slow(_self: Component, _event: dict[str, Any]) -> Answer:
    """Take everything, in a while."""
    return Answer(after=0.2)


def flapping(_self: Component, _event: dict[str, Any]) -> Answer:
    """Be away every other three seconds."""
    return Answer() if int(time.monotonic() / 3) % 2 else Answer(503)


def dead(_self: Component, _event: dict[str, Any]) -> Answer:
    """Take nothing."""
    return Answer(503)


def throttling(self: Component, _event: dict[str, Any]) -> Answer:
    """Ask for quiet now and then."""
    return Answer(429, retry_after=1) if self.rng.random() < 0.02 else Answer()


def gone(self: Component, _event: dict[str, Any]) -> Answer:
    """Take a hundred events, then say that one is retired."""
    return Answer() if len(self.journal) < 100 else Answer(410)


def picky(_self: Component, event: dict[str, Any]) -> Answer:
    """Refuse the events of one key, for ever."""
    return Answer(422) if event["partitionkey"] == "k7" else Answer()


def dropping(self: Component, _event: dict[str, Any]) -> Answer:
    """Do the work, and hang up now and then without an answer."""
    return Answer(0) if self.rng.random() < 0.02 else Answer()


class _Connection(asyncio.Protocol):
    """HTTP/1.1, one request after the other, with as little ado as possible."""

    def __init__(self, components: dict[str, Component]) -> None:
        self._components = components
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end])
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < whole:
                return
            body = bytes(self._buffer[end + 4 : whole])
            del self._buffer[:whole]
            method, path, _ = head.decode().split(" ", 2)
            if method == "OPTIONS":  # may you deliver? it does not say
                self._send(Answer())
                continue
            answer = self._components[path.lstrip("/")].take(json.loads(body))
            if answer.after:
                asyncio.get_running_loop().call_later(answer.after, partial(self._send, answer))
            else:
                self._send(answer)

    def _send(self, answer: Answer) -> None:
        if answer.status == 0:
            self._transport.abort()
            return
        wait = f"Retry-After: {answer.retry_after}\r\n" if answer.retry_after else ""
        length = "" if answer.status == 204 else "Content-Length: 0\r\n"
        line = f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}\r\n{wait}{length}\r\n"
        self._transport.write(line.encode())


@asynccontextmanager
async def served(components: list[Component]) -> AsyncIterator[str]:
    """Serve them on loopback; gives the address that their names are to be put behind."""
    by_name = {each.name: each for each in components}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(by_name), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.close()
