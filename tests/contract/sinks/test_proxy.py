"""Deliveries and questions through an egress proxy: it looks names up, the guard judges URLs."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from consumers.sinks.outcome import Delivered, Misconfigured, Outcome, Temporary
from consumers.sinks.webhook.aiohttp_sender import AiohttpSender
from consumers.sinks.webhook.client import Client
from consumers.sinks.webhook.dial import Unreachable
from consumers.sinks.webhook.guard import Guard
from tests.certificates import made_certificate
from tests.contract.sinks.scripted import Link, Sink, deliver, open_sink, request_for

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
TUNNEL = b"HTTP/1.1 200 Connection established\r\n\r\n"


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def proxy(port: int, answer: bytes = TUNNEL) -> AsyncIterator[Sink]:
    """Open a proxy that tunnels to this port of loopback, whatever name it is asked for."""

    async def script(link: Link) -> None:
        link.sink.requests.append(await link.reader.readuntil(b"\r\n\r\n"))
        link.writer.write(answer)
        await link.writer.drain()
        if answer is TUNNEL:
            inner, outer = await asyncio.open_connection("127.0.0.1", port)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(_pump(link.reader, outer))
                    both.create_task(_pump(inner, link.writer))
            finally:
                outer.close()

    async with open_sink(script) as opened:
        yield opened


def through(way: Sink) -> str:
    """Give the URL of a proxy."""
    return f"http://127.0.0.1:{way.port}"


@pytest.fixture
def no_names() -> Guard:
    """Give a guard that can look up nothing, as behind a proxy, and allows nothing inside."""

    async def lookup(_: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no names here")

    return Guard(lookup=lookup, proxied=True)


async def test_a_sink_by_name(no_names: Guard, tmp_path: Path) -> None:
    """The proxy gets the name; the certificate is checked against it from end to end."""
    certificate, key = made_certificate(host="sink.example")
    path = tmp_path / "sink.pem"
    path.write_text(certificate + key)
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(path)
    tls = ssl.create_default_context(cadata=certificate)
    assert await no_names.check_sink("https://sink.example/events") is None
    async with (
        open_sink(OK, tls=served) as sink,
        proxy(sink.port) as way,
        AiohttpSender(guard=no_names, tls=tls, proxy=through(way)) as sender,
    ):
        for host, expected in (
            ("sink.example", Delivered(200)),
            ("other.example", Misconfigured("certificate")),
        ):
            outcome = await deliver(sender, request_for(f"https://{host}/events"))
            assert outcome == expected
        assert [each.split()[1] for each in way.requests] == [
            b"sink.example:443",
            b"other.example:443",
        ]
        assert sink.requests[0].startswith(b"POST /events HTTP/1.1\r\nHost: sink.example\r\n")
        client = Client(guard=no_names, tls=tls, proxy=through(way))
        reply = await client.ask(
            "POST", "https://sink.example/token", headers={}, body=b"x=y", timeout=5
        )
        assert (reply.status, len(sink.requests)) == (200, 2)
    no_names.close()


@pytest.mark.parametrize("url", ["http://sink.example/", "https://10.0.0.1/", "https://[::1]/x"])
async def test_what_the_guard_refuses_never_reaches_the_proxy(no_names: Guard, url: str) -> None:
    """Addresses inside and plain http are refused here, as without a proxy."""
    async with (
        proxy(1) as way,
        AiohttpSender(guard=no_names, proxy=through(way)) as sender,
    ):
        assert await deliver(sender, request_for(url)) == Misconfigured("forbidden")
        with pytest.raises(Unreachable):
            await Client(guard=no_names, proxy=through(way)).ask(
                "OPTIONS", url, headers={}, timeout=5
            )
        assert way.requests == []
    no_names.close()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", Misconfigured("forbidden")),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", Temporary("broken")),
        (b"nonsense\r\n\r\n", Temporary("broken")),
    ],
)
async def test_what_the_proxy_says(no_names: Guard, answer: bytes, expected: Outcome) -> None:
    """A destination that it forbids is the owner's to change; any other trouble may pass."""
    async with (
        proxy(1, answer) as way,
        AiohttpSender(guard=no_names, proxy=through(way)) as sender,
    ):
        assert await deliver(sender, request_for("https://sink.example/")) == expected
    no_names.close()


async def test_a_proxy_that_is_away(no_names: Guard) -> None:
    """Deliveries are tried again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    async with AiohttpSender(guard=no_names, proxy=f"http://127.0.0.1:{port}") as sender:
        outcome = await deliver(sender, request_for("https://sink.example/"))
        assert outcome == Temporary("connect")
    no_names.close()
