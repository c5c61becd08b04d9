"""What our own sender promises beyond the Protocol: bounds, rest, and no task per delivery."""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from consumers.sinks.outcome import Delivered, Misconfigured, Outcome, Refused, Temporary
from consumers.sinks.webhook.connection import Connection
from consumers.sinks.webhook.guard import Guard
from consumers.sinks.webhook.wire_sender import WireSender
from tests.contract.sinks.scripted import Link, deliver, open_sink, request_for

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def wire(guard: Guard, **options: Any) -> AsyncIterator[WireSender]:  # noqa: ANN401 - the sender's own
    """Open a sender with these options."""
    async with WireSender(guard=guard, **options) as sender:
        yield sender


async def until(seen: Any) -> None:  # noqa: ANN401 - a condition
    """Wait for a condition that nobody tells of."""
    async with asyncio.timeout(5):
        while not seen():  # noqa: ASYNC110 - the docstring says it
            await asyncio.sleep(0.01)


class Watched:
    """The loop as the sender sees it, with a list of what it asked for."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.asked: list[str] = []
        self._loop = loop

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the loop has
        """Note the name."""
        self.asked.append(name)
        return getattr(self._loop, name)


async def test_no_task_or_timer_per_delivery(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a kept connection a delivery asks nothing of the loop but the time."""
    over = asyncio.Event()
    left = 50

    async with open_sink(OK) as sink, wire(guard) as sender:
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        assert sender._timer is not None
        sender._timer.cancel()  # the one sweep of all
        watched = Watched(sender._loop)
        monkeypatch.setattr(sender, "_loop", watched)
        tasks = asyncio.all_tasks()

        def done(_: Outcome) -> None:
            nonlocal left
            left -= 1
            assert asyncio.all_tasks() == tasks
            if left:
                sender.send(request_for(sink.url), done)
            else:
                over.set()

        sender.send(request_for(sink.url), done)
        async with asyncio.timeout(5):
            await over.wait()
        assert watched.asked == ["time"] * 50
        assert sink.connections == 1


async def test_bound_on_connections(guard: Guard) -> None:
    """More requests than connections wait for one, and are served in the order they came."""
    async with open_sink(OK) as sink, wire(guard, connections=3) as sender:
        requests = [request_for(sink.url, body=b"%d" % each) for each in range(40)]
        outcomes = await asyncio.gather(*(deliver(sender, request) for request in requests))
        assert outcomes == [Delivered(200)] * 40
        assert sink.connections == 3
        order = [int(request.rpartition(b"\n")[2]) for request in sink.requests]
        assert max(abs(place - each) for place, each in enumerate(order)) <= 3


async def test_each_gets_its_own_outcome(guard: Guard) -> None:
    """Who waits is served before the one that is over is told, and no outcome goes astray."""
    outcomes: dict[str, Outcome] = {}

    async def script(link: Link) -> None:
        for line in (b"200 OK", b"400 No", b"503 Later"):
            await link.request()
            link.writer.write(b"HTTP/1.1 " + line + b"\r\nContent-Length: 0\r\n\r\n")

    async with open_sink(script) as sink, wire(guard, connections=1) as sender:
        for name in ("a", "b", "c"):
            sender.send(
                request_for(sink.url), lambda outcome, name=name: outcomes.update({name: outcome})
            )
        await until(lambda: len(outcomes) == 3)
    assert outcomes == {"a": Delivered(200), "b": Refused(400), "c": Temporary("answer", 503)}


async def test_nothing_goes_out_before_the_answer(guard: Guard) -> None:
    """A request that waits is not written behind the one under way."""
    answered = False

    async def script(link: Link) -> None:
        nonlocal answered
        await link.request()
        try:
            async with asyncio.timeout(0.3):
                await link.reader.read(1)
        except TimeoutError:
            answered = True
            link.writer.write(OK)
            await link.request()
            link.writer.write(OK)

    async with open_sink(script) as sink, wire(guard, connections=1) as sender:
        both = (deliver(sender, request_for(sink.url)) for _ in range(2))
        assert await asyncio.gather(*both) == [Delivered(200)] * 2
    assert answered


