"""The cheap sink (`tests.bench.sink`) in a process of its own, as a bench asks it."""

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp

from bus.embedded.datadir import free_port

WITHIN = 120.0


class Receiver:
    """A running sink: where it is, and what has come to it."""

    def __init__(self, port: int, certificate: Path | None) -> None:
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{port}/events"
        self.trust = {"SSL_CERT_FILE": str(certificate)} if certificate else {}
        """What makes a process trust it that speaks to it over TLS."""
        self._tls = ssl.create_default_context(cafile=certificate) if certificate else True

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, after: float = 0.0, certificate: Path | None = None
    ) -> AsyncIterator[Self]:
        """Run one that answers so many seconds late, over TLS with a certificate."""
        port = free_port()
        options = ["--certificate", str(certificate)] if certificate else []
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.sink", str(port), "--after", str(after)), *options
        )
        try:
            await listens(port)
            yield cls(port, certificate)
        finally:
            process.kill()
            await process.wait()

    async def count(self) -> int:
        """Give how many deliveries have come."""
        return int((await self._get("/"))["count"])

    async def repeats(self) -> int:
        """Give how many of them were of an event that had come before."""
        counts = await self._get("/")
        return int(counts["count"] - counts["distinct"])

    async def latencies(self) -> list[float]:
        """Give the seconds from `senttime` to arrival, in order of arrival."""
        found: list[float] = await self._get("/latencies")
        return found

    async def until(
        self, number: int, *, distinct: bool = False, every: float = 0.02, within: float = WITHIN
    ) -> int:
        """Wait until so many deliveries (or events) have come; give how many there are."""
        what = "distinct" if distinct else "count"
        async with asyncio.timeout(within):
            while True:
                count = int((await self._get("/"))[what])
                if count >= number:
                    return count
                await asyncio.sleep(every)

    async def _get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        url = self.url.removesuffix("/events") + path
        async with aiohttp.ClientSession() as session, session.get(url, ssl=self._tls) as answer:
            return json.loads(await answer.read())


async def listens(port: int) -> None:
    """Wait until a process of ours listens there."""
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
