"""aiohttp as the bus needs it: guarded, and knowing which connections were used before."""

import asyncio
import socket
import ssl
from collections.abc import MutableMapping
from functools import partial
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.resolver import ThreadedResolver
from typing_extensions import override

from consumers.sinks.outcome import Misconfigured, Outcome, Reason, Temporary
from consumers.sinks.webhook.guard import Forbidden, Guard

_FAILURES: tuple[tuple[type[Exception], Outcome], ...] = (  # the first that fits holds
    (Forbidden, Misconfigured(Reason.FORBIDDEN)),
    (aiohttp.ClientConnectorCertificateError, Misconfigured(Reason.CERTIFICATE)),
    (aiohttp.ClientSSLError, Temporary(Reason.TLS)),
    (aiohttp.ClientConnectorDNSError, Temporary(Reason.DNS)),
    (aiohttp.ClientConnectorError, Temporary(Reason.CONNECT)),
    (aiohttp.ConnectionTimeoutError, Temporary(Reason.CONNECT)),
    (TimeoutError, Temporary(Reason.TIMEOUT)),
    (aiohttp.ClientConnectionError, Temporary(Reason.RESET)),
    (aiohttp.ClientError, Temporary(Reason.BROKEN)),
)

_CONNECTIONS = 1_000
"""At most, per organisation and scheme: a backstop for file descriptors above the engine's caps."""

_HEAD_LINE = 8_190  # bytes per line of an answer's head
_HEAD_LINES = 100


class Wire(ResponseHandler):
    """One connection, with what aiohttp does not tell about it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.requests = 0  # that were sent over it, the present one included
        self.answered = False  # whether a byte came back since the present one

    @override
    def data_received(self, data: bytes) -> None:
        """Note that an answer has begun; cut off the body that a 204 or 304 cannot have.

        Sinks send one all the same. aiohttp's parser takes it for the next answer, fails, and loses
        the good answer with it.
        """
        if not self.answered:
            self.answered = True
            if data[9:12] in {b"204", b"304"}:
                head = data.find(b"\r\n\r\n") + 4
                if 4 <= head < len(data):
                    data = data[:head]
                    self.force_close()
        super().data_received(data)

    @override
    def close(self) -> None:
        """Drop the connection at once.

        What aiohttp closes is idle or given up. A polite close would first write what is buffered,
        and keep the socket as long as a sink that stopped reading likes.
        """
        self.abort()


Wires = MutableMapping[asyncio.Task[Any], Wire | None]


class Resolver(AbstractResolver):
    """Gives aiohttp the addresses that the guard allows, which are the ones it connects to.

    Hosts that are addresses never come by here: `Guard.check_url` sees those.
    """

    def __init__(self, guard: Guard, scheme: str) -> None:
        self._guard = guard
        self._scheme = scheme

    @override
    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,
    ) -> list[ResolveResult]:
        """Look up one host; raises Forbidden or OSError."""
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in await self._guard.resolve(host, scheme=self._scheme)
        ]

    @override
    async def close(self) -> None:
        """Nothing: the guard's owner closes it."""


class Proxied(AbstractResolver):
    """Gives aiohttp the addresses of the egress proxy, the only host it looks up then.

    The names of sinks go to the proxy as they are: it decides which of them it reaches.
    """

    @override
    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,
    ) -> list[ResolveResult]:
        """Look the proxy up; raises OSError."""
        return await ThreadedResolver().resolve(host, port, family)

    @override
    async def close(self) -> None:
        """Nothing."""


class Connector(aiohttp.TCPConnector):
    """The connections of one organisation over one scheme.

    It enters in `wires` which connection the present task has.
    """

    def __init__(self, *, resolver: AbstractResolver, tls: ssl.SSLContext, wires: Wires) -> None:
        super().__init__(resolver=resolver, ssl=tls, limit=_CONNECTIONS)
        # The one private name of aiohttp that we touch; the tests of resending fail when it goes.
        self._factory = partial(Wire, loop=self._loop)  # type: ignore[assignment]  # a subclass
        self._wires = wires

    @override
    async def connect(self, *args: Any, **kwargs: Any) -> Connection:
        """Give a connection, kept or new."""
        connection = await super().connect(*args, **kwargs)
        wire = connection.protocol
        task = asyncio.current_task()
        if isinstance(wire, Wire) and task is not None:  # always; said for mypy
            wire.requests += 1
            wire.answered = False
            self._wires[task] = wire
        return connection


def open_session(
    *, resolver: AbstractResolver, tls: ssl.SSLContext, wires: Wires
) -> aiohttp.ClientSession:
    """Open a session that adds nothing of its own: no cookie, header, proxy or unpacking."""
    return aiohttp.ClientSession(
        connector=Connector(resolver=resolver, tls=tls, wires=wires),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        auto_decompress=False,
        trust_env=False,
        read_bufsize=8_192,
        max_line_size=_HEAD_LINE,
        max_field_size=_HEAD_LINE,
        max_headers=_HEAD_LINES,
    )


def failure(error: Exception) -> Outcome:
    """Give the outcome of an attempt that brought no answer (design §4, table)."""
    if isinstance(error, aiohttp.ClientHttpProxyError) and error.status == 403:
        return Misconfigured(Reason.FORBIDDEN)  # the proxy guards the way out
    return next(outcome for kind, outcome in _FAILURES if isinstance(error, kind))
