"""A component that costs next to nothing: answers 204 to each POST, counts, and times what it can.

Run as `python -m tests.bench.sink PORT`; a GET answers `{"count": …, "latencies": […]}`.
The latency of an event is now less the Unix time in its `senttime` extension, if it has one.
"""

import asyncio
import json
import re
import sys
import time
from typing import cast

import uvloop

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_SENT = re.compile(rb'"senttime":"([0-9.]+)"')
_DONE = b"HTTP/1.1 204 No Content\r\n\r\n"


class Sink(asyncio.Protocol):
    """One connection; requests come one after the other."""

    latencies: list[float] = []  # noqa: RUF012 - of all connections together
    count = 0

    def __init__(self) -> None:
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end])
            found = _LENGTH.search(head)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self._buffer) < whole:
                return
            body = bytes(self._buffer[end + 4 : whole])
            del self._buffer[:whole]
            if head.startswith(b"GET"):
                self._report()
                continue
            if head.startswith(b"POST"):  # not the handshake's OPTIONS
                self._take(body)
            self._transport.write(_DONE)

    def _take(self, body: bytes) -> None:
        Sink.count += 1
        if sent := _SENT.search(body):
            Sink.latencies.append(time.time() - float(sent[1]))

    def _report(self) -> None:
        body = json.dumps({"count": Sink.count, "latencies": Sink.latencies}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
