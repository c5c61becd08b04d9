"""What the sender makes of answers: one row per kind of answer, as bytes on the wire."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from consumers.sinks.outcome import Delivered, Gone, Misconfigured, Outcome, Refused, Temporary
from consumers.sinks.sender import Sender
from tests.contract.sinks.scripted import Link, deliver, open_sink, request_for

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    """Write an answer as its bytes."""
    head = [f"HTTP/1.1 {status} Said So", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(answer(200, body=b"thanks"), Delivered(200), id="200"),
        pytest.param(answer(201), Delivered(201), id="201"),
        pytest.param(answer(206, body=b"x"), Delivered(206), id="206"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", Delivered(204), id="204"),
        pytest.param(answer(204, body=b"hello"), Delivered(204), id="204 with a body"),
        pytest.param(
            b"HTTP/1.1 204 No Content\r\n\r\nhello", Delivered(204), id="204, unannounced body"
        ),
        pytest.param(
            b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK,
            Delivered(200),
            id="1xx first",
        ),
        pytest.param(
            answer(200, "Content-Encoding: gzip", body=b"no gzip at all"), Delivered(200), id="gzip"
        ),
        pytest.param(answer(301, "Location: /other"), Misconfigured("answer", 301), id="301"),
        pytest.param(answer(307, "Location: /other"), Misconfigured("answer", 307), id="307"),
        pytest.param(answer(304, body=b"hello"), Misconfigured("answer", 304), id="304"),
        pytest.param(answer(400), Refused(400), id="400"),
        pytest.param(answer(401), Misconfigured("answer", 401), id="401"),
        pytest.param(answer(404), Misconfigured("answer", 404), id="404"),
        pytest.param(answer(410), Gone(), id="410"),
        pytest.param(answer(413), Refused(413), id="413"),
        pytest.param(answer(418), Refused(418), id="418"),
        pytest.param(answer(429), Temporary("answer", 429), id="429"),
        pytest.param(
            answer(429, "Retry-After: 7"), Temporary("answer", 429, 7.0), id="429, seconds"
        ),
        pytest.param(
            answer(503, "retry-after: 9999999999"), Temporary("answer", 503, 86_400.0), id="503"
        ),
        pytest.param(answer(429, "Retry-After: soon"), Temporary("answer", 429), id="429, odd"),
        pytest.param(answer(500, body=b"oops"), Temporary("answer", 500), id="500"),
        pytest.param(
            b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            Temporary("answer", 101),
            id="101",
        ),
        pytest.param(answer(999), Temporary("answer", 999), id="999"),
    ],
)
async def test_outcome_of_an_answer(sender: Sender, raw: bytes, expected: Outcome) -> None:
    """Each status has its outcome, whatever else the answer carries; no redirect is followed."""
    async with open_sink(raw) as sink:
        assert await deliver(sender, request_for(sink.url)) == expected
        assert len(sink.requests) == 1


async def test_retry_after_as_a_date(sender: Sender) -> None:
    """A date in Retry-After becomes the seconds until then."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    async with open_sink(answer(503, f"Retry-After: {date}")) as sink:
        outcome = await deliver(sender, request_for(sink.url))
    assert isinstance(outcome, Temporary)
    assert outcome.retry_after is not None
    assert 60 < outcome.retry_after <= 90


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(b"", "reset", id="nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-", "reset", id="half a head"),
        pytest.param(b"hello\r\n\r\n", "broken", id="garbage"),
        pytest.param(b"\x16\x03\x01\x00\xa5", "broken", id="TLS"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel", "broken", id="half a body"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "broken", id="bad chunk"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", "broken", id="endless header"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 8_000 + b"\r\n", "broken", id="endless headers"
        ),
    ],
)
async def test_broken_answers(sender: Sender, raw: bytes, reason: str) -> None:
    """A sink that does not speak HTTP to the end is tried again, over a new connection."""

    async def script(link: Link) -> None:
        await link.request()
        link.writer.write(raw)
        await link.writer.drain()

    async with open_sink(script) as sink:
        assert await deliver(sender, request_for(sink.url)) == Temporary(reason)
        assert await deliver(sender, request_for(sink.url)) == Temporary(reason)
        assert sink.connections == len(sink.requests) == 2


async def test_answer_ended_by_close(sender: Sender) -> None:
    """An answer without length ends with its connection and counts in full."""

    async def script(link: Link) -> None:
        await link.request()
        link.writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nthanks")
        await link.writer.drain()

    async with open_sink(script) as sink:
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)


@pytest.mark.parametrize("framing", ["Transfer-Encoding: chunked", "Content-Length: 99999999"])
async def test_endless_answer(sender: Sender, framing: str) -> None:
    """Of an endless answer 8 KiB are read; its status counts and its connection is closed."""
    lost = asyncio.Event()

    async def script(link: Link) -> None:
        await link.request()
        link.writer.write(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())
        chunk = b"x" * 0x400
        while not link.writer.is_closing():
            link.writer.write(b"400\r\n" + chunk + b"\r\n" if "chunked" in framing else chunk)
            try:
                await link.writer.drain()
            except OSError:
                break
        lost.set()

    async with open_sink(script) as sink:
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        async with asyncio.timeout(5):
            await lost.wait()


async def test_headers_and_body_go_out_as_given(sender: Sender) -> None:
    """The sink gets the request's headers and body, Host and Content-Length, and nothing else."""
    async with open_sink(OK) as sink:
        await deliver(sender, request_for(sink.url, body=b'{"id":"1"}'))
        head, _, body = sink.requests[0].partition(b"\r\n\r\n")
        assert body == b'{"id":"1"}'
        lines = head.decode().split("\r\n")
        assert lines[0] == "POST /events HTTP/1.1"
        assert sorted(lines[1:]) == [
            "Content-Length: 10",
            "Content-Type: application/cloudevents+json",
            f"Host: 127.0.0.1:{sink.port}",
            "webhook-id: msg_1",
        ]


async def test_cookies_are_ignored(sender: Sender) -> None:
    """A cookie that one answer sets does not come along with the next request."""
    async with open_sink(answer(200, "Set-Cookie: a=b")) as sink:
        url = f"http://localhost:{sink.port}/"
        await deliver(sender, request_for(url))
        await deliver(sender, request_for(url))
        assert b"ookie" not in sink.requests[1]


async def test_no_proxy_from_the_environment(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxy settings of the machine do not send deliveries elsewhere."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with open_sink(OK) as sink:
        assert await deliver(sender, request_for(sink.url)) == Delivered(200)
