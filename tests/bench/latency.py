"""From the request to publish to the delivery at the sink, at a steady rate, everything on here.

The clock is that of one machine: an event carries the Unix time at which its request was begun.
"""

import asyncio
import json
import time
from statistics import median, quantiles
from typing import Any

import aiohttp

from tests.bench.servers import Servers
from tests.cluster import Cluster, event

RATE = 1_000
"""Events per second, in batches."""

BATCH = 10
SECONDS = 15
WARM_UP = 3
ROUNDS = 5


async def main() -> None:
    """Run the rounds, print a table and a JSON line."""
    async with Servers.open() as servers:
        rounds = [await _round(servers) for _ in range(ROUNDS)]
    print("round  events  p50 ms  p99 ms")
    for number, (count, half, most) in enumerate(rounds, 1):
        print(f"{number:5}  {count:6}  {half:6.1f}  {most:6.1f}")
    result = {
        "bench": "latency",
        "rate": RATE,
        "p50_ms": median(each[1] for each in rounds),
        "p99_ms": median(each[2] for each in rounds),
    }
    print(json.dumps(result))


async def _round(servers: Servers) -> tuple[int, float, float]:
    async with servers.cluster() as cluster, servers.sink() as sink:
        await cluster.start("api")
        await cluster.create_domain("nl.test", partitions=4)
        await cluster.subscribe(sink, domains=["nl.test"])
        await cluster.start("dispatch")
        await _publish(cluster, RATE * WARM_UP)
        before = await _arrived(sink, RATE * WARM_UP)
        await _publish(cluster, RATE * SECONDS)
        latencies = (await _arrived(sink, RATE * (WARM_UP + SECONDS)))[len(before) :]
        await cluster.stop("dispatch")
    cuts = quantiles((each * 1_000 for each in latencies), n=100)
    return len(latencies), cuts[49], cuts[98]


async def _publish(cluster: Cluster, number: int) -> None:
    """Publish at the rate, whatever an answer takes."""
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for first in range(0, number, BATCH):
            await asyncio.sleep(max(0.0, began + first / RATE - time.monotonic()))
            sent = {"senttime": repr(time.time())}
            batch: list[dict[str, Any]] = [
                event(first + each, keys=256) | sent for each in range(BATCH)
            ]
            tasks.create_task(cluster.publish(batch))


async def _arrived(sink: str, number: int) -> list[float]:
    """Wait until the sink has got so many; give the latencies of all of them."""
    async with asyncio.timeout(60), aiohttp.ClientSession() as session:
        while True:
            async with session.get(sink) as answer:
                seen: list[float] = json.loads(await answer.read())["latencies"]
            if len(seen) >= number:
                return seen
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main())
