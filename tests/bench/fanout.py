"""CPU of the dispatcher per event with 10,000 subscriptions of which 10 want it, and with just 10.

Two buses stand beside each other, each with a dispatcher of its own; in each round they get the
same events, one after the other. The CPU is that from the first publish to the last delivery, saves
included. `python -m tests.bench.fanout [ROUNDS]`
"""

import asyncio
import json
import time
from contextlib import AsyncExitStack
from statistics import median
from typing import NamedTuple

from tests.bench import many
from tests.bench.receiver import Receiver
from tests.bench.servers import Servers, cpu_of, rounds
from tests.cluster import Cluster, event

ROUNDS = 9
SUBSCRIPTIONS = 10_000
WANTING = 10
EVENTS = 3_000


class Bus(NamedTuple):
    """A bus with its dispatcher, and where it delivers."""

    cluster: Cluster
    sink: Receiver


async def main() -> None:
    """Run the rounds, print a table and a JSON line."""
    async with Servers.open() as servers, AsyncExitStack() as stack:
        buses = {number: await _open(servers, stack, number) for number in (WANTING, SUBSCRIPTIONS)}
        found: dict[int, list[float]] = {number: [] for number in buses}
        for turn in range((asked := rounds(ROUNDS)) + 1):
            for number, bus in buses.items():
                cost = await _cost(bus, turn)
                if turn > 0:  # the first one opens the connections
                    found[number].append(cost)
    few, most = found.values()
    ratio = median(one / other for one, other in zip(most, few, strict=True))
    print(f"subscriptions  wanting  µs of CPU per event  least  most  ratio {ratio:.3f}")
    for number, costs in found.items():
        figures = f"{median(costs):19.1f}  {min(costs):5.1f}  {max(costs):4.1f}"
        print(f"{number:13,}  {WANTING:7}  {figures}")
    results = {number: median(costs) for number, costs in found.items()}
    print(json.dumps({"bench": "fanout", "rounds": asked, "us": results, "ratio": ratio}))


async def _open(servers: Servers, stack: AsyncExitStack, subscriptions: int) -> Bus:
    cluster = await stack.enter_async_context(servers.cluster())
    sink = await stack.enter_async_context(Receiver.open())
    await cluster.start("api")
    await cluster.create_domain("nl.test", partitions=4)
    wanting = [{"types": ["nl.test.gewijzigd"]}] * WANTING
    others = [{"types": [f"nl.test.anders{each}"]} for each in range(subscriptions - WANTING)]
    common = {"sink": sink.url, "domains": ["nl.test"], "delivery": {"concurrency": 64}}
    await many.subscribe(cluster, [common | each for each in wanting + others])
    await cluster.start("dispatch")
    return Bus(cluster, sink)


async def _cost(bus: Bus, turn: int) -> float:
    """Give microseconds of CPU per event."""
    before = cpu_of(bus.cluster.pid("dispatch"))
    for start in range(0, EVENTS, 500):
        await bus.cluster.publish([event(start + each, keys=256) for each in range(500)])
    await bus.sink.until((turn + 1) * EVENTS * WANTING)
    return (cpu_of(bus.cluster.pid("dispatch")) - before) / EVENTS * 1e6


if __name__ == "__main__":
    began = time.monotonic()
    asyncio.run(main())
    print(f"({time.monotonic() - began:.0f} s)")
