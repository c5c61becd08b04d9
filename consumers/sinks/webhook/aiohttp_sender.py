"""The Sender that posts through aiohttp."""

import asyncio
import io
import math
import ssl
import time
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import aiohttp
from typing_extensions import override
from yarl import URL

from consumers.sinks.outcome import Outcome, Reason, Temporary, classify
from consumers.sinks.sender import Request, Sender
from consumers.sinks.webhook.aiohttp_pool import Proxied, Resolver, Wire, failure, open_session
from consumers.sinks.webhook.guard import Forbidden, Guard
from consumers.sinks.webhook.retry_after import parse_retry_after

_MAX_ANSWER = 8_192  # bytes of an answer's body; nobody reads them, but they free the connection
_CONNECT = 10.0  # seconds until a connection must be there
_LARGE_BODY = 1 << 20  # bytes, above which aiohttp wants a file (it warns)
_URLS = 16_384  # sinks remembered as checked

_LOST = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, aiohttp.ClientConnectionResetError)


class AiohttpSender(Sender):
    """Posts requests over kept connections, apart for each organisation and scheme.

    `guard` decides where they may go; the caller keeps and closes it. `tls` replaces the default
    context, for authorities of one's own. With `proxy`, the URL of an egress proxy, all goes
    through that: the guard then judges URLs, and which names lead where is the proxy's to judge.
    Use it inside one event loop, and close it.

    The outcome is that of the answer's status, once its body has ended or passed 8 KiB; an answer
    that is cut off or malformed is no answer, whatever its status said.
    """

    def __init__(
        self, *, guard: Guard, tls: ssl.SSLContext | None = None, proxy: str | None = None
    ) -> None:
        self._guard = guard
        self._proxy = proxy
        self._tls = tls or ssl.create_default_context()
        self._sessions: dict[tuple[str, str], aiohttp.ClientSession] = {}
        self._flights: dict[asyncio.Task[Any], Wire | None] = {}
        self._url = lru_cache(_URLS)(self._checked_url)
        self._closed = False

    @override
    def send(self, request: Request, done: Callable[[Outcome], None]) -> None:
        """Start one attempt, as `Sender.send` promises."""
        loop = asyncio.get_running_loop()
        if self._closed:
            loop.call_soon(done, Temporary(Reason.STOPPED))
            return
        task = loop.create_task(self._attempt(request, loop.time() + request.timeout))
        self._flights[task] = None
        # `done` hangs on the task, not in it: even a task cancelled before its first step calls it.
        task.add_done_callback(partial(self._settle, done))

    @override
    async def close(self) -> None:
        """Abort what is in flight and release every connection, as `Sender.close` promises."""
        self._closed = True
        flights = tuple(self._flights)
        for task in flights:
            task.cancel()
        if flights:
            await asyncio.wait(flights)
        sessions = tuple(self._sessions.values())
        self._sessions.clear()
        for session in sessions:
            await session.close()

    def _settle(self, done: Callable[[Outcome], None], task: asyncio.Task[Outcome]) -> None:
        del self._flights[task]
        if task.cancelled():
            done(Temporary(Reason.STOPPED))
        elif (error := task.exception()) is not None:
            task.get_loop().call_exception_handler(
                {"message": "A delivery met an error that nobody foresaw", "exception": error}
            )
            done(Temporary(Reason.FAULT))
        else:
            done(task.result())

    async def _attempt(self, request: Request, deadline: float) -> Outcome:
        try:
            url = self._url(request.url)
            session = self._session(request.organisation, url.scheme)
            try:
                return await self._post(session, url, request, deadline)
            except _LOST as error:
                if isinstance(error, aiohttp.ClientConnectorError) or not self._was_stale():
                    raise
            return await self._post(session, url, request, deadline)
        except (TimeoutError, aiohttp.ClientError, Forbidden) as error:
            return failure(error)

    async def _post(
        self, session: aiohttp.ClientSession, url: URL, request: Request, deadline: float
    ) -> Outcome:
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            raise TimeoutError
        body = request.body if len(request.body) <= _LARGE_BODY else io.BytesIO(request.body)
        first_by = None
        if request.first_byte is not None:
            first_by = deadline - request.timeout + request.first_byte
        async with asyncio.timeout_at(first_by):
            answer = await session.post(
                url,
                data=body,
                headers=request.headers,
                allow_redirects=False,
                ssl=(request.keys and request.keys.tls) or True,
                proxy=self._proxy,
                timeout=aiohttp.ClientTimeout(
                    total=left, sock_connect=_CONNECT, ceil_threshold=math.inf
                ),
            )
        try:
            await _drain(answer)
        finally:
            answer.close()  # a whole answer has given its connection back by now
        wait = parse_retry_after(answer.headers.get("Retry-After"), now=time.time())
        return classify(answer.status, wait)

    def _was_stale(self) -> bool:
        """Say whether the connection was a kept one, and lost before it brought a byte."""
        task = asyncio.current_task()
        wire = self._flights[task] if task is not None else None
        return wire is not None and wire.requests > 1 and not wire.answered

    def _checked_url(self, text: str) -> URL:
        target = self._guard.check_url(text)
        url = URL(text, encoded=True)
        if (url.scheme, url.raw_host, url.port) != (target.scheme, target.host, target.port):
            raise Forbidden("The sink's URL can be read in two ways.")
        return url

    def _session(self, organisation: str, scheme: str) -> aiohttp.ClientSession:
        session = self._sessions.get((organisation, scheme))
        if session is None:
            resolver = Proxied() if self._proxy else Resolver(self._guard, scheme)
            session = open_session(resolver=resolver, tls=self._tls, wires=self._flights)
            self._sessions[organisation, scheme] = session
        return session


async def _drain(answer: aiohttp.ClientResponse) -> None:
    left = _MAX_ANSWER
    while left > 0 and not answer.content.at_eof():
        left -= len(await answer.content.readany())
