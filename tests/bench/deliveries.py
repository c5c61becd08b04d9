"""Deliveries per CPU-second of the dispatch process, beside a bare keep-alive POST loop.

Each round loads the log, starts a fresh `bus dispatch`, and reads its CPU time from the first
delivery to the last; then the bare loop posts the same body with the same client. Real Kafka, real
Postgres, signed, in order per key, positions saved.
"""

import asyncio
import json
import sys
import time
from statistics import median

import aiohttp

from tests.bench.servers import Servers, cpu_of
from tests.cluster import event

ROUNDS = 9
EVENTS = 30_000
WITHIN = 120.0
BODY = {"data": {"omschrijving": "x" * 300}, "datacontenttype": "application/json"}


async def main() -> None:
    """Run the rounds for 1 and for 10 subscribers, print a table and a JSON line."""
    async with Servers.open() as servers:
        results = {}
        for subscribers in (1, 10):
            rounds = [await _round(servers, subscribers) for _ in range(ROUNDS)]
            per_cpu = median(each for each, _ in rounds)
            bare = median(each for _, each in rounds)
            ratio = median(one / other for one, other in rounds)
            results[subscribers] = (per_cpu, bare, ratio)
    print("subscribers  deliveries/CPU-s  bare POSTs/CPU-s  ratio")
    for subscribers, (per_cpu, bare, ratio) in results.items():
        print(f"{subscribers:11}  {per_cpu:16,.0f}  {bare:16,.0f}  {ratio:5.2f}")
    print(json.dumps({"bench": "deliveries", "rounds": ROUNDS, "results": results}))


async def _round(servers: Servers, subscribers: int) -> tuple[float, float]:
    async with servers.cluster() as cluster, servers.sink() as sink:
        await cluster.start("api")
        await cluster.create_domain("nl.test", partitions=4)
        deliveries = EVENTS // subscribers * subscribers
        for _ in range(subscribers):
            await cluster.subscribe(sink, domains=["nl.test"], delivery={"concurrency": 64})
        events = [event(each, keys=256) | BODY for each in range(EVENTS // subscribers)]
        for start in range(0, len(events), 500):
            await cluster.publish(events[start : start + 500])
        await cluster.start("dispatch")
        already = await _arrived(sink, 1)
        before = cpu_of(cluster.pid("dispatch"))
        done = await _arrived(sink, deliveries)
        spent = cpu_of(cluster.pid("dispatch")) - before
        await cluster.stop("dispatch")
        bare = await _bare(sink, json.dumps(events[0]).encode(), deliveries)
    return (done - already) / spent, bare


async def _arrived(sink: str, number: int) -> int:
    """Wait until the sink has got so many; give how many it has."""
    async with asyncio.timeout(WITHIN), aiohttp.ClientSession() as session:
        while True:
            async with session.get(sink) as answer:
                count = int(json.loads(await answer.read())["count"])
            if count >= number:
                return count
            await asyncio.sleep(0.02)


async def _bare(sink: str, body: bytes, number: int) -> float:
    """Give POSTs per CPU-second of aiohttp alone, in a process of its own, 64 at a time."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.bare",
        sink,
        str(number),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate(body)
    return float(output)


if __name__ == "__main__":
    began = time.monotonic()
    asyncio.run(main())
    print(f"({time.monotonic() - began:.0f} s)")
