"""Events per CPU-second of the API process: one at a time, and in batches.

A process of its own sends a bounded number of requests over 64 kept connections; the API's CPU time
is read before and after. Real Kafka with acks=all, real Postgres, tokens, sources and domains
checked.
"""

import asyncio
import json
import sys
import time
from statistics import median
from urllib.parse import urlsplit

from tests.bench.servers import Servers, cpu_of
from tests.cluster import Cluster, event

ROUNDS = 5
SINGLE = 20_000
BATCHES, BATCH = 600, 100
WITHIN = 120.0
DATA = {"datacontenttype": "application/json", "data": {"omschrijving": "x" * 300}}


async def main() -> None:
    """Run the rounds, print a table and a JSON line."""
    one = {**event(1), **DATA}
    many = [{**event(number), **DATA} for number in range(BATCH)]
    cases = {
        "single": ("application/cloudevents+json", one, SINGLE, 1),
        "batch of 100": ("application/cloudevents-batch+json", many, BATCHES, BATCH),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    async with Servers.open() as servers, servers.cluster() as cluster:
        await cluster.start("api")
        await cluster.create_domain("nl.test", partitions=4)
        for _ in range(ROUNDS):
            for name, (content_type, document, requests, events) in cases.items():
                body = json.dumps(document).encode()
                spent, took = await _load(cluster, content_type, body, requests)
                found[name].append((requests * events / spent, requests * events / took))
    print("             events/CPU-s  events/s")
    results = {}
    for name, rounds in found.items():
        per_cpu, per_second = (median(each) for each in zip(*rounds, strict=True))
        results[name] = {"per_cpu_second": round(per_cpu), "per_second": round(per_second)}
        print(f"{name:<12} {per_cpu:>13,.0f} {per_second:>9,.0f}")
    print(json.dumps({"bench": "ingest", "rounds": ROUNDS, "results": results}))


async def _load(
    cluster: Cluster, content_type: str, body: bytes, requests: int
) -> tuple[float, float]:
    """Send the requests; give the CPU seconds of the API and the seconds on the clock."""
    port = urlsplit(cluster.url).port
    arguments = [str(port), cluster.environment["BUS_TOKEN"], content_type, str(requests)]
    before = cpu_of(cluster.pid("api"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.load", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(WITHIN):
            out, _ = await process.communicate(body)
    finally:
        if process.returncode is None:
            process.kill()
    return cpu_of(cluster.pid("api")) - before, float(out)


if __name__ == "__main__":
    started = time.monotonic()
    asyncio.run(main())
    print(f"({time.monotonic() - started:.0f} s)")
