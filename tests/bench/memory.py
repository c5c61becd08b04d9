"""Memory of a dispatcher with 10,000 subscriptions: idle, and after bursts that all of them want.

Idle is measured twice: of a dispatcher that learns of all of them as news, and of the next one.
Resident set and its peak, of the process and of nobody else. `python -m tests.bench.memory`
"""

import asyncio
import json
import time
from pathlib import Path

from bus.store.database import Database
from tests.bench import many
from tests.bench.receiver import Receiver
from tests.bench.servers import Servers
from tests.cluster import Cluster, event

SUBSCRIPTIONS = 10_000
BURSTS = 3
EVENTS = 10
"""In each burst; every subscription gets them all."""

KEYS = 256
WITHIN = 60.0


async def main() -> None:
    """Measure, print a table and a JSON line."""
    async with Servers.open() as servers, servers.cluster() as cluster, Receiver.open() as sink:
        await cluster.start("api")
        await cluster.create_domain("nl.test", partitions=4)
        wish = {"sink": sink.url, "domains": ["nl.test"]}
        await many.subscribe(cluster, [wish] * SUBSCRIPTIONS)
        results = {"new to it": await _taken_up(cluster)}
        await cluster.stop("dispatch")
        results["started again"] = await _taken_up(cluster)
        for burst in range(1, BURSTS + 1):
            await cluster.publish([event(each, keys=KEYS) for each in range(EVENTS)])
            await sink.until(burst * EVENTS * SUBSCRIPTIONS)
            results[f"after burst {burst}"] = _memory_of(cluster.pid("dispatch"))
    print("                MiB   peak")
    for name, (now, peak) in results.items():
        print(f"{name:13} {now:5.0f}  {peak:5.0f}")
    print(json.dumps({"bench": "memory", "subscriptions": SUBSCRIPTIONS, "mib": results}))


async def _taken_up(cluster: Cluster) -> tuple[float, float]:
    """Start a dispatcher; give its memory when each partition was saved: all is loaded then."""
    await cluster.start("dispatch")
    pid = cluster.pid("dispatch")
    missing = "SELECT FROM stream WHERE owner IS NULL OR owner NOT LIKE '%:' || $1 OR saves = 0"
    url = cluster.environment["BUS_DATABASE_URL"]
    async with (
        asyncio.timeout(WITHIN),
        Database.open(url, application_name="bench") as database,
    ):
        while True:
            if not await database.fetch(missing, str(pid)):
                return _memory_of(pid)
            await asyncio.sleep(0.1)


def _memory_of(pid: int) -> tuple[float, float]:
    """Give MiB resident now, and at most so far."""
    text = Path(f"/proc/{pid}/status").read_text()
    now, peak = (
        int(text.partition(f"{name}:")[2].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")
    )
    return now, peak


if __name__ == "__main__":
    began = time.monotonic()
    asyncio.run(main())
    print(f"({time.monotonic() - began:.0f} s)")
