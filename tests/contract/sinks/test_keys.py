"""What opens a sink besides its headers: a certificate of the bus, authorities, a token."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import orjson
import pytest
from msgspec.structs import replace

from bus.subscription import SinkSecrets, SinkTls
from consumers.sinks.outcome import Delivered, Misconfigured, Outcome, Temporary
from consumers.sinks.sender import Keys, Request
from consumers.sinks.webhook.client import Client
from consumers.sinks.webhook.client_tls import context_of
from consumers.sinks.webhook.credentials import Credentials
from consumers.sinks.webhook.guard import Guard
from consumers.sinks.webhook.token_endpoint import TokenEndpoint
from consumers.sinks.webhook.token_sender import TokenSender
from tests.certificates import made_certificate
from tests.contract.sinks.scripted import Link, SenderType, Sink, deliver, open_sink, request_for

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
UNAUTHORIZED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
SUBSCRIPTION = uuid4()

Grant = Callable[[dict[str, str]], tuple[int, object]]
"""Answers what was asked of a token endpoint: a status, and a document."""


@dataclass
class Turns:
    """What the store keeps of one subscription, and whether another worker has the turn."""

    secrets: SinkSecrets
    taken: bool = False
    released: list[SinkSecrets | None] = field(default_factory=list)

    async def claim(self, subscription: UUID) -> SinkSecrets | None:
        """Give what is kept, unless the turn is another's."""
        assert subscription == SUBSCRIPTION
        return None if self.taken else self.secrets

    async def release(self, _: UUID, after: SinkSecrets | None) -> None:
        """Keep what is new."""
        self.released.append(after)
        self.secrets = after or self.secrets


@asynccontextmanager
async def token_endpoint(grant: Grant) -> AsyncIterator[tuple[Sink, list[dict[str, str]]]]:
    """Open a token endpoint; gives it and the forms that it was sent."""
    forms: list[dict[str, str]] = []

    async def script(link: Link) -> None:
        request = (await link.request()).decode()
        forms.append(
            {name: one for name, (one,) in parse_qs(request.partition("\r\n\r\n")[2]).items()}
        )
        status, document = grant(forms[-1])
        body = document if isinstance(document, bytes) else orjson.dumps(document)
        link.writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
        await link.writer.drain()

    async with open_sink(script) as endpoint:
        yield endpoint, forms


def token(text: str, **more: object) -> dict[str, object]:
    """Give the answer of a token endpoint."""
    return {"access_token": text, "token_type": "bearer", **more}


def client_credentials(endpoint: Sink, **more: str) -> SinkSecrets:
    """Give OAuth2 client credentials at this endpoint."""
    credential = {
        "credentialtype": "CLIENTCREDENTIALS",
        "clientid": "b:us",
        "clientsecret": "g3 heim",
        "tokenendpoint": endpoint.url,
        **more,
    }
    return SinkSecrets.model_validate({"credential": credential})


def refresh_token(endpoint: Sink, **more: str) -> SinkSecrets:
    """Give a refresh token whose access token is over."""
    credential = {
        "credentialtype": "REFRESHTOKEN",
        "accesstoken": "old",
        "accesstokenexpiresutc": "2026-01-01T00:00:00Z",
        "refreshtoken": "first",
        "refreshtokenendpoint": endpoint.url,
        **more,
    }
    return SinkSecrets.model_validate({"credential": credential})


@dataclass
class Worker:
    """A sender that fetches tokens, and the keys that it makes."""

    sender: TokenSender
    credentials: Credentials
    held: list[Keys | None] = field(default_factory=list)
    """As the builder of a subscription's requests holds them."""

    async def deliver(self, url: str, secrets: SinkSecrets, **changes: object) -> Outcome:
        """Deliver one request with what these secrets open."""
        keys = self.credentials.keys(SUBSCRIPTION, "org", secrets)
        self.held.append(keys)
        request = replace(request_for(url), keys=keys, **changes)
        return await deliver(self.sender, request)


@asynccontextmanager
async def worker(
    guard: Guard, kind: SenderType, turns: Turns | None = None
) -> AsyncIterator[Worker]:
    """Open a worker's sender."""
    turns = turns or Turns(SinkSecrets())
    async with TokenSender(kind(guard=guard)) as sender:
        yield Worker(sender, Credentials(TokenEndpoint(Client(guard=guard)), turns))


def authorizations(sink: Sink) -> list[str]:
    """Give the Authorization header of each request that a sink got."""
    lines = [line for request in sink.requests for line in request.decode().split("\r\n")]
    return [line.partition(": ")[2] for line in lines if line.startswith("Authorization")]


