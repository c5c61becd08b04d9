"""Deliveries per CPU-second of the dispatch process, beside bare keep-alive POST loops.

Each round loads the log, starts a fresh `bus dispatch`, and reads its CPU time from the first
delivery to the last; then bare loops, on our sender and on aiohttp's client, post the same body.
Real Kafka, real Postgres, signed, in order per key, positions saved; over TLS with an authority of
its own. `python -m tests.bench.deliveries [ROUNDS]`
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench.receiver import Receiver
from tests.bench.servers import Servers, cpu_of, rounds
from tests.certificates import made_certificate
from tests.cluster import Cluster, event

ROUNDS = 9
EVENTS = 30_000
BODY = {"data": {"omschrijving": "x" * 300}, "datacontenttype": "application/json"}

CASES = ((1, "http"), (10, "http"), (100, "http"), (1, "https"), (10, "https"))
"""How many subscribers there are, and how they are spoken to."""


class Rates(NamedTuple):
    """What a CPU-second does: of the dispatcher, of our sender alone, of aiohttp alone."""

    dispatch: float
    ours: float
    aiohttp: float


async def main() -> None:
    """Run the rounds, the cases in turns; print a table and a JSON line."""
    found: dict[tuple[int, str], list[Rates]] = {case: [] for case in CASES}
    with tempfile.TemporaryDirectory() as folder:
        certificate = _written(Path(folder, "sink.pem"))
        async with Servers.open() as servers:
            for _ in range(number := rounds(ROUNDS)):
                for subscribers, scheme in CASES:
                    tls = certificate if scheme == "https" else None
                    found[subscribers, scheme].append(await _round(servers, subscribers, tls))
    print("subscribers         deliveries/CPU-s  our sender alone  ratio  aiohttp alone  ratio")
    results = []
    for (subscribers, scheme), rates in found.items():
        dispatch, ours, aiohttp = (median(each) for each in zip(*rates, strict=True))
        to_ours = median(each.dispatch / each.ours for each in rates)
        to_aiohttp = median(each.dispatch / each.aiohttp for each in rates)
        print(
            f"{subscribers:11}  {scheme:5}  {dispatch:16,.0f}  {ours:16,.0f}  {to_ours:5.2f}"
            f"  {aiohttp:13,.0f}  {to_aiohttp:5.2f}"
        )
        results.append((subscribers, scheme, dispatch, ours, to_ours, aiohttp, to_aiohttp))
    print(json.dumps({"bench": "deliveries", "rounds": number, "results": results}))


def _written(path: Path) -> Path:
    path.write_text("".join(made_certificate()))
    return path


async def _round(servers: Servers, subscribers: int, certificate: Path | None) -> Rates:
    async with servers.cluster() as cluster, Receiver.open(certificate=certificate) as sink:
        events = [event(each, keys=256) | BODY for each in range(EVENTS // subscribers)]
        await _load(cluster, sink, events, subscribers)
        await cluster.start("dispatch", **sink.trust)
        already = await sink.until(1)
        before = cpu_of(cluster.pid("dispatch"))
        done = await sink.until(deliveries := len(events) * subscribers)
        spent = cpu_of(cluster.pid("dispatch")) - before
        await cluster.stop("dispatch")
        body = json.dumps(events[0]).encode()
        ours, aiohttp = [await _bare(each, sink, body, deliveries) for each in ("ours", "aiohttp")]
    return Rates((done - already) / spent, ours, aiohttp)


async def _load(
    cluster: Cluster, sink: Receiver, events: list[dict[str, object]], subscribers: int
) -> None:
    """Subscribe, and fill the log."""
    await cluster.start("api")
    await cluster.create_domain("nl.test", partitions=4)
    for _ in range(subscribers):
        await cluster.subscribe(sink.url, domains=["nl.test"], delivery={"concurrency": 64})
    for start in range(0, len(events), 500):
        await cluster.publish(events[start : start + 500])


async def _bare(sender: str, sink: Receiver, body: bytes, number: int) -> float:
    """Give POSTs per CPU-second of a sender alone, in a process of its own, 64 at a time."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.bare", sender, sink.url, str(number)),
        env=os.environ | sink.trust,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate(body)
    return float(output)


if __name__ == "__main__":
    began = time.monotonic()
    asyncio.run(main())
    print(f"({time.monotonic() - began:.0f} s)")
