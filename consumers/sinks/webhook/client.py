"""Asks sinks and token endpoints what is no delivery: rare, guarded, and with an answer to read."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import aiohttp
from yarl import URL

from consumers.sinks.outcome import Outcome, Reason, Temporary
from consumers.sinks.webhook.aiohttp_pool import Proxied, Resolver, failure
from consumers.sinks.webhook.dial import Unreachable
from consumers.sinks.webhook.guard import Forbidden, Guard

_MAX_ANSWER = 65_536
"""Bytes of a body; an access token with all its claims is a tenth of this."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Client:
    """One request at a time over a connection of its own, to where `guard` lets it.

    `tls` is for authorities of one's own; `proxy` is the way out.
    """

    def __init__(
        self, *, guard: Guard, tls: ssl.SSLContext | None = None, proxy: str | None = None
    ) -> None:
        self._guard = guard
        self._given = tls
        self._proxy = proxy

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """The context where a question has none; made at the first one, for it takes 20 ms."""
        return self._given or ssl.create_default_context()

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        timeout: float,  # noqa: ASYNC109 - ends in an outcome of our own
        tls: ssl.SSLContext | None = None,
    ) -> Reply:
        """Give the answer, whatever its status; redirects are not followed. Raises Unreachable."""
        try:
            target = self._guard.check_url(url)
            resolver = Proxied() if self._proxy else Resolver(self._guard, target.scheme)
            async with (
                asyncio.timeout(timeout),
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(resolver=resolver, force_close=True),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    trust_env=False,
                ) as session,
                session.request(
                    method,
                    URL(url, encoded=True),
                    headers=headers,
                    data=body or None,
                    allow_redirects=False,
                    ssl=tls or self._tls,
                    proxy=self._proxy,
                ) as answer,
            ):
                said = {name.lower(): value for name, value in answer.headers.items()}
                return Reply(answer.status, said, await _read(answer))
        except (TimeoutError, aiohttp.ClientError, Forbidden) as error:
            raise Unreachable(failure(error)) from None


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > _MAX_ANSWER:
            raise Unreachable(_TOO_LARGE)
    return bytes(body)


_TOO_LARGE: Outcome = Temporary(Reason.BROKEN)
