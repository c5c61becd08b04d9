"""Traps of HTTP/1.1 that hold for both senders, beyond those of plain connections and answers."""

import asyncio
import socket
from functools import partial

import pytest

from consumers.sinks.outcome import Delivered, Outcome, Refused, Temporary
from consumers.sinks.sender import Sender
from consumers.sinks.webhook.guard import Guard
from tests.contract.sinks.scripted import Link, SenderType, deliver, open_sink, request_for

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", id="1.1"
        ),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", id="1.0"),
    ],
)
async def test_sink_that_announces_its_close(sender: Sender, answer: bytes) -> None:
    """A connection that the sink says it will close is not used again, even if it stays open."""
    async with open_sink(answer) as sink:
        for _ in range(3):
            assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        assert sink.connections == 3


async def test_done_is_never_called_within_send(sender: Sender) -> None:
    """The engine may rely on `send` returning first, whatever becomes of the request."""
    told: list[Outcome] = []
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{bound.getsockname()[1]}/"
        async with open_sink(OK) as sink, asyncio.timeout(5):
            await deliver(sender, request_for(sink.url))  # so that there is a kept connection
            asked = (
                request_for(sink.url),
                request_for(sink.url, timeout=0),
                request_for("https://10.0.0.1/"),
                request_for(nobody),
            )
            all_told = asyncio.Event()

            def done(outcome: Outcome) -> None:
                told.append(outcome)
                if len(told) == len(asked):
                    all_told.set()

            for request in asked:
                sender.send(request, done)
            assert told == []
            await all_told.wait()


async def test_next_request_from_done(sender: Sender) -> None:
    """`done` may send at once, on the connection that is just free: each gets its own answer."""
    answers = [b"200 OK", b"400 No", b"410 Gone", b"503 Later"]
    outcomes: list[Outcome] = []
    over = asyncio.Event()

    async def script(link: Link) -> None:
        for line in answers:
            await link.request()
            link.writer.write(b"HTTP/1.1 " + line + b"\r\nContent-Length: 0\r\n\r\n")

    async with open_sink(script) as sink:

        def done(outcome: Outcome) -> None:
            outcomes.append(outcome)
            if len(outcomes) == len(answers):
                over.set()
            else:
                sender.send(request_for(sink.url), done)

        sender.send(request_for(sink.url), done)
        async with asyncio.timeout(5):
            await over.wait()
        assert outcomes[:2] == [Delivered(200), Refused(400)]
        assert outcomes[3] == Temporary("answer", 503)


async def test_answer_by_drops(sender: Sender) -> None:
    """An answer that comes byte by byte, interim answers first, counts as one in one piece."""
    raw = b"HTTP/1.1 103 Hints\r\nRetry-After: 1\r\n\r\n"
    raw += b"HTTP/1.1 503 Later\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n"
    raw += b"3\r\nabc\r\n0\r\n\r\n"

    async def script(link: Link) -> None:
        link.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            await link.request()
            for each in raw:
                link.writer.write(bytes([each]))
                await asyncio.sleep(0)

    async with open_sink(script) as sink:
        for _ in range(2):
            outcome = await deliver(sender, request_for(sink.url))
            assert outcome == Temporary("answer", 503, 7.0)
        assert sink.connections == 1


async def test_endless_interim_answers(sender: Sender) -> None:
    """A sink that only ever says `100 Continue` is not listened to until the time-out's end."""

    async def script(link: Link) -> None:
        await link.request()
        while not link.writer.is_closing():
            link.writer.write(b"HTTP/1.1 100 Continue\r\nX: " + b"y" * 1_000 + b"\r\n\r\n")
            await link.writer.drain()

    async with open_sink(script) as sink:
        outcome = await deliver(sender, request_for(sink.url, timeout=1))
        assert outcome in {Temporary("broken"), Temporary("timeout")}


async def test_second_address_is_tried(open_sender: SenderType) -> None:
    """When nobody listens at a name's first address, the next one is tried."""

    async def lookup(_: str) -> list[str]:
        return ["127.0.0.9", "127.0.0.1"]

    guard = Guard(allow_http=True, allow_cidrs=["127.0.0.0/8"], lookup=lookup)
    async with open_sink(OK) as sink, open_sender(guard=guard) as sender:
        url = f"http://sink.example:{sink.port}/?a=b"
        assert await deliver(sender, request_for(url)) == Delivered(200)
        lines = sink.requests[0].split(b"\r\n")
        assert lines[0] == b"POST /?a=b HTTP/1.1"
        assert f"Host: sink.example:{sink.port}".encode() in lines
    guard.close()


async def test_each_is_told_once_when_closed(open_sender: SenderType, guard: Guard) -> None:
    """Whatever a request is at when the sender is closed, its outcome is told once."""

    async def script(link: Link) -> None:
        await link.request()
        if len(link.sink.requests) % 2:
            link.writer.write(OK)
        await link.reader.read()

    told: dict[int, list[Outcome]] = {each: [] for each in range(30)}
    async with open_sink(script) as sink:
        sender = open_sender(guard=guard)
        for each, outcomes in told.items():
            url = sink.url if each % 3 else "https://10.0.0.1/"
            sender.send(request_for(url), outcomes.append)
        async with asyncio.timeout(5):
            while sum(map(len, told.values())) < 15:  # noqa: ASYNC110 - some are over, others not
                await asyncio.sleep(0)
        await sender.close()
        assert [len(outcomes) for outcomes in told.values()] == [1] * 30
        await asyncio.sleep(0.05)  # time for a second call, if there were one
        assert [len(outcomes) for outcomes in told.values()] == [1] * 30


async def test_done_that_fails(sender: Sender) -> None:
    """An error in `done` is reported and harms neither the connection nor who uses it next."""
    reported: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: reported.append(context["exception"])
    )

    def fail(_: Outcome) -> None:
        raise LookupError

    async with open_sink(OK) as sink:
        sender.send(request_for(sink.url), fail)
        async with asyncio.timeout(5):
            while not reported:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0)
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        assert sink.connections == 1
    assert [type(error) for error in reported] == [LookupError]


async def test_many_at_once_to_nobody(sender: Sender) -> None:
    """A refused connection is told to each request that wanted one."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/"
        send = partial(deliver, sender)
        outcomes = await asyncio.gather(*(send(request_for(url)) for _ in range(20)))
    assert outcomes == [Temporary("connect")] * 20
