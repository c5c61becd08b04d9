"""How long the sender waits: for a connection, for the first byte, for the whole answer."""

import asyncio
import socket

from msgspec.structs import replace

from consumers.sinks.outcome import Delivered, Temporary
from consumers.sinks.sender import Sender
from consumers.sinks.webhook.guard import Guard
from consumers.sinks.webhook.wire_sender import WireSender
from tests.contract.sinks.scripted import Link, deliver, open_sink, request_for

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


async def test_an_answer_that_does_not_begin(sender: Sender) -> None:
    """A sink that says nothing is given up at the first byte's time, long before the total."""

    async def script(link: Link) -> None:
        await link.request()
        await link.reader.read()

    async with open_sink(script) as sink:
        request = replace(request_for(sink.url, timeout=60.0), first_byte=0.2)
        assert await deliver(sender, request) == Temporary("timeout")
        assert len(sink.requests) == 1


async def test_an_answer_that_has_begun_has_its_whole_time(sender: Sender) -> None:
    """Past the first byte only the total counts."""
    begun = asyncio.Event()

    async def script(link: Link) -> None:
        await link.request()
        link.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
        begun.set()
        await release.wait()
        link.writer.write(b"k")
        await link.reader.read()

    release = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with open_sink(script) as sink:
        request = replace(request_for(sink.url, timeout=30.0), first_byte=0.1)
        outcome = asyncio.ensure_future(deliver(sender, request))
        await begun.wait()
        loop.call_later(0.6, release.set)  # a sweep or two after the first byte's time
        assert await outcome == Delivered(200)


async def test_a_connection_that_does_not_come(guard: Guard) -> None:
    """A host that takes no connection in is left after the connect time, not the total."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        url = f"https://127.0.0.1:{full.getsockname()[1]}/"  # TLS: the handshake is never answered
        async with WireSender(guard=guard, connect=0.2) as sender:
            outcome = await deliver(sender, request_for(url, timeout=60.0))
            assert outcome == Temporary("connect")
            short = await deliver(sender, request_for(url, timeout=0.1))
            assert short == Temporary("timeout")
