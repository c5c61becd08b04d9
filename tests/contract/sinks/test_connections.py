"""How the sender treats connections: kept, apart, resent over, dropped, closed."""

import asyncio
import socket
import struct

import pytest
from msgspec.structs import replace

from consumers.sinks.outcome import Delivered, Misconfigured, Outcome, Temporary
from consumers.sinks.sender import Sender
from consumers.sinks.webhook.guard import Guard
from tests.contract.sinks.scripted import Link, SenderType, deliver, open_sink, request_for

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


async def test_connection_is_kept(sender: Sender) -> None:
    """Requests one after another use one connection."""
    async with open_sink(OK) as sink:
        for _ in range(5):
            assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        assert (sink.connections, len(sink.requests)) == (1, 5)


async def test_organisations_do_not_share_connections(sender: Sender) -> None:
    """Two organisations with the same sink have a connection each."""
    async with open_sink(OK) as sink:
        for organisation in ("a", "b", "a", "b"):
            await deliver(sender, request_for(sink.url, organisation=organisation))
        assert (sink.connections, len(sink.requests)) == (2, 4)


async def test_no_pipelining(sender: Sender) -> None:
    """Requests at the same time have a connection each, and find it again."""
    async with open_sink(OK) as sink:
        for _ in range(2):
            requests = [deliver(sender, request_for(sink.url)) for _ in range(4)]
            assert await asyncio.gather(*requests) == [Delivered(200)] * 4
        assert (sink.connections, len(sink.requests)) == (4, 8)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with an RST, as a crashed or restarted host does."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@pytest.mark.parametrize("loss", ["fin", "rst"])
async def test_stale_connection_is_resent_once(sender: Sender, loss: str) -> None:
    """A kept connection that dies without an answer costs no attempt; the request is the same."""

    async def script(link: Link) -> None:
        if link.sink.connections == 1:
            await link.request()
            link.writer.write(OK)
            await link.request()
            if loss == "rst":
                reset(link.writer)
            return
        await link.request()
        link.writer.write(OK)

    async with open_sink(script) as sink:
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        assert sink.connections == 2
        assert sink.requests[1] == sink.requests[2]


async def test_resent_once_only(sender: Sender) -> None:
    """When the second try finds nobody either, the attempt has failed."""

    async def script(link: Link) -> None:
        await link.request()
        if link.sink.connections == 1:
            link.writer.write(OK)
            await link.request()

    async with open_sink(script) as sink:
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        assert await deliver(sender, request_for(sink.url)) == Temporary("reset")
        assert (sink.connections, len(sink.requests)) == (2, 3)


async def test_fresh_connection_is_not_resent(sender: Sender) -> None:
    """A new connection that dies without an answer is a failed attempt: the sink saw the event."""

    async def script(link: Link) -> None:
        await link.request()

    async with open_sink(script) as sink:
        assert await deliver(sender, request_for(sink.url)) == Temporary("reset")
        assert len(sink.requests) == 1


async def test_begun_answer_is_not_resent(sender: Sender) -> None:
    """A kept connection that dies within the answer is a failed attempt."""

    async def script(link: Link) -> None:
        await link.request()
        link.writer.write(OK)
        await link.request()
        link.writer.write(b"HTTP/1.1 200")
        await link.writer.drain()

    async with open_sink(script) as sink:
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        assert await deliver(sender, request_for(sink.url)) == Temporary("reset")
        assert len(sink.requests) == 2


@pytest.mark.parametrize("late", [False, True])
async def test_body_of_a_204(sender: Sender, *, late: bool) -> None:
    """A 204 whose body comes all the same, at once or later, counts and ends its connection."""
    settled, closed = asyncio.Event(), asyncio.Event()

    async def script(link: Link) -> None:
        await link.request()
        link.writer.write(b"HTTP/1.1 204 No Content\r\n\r\n" + (b"" if late else b"hello"))
        await settled.wait()
        if late:
            link.writer.write(b"hello")
        await link.reader.read()
        closed.set()

    async with open_sink(script) as sink:
        assert await deliver(sender, request_for(sink.url)) == Delivered(204)
        settled.set()
        async with asyncio.timeout(5):
            await closed.wait()
        assert await deliver(sender, request_for(sink.url)) == Delivered(204)
        assert sink.connections == 2


async def test_second_answer_does_not_settle_the_next_request(sender: Sender) -> None:
    """A sink that answers twice loses its connection; the next request gets its own answer."""
    refusal = b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n"
    async with open_sink(OK + refusal) as sink:
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        assert sink.connections == 2


async def test_slow_answer_times_out(sender: Sender) -> None:
    """An answer later than the time-out is none, and its connection is dropped, not kept."""
    lost = asyncio.Event()

    async def script(link: Link) -> None:
        await link.request()
        link.writer.write(b"HTTP/1.1 200 OK\r\n")
        if await link.reader.read() == b"":
            lost.set()

    async with open_sink(script) as sink:
        assert await deliver(sender, request_for(sink.url, timeout=0.2)) == Temporary("timeout")
        async with asyncio.timeout(5):
            await lost.wait()


async def test_slow_body_times_out(sender: Sender) -> None:
    """The time-out runs until the answer's body has ended."""

    async def script(link: Link) -> None:
        await link.request()
        link.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        await link.reader.read()

    async with open_sink(script) as sink:
        assert await deliver(sender, request_for(sink.url, timeout=0.2)) == Temporary("timeout")


