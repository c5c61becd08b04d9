"""uvicorn as the API needs it: no hands on our signals, bounded requests, problem documents."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import uvicorn
from httptools import HttpParserUpgrade, HttpRequestParser
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
    """HTTP/1.1 by httptools, which by itself takes a head without end, and waits for ever."""

    request_seconds: float
    _head_bytes = 0
    _in_head = True
    _underway = True
    _deadline: asyncio.TimerHandle | None = None
    _data = b""
    _again = b""

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as its
        super().connection_made(transport)
        self._wait_for_the_rest()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_longer()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        self._data = data
        super().data_received(data)
        while self._again:
            self._data, self._again = self._again, b""
            super().data_received(self._data)
        self._data = b""
        if self._underway and self._deadline is None:  # never so for one that comes in one piece
            self._wait_for_the_rest()
        if self._in_head:  # after the fact: what we hold is what a socket gives at once, at most
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                self.send_400_response("The head of the request is too large.")

    @override
    def on_message_begin(self) -> None:
        self._head_bytes, self._in_head, self._underway = 0, True, True
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        if self._offers_upgrade():
            return
        self._in_head = False
        super().on_headers_complete()

    @override
    def on_message_complete(self) -> None:
        if self._offers_upgrade():
            return
        self._underway = False
        self._wait_no_longer()
        super().on_message_complete()

    def _offers_upgrade(self) -> bool:
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    @override
    def _unsupported_upgrade_warning(self) -> None:
        """Have a request that offers another protocol read anew, as if it had not.

        httptools takes its body for that protocol's. RFC 9110 §7.8 lets a server ignore the offer,
        and Java's client makes it with every first request.
        """
        upgrade = sys.exception()
        if not isinstance(upgrade, HttpParserUpgrade) or not self._offers_upgrade():
            return
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version)]
        lines += [b"%b: %b" % each for each in self.headers if each[0] != b"upgrade"]
        self._again = b"\r\n".join((*lines, b"", self._data[upgrade.args[0] :]))
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does

    @override
    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP as everything else that is wrong: with a problem document."""
        self._hang_up(Problem(400, "not-http", msg))

    def _wait_for_the_rest(self) -> None:
        self._deadline = self.loop.call_later(self.request_seconds, self._too_late)

    def _wait_no_longer(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        """Say so, unless nothing was asked or an answer is on this wire already."""
        cycle: Any = self.cycle  # None at first, whatever its type says
        if self._in_head:
            may_answer = self._head_bytes > 0 and (cycle is None or cycle.response_complete)
        else:
            may_answer = not cycle.response_started and not self.pipeline
        if may_answer and not self.transport.is_closing():
            seconds = f"{self.request_seconds:g} seconds"
            detail = f"The request did not come in whole within {seconds}; nothing was stored."
            self._hang_up(Problem(408, "too-slow", detail))
        else:
            self.transport.close()

    def _hang_up(self, problem: Problem) -> None:
        body = problem.document()
        headers = [
            *EVERY_ANSWER,
            (b"content-type", CONTENT_TYPE.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        status = f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}"
        lines = [status.encode(), *(b": ".join(header) for header in headers)]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        self.transport.close()


def protocol_of(request_seconds: float) -> type[Protocol]:
    """Give the protocol that waits this long for a request to come in whole."""
    return type("Protocol", (Protocol,), {"request_seconds": request_seconds})


class Server(uvicorn.Server):
    """A server that stops when told to, not by signals: those are the composition root's."""

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server_of(house: House, *, request_seconds: float, drain_seconds: float) -> Server:
    """
    Give a server of the API.

    It waits `request_seconds` for a request to come in whole, and `drain_seconds` for the answers
    to those that are open when it stops.
    """
    return Server(
        uvicorn.Config(
            application(house),
            http=protocol_of(request_seconds),
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
    """Take the port; what is written to a connection that is accepted there leaves at once.

    SettingsError says which setting to change when the port cannot be had.
    """
    try:
        listening = socket.create_server((host, port), backlog=_BACKLOG)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsError(
            f"cannot listen on {host}:{port} ({reason}): set BUS_API_PORT or BUS_API_HOST"
        ) from None
    # Accepted connections inherit it. uvloop sets it itself, the standard loop not on a socket that
    # it is given: the body, written after the head, would then wait 40 ms for the client's ACK.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
