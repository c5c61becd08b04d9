"""Programs that no one here wrote publish and receive: other people's SDKs, both ways.

Each speaks through a small program in its own language (`strangers/*/speak.*`): it is given events
to write in every mode, and messages to read.
"""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiokafka import AIOKafkaProducer
from standardwebhooks import Webhook

from bus.codec import http
from bus.codec import kafka as records
from bus.embedded.datadir import free_port
from bus.event import Event, InvalidEvent
from tests.cluster import SOURCE, Cluster

FOLDER = Path(__file__).parent / "strangers"
DATA = {"zaak": "Z-1", "naam": "Café €"}
TYPE = "nl.test.gewijzigd"
Message = dict[str, Any]

MODES = [(binding, mode) for binding in ("http", "kafka") for mode in ("structured", "binary")]
WRONG = {("python1", "kafka", "structured")}
"""What an SDK writes that is no CloudEvent: 1.x says application/json of a structured record."""


@dataclass(frozen=True)
class Stranger:
    """A program that has nothing of ours in it."""

    name: str
    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]

    async def speak(self, *, write: Iterable[Any] = (), read: Iterable[Message] = ()) -> Any:  # noqa: ANN401 - JSON
        """Let it write events in every mode, and read messages."""
        asked = json.dumps({"write": list(write), "read": list(read)})
        return json.loads(
            await _run(*self.command, folder=self.folder, given=asked, **self.environment)
        )


@pytest_asyncio.fixture(params=["python1", "python2", "node"])
async def stranger(request: pytest.FixtureRequest, cache: Path, tmp_path: Path) -> Stranger:
    """Give PyPI's cloudevents 1.x, and 2.x; npm's where Node is on this machine."""
    name: str = request.param
    match name:
        case "python1":
            # Without the site packages, where the 2.x is that the project itself knows.
            installed = _install(cache, FOLDER / name / "requirements.lock")
            command = (sys.executable, "-S", str(FOLDER / name / "speak.py"))
            environment = {"PYTHONPATH": str(installed), "PYTHONWARNINGS": "ignore"}
            return Stranger(name, command, tmp_path, environment)
        case "python2":
            return Stranger(name, (sys.executable, str(FOLDER / name / "speak.py")), tmp_path, {})
        case _:
            if shutil.which("npm") is None:
                pytest.skip("Node is not on this machine")
            folder = tmp_path / name
            shutil.copytree(FOLDER / name, folder, ignore=shutil.ignore_patterns("node_modules"))
            await _run("npm", "ci", "--no-audit", "--no-fund", "--prefer-offline", folder=folder)
            return Stranger(name, ("node", "speak.mjs"), folder, {})


class Component:
    """A component that verifies with PyPI's standardwebhooks and keeps what it was sent."""

    def __init__(self) -> None:
        self.port = free_port()
        self.secret = ""
        self.received: asyncio.Queue[Message] = asyncio.Queue()

    async def receive(self, request: web.Request) -> web.Response:
        """Verify and remember."""
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        Webhook(self.secret).verify(body, headers, json_parse=False)
        await self.received.put(_message("http", "structured", headers, body))
        return web.Response(status=204)


