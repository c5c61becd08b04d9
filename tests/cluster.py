"""The roles as processes of their own, as in production, on servers that the test names."""

import asyncio
import base64
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self

import aiohttp

from bus.embedded.datadir import free_port
from bus.store.credentials import Credentials
from bus.store.database import Database
from bus.store.organisations import Organisations

OIN = "00000001823288444000"
SOURCE = f"urn:nld:oin:{OIN}:systeem:zaken"
ROLES = ("publisher", "subscriber", "operator")

_STOP_WITHIN = 60.0  # seconds

_BUS = Path(sys.executable).parent / "bus"


class Cluster:
    """One API and whatever else a test starts; `http` speaks to it with a token of every role."""

    http: aiohttp.ClientSession

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.environment = environment
        self.url = f"http://127.0.0.1:{environment['BUS_API_PORT']}"
        self._folder = folder
        self._running: dict[str, asyncio.subprocess.Process] = {}

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, kafka: str, database_url: str, namespace: str, folder: Path
    ) -> AsyncIterator[Self]:
        """Prepare an organisation and a token; stop every process at the end."""
        async with Database.open(database_url, application_name="test") as database:
            organisations = Organisations(database)
            await organisations.ensure_organisation(OIN, "Gemeente Voorbeeld")
            await organisations.add_source(f"urn:nld:oin:{OIN}", OIN)
            token = await Credentials(database).issue(OIN, ROLES, label="test")
        environment = {
            "BUS_KAFKA_BOOTSTRAP": kafka,
            "BUS_DATABASE_URL": database_url,
            "BUS_NAMESPACE": namespace,
            "BUS_SECRET_KEY": base64.b64encode(b"k" * 32).decode(),
            "BUS_API_PORT": str(free_port()),
            "BUS_SINK_ALLOW_HTTP": "true",
            "BUS_SINK_ALLOW_CIDRS": "127.0.0.0/8",
            "BUS_ORGANISATION": OIN,
            "BUS_TOKEN": token,
            "PYTHONWARNINGS": "default",
        }
        cluster = cls(environment, folder)
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with aiohttp.ClientSession(cluster.url, headers=headers) as cluster.http:
                yield cluster
        finally:
            await cluster._stop_all()

    async def start(self, role: str, name: str | None = None, **environment: str) -> None:
        """Start a role; of the API, wait until it is ready."""
        log = self._log(name or role).open("ab")
        self._running[name or role] = await asyncio.create_subprocess_exec(
            _BUS, role, env=os.environ | self.environment | environment, stdout=log, stderr=log
        )
        log.close()
        if role == "api":
            await self.ready(name=name or role)

    async def ready(self, within: float = 30.0, name: str = "api") -> None:
        """Wait until the API says that it can work: ours, and no other that has got its port."""
        process = self._running[name]
        async with asyncio.timeout(within):
            while True:
                try:
                    async with self.http.get("/readyz") as answer:
                        ours = "API-Version" in answer.headers and process.returncode is None
                        if answer.status == 200 and ours:
                            return
                except (aiohttp.ClientError, ValueError):
                    pass
                assert process.returncode is None, self.log_of(name)
                await asyncio.sleep(0.05)

    async def kill(self, name: str) -> None:
        """End a process at once, as a power cut would."""
        process = self._running[name]
        if process.returncode is None:
            process.kill()
            await process.wait()
        del self._running[name]

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a process a signal."""
        self._running[name].send_signal(number)

    async def stop(self, name: str) -> None:
        """End a process as planned; it must have run until now, and end well."""
        process = self._running[name]
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_WITHIN):
                    await process.wait()
        # One that has only just been started ends by the signal; one that hangs is killed later.
        assert process.returncode in (0, -signal.SIGTERM), (
            f"{name}, told to stop: {process.returncode}; see {self._log(name)}"
        )
        del self._running[name]

    def pid(self, name: str) -> int:
        """Give the process id of what was started."""
        return self._running[name].pid

    def log_of(self, name: str) -> str:
        """Give what a process has said."""
        return self._log(name).read_text()

    async def create_domain(self, name: str, **fields: Any) -> None:  # noqa: ANN401 - JSON
        """Make a domain through the API."""
        await self.post("/v1/domains", {"name": name, "description": "Proef", **fields})

    async def subscribe(self, sink: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Make a subscription through the API; give the answer, the secret in it."""
        return await self.post("/v1/subscriptions", {"sink": sink, "protocol": "HTTP", **fields})

    async def post(self, path: str, document: object) -> dict[str, Any]:
        """POST JSON that must be accepted."""
        async with self.http.post(path, json=document) as answer:
            body: dict[str, Any] = await answer.json(content_type=None)
            assert answer.status < 300, body
            return body

    async def publish(self, events: list[dict[str, Any]]) -> None:
        """POST a batch until all of it is accepted: what the bus could not take, again."""
        kind = {"Content-Type": "application/cloudevents-batch+json"}
        async with asyncio.timeout(60):
            while events:
                async with self.http.post("/v1/events", json=events, headers=kind) as answer:
                    body = await answer.json(content_type=None)
                    assert answer.status in (202, 207, 503), body
                if answer.status == 503:
                    await asyncio.sleep(0.2)
                    continue
                results = zip(events, body["items"], strict=True)
                events = [each for each, item in results if item.get("status", 202) != 202]

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    async def _stop_all(self) -> None:
        """Have all end at once; what does not end as planned is no longer there either."""
        stops = map(self.stop, list(self._running))
        try:
            ends = await asyncio.gather(*stops, return_exceptions=True)
        finally:
            for name in list(self._running):
                await self.kill(name)
        if errors := [each for each in ends if isinstance(each, Exception)]:
            raise ExceptionGroup("not all roles ended as planned", errors)


def event(number: int, *, type_: str = "nl.test.gewijzigd", keys: int = 10) -> dict[str, Any]:
    """Make a numbered event."""
    return {
        "specversion": "1.0",
        "id": f"{number:06}",
        "source": SOURCE,
        "type": type_,
        "partitionkey": f"k{number % keys}",
        "dataref": f"https://zaken.example.nl/zaken/{number}",
    }
