"""Outbox rows per CPU-second of the relay process.

Each round fills an outbox, starts a fresh `bus relay`, and reads its CPU time from the first row
that is gone to the last; then it counts what the log has. Real Kafka, real Postgres. The rows are
the events of a watched table, and once more with a payload of 0.9 kB; 1,000 keys.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from statistics import median

from bus.log.record import Partition
from bus.log.topics import Topics
from bus.store.database import Database
from bus.store.outbox import Outbox, Watch
from producers.outbox.install import install
from tests.bench.servers import Servers, cpu_of
from tests.cluster import SOURCE, Cluster

ROUNDS = 5
ROWS = 40_000
KEYS = 1_000
WITHIN = 120.0
PARTITIONS = 4


Fill = Callable[[Database], Awaitable[object]]


async def _watched(register: Database) -> None:
    await register.execute("CREATE TABLE zaak (id bigint PRIMARY KEY, fase integer)")
    dataref = "https://zaken.example.nl/zaken/{id}"
    await Outbox(register).watch(Watch("zaak", SOURCE, "nl.zaken.zaak", dataref))
    rounds = ROWS // KEYS - 1
    await register.execute("INSERT INTO zaak SELECT generate_series(1, $1::integer), 0", KEYS)
    for _ in range(rounds):
        await register.execute("UPDATE zaak SET fase = fase + 1")


async def _published(register: Database) -> None:
    await register.execute(
        """
        SELECT count(gemeentebus.publish('nl.zaken.zaak-gewijzigd', $1, (number % $2)::text,
            data => '{"omschrijving": "' || repeat('x', 880) || '"}'))
        FROM generate_series(1, $3::integer) AS number
        """,
        SOURCE,
        KEYS,
        ROWS,
    )


_FILL: Mapping[str, Fill] = {"watched table": _watched, "0.9 kB payload": _published}


async def main() -> None:
    """Run the rounds for both kinds of rows, print a table and a JSON line."""
    results: dict[str, tuple[float, float, int]] = {}
    async with Servers.open() as servers:
        for kind, fill in _FILL.items():
            rounds = [await _round(servers, fill) for _ in range(ROUNDS)]
            per_cpu, per_second, lost = zip(*rounds, strict=True)
            results[kind] = (median(per_cpu), median(per_second), sum(lost))
    print("rows            rows/CPU-s  rows/s  lost")
    for kind, (busy, wall, missing) in results.items():
        print(f"{kind:14}  {busy:10,.0f}  {wall:6,.0f}  {missing:4}")
    print(json.dumps({"bench": "relay", "rounds": ROUNDS, "rows": ROWS, "results": results}))


async def _round(servers: Servers, fill: Fill) -> tuple[float, float, int]:
    """Give rows per CPU-second, rows per second, and how many rows the log does not have."""
    async with servers.cluster() as cluster:
        await cluster.start("api")
        await cluster.create_domain("nl.zaken", partitions=PARTITIONS)
        await cluster.stop("api")
        url = cluster.environment["BUS_DATABASE_URL"] + "_register"
        async with Database.open(
            servers.postgres.dsn("postgres"), application_name="bench"
        ) as admin:
            await admin.execute(f"CREATE DATABASE {url.rpartition('/')[2]}")
        async with Database.open(url, application_name="bench", patience=WITHIN) as register:
            await install(register)
            await fill(register)
            await register.execute("VACUUM ANALYZE gemeentebus.outbox")
            rates = await _drain(cluster, register, url)
        return *rates, ROWS - await _logged(cluster)


async def _drain(cluster: Cluster, register: Database, url: str) -> tuple[float, float]:
    """Relay all rows; give rows per CPU-second and per second of those after the first look."""
    await cluster.start("relay", BUS_OUTBOX_URLS=url)
    first = await _left(register, ROWS - 1)
    spent, began = cpu_of(cluster.pid("relay")), time.monotonic()
    await _left(register, 0)
    spent, took = cpu_of(cluster.pid("relay")) - spent, time.monotonic() - began
    await cluster.stop("relay")
    return first / spent, first / took


async def _left(register: Database, most: int) -> int:
    """Wait until at most so many rows are left; give how many there are."""
    async with asyncio.timeout(WITHIN):
        while True:
            row = await register.fetch_one("SELECT count(*) AS rows FROM gemeentebus.outbox")
            if row is not None and row["rows"] <= most:
                return int(row["rows"])
            await asyncio.sleep(0.05)


async def _logged(cluster: Cluster) -> int:
    topic = f"{cluster.environment['BUS_NAMESPACE']}.nl.zaken"
    async with Topics(bootstrap=cluster.environment["BUS_KAFKA_BOOTSTRAP"]) as topics:
        partitions = [Partition(topic, number) for number in range(PARTITIONS)]
        return sum((await topics.end_offsets(partitions)).values())


if __name__ == "__main__":
    started = time.monotonic()
    asyncio.run(main())
    print(f"({time.monotonic() - started:.0f} s)")
