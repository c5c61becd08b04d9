"""Requests per CPU-second of the API process: long polls that end empty, and with an event.

Then events per CPU-second of catching up, page by page, and of streams. Real Kafka, real Postgres,
tokens and rights checked, the position kept by the component; events are written straight to Kafka
by this process, so that the API spends nothing on publishing.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from statistics import median
from typing import Any

from bus.codec import kafka
from bus.event import Event
from bus.log.writer import Writer
from tests.bench.servers import Servers, cpu_of
from tests.cluster import SOURCE, Cluster

ROUNDS = 5
POLLERS = 100
SECONDS = 5.0
BACKLOG = 20_000
TYPE = "nl.test.gewijzigd"
DATA = json.dumps({"omschrijving": "x" * 300}).encode()
ENVELOPE = {"Accept": "application/json"}


async def main() -> None:
    """Run the rounds, print a table and a JSON line."""
    found: dict[str, list[float]] = {}
    async with Servers.open() as servers, servers.cluster() as cluster:
        await cluster.start("api")
        await cluster.create_domain("nl.test", partitions=4)
        bench = Bench(cluster)
        async with Writer(bootstrap=servers.kafka.bootstrap) as bench.log:
            cases: dict[str, Callable[[], Awaitable[float]]] = {
                "polls that end empty": bench.idle,
                "the same, 1,000 events/s for others": bench.idle_beside,
                "polls that end with an event": bench.busy,
                "events, page by page": bench.catch_up,
                "events, in streams": bench.streams,
            }
            for _ in range(ROUNDS):
                for name, case in cases.items():
                    found.setdefault(name, []).append(await case())
    print(f"{'per CPU-second of the API':38}")
    results = {name: median(rounds) for name, rounds in found.items()}
    for name, result in results.items():
        print(f"{name:38} {result:>9,.0f}")
    print(json.dumps({"bench": "pull", "rounds": ROUNDS, "results": results}))


class Bench:
    """Pollers of one API."""

    log: Writer

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._number = 0

    async def idle(self) -> float:
        """Give empty long polls of a second each."""
        return await self._polls(lambda: self._publish(TYPE, 0))

    async def idle_beside(self) -> float:
        """Give the same while events come that none of them wants."""
        return await self._polls(lambda: self._publish("nl.test.anders", 100))

    async def busy(self) -> float:
        """Give long polls that all want the same events, ten a second."""
        return await self._polls(lambda: self._publish(TYPE, 1))

    async def catch_up(self) -> float:
        """Give events of a backlog, a thousand at a time."""
        (path,) = await self._subscribe(1)
        cursor = await self._cursor(path)
        for _ in range(BACKLOG // 1_000):
            await self._publish(TYPE, 1_000)
        async with self._spent() as spent:
            count = 0
            while count < BACKLOG:
                page = await self._get(path, after=cursor, limit=1_000)
                count, cursor = count + len(page["events"]), page["cursor"]
        return count / spent()

    async def streams(self) -> float:
        """Give events that ten streams get as they are published, in all."""
        paths = await self._subscribe(10)
        each = BACKLOG // 10
        async with self._spent() as spent, asyncio.TaskGroup() as tasks:
            ready = [asyncio.Event() for _ in paths]
            for path, begun in zip(paths, ready, strict=True):
                tasks.create_task(self._stream(path, begun, each))
            for begun in ready:
                await begun.wait()
            for _ in range(each // 100):
                await self._publish(TYPE, 100)
        return each * len(paths) / spent()

    async def _polls(self, publish: Callable[[], Awaitable[None]]) -> float:
        paths = await self._subscribe(POLLERS)
        cursors = [await self._cursor(path) for path in paths]
        async with self._spent() as spent, asyncio.TaskGroup() as tasks:
            until = time.monotonic() + SECONDS
            polls = [
                tasks.create_task(self._poll(path, cursor, until))
                for path, cursor in zip(paths, cursors, strict=True)
            ]
            while time.monotonic() < until:
                await publish()
                await asyncio.sleep(0.1)
        return sum(poll.result() for poll in polls) / spent()

    async def _poll(self, path: str, cursor: str, until: float) -> int:
        count = 0
        while time.monotonic() < until:
            cursor = (await self._get(path, after=cursor, wait=1))["cursor"]
            count += 1
        return count

    async def _stream(self, path: str, begun: asyncio.Event, number: int) -> None:
        accept = {"Accept": "text/event-stream"}
        async with self._cluster.http.get(path, headers=accept) as answer:
            count = 0
            while count < number:
                chunk = await answer.content.readany()
                begun.set()
                count += chunk.count(b"\ndata: ")

    async def _subscribe(self, number: int) -> list[str]:
        wish = {"protocol": "PULL", "types": [TYPE]}
        made = [await self._cluster.post("/v1/subscriptions", wish) for _ in range(number)]
        return [f"/v1/subscriptions/{each['id']}/events" for each in made]

    async def _cursor(self, path: str) -> str:
        return str((await self._get(path))["cursor"])

    async def _get(self, path: str, **query: str | int) -> Any:  # noqa: ANN401 - JSON
        async with self._cluster.http.get(path, params=query, headers=ENVELOPE) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def _publish(self, type_: str, number: int) -> None:
        topic = f"{self._cluster.environment['BUS_NAMESPACE']}.nl.test"
        waiting = []
        for _ in range(number):
            self._number += 1
            key = f"k{self._number % 50}"
            event = Event(
                id=f"{self._number:08}",
                source=SOURCE,
                type=type_,
                attributes={"partitionkey": key},
                datacontenttype="application/json",
                data=DATA,
            )
            headers, value = kafka.encode(event)
            waiting.append(self.log.append(topic, key.encode(), headers, value))
        await asyncio.gather(*waiting)

    @asynccontextmanager
    async def _spent(self) -> Any:  # noqa: ANN401 - gives what gives the CPU seconds of the API
        pid = self._cluster.pid("api")
        before = cpu_of(pid)
        after = before

        def spent() -> float:
            return max(after - before, 0.01)

        yield spent
        after = cpu_of(pid)


if __name__ == "__main__":
    began = time.monotonic()
    asyncio.run(main())
    print(f"({time.monotonic() - began:.0f} s)")
