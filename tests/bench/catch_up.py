"""Events scanned per CPU-second by one subscription that begins at the beginning, and by a hundred.

A first dispatcher takes the stream past all events. Each round adds subscriptions with a start of
`earliest` that want one event in a thousand, starts a fresh dispatcher, and reads its CPU time
while the scan goes by. What they get is delivered meanwhile and part of it; `rarer` wants one event
in ten thousand, which leaves little but the scan. With `mixed` each of the hundred wants a type of
its own, and one more subscription, which is not behind, wants all.
`python -m tests.bench.catch_up [ROUNDS]`
"""

import asyncio
import json
import time
from collections.abc import Sequence
from statistics import median

import aiohttp

from bus.embedded.datadir import free_port
from tests.bench.receiver import Receiver
from tests.bench.servers import Servers, cpu_of, rounds
from tests.cluster import Cluster, event

ROUNDS = 5
EVENTS = 200_000
RARE = 1_000
WITHIN = 120.0

WANTED: dict[str, Sequence[str]] = {
    "one": ["nl.test.soort0"],
    "a hundred, rarer": ["nl.test.zeldzaam"] * 100,
    "a hundred, the same": ["nl.test.soort0"] * 100,
    "a hundred, mixed": [f"nl.test.soort{each}" for each in range(100)],
}
"""What the members of the scan want: a rare type for each."""


async def main() -> None:
    """Run the rounds, print a table and a JSON line."""
    found: dict[str, list[float]] = {name: [] for name in WANTED}
    async with Servers.open() as servers, servers.cluster() as cluster, Receiver.open() as sink:
        await _fill(cluster, sink)
        for _ in range(number := rounds(ROUNDS)):
            for name, wanted in WANTED.items():
                found[name].append(await _round(cluster, sink, wanted))
    print("members of the scan  events scanned/CPU-s  to one")
    results = {}
    for name, rates in found.items():
        cost = median(one / these for one, these in zip(found["one"], rates, strict=True))
        results[name] = {"per_cpu_second": round(median(rates)), "cost": cost}
        print(f"{name:19}  {median(rates):20,.0f}  {cost:6.2f}")
    print(json.dumps({"bench": "catch_up", "rounds": number, "results": results}))


async def _fill(cluster: Cluster, sink: Receiver) -> None:
    """Put the events into the log and let the stream go past them."""
    await cluster.start("api")
    await cluster.create_domain("nl.test", partitions=1)
    for start in range(0, EVENTS, 1_000):
        await cluster.publish([_numbered(start + each) for each in range(1_000)])
    await cluster.subscribe(sink.url, domains=["nl.test"], types=["nl.test.laatste"])
    await cluster.publish([event(EVENTS, type_="nl.test.laatste")])
    await cluster.start("dispatch")
    await sink.until(1)
    await cluster.stop("dispatch")


def _numbered(number: int) -> dict[str, object]:
    """Make one of which each of a hundred rare types is in a thousand, and one in ten thousand."""
    rest = number % RARE
    if number % (10 * RARE) == RARE - 1:
        return event(number, type_="nl.test.zeldzaam")
    return event(number, type_=f"nl.test.soort{rest}" if rest < 100 else "nl.test.gewijzigd")


async def _round(cluster: Cluster, sink: Receiver, wanted: Sequence[str]) -> float:
    """Give events scanned per CPU-second."""
    common = {"domains": ["nl.test"], "start": "earliest"}
    made = [await cluster.subscribe(sink.url, types=[each], **common) for each in wanted]
    if len(set(wanted)) > 1:
        made.append(await cluster.subscribe(sink.url, domains=["nl.test"]))
    port = free_port()
    await cluster.start("dispatch", BUS_METRICS_PORT=str(port))
    first = await _scanned(port, 1)
    before = cpu_of(cluster.pid("dispatch"))
    last = await _scanned(port, EVENTS)
    spent = cpu_of(cluster.pid("dispatch")) - before
    await cluster.stop("dispatch")
    for each in made:
        async with cluster.http.delete(f"/v1/subscriptions/{each['id']}") as answer:
            assert answer.status == 204
    return (last - first) / spent


async def _scanned(port: int, number: int) -> float:
    """Wait until so many records were read by scans; give how many were."""
    async with asyncio.timeout(WITHIN), aiohttp.ClientSession() as session:
        while True:
            count = await _count(session, port)
            if count >= number:
                return count
            await asyncio.sleep(0.25)  # each look is some ms of the dispatcher's CPU


async def _count(session: aiohttp.ClientSession, port: int) -> float:
    try:
        async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            text = await answer.text()
    except aiohttp.ClientError:
        return 0.0
    return float(text.partition("\ngemeentebus_events_scanned_total ")[2].partition("\n")[0])


if __name__ == "__main__":
    began = time.monotonic()
    asyncio.run(main())
    print(f"({time.monotonic() - began:.0f} s)")
