"""From the request to publish to the delivery at the sink, at a steady rate, everything on here.

Each event is for one healthy subscription, of one or of twenty; the sick ones beside them want all
events. The clock is that of one machine: an event carries the Unix time at which its request was
begun. The scenes take turns. `python -m tests.bench.latency [ROUNDS]`
"""

import asyncio
import json
import math
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from bus.embedded.datadir import free_port
from tests.bench.receiver import Receiver
from tests.bench.servers import Servers, rounds
from tests.cluster import Cluster, event

RATE = 1_000
"""Events per second, in batches."""

BATCH = 10
SECONDS = 15
WARM_UP = 3
ROUNDS = 5

SLOW = 2.0
"""Seconds that a slow sink takes for each answer."""


@dataclass(frozen=True, slots=True)
class Scene:
    """How many subscriptions there are of each kind; `beside` is the scene without the sick."""

    healthy: int
    dead: int = 0
    slow: int = 0
    hanging: int = 0
    beside: str = ""


SCENES = {
    "one": Scene(1),
    "one, one hangs": Scene(1, hanging=1, beside="one"),
    "twenty": Scene(20),
    "sixteen, two dead, two slow": Scene(16, dead=2, slow=2, beside="twenty"),
}


async def main() -> None:
    """Run the rounds, print a table and a JSON line."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in SCENES}
    async with Servers.open() as servers:
        for _ in range(number := rounds(ROUNDS)):
            for name, scene in SCENES.items():
                found[name].append(await _round(servers, scene))
    print("healthy and sick             p50 ms  p99 ms  least   most  ratio of p99")
    results = {}
    for name, scene in SCENES.items():
        halves, mosts = zip(*found[name], strict=True)
        ratio = median(
            most / alone
            for most, (_, alone) in zip(mosts, found[scene.beside or name], strict=True)
        )
        print(
            f"{name:27}  {median(halves):6.1f}  {median(mosts):6.1f} {min(mosts):6.1f} "
            f"{max(mosts):6.1f}  {ratio:12.2f}"
        )
        results[name] = {"p50_ms": median(halves), "p99_ms": median(mosts), "ratio": ratio}
    print(json.dumps({"bench": "latency", "rate": RATE, "rounds": number, "results": results}))


async def _round(servers: Servers, scene: Scene) -> tuple[float, float]:
    """Give the p50 and p99 of the healthy, in ms."""
    async with servers.cluster() as cluster, AsyncExitStack() as stack:
        await cluster.start("api")
        await cluster.create_domain("nl.test", partitions=4)
        sink = await stack.enter_async_context(Receiver.open())
        for number in range(scene.healthy):
            await cluster.subscribe(sink.url, domains=["nl.test"], types=[_type(number)])
        for _ in range(scene.dead):
            await cluster.subscribe(f"http://127.0.0.1:{free_port()}/", domains=["nl.test"])
        for after in [SLOW] * scene.slow + [math.inf] * scene.hanging:
            sick = await stack.enter_async_context(Receiver.open(after=after))
            await cluster.subscribe(sick.url, domains=["nl.test"])
        await cluster.start("dispatch")
        await _publish(cluster, scene, RATE * WARM_UP)
        warm = await sink.until(RATE * WARM_UP, every=0.2)
        await _publish(cluster, scene, RATE * SECONDS)
        await sink.until(RATE * (WARM_UP + SECONDS), every=0.2)
        latencies = (await sink.latencies())[warm:]
        await cluster.kill("dispatch")  # it would wait for who hangs
    cuts = quantiles((each * 1_000 for each in latencies), n=100)
    return cuts[49], cuts[98]


def _type(number: int) -> str:
    return f"nl.test.soort{number}"


async def _publish(cluster: Cluster, scene: Scene, number: int) -> None:
    """Publish at the rate, whatever an answer takes."""
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for first in range(0, number, BATCH):
            await asyncio.sleep(max(0.0, began + first / RATE - time.monotonic()))
            sent = {"senttime": repr(time.time())}
            batch: list[dict[str, Any]] = [
                event(each, keys=256, type_=_type(each % scene.healthy)) | sent
                for each in range(first, first + BATCH)
            ]
            tasks.create_task(cluster.publish(batch))


if __name__ == "__main__":
    began = time.monotonic()
    asyncio.run(main())
    print(f"({time.monotonic() - began:.0f} s)")
