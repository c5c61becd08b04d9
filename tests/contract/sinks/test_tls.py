"""Deliveries over TLS: whom the sender trusts."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from consumers.sinks.outcome import Delivered, Misconfigured, Outcome, Temporary
from consumers.sinks.sender import Sender
from consumers.sinks.webhook.guard import Guard
from tests.certificates import made_certificate
from tests.contract.sinks.scripted import Link, SenderType, deliver, open_sink, request_for

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
MakeCertificate = Callable[..., Path]


@pytest.fixture
def make_certificate(tmp_path: Path) -> MakeCertificate:
    """Give a function that makes a self-signed certificate with its key in one file."""

    def make(*, address: str = "127.0.0.1", days: int = 1, host: str = "") -> Path:
        path = tmp_path / f"{host or address}{days}.pem"
        path.write_text("".join(made_certificate(address=address, days=days, host=host)))
        return path

    return make


def server_side(certificate: Path) -> ssl.SSLContext:
    """Serve with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def client_side(certificate: Path) -> ssl.SSLContext:
    """Trust this certificate and no other."""
    return ssl.create_default_context(cafile=certificate)


async def test_self_signed_certificate(sender: Sender, make_certificate: MakeCertificate) -> None:
    """A certificate that no authority vouches for is refused, and its owner has to act."""
    async with open_sink(OK, tls=server_side(make_certificate())) as sink:
        assert await deliver(sender, request_for(sink.url)) == Misconfigured("certificate")
        assert sink.requests == []


@pytest.mark.parametrize("flaw", [{"address": "127.0.0.2"}, {"days": -1}], ids=["name", "expired"])
async def test_flawed_certificate(
    open_sender: SenderType,
    guard: Guard,
    make_certificate: MakeCertificate,
    flaw: dict[str, object],
) -> None:
    """A certificate of another host, or one that has expired, is refused."""
    certificate = make_certificate(**flaw)
    async with (
        open_sink(OK, tls=server_side(certificate)) as sink,
        open_sender(guard=guard, tls=client_side(certificate)) as sender,
    ):
        assert await deliver(sender, request_for(sink.url)) == Misconfigured("certificate")


async def test_own_authority(
    open_sender: SenderType, guard: Guard, make_certificate: MakeCertificate
) -> None:
    """With a context that trusts the sink's authority it is delivered, over one connection."""
    certificate = make_certificate()
    async with (
        open_sink(OK, tls=server_side(certificate)) as sink,
        open_sender(guard=guard, tls=client_side(certificate)) as sender,
    ):
        for _ in range(3):
            assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        assert sink.connections == 1


async def test_no_tls_at_the_other_end(sender: Sender) -> None:
    """A sink that speaks plain HTTP on its https port is tried again later."""

    async def script(link: Link) -> None:
        await link.reader.read(1)
        link.writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await link.writer.drain()

    async with open_sink(script) as sink:
        url = sink.url.replace("http:", "https:")
        assert await deliver(sender, request_for(url)) == Temporary("tls")


@pytest.mark.parametrize(
    ("host", "expected"),
    [("sink.example", Delivered(200)), ("other.example", Misconfigured("certificate"))],
)
async def test_name_in_the_handshake(
    open_sender: SenderType, make_certificate: MakeCertificate, host: str, expected: Outcome
) -> None:
    """The sink is told the name that was asked for (SNI), and its certificate has to be of it."""

    async def lookup(_: str) -> list[str]:
        return ["127.0.0.1"]

    certificate = make_certificate(host="sink.example")
    named: list[str | None] = []
    served = server_side(certificate)
    served.sni_callback = lambda _, name, __: named.append(name)
    guard = Guard(allow_cidrs=["127.0.0.1/32"], lookup=lookup)
    async with (
        open_sink(OK, tls=served) as sink,
        open_sender(guard=guard, tls=client_side(certificate)) as sender,
    ):
        url = f"https://{host}:{sink.port}/"
        assert await deliver(sender, request_for(url)) == expected
        assert named == [host]
    guard.close()


@pytest.mark.parametrize("with_one", [True, False])
async def test_client_certificate(
    open_sender: SenderType, guard: Guard, make_certificate: MakeCertificate, *, with_one: bool
) -> None:
    """A sink that asks for a client certificate gets the one in the context, or hangs up."""
    certificate = make_certificate()
    served, asking = server_side(certificate), client_side(certificate)
    served.verify_mode = ssl.CERT_REQUIRED
    served.load_verify_locations(certificate)
    if with_one:
        asking.load_cert_chain(certificate)
    async with open_sink(OK, tls=served) as sink, open_sender(guard=guard, tls=asking) as sender:
        outcome = await deliver(sender, request_for(sink.url))
        assert outcome == Delivered(200) if with_one else isinstance(outcome, Temporary)


async def test_large_body_over_tls(
    open_sender: SenderType, guard: Guard, make_certificate: MakeCertificate
) -> None:
    """A body of some megabytes arrives whole, and its connection is kept."""
    certificate = make_certificate()
    body = bytes(range(256)) * 10_000
    async with (
        open_sink(OK, tls=server_side(certificate)) as sink,
        open_sender(guard=guard, tls=client_side(certificate)) as sender,
    ):
        for _ in range(2):
            assert await deliver(sender, request_for(sink.url, body=body)) == Delivered(200)
        assert sink.requests[1].endswith(b"\r\n\r\n" + body)
        assert sink.connections == 1


async def test_answer_ended_by_close_over_tls(
    open_sender: SenderType, guard: Guard, make_certificate: MakeCertificate
) -> None:
    """An answer without length ends with its connection over TLS too."""
    certificate = make_certificate()

    async def script(link: Link) -> None:
        await link.request()
        link.writer.write(b"HTTP/1.1 200 OK\r\n\r\nthanks")
        await link.writer.drain()

    async with (
        open_sink(script, tls=server_side(certificate)) as sink,
        open_sender(guard=guard, tls=client_side(certificate)) as sender,
    ):
        for _ in range(2):
            assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        assert sink.connections == 2


async def test_stale_connection_over_tls(
    open_sender: SenderType, guard: Guard, make_certificate: MakeCertificate
) -> None:
    """A kept TLS connection that dies without an answer costs no attempt."""
    certificate = make_certificate()

    async def script(link: Link) -> None:
        await link.request()
        link.writer.write(OK)
        if link.sink.connections == 1:
            await link.request()
            return
        await link.reader.read()

    async with (
        open_sink(script, tls=server_side(certificate)) as sink,
        open_sender(guard=guard, tls=client_side(certificate)) as sender,
    ):
        for _ in range(2):
            assert await deliver(sender, request_for(sink.url)) == Delivered(200)
        assert sink.requests[1] == sink.requests[2]