async def test_resending_does_not_restart_the_clock(sender: Sender) -> None:
    """The time-out counts from `send`, over both tries."""

    async def script(link: Link) -> None:
        await link.request()
        if link.sink.connections == 1:
            link.writer.write(OK)
            await link.request()
            await asyncio.sleep(0.6)  # behaviour under test, not synchronisation
            return
        await link.reader.read()

    async with open_sink(script) as sink:
        await deliver(sender, request_for(sink.url))
        loop = asyncio.get_running_loop()
        begin = loop.time()
        assert await deliver(sender, request_for(sink.url, timeout=1)) == Temporary("timeout")
        assert sink.connections == 2
        assert loop.time() - begin < 1.5  # 1.6 were it counted anew


async def test_time_out_counts_the_wait_before_the_first_step(sender: Sender) -> None:
    """A request whose time was up before the loop got to it is not sent at all."""
    async with open_sink(OK) as sink:
        assert await deliver(sender, request_for(sink.url, timeout=0)) == Temporary("timeout")
        assert sink.connections == 0


async def test_sink_that_stops_reading(sender: Sender) -> None:
    """A sink that does not read is dropped at the time-out, with all that was buffered for it."""
    settled, received = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def script(link: Link) -> None:
        link.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket transport
        await settled.wait()
        link.writer.transport.resume_reading()  # type: ignore[attr-defined]  # same
        total = 0
        try:
            while piece := await link.reader.read(1 << 16):
                total += len(piece)
        except ConnectionError:
            pass
        received.set_result(total)

    async with open_sink(script) as sink:
        request = request_for(sink.url, body=b"x" * 20_000_000, timeout=0.5)
        assert await deliver(sender, request) == Temporary("timeout")
        settled.set()
        async with asyncio.timeout(5):
            assert await received < 20_000_000


async def test_large_body_arrives_whole(sender: Sender) -> None:
    """A body of some megabytes is sent as it is, and again when its connection was stale."""

    async def script(link: Link) -> None:
        await link.request()
        link.writer.write(OK)
        if link.sink.connections == 1:
            await link.reader.read(1)

    body = bytes(range(256)) * 10_000
    async with open_sink(script) as sink:
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        assert await deliver(sender, request_for(sink.url, body=body)) == Delivered(200)
        assert sink.requests[-1].endswith(b"\r\n\r\n" + body)


async def test_answer_before_the_body_is_sent(sender: Sender) -> None:
    """A refusal that comes while the body is still going out counts; its connection is not kept."""

    async def script(link: Link) -> None:
        if link.sink.connections == 1:
            await link.reader.readuntil(b"\r\n\r\n")
            link.writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            await asyncio.Event().wait()
        await link.request()
        link.writer.write(OK)

    async with open_sink(script) as sink:
        outcome = await deliver(sender, request_for(sink.url, body=b"x" * 20_000_000))
        assert outcome.status == 413  # type: ignore[union-attr]  # Refused
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)


async def test_nobody_listens(sender: Sender) -> None:
    """A refused connection is temporary."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/"
        assert await deliver(sender, request_for(url)) == Temporary("connect")


async def test_close_in_flight(open_sender: SenderType, guard: Guard) -> None:
    """Closing ends what is in flight at once, waiting or not yet begun, each reported once."""
    arrived = asyncio.Event()

    async def script(link: Link) -> None:
        await link.request()
        arrived.set()
        await link.reader.read()

    outcomes: list[Outcome] = []
    async with open_sink(script) as sink:
        sender = open_sender(guard=guard)
        sender.send(request_for(sink.url), outcomes.append)
        async with asyncio.timeout(5):
            await arrived.wait()
        sender.send(request_for(sink.url), outcomes.append)
        await sender.close()
        assert outcomes == [Temporary("stopped")] * 2
        sender.send(request_for(sink.url), outcomes.append)
        assert len(outcomes) == 2  # later, never within send
        await asyncio.sleep(0)
        assert outcomes == [Temporary("stopped")] * 3
        await sender.close()


async def test_close_before_the_first_step(open_sender: SenderType, guard: Guard) -> None:
    """What was sent in the same turn of the loop as `close` is reported before `close` returns."""
    outcomes: list[Outcome] = []
    sender = open_sender(guard=guard)
    sender.send(request_for("http://127.0.0.1:9/"), outcomes.append)
    await sender.close()
    assert outcomes == [Temporary("stopped")]


async def test_unforeseen_error(sender: Sender) -> None:
    """An error of our own, a head that cannot be written, is an outcome too, and is reported."""
    reported: list[BaseException] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
    async with open_sink(OK) as sink:
        request = replace(request_for(sink.url), head="x: \ud800\r\r\n")
        assert await deliver(sender, request) == Temporary("fault")
        assert sink.requests == []
    assert [isinstance(each, ValueError) for each in reported] == [True]


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/",
        "https://127.0.0.1/",
        "https://[::ffff:169.254.169.254]/",
        "https://2130706433/",
        "http://93.184.216.34/",
        "ftp://93.184.216.34/",
        "https://a:b@93.184.216.34/",
        "not a url",
    ],
)
async def test_forbidden_sinks(open_sender: SenderType, url: str) -> None:
    """What the guard refuses is not connected to, and the owner has to act."""
    guard = Guard()
    async with open_sender(guard=guard) as sender:
        assert await deliver(sender, request_for(url)) == Misconfigured("forbidden")
    guard.close()