async def test_waiting_for_a_connection_counts(guard: Guard) -> None:
    """Who waits too long is timed out unsent; the freed place serves the next."""

    async def script(link: Link) -> None:
        request = await link.request()
        if not request.endswith(b"hang"):
            link.writer.write(OK)
        await link.reader.read()

    async with open_sink(script) as sink, wire(guard, connections=1) as sender:
        hanging = asyncio.ensure_future(
            deliver(sender, request_for(sink.url, body=b"hang", timeout=1))
        )
        await until(lambda: sink.requests)
        short = request_for(sink.url, body=b"short", timeout=0.3)
        patient = asyncio.ensure_future(deliver(sender, request_for(sink.url, body=b"patient")))
        assert await deliver(sender, short) == Temporary("timeout")
        assert await hanging == Temporary("timeout")
        assert await patient == Delivered(200)
        assert [request.rpartition(b"\n")[2] for request in sink.requests] == [b"hang", b"patient"]
        assert sink.connections == 2


async def test_silent_host_gives_its_place_back(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that never comes about is given up with the request that asked for it."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:  # Linux drops what the backlog does not hold
            filler.setblocking(False)  # noqa: FBT003 - the standard library's
            filler.connect_ex(address)
        async with wire(guard, connections=1) as sender:
            watched = Watched(sender._loop)
            monkeypatch.setattr(sender, "_loop", watched)
            url = f"http://127.0.0.1:{address[1]}/"
            for _ in range(2):
                outcome = await deliver(sender, request_for(url, timeout=0.3))
                assert outcome == Temporary("timeout")
            await until(lambda: not sender._dials)
            assert watched.asked.count("create_task") == 2  # none after its time
        for filler in fillers:
            filler.close()


async def test_late_request_is_not_sent(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gets a connection after its time, before a sweep noticed that, is timed out unsent."""
    monkeypatch.setattr("consumers.sinks.webhook.wire_sender._SWEEP", 60)
    late = asyncio.Event()

    async def script(link: Link) -> None:
        await link.request()
        await late.wait()
        link.writer.write(OK)
        await link.reader.read()

    async with open_sink(script) as sink, wire(guard, connections=1) as sender:
        first = asyncio.ensure_future(deliver(sender, request_for(sink.url)))
        await until(lambda: sink.requests)
        second = asyncio.ensure_future(deliver(sender, request_for(sink.url, timeout=0.01)))
        await asyncio.sleep(0.1)  # behaviour under test, not synchronisation
        late.set()
        assert await second == Temporary("timeout")
        assert await first == Delivered(200)
        assert len(sink.requests) == 1


async def test_time_out_noticed_twice() -> None:
    """When a busy loop lets the sweep and the dial see the same deadline, it is told once."""
    names = 0

    async def lookup(_: str) -> list[str]:
        nonlocal names
        names += 1
        if names > 1:
            await asyncio.Event().wait()
        return ["127.0.0.1"]

    async def script(link: Link) -> None:
        await link.request()
        link.writer.write(OK)
        await link.request()

    guard = Guard(allow_http=True, allow_cidrs=["127.0.0.1/32"], lookup=lookup)
    outcomes: list[Outcome] = []
    async with open_sink(script) as sink, wire(guard) as sender:
        url = f"http://sink.example:{sink.port}/"
        assert await deliver(sender, request_for(url)) == Delivered(200)
        sender.send(request_for(url, timeout=0.3), outcomes.append)
        await until(lambda: names == 2)
        time.sleep(0.7)  # noqa: ASYNC251 - the busy loop
        await until(lambda: not sender._dials)
        await asyncio.sleep(0)
    assert outcomes == [Temporary("timeout")]
    guard.close()


async def test_one_time_out_is_not_anothers() -> None:
    """A dial that took too long for one request ends that one; who has more time gets another."""
    asked = asyncio.Event()

    async def lookup(_: str) -> list[str]:
        if not asked.is_set():
            asked.set()
            await asyncio.Event().wait()
        return ["127.0.0.1"]

    guard = Guard(allow_http=True, allow_cidrs=["127.0.0.1/32"], lookup=lookup)
    async with open_sink(OK) as sink, wire(guard, connections=1) as sender:
        url = f"http://sink.example:{sink.port}/"
        both = [request_for(url, timeout=0.3), request_for(url)]
        outcomes = asyncio.gather(*(deliver(sender, request) for request in both))
        await asked.wait()
        time.sleep(0.7)  # noqa: ASYNC251 - a busy loop: the sweep and the dial are late together
        assert await outcomes == [Temporary("timeout"), Delivered(200)]
    guard.close()


async def test_a_dial_cut_off_at_the_last_moment_leaves_nothing(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is late with its socket open takes no place, and closing does not wait for it."""
    whole = Connection.connection_made

    def slow(self: Connection, transport: asyncio.BaseTransport) -> None:
        whole(self, transport)
        time.sleep(0.4)  # a busy loop: the time is over before who dials is told

    async with open_sink(OK) as sink, asyncio.timeout(5), wire(guard, connect=0.2) as sender:
        with monkeypatch.context() as patch:
            patch.setattr(Connection, "connection_made", slow)
            sender.send(request_for(sink.url), lambda _: None)
            pool = sender._pools["org", guard.check_url(sink.url), sender._tls]
            await until(lambda: sink.connections == 1 and not sender._dials)
        assert len(sender._connections) == pool._size
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        assert len(sender._connections) == pool._size


async def test_refused_connections_give_their_place_back(guard: Guard) -> None:
    """Connections that could not be had do not count against the bound."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/"
        async with wire(guard, connections=2) as sender:
            requests = [deliver(sender, request_for(url)) for _ in range(10)]
            assert await asyncio.gather(*requests) == [Temporary("connect")] * 10


async def test_close_right_after_a_refusal(guard: Guard) -> None:
    """An outcome that was known at once is told before `close` returns."""
    outcomes: list[Outcome] = []
    sender = WireSender(guard=guard)
    sender.send(request_for("https://10.0.0.1/"), outcomes.append)
    assert outcomes == []
    await sender.close()
    assert outcomes == [Misconfigured("forbidden")]
    await asyncio.sleep(0)
    assert len(outcomes) == 1


async def test_idle_connections_are_closed(guard: Guard) -> None:
    """A connection that nobody needed for a while is closed; the next request opens another."""
    closed = asyncio.Event()

    async def script(link: Link) -> None:
        await link.request()
        link.writer.write(OK)
        if await link.reader.read() == b"":
            closed.set()

    async with open_sink(script) as sink, wire(guard, idle=0.5) as sender:
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        async with asyncio.timeout(5):
            await closed.wait()
        await until(lambda: not sender._connections and sender._timer is None)
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        assert sink.connections == 2


async def test_stale_connection_that_was_never_used(guard: Guard) -> None:
    """A connection opened for who got another one first is a kept one: its loss costs nothing."""
    served = asyncio.Event()

    async def script(link: Link) -> None:
        number = link.sink.connections
        await link.request()
        if number == 2 and not served.is_set():
            served.set()
            return
        link.writer.write(OK)
        await link.reader.read()

    async with open_sink(script) as sink, wire(guard) as sender:
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        target = guard.check_url(sink.url)
        pool = sender._pools["org", target, sender._tls]
        sender.dial(pool, asyncio.get_running_loop().time() + 5, None)
        pool._dialing += 1
        pool._size += 1
        await until(lambda: len(pool._idle) == 2)
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        assert served.is_set()
        assert sink.requests[1] == sink.requests[2]


async def test_resending_keeps_to_the_bound(guard: Guard) -> None:
    """With one connection allowed, a lost one is replaced for its request before who waits."""

    async def script(link: Link) -> None:
        number = link.sink.connections
        await link.request()
        link.writer.write(OK)
        while await link.request():
            if number == 1:
                return
            link.writer.write(OK)

    async with open_sink(script) as sink, wire(guard, connections=1) as sender:
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        requests = [request_for(sink.url, body=each) for each in (b"a", b"b", b"c")]
        outcomes = await asyncio.gather(*(deliver(sender, request) for request in requests))
        assert outcomes == [Delivered(200)] * 3
        bodies = [request.rpartition(b"\n")[2] for request in sink.requests]
        assert bodies == [b"{}", b"a", b"a", b"b", b"c"]
        assert sink.connections == 2


@pytest.mark.parametrize("late", [OK[:2], OK[:-2]])
async def test_begun_second_answer(guard: Guard, late: bytes) -> None:
    """The begin of a second answer behind the first ends the connection."""
    async with open_sink(OK + late) as sink, wire(guard) as sender:
        for _ in range(2):
            assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        assert sink.connections == 2


async def test_reset_of_an_answer_without_length(guard: Guard) -> None:
    """An answer that only its connection ends is whole after a close, and cut off by a reset."""

    async def script(link: Link) -> None:
        await link.request()
        link.writer.write(b"HTTP/1.1 200 OK\r\n\r\nhel")
        await asyncio.sleep(0.1)  # so that it arrives before the reset, which overtakes data
        raw = link.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.writer.transport.abort()

    async with open_sink(script) as sink, wire(guard) as sender:
        assert await deliver(sender, request_for(sink.url)) == Temporary("broken")


async def test_greeting_is_no_answer(guard: Guard) -> None:
    """What a sink says on a connection before it was asked, or while it rests, ends it."""
    greet = asyncio.Event()

    async def script(link: Link) -> None:
        await link.request()
        link.writer.write(OK)
        await greet.wait()
        link.writer.write(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")
        await link.reader.read()

    async with open_sink(script) as sink, wire(guard) as sender:
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        greet.set()
        await until(lambda: not sender._connections)
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        assert sink.connections == 2


async def test_memory_of_a_sink_that_stops_reading(guard: Guard) -> None:
    """Of a large body only a piece is in the transport's hands while the sink does not read."""

    async def script(link: Link) -> None:
        link.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket transport
        await asyncio.Event().wait()

    async with open_sink(script) as sink, wire(guard) as sender:
        request = request_for(sink.url, body=b"x" * 20_000_000, timeout=1)
        outcome = asyncio.ensure_future(deliver(sender, request))
        await until(lambda: any(each._paused for each in sender._connections))
        (connection,) = sender._connections
        assert connection._transport.get_write_buffer_size() <= 3 * 65_536
        assert await outcome == Temporary("timeout")
        await until(lambda: not sender._connections)


async def test_sink_that_reads_slowly(guard: Guard) -> None:
    """Writing goes on as the sink reads, to the last byte."""
    body = bytes(range(256)) * 20_000

    async def script(link: Link) -> None:
        head = await link.reader.readuntil(b"\r\n\r\n")
        received = b""
        while len(received) < len(body):
            received += await link.reader.read(200_000)
            await asyncio.sleep(0.001)
        link.sink.requests.append(head + received)
        link.writer.write(OK)

    async with open_sink(script) as sink, wire(guard) as sender:
        assert await deliver(sender, request_for(sink.url, body=body)) == Delivered(200)
        assert sink.requests[0].endswith(b"\r\n\r\n" + body)


async def test_guard_refuses_a_literal_address() -> None:
    """A host that is an address is never asked of a name server, and refused by its URL."""
    asked: list[str] = []

    async def lookup(host: str) -> list[str]:
        asked.append(host)
        return [host]

    guard = Guard(allow_http=True, allow_cidrs=["127.0.0.1/32"], lookup=lookup)
    async with open_sink(OK) as sink, wire(guard) as sender:
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        other = sink.url.replace("127.0.0.1", "127.0.0.2")
        assert await deliver(sender, request_for(other)) == Misconfigured("forbidden")
        assert asked == []
    guard.close()


async def test_nothing_is_left_of_a_sink(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sink that is no longer among the remembered ones leaves no pool or connection behind."""
    monkeypatch.setattr("consumers.sinks.webhook.wire_sender._URLS", 1)
    async with open_sink(OK) as one, open_sink(OK) as other, wire(guard, idle=0.25) as sender:
        await deliver(sender, request_for(one.url))
        (first,) = sender._pools.keys()
        await deliver(sender, request_for(other.url))
        await until(lambda: not sender._connections)
        assert first not in sender._pools
        assert len(sender._pools) == 1


@pytest.mark.parametrize("moment", ["lookup", "connect"])
async def test_close_while_dialing(moment: str) -> None:
    """Closing does not wait for a name server or a handshake, and leaves no task."""
    asked = asyncio.Event()

    async def lookup(_: str) -> list[str]:
        asked.set()
        if moment == "lookup":
            await asyncio.Event().wait()
        return ["127.0.0.1"]

    async def silent(link: Link) -> None:
        await link.reader.read(1)
        asked.set()
        await link.reader.read()

    guard = Guard(allow_cidrs=["127.0.0.0/8"], lookup=lookup)
    outcomes: list[Outcome] = []
    async with open_sink(silent) as sink:
        sender = WireSender(guard=guard)
        sender.send(request_for(f"https://sink.example:{sink.port}/"), outcomes.append)
        async with asyncio.timeout(5):
            await asked.wait()
            if moment == "connect":
                await until(lambda: sink.connections)
            await sender.close()
    assert outcomes == [Temporary("stopped")]
    assert not sender._dials
    guard.close()
