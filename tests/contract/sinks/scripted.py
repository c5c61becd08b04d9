"""Sinks that answer byte for byte as a test says, on loopback."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from consumers.sinks.outcome import Outcome
from consumers.sinks.sender import Request, Sender, header_lines
from consumers.sinks.webhook.aiohttp_sender import AiohttpSender
from consumers.sinks.webhook.wire_sender import WireSender

SenderType = type[AiohttpSender] | type[WireSender]


class Sink:
    """A sink on a free port; `script` is called per connection, and keeps it until it returns."""

    def __init__(self, script: "Script") -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self.port = 0
        self.scheme = "http"
        self._script = script
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Give the address to deliver to."""
        return f"{self.scheme}://127.0.0.1:{self.port}/events"

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection: run the script over it in a task that `stop` ends."""
        self.connections += 1
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._script(Link(self, reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass  # the sender went away
        finally:
            writer.close()

    async def stop(self) -> None:
        """End what is still connected."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Link:
    """One connection to a sink, as its script has it."""

    sink: Sink
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self) -> bytes:
        """Read one request to its end; the sink keeps it."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        request = head + await self.reader.readexactly(length)
        self.sink.requests.append(request)
        return request


Script = Callable[[Link], Awaitable[None]]


async def answer_with(answer: bytes, link: Link) -> None:
    """Answer every request on a connection with these bytes."""
    while True:
        await link.request()
        link.writer.write(answer)
        await link.writer.drain()


@asynccontextmanager
async def open_sink(
    script: Script | bytes, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Sink]:
    """Open a sink that runs a script per connection, or gives one answer to every request."""
    sink = Sink(partial(answer_with, script) if isinstance(script, bytes) else script)
    server = await asyncio.start_server(sink.connected, "127.0.0.1", 0, ssl=tls)
    sink.port = server.sockets[0].getsockname()[1]
    sink.scheme = "http" if tls is None else "https"
    try:
        yield sink
    finally:
        server.close()
        await sink.stop()


def request_for(
    url: str, *, body: bytes = b"{}", timeout: float = 5.0, organisation: str = "org"
) -> Request:
    """Make a request with a message id, as the engine would."""
    headers = (("Content-Type", "application/cloudevents+json"), ("webhook-id", "msg_1"))
    return Request(url, header_lines(headers), body, timeout, organisation)


async def deliver(sender: Sender, request: Request) -> Outcome:
    """Send one request and give its outcome; a second call of `done` fails the test."""
    outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    sender.send(request, outcome.set_result)
    async with asyncio.timeout(10):
        return await outcome
