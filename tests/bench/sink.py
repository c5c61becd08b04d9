"""A component that costs next to nothing: answers 204 to each POST, counts, and times what it can.

Run as `python -m tests.bench.sink PORT`. A GET answers how many have come, `{"count": …,
"distinct": …}` by the ids of their events; `/latencies` a list, in seconds, of those whose event
has a `senttime` extension: now less that Unix time. `--after SECONDS` answers late (`inf`: never),
`--certificate FILE` speaks TLS.
"""

import argparse
import asyncio
import json
import math
import re
import ssl
import time
from pathlib import Path
from typing import cast

import uvloop

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_ID = re.compile(rb'"id":"([^"]*)"')
_SENT = re.compile(rb'"senttime":"([0-9.]+)"')
_DONE = b"HTTP/1.1 204 No Content\r\n\r\n"


class Sink(asyncio.Protocol):
    """One connection; requests come one after the other."""

    after = 0.0
    latencies: list[float] = []  # noqa: RUF012 - of all connections together
    ids: set[bytes] = set()  # noqa: RUF012 - same
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
                self._report(of_latencies=head.startswith(b"GET /latencies "))
            elif head.startswith(b"POST"):
                self._take(body)
            else:  # the handshake's OPTIONS
                self._transport.write(_DONE)

    def _take(self, body: bytes) -> None:
        Sink.count += 1
        if found := _ID.search(body):
            Sink.ids.add(found[1])
        if sent := _SENT.search(body):
            Sink.latencies.append(time.time() - float(sent[1]))
        if not Sink.after:
            self._transport.write(_DONE)
        elif Sink.after < math.inf:
            asyncio.get_running_loop().call_later(Sink.after, self._transport.write, _DONE)

    def _report(self, *, of_latencies: bool) -> None:
        counts = {"count": Sink.count, "distinct": len(Sink.ids)}
        body = json.dumps(Sink.latencies if of_latencies else counts).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


async def _serve(port: int, certificate: Path | None) -> None:
    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port, ssl=tls)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--after", type=float, default=0.0)
    parser.add_argument("--certificate", type=Path)
    asked = parser.parse_args()
    Sink.after = asked.after
    uvloop.run(_serve(asked.port, asked.certificate))