async def test_a_token_is_fetched_once_and_shared(open_sender: SenderType, guard: Guard) -> None:
    """Requests that wait share the answer, later ones use it; the endpoint is told who asks."""
    async with (
        token_endpoint(lambda _: (200, token("one", expires_in=3600))) as (endpoint, forms),
        open_sink(OK) as sink,
        worker(guard, open_sender) as one,
    ):
        secrets = client_credentials(endpoint, scope="zaken lezen")
        both = asyncio.gather(*(one.deliver(sink.url, secrets) for _ in range(5)))
        assert set(await both) == {Delivered(200)}
        assert await one.deliver(sink.url, secrets) == Delivered(200)
        assert authorizations(sink) == ["Bearer one"] * 6
        assert forms == [{"grant_type": "client_credentials", "scope": "zaken lezen"}]
        basic = base64.b64encode(b"b%3Aus:g3+heim").decode()
        assert f"Authorization: Basic {basic}".encode() in endpoint.requests[0]


async def test_a_refused_token_is_renewed_once(open_sender: SenderType, guard: Guard) -> None:
    """A 401 fetches another token and sends again; one that is refused as well is an answer."""
    credential = {
        "credentialtype": "REFRESHTOKEN",
        "accesstoken": "old",
        "refreshtoken": "first",
        "refreshtokenendpoint": "",
    }

    async def script(link: Link) -> None:
        while True:
            request = await link.request()
            link.writer.write(OK if b"Bearer new\r\n" in request else UNAUTHORIZED)
            await link.writer.drain()

    for text, outcome, sent in (
        ("new", Delivered(200), ["Bearer old", "Bearer new"]),
        ("bad", Misconfigured("answer", 401), ["Bearer old", "Bearer bad"]),
    ):
        async with token_endpoint(lambda _, text=text: (200, token(text))) as (endpoint, _):
            secrets = SinkSecrets.model_validate(
                {"credential": credential | {"refreshtokenendpoint": endpoint.url}}
            )
            turns = Turns(secrets)
            async with open_sink(script) as sink, worker(guard, open_sender, turns) as one:
                assert await one.deliver(sink.url, secrets) == outcome
                assert authorizations(sink) == sent
                again = await one.deliver(sink.url, secrets)
                assert again == outcome
                assert len(endpoint.requests) == 1


async def test_a_refresh_token_is_renewed_and_kept(open_sender: SenderType, guard: Guard) -> None:
    """The next refresh token is kept for all workers; what another one renewed is taken over."""
    said = token("new", expires_in=3600, refresh_token="second")
    async with token_endpoint(lambda _: (200, said)) as (endpoint, forms), open_sink(OK) as sink:
        secrets = refresh_token(endpoint, clientid="bus")
        turns = Turns(secrets)
        async with (
            worker(guard, open_sender, turns) as one,
            worker(guard, open_sender, turns) as two,
        ):
            for each in (one, two, one):
                assert await each.deliver(sink.url, secrets) == Delivered(200)
        (form,) = forms
        assert form == {"grant_type": "refresh_token", "refresh_token": "first", "client_id": "bus"}
        assert authorizations(sink) == ["Bearer new"] * 3
        kept = turns.secrets.credential
        assert (kept.accesstoken, kept.refreshtoken) == ("new", "second")  # type: ignore[union-attr]
        assert [each is None for each in turns.released] == [False, True]


@pytest.mark.parametrize(
    "more",
    [
        {"refresh_token": "a\nb"},
        {"refresh_token": "é"},
        {"refresh_token": "x" * 20_000},
        {"expires_in": 1e300},
        {"expires_in": "nan"},
        {"expires_in": -1},
    ],
)
async def test_a_renewal_that_could_not_be_read_back(
    guard: Guard, wire_only: SenderType, more: dict[str, object]
) -> None:
    """It is no token, and what was kept stays as it was: the turn ends."""
    async with token_endpoint(lambda _: (200, token("new", **more))) as (endpoint, _):
        turns = Turns(refresh_token(endpoint))
        async with open_sink(OK) as sink, worker(guard, wire_only, turns) as one:
            assert await one.deliver(sink.url, turns.secrets) == Misconfigured("token")
            assert (turns.released, sink.requests) == ([None], [])


async def test_the_turn_of_another_worker(open_sender: SenderType, guard: Guard) -> None:
    """While another worker renews a token the sink is left alone a moment: no attempt counts."""
    async with token_endpoint(lambda _: (200, token("new"))) as (endpoint, forms):
        turns = Turns(refresh_token(endpoint), taken=True)
        async with open_sink(OK) as sink, worker(guard, open_sender, turns) as one:
            outcome = await one.deliver(sink.url, turns.secrets)
            assert outcome == Temporary("token", retry_after=2.0)
            assert (sink.requests, forms) == ([], [])


