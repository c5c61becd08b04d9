"""The address that was checked is the address that is connected to."""

import asyncio
import socket

from consumers.sinks.outcome import Delivered, Misconfigured, Temporary
from consumers.sinks.webhook.guard import Guard
from tests.contract.sinks.scripted import Link, SenderType, deliver, open_sink, request_for


class Rebinding:
    """A name server that gives another answer each time, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def lookup(self, host: str) -> list[str]:
        """Give the next answer."""
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def guarded(names: Rebinding) -> Guard:
    """Allow one address, over http."""
    return Guard(allow_http=True, allow_cidrs=["127.0.0.1/32"], lookup=names.lookup)


async def closing(link: Link) -> None:
    """Answer once, with the address that the sender came in by."""
    await link.request()
    link.sink.requests[-1] = link.writer.get_extra_info("sockname")[0].encode()
    link.writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")


async def test_name_is_looked_up_once_per_connection(open_sender: SenderType) -> None:
    """A name that turns inward after the check is connected to at the address of the check."""
    names = Rebinding(["127.0.0.1"], ["127.0.0.2"])
    guard = guarded(names)
    async with open_sink(closing) as sink, open_sender(guard=guard) as sender:
        url = f"http://sink.example:{sink.port}/"
        assert await deliver(sender, request_for(url)) == Delivered(200)
        assert names.asked == ["sink.example"]
        assert sink.requests == [b"127.0.0.1"]
    guard.close()


async def test_name_that_has_turned_inward(open_sender: SenderType) -> None:
    """A name that passed the check at creation is refused when it leads inward at delivery."""
    names = Rebinding(["127.0.0.1"], ["127.0.0.2"])
    guard = guarded(names)
    async with open_sink(closing) as sink, open_sender(guard=guard) as sender:
        url = f"http://sink.example:{sink.port}/"
        assert await guard.check_sink(url) is None
        assert await deliver(sender, request_for(url)) == Misconfigured("forbidden")
        assert sink.connections == 0
    guard.close()


async def test_only_the_allowed_addresses_are_tried(open_sender: SenderType) -> None:
    """Of a name with inward and outward addresses only the outward ones are connected to."""
    names = Rebinding(["127.0.0.2", "10.0.0.1", "127.0.0.1", "::1"])
    guard = guarded(names)
    async with open_sink(closing) as sink, open_sender(guard=guard) as sender:
        url = f"http://sink.example:{sink.port}/"
        assert await deliver(sender, request_for(url)) == Delivered(200)
        assert sink.requests == [b"127.0.0.1"]
    guard.close()


async def test_unknown_name(open_sender: SenderType) -> None:
    """A name that does not resolve is tried again later: name servers have bad days."""

    async def lookup(_: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    guard = Guard(lookup=lookup)
    async with open_sender(guard=guard) as sender:
        assert await deliver(sender, request_for("https://x.example/")) == Temporary("dns")
    guard.close()


async def test_slow_name_server_counts_into_the_time_out(open_sender: SenderType) -> None:
    """Waiting for a name server is waiting; closing the sender meanwhile leaves nothing behind."""

    async def lookup(_: str) -> list[str]:
        await asyncio.Event().wait()
        return []

    guard = Guard(lookup=lookup)
    async with open_sender(guard=guard) as sender:
        outcome = await deliver(sender, request_for("https://x.example/", timeout=0.1))
        assert outcome == Temporary("timeout")
    guard.close()


async def test_host_names_of_the_system(open_sender: SenderType, guard: Guard) -> None:
    """Without a lookup of its own the guard asks the system, and connects to what it found."""
    async with (
        open_sink(b"HTTP/1.1 204 No Content\r\n\r\n") as sink,
        open_sender(guard=guard) as sender,
    ):
        url = f"http://localhost:{sink.port}/"
        assert await deliver(sender, request_for(url)) == Delivered(204)
