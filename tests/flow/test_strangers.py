"""Programs that no one here wrote publish and receive: other people's SDKs on both sides."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from cloudevents.core.bindings.http import (
    HTTPMessage,
    from_http_event,
    to_binary_event,
    to_structured_event,
)
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks import Webhook

from bus.embedded.datadir import free_port
from tests.cluster import SOURCE, Cluster

NODE = Path(__file__).parent / "node"
DATA = {"zaak": "Z-1", "naam": "Café €"}


class Stranger:
    """A component made of PyPI's standardwebhooks and cloudevents, and nothing of ours."""

    def __init__(self) -> None:
        self.port = free_port()
        self.secret = ""
        self.received: asyncio.Queue[CloudEvent] = asyncio.Queue()

    async def receive(self, request: web.Request) -> web.Response:
        """Verify, read, remember."""
        body = await request.read()
        Webhook(self.secret).verify(body, dict(request.headers), json_parse=False)
        message = HTTPMessage(headers=dict(request.headers), body=body)
        await self.received.put(from_http_event(message))  # type: ignore[arg-type] # 1.0, not 0.3
        return web.Response(status=204)


@pytest_asyncio.fixture
async def stranger(bus: Cluster) -> AsyncIterator[Stranger]:
    """Give a component that is subscribed to all of a domain."""
    await bus.create_domain("nl.test")
    component = Stranger()
    app = web.Application()
    app.router.add_post("/", component.receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", component.port).start()
    made = await bus.subscribe(f"http://127.0.0.1:{component.port}/", domains=["nl.test"])
    component.secret = made["signing"]["secret"]
    yield component
    await runner.cleanup()


async def test_the_python_sdk_publishes_and_receives(bus: Cluster, stranger: Stranger) -> None:
    """Structured and binary, as PyPI's cloudevents makes them, arrive as it would send them."""
    for number, mode in enumerate((to_structured_event, to_binary_event)):
        attributes = {
            "id": f"python-{number}",
            "source": SOURCE,
            "type": "nl.test.gewijzigd",
            "partitionkey": "python",
            "datacontenttype": "application/json",
        }
        message = mode(CloudEvent(attributes, DATA))
        async with bus.http.post("/v1/events", data=message.body, headers=message.headers) as said:
            assert said.status == 202, await said.text()
    events = await _arrived(stranger, 2)
    assert [event.get_id() for event in events] == ["python-0", "python-1"]
    assert [event.get_data() for event in events] == [DATA, DATA]
    assert {event.get_extension("partitionkey") for event in events} == {"python"}


@pytest.mark.skipif(shutil.which("npm") is None, reason="Node is not on this machine")
async def test_the_javascript_sdk_publishes(
    bus: Cluster, stranger: Stranger, tmp_path: Path
) -> None:
    """Structured and binary, as npm's cloudevents makes them, arrive."""
    folder = tmp_path / "node"
    shutil.copytree(NODE, folder, ignore=shutil.ignore_patterns("node_modules"))
    await _run("npm", "ci", "--no-audit", "--no-fund", "--prefer-offline", folder=folder)
    token = bus.environment["BUS_TOKEN"]
    await _run("node", "publish.mjs", bus.url, token, SOURCE, folder=folder)
    events = await _arrived(stranger, 2)
    assert [event.get_id() for event in events] == ["node-structured", "node-binary"]
    assert [_parsed(event.get_data()) for event in events] == [DATA, DATA]


async def _arrived(stranger: Stranger, number: int) -> list[CloudEvent]:
    async with asyncio.timeout(20):
        return [await stranger.received.get() for _ in range(number)]


async def _run(*command: str, folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


def _parsed(data: Any) -> Any:  # noqa: ANN401 - what the SDK gives
    return json.loads(data) if isinstance(data, str | bytes) else data