@pytest.mark.parametrize(
    ("status", "document", "expected"),
    [
        (400, {"error": "invalid_grant"}, Misconfigured("token")),
        (401, {"error": "invalid_client"}, Misconfigured("token")),
        (302, {}, Misconfigured("token")),
        (429, {}, Temporary("token")),
        (503, {}, Temporary("token")),
        (200, b"", Misconfigured("token")),
        (200, b"\xff", Misconfigured("token")),
        (200, {"access_token": "a b", "token_type": "bearer"}, Misconfigured("token")),
        (200, {"access_token": "a\r\nX: y", "token_type": "bearer"}, Misconfigured("token")),
        (200, {"access_token": "a", "token_type": "mac"}, Misconfigured("token")),
        (200, {"token_type": "bearer"}, Misconfigured("token")),
        (200, b"[" * 70_000, Temporary("token")),
    ],
)
async def test_an_endpoint_that_gives_no_token(
    guard: Guard, wire_only: SenderType, status: int, document: object, expected: Outcome
) -> None:
    """Nothing is sent without a token; the endpoint is not asked again for each delivery."""
    async with (
        token_endpoint(lambda _: (status, document)) as (endpoint, forms),
        open_sink(OK) as sink,
        worker(guard, wire_only) as one,
    ):
        for _ in range(2):
            assert await one.deliver(sink.url, client_credentials(endpoint)) == expected
        assert (len(forms), sink.requests) == (1, [])


async def test_an_endpoint_inside(wire_only: SenderType) -> None:
    """A token endpoint is guarded like a sink, whatever the name said when it was given."""
    inner = Guard(allow_http=True, allow_cidrs=["127.0.0.1/32"], lookup=_inward)
    async with open_sink(OK) as sink, worker(inner, wire_only) as one:
        for host in ("10.0.0.1", "tokens.example"):
            endpoint = Sink(lambda *_: asyncio.sleep(0))
            secrets = client_credentials(endpoint, tokenendpoint=f"https://{host}/token")
            assert await one.deliver(sink.url, secrets) == Misconfigured("token")
        assert sink.requests == []
    inner.close()


async def _inward(_: str) -> list[str]:
    return ["10.0.0.1"]


async def test_a_given_token_that_is_over(open_sender: SenderType, guard: Guard) -> None:
    """Past its expiry an access token is not sent, and neither is the event."""
    credential = {
        "credentialtype": "ACCESSTOKEN",
        "accesstoken": "t",
        "accesstokenexpiresutc": "2026-01-01T00:00:00Z",
    }
    over = SinkSecrets.model_validate({"credential": credential})
    later = credential | {"accesstokenexpiresutc": "9999-01-01T00:00:00Z"}
    living = SinkSecrets.model_validate({"credential": later})
    async with open_sink(OK) as sink, worker(guard, open_sender) as one:
        assert await one.deliver(sink.url, over) == Misconfigured("expired")
        assert sink.requests == []
        assert await one.deliver(sink.url, living) == Delivered(200)
    async with open_sink(UNAUTHORIZED) as sink, worker(guard, open_sender) as one:
        assert await one.deliver(sink.url, living) == Misconfigured("answer", 401)
        assert len(sink.requests) == 1


async def test_waiting_for_a_token_counts(open_sender: SenderType, guard: Guard) -> None:
    """An endpoint that hangs costs a delivery its time-out, and a closing sender nothing more."""
    asked = asyncio.Event()

    async def hang(link: Link) -> None:
        await link.request()
        asked.set()
        await link.reader.read()

    async with (
        open_sink(hang) as endpoint,
        open_sink(OK) as sink,
        worker(guard, open_sender) as one,
    ):
        secrets = client_credentials(endpoint)
        assert await one.deliver(sink.url, secrets, timeout=0.2) == Temporary("timeout")
        asked.clear()
        waiting = asyncio.ensure_future(one.deliver(sink.url, secrets))
        await asked.wait()
        await one.sender.close()
        assert await waiting == Temporary("stopped")
        assert await one.deliver(sink.url, secrets) == Temporary("stopped")
        assert sink.requests == []


async def test_certificates_of_a_subscription(
    open_sender: SenderType, guard: Guard, tmp_path: Path
) -> None:
    """The sink sees the bus's certificate and is trusted by its own authority; others are not."""
    sinks, buses = made_certificate(), made_certificate(host="bus.example")
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=buses[0])
    served.verify_mode = ssl.CERT_REQUIRED
    path = tmp_path / "sink.pem"
    path.write_text("".join(sinks))
    served.load_cert_chain(path)
    tls = SinkTls(certificate=buses[0], key=buses[1], authorities=sinks[0])
    async with open_sink(OK, tls=served) as sink, open_sender(guard=guard) as sender:
        mine = Keys(tls=context_of(tls))
        trusting = Keys(tls=context_of(SinkTls(authorities=sinks[0])))

        async def outcome(keys: Keys | None) -> Outcome:
            plain = request_for(sink.url)
            return await deliver(sender, Request(plain.url, plain.head, b"{}", 5, "org", keys))

        assert [await outcome(mine), await outcome(mine)] == [Delivered(200)] * 2
        assert sink.connections == 1
        assert await outcome(None) == Misconfigured("certificate")
        assert isinstance(await outcome(trusting), Temporary)
        assert len(sink.requests) == 2