@pytest_asyncio.fixture
async def component(bus: Cluster) -> AsyncIterator[Component]:
    """Give a component that is subscribed to all of a domain."""
    await bus.create_domain("nl.test", partitions=1)
    component = Component()
    app = web.Application()
    app.router.add_post("/", component.receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", component.port).start()
    made = await bus.subscribe(f"http://127.0.0.1:{component.port}/", domains=["nl.test"])
    component.secret = made["signing"]["secret"]
    yield component
    await runner.cleanup()


async def test_what_a_stranger_writes_arrives_so_that_it_can_read_it(
    bus: Cluster, kafka: str, namespace: str, component: Component, stranger: Stranger
) -> None:
    """In every mode, by HTTP and straight to Kafka: what comes back is what it sent."""
    sent = {f"{binding}-{mode}": (binding, mode) for binding, mode in MODES}
    answer = await stranger.speak(write=[_event(id=name) for name in sent])
    written: list[Message] = answer["written"]
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for number, (binding, mode) in enumerate(sent.values()):
            (message,) = (
                each
                for each in written[number * len(MODES) : (number + 1) * len(MODES)]
                if (each["binding"], each["mode"]) == (binding, mode)
            )
            if (stranger.name, binding, mode) in WRONG:
                with pytest.raises(InvalidEvent):
                    _decoded(message)
            elif binding == "http":
                await _post(bus, message)
            else:
                headers = [(name, value.encode()) for name, value in message["headers"].items()]
                topic = f"{namespace}.nl.test"
                await producer.send_and_wait(topic, _body(message), headers=headers)
    expected = {name for name, way in sent.items() if (stranger.name, *way) not in WRONG}
    async with asyncio.timeout(20):
        deliveries = [await component.received.get() for _ in expected]
    events = (await stranger.speak(read=deliveries))["read"]
    assert {event["attributes"]["id"] for event in events} == expected
    for event in events:
        assert event["data"] == DATA
        assert event["attributes"]["source"] == SOURCE
        assert event["attributes"]["subject"] == "zaak-1"


async def test_what_we_write_a_stranger_reads(stranger: Stranger) -> None:
    """In every mode of HTTP and Kafka: the attributes and the data."""
    data = json.dumps(DATA, ensure_ascii=False).encode()
    attributes = {"subject": "zaak-1", "time": "2026-11-23T19:13:05Z", "partitionkey": "k"}
    event = Event("1", SOURCE, TYPE, attributes, "application/json", data)
    messages = []
    for mode, write in (("structured", http.encode_structured), ("binary", http.encode_binary)):
        headers, body = write(event)
        messages.append(_message("http", mode, dict(headers), body))
    for mode, store in (("structured", records.encode_structured), ("binary", records.encode)):
        record, value = store(event)
        headers = [(name, text.decode()) for name, text in record]
        messages.append(_message("kafka", mode, dict(headers), value))
    if stranger.name == "node":  # the others read no batch
        headers, body = http.encode_batch([event, event])
        messages.append(_message("http", "batch", dict(headers), body))
    answer = await stranger.speak(read=messages)
    assert (
        answer["version"].partition(".")[0]
        == {"python1": "1", "python2": "2", "node": "10"}[stranger.name]
    )
    assert len(answer["read"]) == len(messages) + (stranger.name == "node")
    for read in answer["read"]:
        named = {name: read["attributes"][name] for name in ("id", "source", "type", "subject")}
        assert named == {"id": "1", "source": SOURCE, "type": TYPE, "subject": "zaak-1"}
        assert read["data"] == DATA


def _event(**attributes: str) -> dict[str, Any]:
    """Give an event as strangers are given it: JavaScript's SDK writes ASCII headers only."""
    everything = {
        "source": SOURCE,
        "type": TYPE,
        "specversion": "1.0",
        "subject": "zaak-1",
        "partitionkey": "k",
        "datacontenttype": "application/json",
        **attributes,
    }
    return {"attributes": everything, "data": DATA}


def _message(binding: str, mode: str, headers: Mapping[str, str], body: bytes | None) -> Message:
    text = None if body is None else b64encode(body).decode()
    return {"binding": binding, "mode": mode, "headers": dict(headers), "body": text}


def _body(message: Message) -> bytes:
    return b64decode(message["body"] or "")


def _decoded(message: Message) -> Event:
    headers = [(name, value.encode()) for name, value in message["headers"].items()]
    return records.decode(headers, _body(message))


async def _post(bus: Cluster, message: Message) -> None:
    async with bus.http.post(
        "/v1/events", data=_body(message), headers=message["headers"]
    ) as answer:
        assert answer.status == 202, await answer.text()


def _install(cache: Path, lock: Path) -> Path:
    """Give the folder that a lock is installed in: once on this machine, whole or not at all."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(lock.read_bytes() + version.encode()).hexdigest()
    folder = cache / "strangers" / digest[:16]
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes"]
            pip += ["--root-user-action", "ignore", "--disable-pip-version-check"]
            subprocess.run([*pip, "--target", f"{made}/all", "-r", lock], check=True)  # noqa: S603
            if not folder.is_dir():
                Path(made, "all").rename(folder)
    return folder


async def _run(*command: str, folder: Path, given: str = "", **environment: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=os.environ | environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate(given.encode())
    assert process.returncode == 0, (output + errors).decode()
    return output.decode()
