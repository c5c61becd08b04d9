"""A component as a web service: `uvicorn module:app` runs what `component` gives."""

import json
from collections.abc import Collection, Sequence

from starlette.types import Message, Receive, Scope, Send

from consumers.receive.receiver import Answer, Handler, Receiver
from consumers.receive.seen import Seen

_ALLOW = (b"allow", b"POST, OPTIONS")
_DISCARD = 16 * 1024 * 1024
"""Bytes of a body that is too large which are read before the answer: a connection closed on a
sender that still writes may take the answer with it."""


class Component:
    """An ASGI application with one path, to which the bus POSTs.

    `max_body` is in bytes, at least 64 KiB (what CloudEvents asks of a consumer). `allowed_origins`
    are the host names of buses that may deliver, for the CloudEvents webhook handshake; None allows
    any, as deliveries are signed anyway. `uri` is the address that the bus posts to, which the
    signature covers in binary mode; None takes it from the request, as it is here: behind a proxy
    that ends TLS it is another.
    """

    def __init__(
        self,
        receiver: Receiver,
        *,
        path: str = "/events",
        max_body: int = 1_048_576,
        allowed_origins: Collection[str] | None = None,
        uri: str | None = None,
    ) -> None:
        self._uri = uri
        self._receiver = receiver
        self._path = path
        self._max_body = max_body
        self._allowed_origins = allowed_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of ASGI: a request, or the server's start and stop."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].removeprefix(scope.get("root_path", "")) != self._path:
            await _answer(send, Answer(404, "There is nothing here."))
        elif scope["method"] == "OPTIONS":
            await _send(send, 204, self._consent(dict(scope["headers"])))
        elif scope["method"] != "POST":
            await _answer(send, Answer(405, "Events come by POST."), _ALLOW)
        else:
            await self._take(scope, receive, send)

    async def _take(self, scope: Scope, receive: Receive, send: Send) -> None:
        match await self._body(receive):
            case bytes(body):
                uri = self._uri or _uri_of(scope)
                await _answer(send, await self._receiver.receive(scope["headers"], body, uri=uri))
            case Answer() as refusal:
                await _answer(send, refusal, (b"connection", b"close"))
            case None:
                pass  # nobody is there to answer

    async def _body(self, receive: Receive) -> bytes | Answer | None:
        """Read a body whole; give the answer to one that is too large, None for one broken off."""
        body = bytearray()
        size = 0
        while size <= max(self._max_body, _DISCARD):
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size <= self._max_body:
                body += chunk
            if not message.get("more_body", False):
                break
        if size > self._max_body:
            return Answer(413, f"An event may have {self._max_body} bytes.")
        return bytes(body)

    def _consent(self, headers: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        """Answer the handshake (CloudEvents webhook §4): consent is in the headers alone."""
        answer = [_ALLOW]
        origin = headers.get(b"webhook-request-origin", b"")
        allowed = self._allowed_origins
        if origin and (allowed is None or origin.decode("latin-1") in allowed):
            answer.append((b"webhook-allowed-origin", origin))
            answer.append((b"webhook-allowed-rate", b"*"))
        return answer


def component(
    handler: Handler,
    *,
    secret: str | Sequence[str],
    path: str = "/events",
    tolerance: float = 300.0,
    seen: Seen | None = None,
    max_body: int = 1_048_576,
    allowed_origins: Collection[str] | None = None,
    uri: str | None = None,
) -> Component:
    """Make a component out of a handler; `Receiver` and `Component` say what each option does."""
    receiver = Receiver(handler, secret=secret, tolerance=tolerance, seen=seen)
    return Component(
        receiver, path=path, max_body=max_body, allowed_origins=allowed_origins, uri=uri
    )


def _uri_of(scope: Scope) -> str:
    """Give the address of a request, as it was sent."""
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{scope['scheme']}://{host}{path}{'?' if query else ''}{query}"


async def _answer(send: Send, answer: Answer, *headers: tuple[bytes, bytes]) -> None:
    if not answer.detail:
        await _send(send, answer.status, list(headers))
        return
    problem = {"title": answer.detail, "status": answer.status}
    body = json.dumps(problem).encode()
    described = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        *headers,
    ]
    await _send(send, answer.status, described, body)


async def _send(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b""
) -> None:
    start: Message = {"type": "http.response.start", "status": status, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Receive, send: Send) -> None:
    """Say yes to start and stop: there is nothing to prepare."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
