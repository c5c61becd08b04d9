"""A component that comes to fetch: what it asks the API, and what it hears on a stream."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

from tests.contract.api.bus_under_test import Bus, Reply


class Puller:
    """One subscription that is pulled, and its requests."""

    def __init__(self, bus: Bus, made: Reply, who: str) -> None:
        self.bus = bus
        self.who = who
        self.id: str = made.json["id"]
        self.path = f"/v1/subscriptions/{self.id}"
        self.cursor: str | None = None

    @classmethod
    async def open(cls, bus: Bus, who: str = "all", **terms: object) -> "Puller":
        """Subscribe with protocol PULL."""
        wish = {"protocol": "PULL", **terms}
        made = await bus.call("POST", "/v1/subscriptions", json=wish, who=who)
        assert made.status == 201, made.text
        return cls(bus, made, who)

    async def get(self, *, accept: str = "application/json", **query: object) -> Reply:
        """Ask for events."""
        path = f"{self.path}/events" + (f"?{urlencode(query)}" if query else "")
        return await self.bus.call("GET", path, who=self.who, headers={"Accept": accept})

    async def ids(self, **query: object) -> list[str]:
        """Ask for events, which must be given; keep the cursor behind them."""
        reply = await self.get(**query)
        assert reply.status == 200, reply.text
        self.cursor = reply.json["cursor"]
        return [event["id"] for event in reply.json["events"]]

    async def on(self, **query: object) -> list[str]:
        """Ask for what comes after the cursor that this component holds."""
        return await self.ids(after=self.cursor, **query)

    async def ack(self, cursor: str | None = None, **more: object) -> Reply:
        """Acknowledge up to a cursor, the last one when none is given."""
        document = {"cursor": cursor or self.cursor, **more}
        return await self.bus.call("POST", f"{self.path}/events/_ack", who=self.who, json=document)

    @asynccontextmanager
    async def stream(self, **headers: str) -> AsyncIterator["Messages"]:
        """Keep a stream open; it must have begun."""
        sent = {"Accept": "text/event-stream", "Authorization": f"Bearer {self._token()}"}
        url = f"{self.bus.url}{self.path}/events"
        async with (
            aiohttp.ClientSession(read_bufsize=1024) as http,
            http.get(url, headers={**sent, **headers}) as answer,
        ):
            assert answer.status == 200, await answer.text()
            yield Messages(answer)

    def _token(self) -> str:
        return self.bus.tokens[self.who]


@dataclass(frozen=True, slots=True)
class Message:
    """One block of a stream; `event` is None for a heartbeat."""

    id: str | None
    event: Mapping[str, Any] | None


class Messages:
    """Reads a stream as the standard of Server-Sent Events says."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self._left = b""

    async def next(self) -> Message | None:
        """Give the next block, None at the end."""
        fields = await self._block()
        while fields is not None and not {"id", "data"} & {name for name, _ in fields}:
            fields = await self._block()
        if fields is None:
            return None
        ids = [value for name, value in fields if name == "id"]
        data = "\n".join(value for name, value in fields if name == "data")
        return Message(ids[-1] if ids else None, json.loads(data) if data else None)

    async def _block(self) -> list[tuple[str, str]] | None:
        """Give the fields up to the next empty line, None at the end."""
        while b"\n\n" not in self._left:
            more = await self.answer.content.readany()
            if not more:
                return None
            self._left += more
        block, _, self._left = self._left.partition(b"\n\n")
        pairs = (line.partition(": ") for line in block.decode().split("\n"))
        return [(name, value) for name, _, value in pairs]

    async def events(self, number: int) -> list[Message]:
        """Wait for so many events, heartbeats left out."""
        found: list[Message] = []
        while len(found) < number:
            message = await self.next()
            assert message is not None, "the stream ended"
            if message.event is not None:
                found.append(message)
        return found

    async def rest(self) -> list[Message]:
        """Read to the end."""
        found = []
        while (message := await self.next()) is not None:
            found.append(message)
        return found
