"""A sink on loopback that answers the handshake as a test says."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class AskedSink:
    """What it answers to OPTIONS, and the headers that it was asked with."""

    url: str = ""
    says: Mapping[str, str] = field(default_factory=dict)
    asked: list[Mapping[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one OPTIONS; no status is a consent, so it says that this is an error."""
        assert request.method == "OPTIONS"
        self.asked.append(dict(request.headers))
        return web.Response(status=405, headers=self.says)


@asynccontextmanager
async def asked_sink(**says: str) -> AsyncIterator[AskedSink]:
    """Open a sink that answers with these headers, `_` for `-`."""
    sink = AskedSink(says={name.replace("_", "-"): value for name, value in says.items()})
    app = web.Application()
    app.router.add_route("*", "/events", sink.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sink.url = f"http://127.0.0.1:{runner.addresses[0][1]}/events"
    try:
        yield sink
    finally:
        await runner.cleanup()
