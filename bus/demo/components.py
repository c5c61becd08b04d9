"""Three components that subscribe to the sample register, each a small web service."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import uvicorn

from bus.app.server import Server
from bus.demo.register import CHANGED, CREATED, DOMAIN, REMOVED, Change
from bus.demo.script import PERMITS
from bus.event import Event
from consumers.receive import component


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A component: what it asks the bus for, and the same in Python, to judge the bus by."""

    name: str
    wish: str
    """What it asks for, in words."""
    terms: Mapping[str, Any]
    """Fields of its subscription, as they go to POST /v1/subscriptions."""
    wants: Callable[[Change], bool]
    stumbles_at: int = 0
    """It fails the first attempt of each event that is a multiple of this; 0: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One event that came to a component's handler."""

    component: str
    event_id: str
    change: Change
    attempt: int
    taken: bool
    latency: float
    """Seconds from the change in the register to the call of the handler."""


OnArrival = Callable[[Arrival], None]

COMPONENTS: Final = (
    Component(
        name="dossier",
        wish="zaken that begin or end (types)",
        terms={"types": [CREATED, REMOVED]},
        wants=lambda change: change.type in {CREATED, REMOVED},
    ),
    Component(
        name="vergunningen",
        wish="changes of permits (a prefix and a suffix)",
        terms={
            "filters": [
                {"prefix": {"partitionkey": f"{PERMITS}-"}},
                {"suffix": {"type": "-gewijzigd"}},
            ]
        },
        wants=lambda change: change.zaak.startswith(PERMITS) and change.type == CHANGED,
    ),
    Component(
        name="archief",
        wish="everything; it fails each fifth event once",
        terms={"delivery": {"retry": {"schedule": [1, 5, 60]}}},
        wants=lambda _: True,
        stumbles_at=5,
    ),
)


class Stumbled(Exception):
    """The component cannot take this event now."""


class Desk:
    """What a component does with its events: it counts attempts and tells what came."""

    def __init__(self, of: Component, on_arrival: OnArrival) -> None:
        self._of = of
        self._on_arrival = on_arrival
        self._attempts: Counter[tuple[str, str]] = Counter()

    async def handle(self, event: Event) -> None:
        """Take an event; Stumbled makes the bus deliver it again."""
        now = time.time()
        self._attempts[event.source, event.id] += 1
        attempt = self._attempts[event.source, event.id]
        every = self._of.stumbles_at
        stumbles = bool(every) and attempt == 1 and len(self._attempts) % every == 0
        self._on_arrival(
            Arrival(
                component=self._of.name,
                event_id=event.id,
                change=Change(str(event.get("partitionkey")), event.type),
                attempt=attempt,
                taken=not stumbles,
                latency=now - datetime.fromisoformat(str(event.get("time"))).timestamp(),
            )
        )
        if stumbles:
            raise Stumbled


def path_of(of: Component) -> str:
    """Give the path of its sink, by which a later demonstration knows its subscription."""
    return f"/demo/{of.name}"


def wish_of(of: Component, port: int, *, secret: str) -> dict[str, Any]:
    """Give the subscription that it asks for."""
    sink = f"http://127.0.0.1:{port}{path_of(of)}"
    signing = {"secret": secret}
    return {"sink": sink, "protocol": "HTTP", "domains": [DOMAIN], "signing": signing, **of.terms}


@asynccontextmanager
async def served(
    of: Component, listening: socket.socket, *, secret: str, on_arrival: OnArrival
) -> AsyncIterator[None]:
    """Serve a component with uvicorn for the length of the block; `secret` signs its events."""
    app = component(Desk(of, on_arrival).handle, secret=secret, path=path_of(of))
    config = uvicorn.Config(
        app, lifespan="off", ws="none", log_config=None, timeout_graceful_shutdown=1
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving
