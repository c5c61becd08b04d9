"""µs of CPU per delivery of the engine alone: no Kafka, no sockets, no Postgres.

One partition's stream feeds subscribers of one sink with what a log's records decode to; requests
are made, signed and handed to our own sender, whose connections answer 204 in the loop's next turn.
It runs in one process, so that the least of many rounds means something on a machine that is used
by others. `python -m tests.bench.engine [ROUNDS]`
"""

import asyncio
import base64
import gc
import json
import math
import time
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import uvloop
from typing_extensions import override

from bus.catalogue import Access, Domain, Domains
from bus.codec import kafka
from bus.event import Event
from bus.log.record import Partition
from bus.store.directory import Directory, Snapshot
from bus.store.streams import StoredSubscription
from consumers.dispatch.budget import Budget
from consumers.dispatch.caps import Caps
from consumers.dispatch.courier import Courier
from consumers.dispatch.letters import WebhookLetters
from consumers.dispatch.moment import moment
from consumers.dispatch.room import Room, Shelves
from consumers.dispatch.stream import Signals, Stream
from consumers.dispatch.subscriber import Subscriber
from consumers.sinks.webhook.connection import Connection, Flight
from consumers.sinks.webhook.credentials import Credentials, Renewals
from consumers.sinks.webhook.guard import Guard
from consumers.sinks.webhook.pool import Pool
from consumers.sinks.webhook.token_endpoint import TokenEndpoint
from consumers.sinks.webhook.wire_sender import WireSender
from tests.bench.servers import rounds
from tests.unit.dispatch.small_stream import OIN, LogRecord, stored

ROUNDS = 25
DELIVERIES = 4_000
_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class _Wire:
    """Answers what was written, all of it in the loop's next turn."""

    def __init__(self) -> None:
        self._written: list[Connection] = []
        self.answered = 0
        self.until = 0
        self.done = asyncio.Event()

    def written(self, connection: Connection) -> None:
        if not self._written:
            asyncio.get_running_loop().call_soon(self._answer)
        self._written.append(connection)

    def _answer(self) -> None:
        written, self._written = self._written, []
        for connection in written:
            connection.data_received(_ANSWER)
        self.answered += len(written)
        if self.answered >= self.until:
            self.done.set()


class _Transport:
    """As much of a transport as a connection uses."""

    def __init__(self, wire: _Wire, connection: Connection) -> None:
        self._wire = wire
        self._connection = connection

    def write(self, _data: bytes) -> None:
        self._wire.written(self._connection)

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, **_: object) -> None:
        pass

    def abort(self) -> None:
        self._connection.connection_lost(None)


class _Sender(WireSender):
    """Ours, but for the sockets."""

    wire: _Wire

    @override
    def dial(self, pool: Pool, deadline: float, again: Flight | None) -> None:
        connection = Connection(pool)
        connection.connection_made(cast("asyncio.Transport", _Transport(self.wire, connection)))
        asyncio.get_running_loop().call_soon(pool.dialed, connection, again)


def _stored(number: int) -> StoredSubscription:
    secret = base64.b64encode(bytes([number]) * 32).decode()
    terms = {"sink": "http://127.0.0.1:1/events", "delivery": {"concurrency": 64}}
    return replace(stored(number, **terms), secret=f"whsec_{secret}".encode())


def _records(number: int) -> list[LogRecord]:
    made = []
    for each in range(number):
        key = f"k{each % 256}"
        event = Event(
            id=f"e-{each}",
            source=f"urn:nld:oin:{OIN}:register",
            type="nl.test.zaak-gewijzigd",
            attributes={
                "partitionkey": key,
                "time": "2026-11-25T12:00:00Z",
                "subject": f"zaak-{each}",
                "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            },
            datacontenttype="application/json",
            data=json.dumps({"omschrijving": "x" * 300}).encode(),
        )
        headers, value = kafka.encode(event)
        at = int(time.time() * 1000)
        made.append(LogRecord(each, key.encode(), value, list(headers), timestamp=at))
    return made


async def _round(subscribers: int, deliveries: int) -> float:
    """Give µs of CPU per delivery."""
    now = Snapshot(1, Domains([Domain("nl.test", "t", OIN)]), Access({"urn:nld:oin": OIN}))
    directory = cast("Directory", SimpleNamespace(now=now))
    with closing(Guard(allow_http=True, allow_cidrs=["127.0.0.0/8"])) as guard:
        async with _Sender(guard=guard) as sender:
            wire = sender.wire = _Wire()
            wire.until = deliveries
            letters = WebhookLetters(
                directory,
                origin="bus.example",
                credentials=Credentials(cast("TokenEndpoint", None), cast("Renewals", None)),
            )
            courier = Courier(sender, letters)
            caps: Caps[Subscriber] = Caps()
            shelves = Shelves(2**26)

            def subscriber(stored: StoredSubscription) -> Subscriber:
                known = made.get(stored.id)
                if known is None:
                    known = made[stored.id] = Subscriber(stored, courier.stir, Room(shelves))
                    known.put_under(caps.of(stored))
                return known

            def read_on() -> None:
                for member in tuple(stream.halfway):
                    stream.advance(member, loop.time())
                courier.flush()

            loop = asyncio.get_running_loop()
            made: dict[UUID, Subscriber] = {}
            stream = Stream(
                Partition("t", 0),
                start=0,
                revision=1,
                readers=lambda envelope: envelope.readers(directory.now),
                subscriber=subscriber,
                in_scope=lambda _: True,
                signals=Signals(more=lambda: loop.call_soon(read_on)),
                budget=Budget(2**27),
                tail_bytes=2**25,
            )
            stream.flights.until = math.inf
            for number in range(subscribers):
                stream.join(_stored(number + 1), None, moment())
            records = _records(deliveries // subscribers)
            gc.collect()
            gc.freeze()
            before = time.process_time()
            for start in range(0, len(records), 200):
                for record in records[start : start + 200]:
                    stream.feed(record, loop.time())
                courier.flush()
                await asyncio.sleep(0)
            await wire.done.wait()
            spent = time.process_time() - before
            stream.close()
            courier.stop()
    gc.unfreeze()
    return spent / deliveries * 1e6


def main() -> None:
    """Run the rounds, the cases in turns; print a table and a JSON line."""
    found: dict[int, list[float]] = {1: [], 10: [], 100: []}
    for _ in range(number := rounds(ROUNDS)):
        for subscribers, times in found.items():
            times.append(uvloop.run(_round(subscribers, DELIVERIES)))
    print("subscribers  µs per delivery, least")
    for subscribers, times in found.items():
        print(f"{subscribers:11}  {min(times):22.1f}")
    least = {str(each): min(times) for each, times in found.items()}
    print(json.dumps({"bench": "engine", "rounds": number, "us": least}))


if __name__ == "__main__":
    main()
