"""uvicorn as the API needs it: no hands on our signals, a bound on heads, problem documents."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bus.api.application import application
from bus.api.door import EVERY_ANSWER
from bus.api.house import House
from bus.api.problem import CONTENT_TYPE, Problem
from bus.settings import SettingsError

_MAX_HEAD_BYTES = 131_072
"""Request line and headers together; in binary mode the attributes of an event are in there."""

_KEEP_ALIVE_SECONDS = 75
"""Longer than load balancers and clients keep an idle connection (60 s is common): whoever closes
first loses a request that is just then on its way."""

_BACKLOG = 2_048


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 by httptools, which by itself takes a head without end."""

    _head_bytes = 0
    _in_head = True

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:  # after the fact: what we hold is what a socket gives at once, at most
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                self.send_400_response("The head of the request is too large.")

    @override
    def on_message_begin(self) -> None:
        self._head_bytes, self._in_head = 0, True
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    @override
    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP as everything else that is wrong: with a problem document."""
        body = Problem(400, "not-http", msg).document()
        headers = [
            *EVERY_ANSWER,
            (b"content-type", CONTENT_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        lines = [b"HTTP/1.1 400 Bad Request", *(b": ".join(header) for header in headers)]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        self.transport.close()


class Server(uvicorn.Server):
    """A server that stops when told to, not by signals: those are the composition root's."""

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server_of(house: House, *, drain_seconds: float) -> Server:
    """Give a server of the API that waits this long for open requests when it stops."""
    return Server(
        uvicorn.Config(
            application(house),
            http=Protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=max(1, int(drain_seconds)),
        )
    )


def listen(host: str, port: int) -> socket.socket:
    """Take the port; SettingsError says which setting to change when it cannot be had."""
    try:
        return socket.create_server((host, port), backlog=_BACKLOG)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsError(
            f"cannot listen on {host}:{port} ({reason}): set BUS_API_PORT or BUS_API_HOST"
        ) from None
