"""What a subscription notices when a part dies or is replaced while events flow.

Events are published at a steady rate; two dispatchers share four partitions. The longest wait is
that of one event, from the first try to publish it to its arrival: it spans the time in which
nothing flowed. What arrived more than once is counted by the sink. The bench ends when every event
has arrived: one that is lost stops it. `python -m tests.bench.restart [ROUNDS]`
"""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from statistics import median

from bus.embedded.kafka import Kafka
from bus.embedded.postgres import Postgres
from tests.bench.receiver import Receiver
from tests.bench.servers import Servers, rounds
from tests.cluster import Cluster, event

ROUNDS = 3
RATE = 500
BATCH = 10
BEFORE, AFTER = 2.0, 2.0
"""Seconds of the flow before something happens, and after it is over."""

WORKERS = ("dispatch-0", "dispatch-1")

Happening = Callable[[Servers, Cluster], Awaitable[None]]


async def _worker_killed(_: Servers, cluster: Cluster) -> None:
    await cluster.kill(WORKERS[0])
    await cluster.start("dispatch", WORKERS[0])


async def _all_killed(_: Servers, cluster: Cluster) -> None:
    for name in WORKERS:
        await cluster.kill(name)
    for name in WORKERS:
        await cluster.start("dispatch", name)


async def _kafka_killed(servers: Servers, _: Cluster) -> None:
    await _kill(servers.kafka)


async def _postgres_killed(servers: Servers, _: Cluster) -> None:
    await _kill(servers.postgres)


async def _kill(server: Kafka | Postgres) -> None:
    assert server.child is not None
    server.child.signal(signal.SIGKILL)
    await server.child.wait()
    await server.start()


async def _all_replaced(_: Servers, cluster: Cluster) -> None:
    for name in WORKERS:
        await cluster.stop(name)
        await cluster.start("dispatch", name)


HAPPENINGS: Mapping[str, Happening] = {
    "every dispatcher, planned": _all_replaced,
    "kill -9 of a dispatcher": _worker_killed,
    "kill -9 of both dispatchers": _all_killed,
    "kill -9 of Kafka": _kafka_killed,
    "kill -9 of Postgres": _postgres_killed,
}


async def main() -> None:
    """Run the rounds, print a table and a JSON line."""
    found: dict[str, list[tuple[float, int]]] = {name: [] for name in HAPPENINGS}
    async with Servers.open() as servers:
        for _ in range(number := rounds(ROUNDS)):
            for name, happening in HAPPENINGS.items():
                found[name].append(await _round(servers, happening))
    print("restarted                    longest wait, s   most  repeats, each round")
    results = {}
    for name, seen in found.items():
        waits, repeats = zip(*seen, strict=True)
        print(
            f"{name:27}  {median(waits):15.1f}  {max(waits):5.1f}  {', '.join(map(str, repeats))}"
        )
        results[name] = {"seconds": median(waits), "most": max(waits), "repeats": repeats}
    print(json.dumps({"bench": "restart", "rate": RATE, "rounds": number, "results": results}))


async def _round(servers: Servers, happening: Happening) -> tuple[float, int]:
    """Give the longest wait in seconds, and how many deliveries were repeats."""
    async with servers.cluster() as cluster, Receiver.open() as sink:
        await cluster.start("api")
        await cluster.create_domain("nl.test", partitions=4)
        await cluster.subscribe(sink.url, domains=["nl.test"])
        for name in WORKERS:
            await cluster.start("dispatch", name)
        await cluster.publish([event(each, keys=64) for each in range(64)])
        await sink.until(64)  # the partitions are shared out: nobody waits for that below
        async with _flow(cluster) as published:
            await asyncio.sleep(BEFORE)
            await happening(servers, cluster)
            await asyncio.sleep(AFTER)
        await sink.until(64 + len(published), distinct=True, every=0.2)
        return max(await sink.latencies()), await sink.repeats()


@asynccontextmanager
async def _flow(cluster: Cluster) -> AsyncIterator[list[int]]:
    """Publish at the rate for as long as the block lasts; give the numbers of the events."""
    published: list[int] = []
    over = asyncio.Event()

    async def publish() -> None:
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            while not over.is_set():
                await asyncio.sleep(max(0.0, began + len(published) / RATE - time.monotonic()))
                first = 64 + len(published)
                sent = {"senttime": repr(time.time())}
                batch = [event(first + each, keys=64) | sent for each in range(BATCH)]
                published.extend(range(first, first + BATCH))
                tasks.create_task(cluster.publish(batch))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(publish())
        yield published
        over.set()


if __name__ == "__main__":
    began = time.monotonic()
    asyncio.run(main())
    print(f"({time.monotonic() - began:.0f} s)")
