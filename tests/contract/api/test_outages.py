"""Kafka or Postgres away: 503 with Retry-After, nothing half done, and it comes back by itself."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from bus.embedded.datadir import free_port
from bus.embedded.kafka import Kafka
from bus.embedded.startup_cache import location
from tests.contract.api.bus_under_test import (
    PROBLEM,
    STRUCTURED,
    Bus,
    Reply,
    event,
    running,
    settings_for,
    subscription,
)
from tests.contract.pull.pulling import Puller


class Door:
    """A TCP door in front of Postgres that can be shut."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = free_port()

    async def open(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(self._through, "127.0.0.1", self.port)

    async def shut(self) -> None:
        """Cut every connection and refuse new ones."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._writers |= {writer, far_writer}
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


def is_away(reply: Reply, code: str) -> bool:
    """See that an answer is the 503 of an outage."""
    assert reply.status == 503, reply.text
    assert reply.headers["Content-Type"] == PROBLEM
    assert int(reply.headers["Retry-After"]) > 0
    return str(reply.json["type"]).endswith(code)


async def until(what: Callable[[], Awaitable[bool]], within: float = 30.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + within
    while not await what():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_postgres_goes_and_comes(kafka: str, database_url: str, namespace: str) -> None:
    """Without Postgres nobody new is let in and nothing is stored; with it, all is as before."""
    parts = urlsplit(database_url)
    door = Door(parts.hostname or "", parts.port or 0)
    await door.open()
    through = parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{door.port}").geturl()
    async with running(settings_for(kafka, through, namespace)) as bus:
        path = "/v1/subscriptions"
        assert (await bus.call("POST", path, json=subscription())).status == 201
        assert (await bus.publish(event())).status == 202
        await door.shut()
        assert is_away(await bus.publish(event(), who="publisher"), "store-unavailable")
        assert is_away(await bus.call("POST", path, json=subscription()), "store-unavailable")
        ready = await bus.call("GET", "/readyz", who=None)
        assert (ready.status, ready.json["log"]) == (503, "ok")
        assert "Postgres" in ready.json["store"]
        assert (await bus.call("GET", "/healthz", who=None)).status == 200
        await door.open()
        await bus.ready()
        assert (await bus.publish(event(), who="publisher")).status == 202
        assert len((await bus.call("GET", path)).json["items"]) == 1
    await door.shut()


async def test_what_a_stop_does_not_wait_for_is_told_so(
    kafka: str, database_url: str, namespace: str
) -> None:
    """Half of a request as the API stops: a problem document says to come again, not bare text."""
    async with running(settings_for(kafka, database_url, namespace)) as bus:
        reader, writer = await asyncio.open_connection("127.0.0.1", bus.port)
        head = (
            f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bus.tokens['all']}\r\n"
            f"Content-Type: {STRUCTURED}\r\nContent-Length: 500\r\n\r\n"
        )
        writer.write(head.encode() + b'{"specversion":"1.0",')
        await writer.drain()
        await bus.ready()  # asked after it, so what was sent is there
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert PROBLEM.encode() in answer
    assert b"urn:gemeentebus:problem:stopping" in answer
    assert b"retry-after: 5" in answer.lower()


@contextlib.asynccontextmanager
async def own_kafka(
    folder: Path, classpath: tuple[Path, ...], startup_cache: Path
) -> AsyncIterator[Kafka]:
    """Run a broker of this test's own, which it may stop."""
    server = Kafka(
        folder=folder,
        port=free_port(),
        controller_port=free_port(),
        classpath=classpath,
        startup_cache=startup_cache,
    )
    await server.start()
    try:
        yield server
    finally:
        await server.stop(2.0)


async def test_kafka_goes_and_comes(
    database_url: str, namespace: str, classpath: tuple[Path, ...], cache: Path, tmp_path: Path
) -> None:
    """Without Kafka nothing is taken, fetched or made; with it, all goes on, streams included."""
    async with (
        own_kafka(tmp_path, classpath, location(cache, classpath)) as kafka,
        running(settings_for(kafka.bootstrap, database_url, namespace)) as bus,
    ):
        puller = await Puller.open(bus)
        assert (await bus.publish(event(id="1"))).status == 202
        streaming = puller.stream()
        stream = await streaming.__aenter__()
        (first,) = await stream.events(1)
        assert first.event is not None
        before = await bus.end_offsets()
        await kafka.stop(2.0)
        assert is_away(await bus.publish(event(id="2")), "log-unavailable")
        assert is_away(await bus.publish(event(id="3"), event(id="4")), "log-unavailable")
        wishes = {"/v1/domains": {"name": "nl.vng.bag"}, "/v1/subscriptions": subscription()}
        for path, wish in wishes.items():
            assert is_away(await bus.call("POST", path, json=wish), "log-unavailable")
        assert is_away(await puller.get(), "log-unavailable")
        ready = await bus.call("GET", "/readyz", who=None)
        assert (ready.status, ready.json["store"]) == (503, "ok")
        assert "Kafka" in ready.json["log"]
        await kafka.start()
        await bus.ready()
        assert await bus.end_offsets() == before
        listed = (await bus.call("GET", "/v1/subscriptions")).json["items"]
        assert [each["id"] for each in listed] == [puller.id]
        assert (await bus.call("GET", "/v1/domains/nl.vng.bag")).status == 404
        await until(lambda: _taken(bus))
        assert (await bus.call("POST", "/v1/domains", json=wishes["/v1/domains"])).status == 201
        await until(lambda: _given(puller))
        assert await puller.ids() == ["1", "5"]
        async with asyncio.timeout(20):
            (message,) = await stream.events(1)
        assert message.event == first.event | {"id": "5"}
        await streaming.__aexit__(None, None, None)


async def _taken(bus: Bus) -> bool:
    return (await bus.publish(event(id="5"))).status == 202


async def _given(puller: Puller) -> bool:
    return (await puller.get()).status == 200
