"""A load on the API: one request after the other over kept connections, as cheap as can be.

Run as `python -m tests.bench.load PORT TOKEN CONTENT-TYPE NUMBER < body`; prints the seconds it
took. It stops at the first answer that is not 202.
"""

import asyncio
import sys
import time
from typing import cast

import uvloop
from typing_extensions import override

AT_ONCE = 64


class Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last has come."""

    def __init__(self, request: bytes, left: list[int], done: asyncio.Future[None]) -> None:
        self._request = request
        self._left = left
        self._done = done
        self._transport: asyncio.Transport | None = None
        self._answer = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._next()

    @override
    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if not end:
            return
        if not head.startswith(b"HTTP/1.1 202 "):
            self._done.set_exception(RuntimeError(self._answer.decode()))
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self._answer = b""
            self._next()

    def _next(self) -> None:
        assert self._transport is not None
        if self._done.done():
            return
        if self._left[0] == 0:
            self._transport.close()
            self._done.set_result(None)
            return
        self._left[0] -= 1
        self._transport.write(self._request)


async def post(port: int, request: bytes, number: int) -> float:
    """Send the request so many times; give the seconds."""
    loop = asyncio.get_running_loop()
    left = [number]
    began = time.monotonic()
    waiting = [loop.create_future() for _ in range(AT_ONCE)]
    for done in waiting:
        await loop.create_connection(
            lambda done=done: Connection(request, left, done), "127.0.0.1", port
        )
    await asyncio.gather(*waiting)
    return time.monotonic() - began


if __name__ == "__main__":
    port, token, content_type, number = sys.argv[1:]
    body = sys.stdin.buffer.read()
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    sys.stdout.write(str(uvloop.run(post(int(port), head.encode() + body, int(number)))))
