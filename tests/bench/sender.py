"""CPU per POST of the senders, beside a bare aiohttp loop: same body, same sink, turn by turn.

Each round lets every contender post, at 16 and at 64 at a time, over kept connections to the cheap
sink in a process of its own; only this process's CPU time counts, user and system. On uvloop.
`python -m tests.bench.sender profile` prints where our sender's time goes.
"""

import asyncio
import cProfile
import gc
import json
import pstats
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from statistics import median

import aiohttp
import uvloop

from bus.subscription import new_signing_secret
from consumers.sinks.outcome import Delivered, Outcome
from consumers.sinks.sender import Request, Sender, header_lines
from consumers.sinks.webhook.aiohttp_sender import AiohttpSender
from consumers.sinks.webhook.guard import Guard
from consumers.sinks.webhook.sign import Signer
from consumers.sinks.webhook.wire_sender import WireSender
from tests.bench.receiver import Receiver

ROUNDS = 11
POSTS = 4_000
BODY = b'{"specversion":"1.0","data":"' + b"x" * 569 + b'"}'
HEADERS = (
    ("Content-Type", "application/cloudevents+json; charset=utf-8"),
    ("WebHook-Request-Origin", "bus.example"),
    ("User-Agent", "Gemeentebus"),
    ("webhook-id", "msg_6cb6ffe5607c3757fd795f485f9bfd82"),
    ("webhook-timestamp", "1800000000"),
    ("webhook-signature", Signer(new_signing_secret()).sign("msg_1", 1_800_000_000, BODY)),
)
HEAD = header_lines(HEADERS)

Contender = Callable[[int, int], Awaitable[None]]


class Run:
    """Keeps so many requests under way until all are answered; the next follows from `done`."""

    def __init__(self, sender: Sender, request: Request, number: int) -> None:
        self._sender = sender
        self._request = request
        self._to_send = self._to_come = number
        self._over = asyncio.Event()

    async def run(self, at_once: int) -> None:
        """Run it."""
        for _ in range(at_once):
            self._send()
        await self._over.wait()

    def _send(self) -> None:
        self._to_send -= 1
        self._sender.send(self._request, self._done)

    def _done(self, outcome: Outcome) -> None:
        if not isinstance(outcome, Delivered):
            raise TypeError(outcome)
        self._to_come -= 1
        if self._to_send > 0:
            self._send()
        elif self._to_come == 0:
            self._over.set()


async def _post(sender: Sender, url: str, number: int, at_once: int) -> None:
    await Run(sender, Request(url, HEAD, BODY, 30.0, "org"), number).run(at_once)


async def _bare(session: aiohttp.ClientSession, url: str, number: int, at_once: int) -> None:
    left = iter(range(number))

    async def worker() -> None:
        for _ in left:
            async with session.post(url, data=BODY, headers=HEADERS) as answer:
                await answer.read()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(worker())


async def _cost(contender: Contender, at_once: int) -> float:
    """Give microseconds of CPU per POST."""
    gc.collect()
    before = time.process_time()
    await contender(POSTS, at_once)
    return (time.process_time() - before) / POSTS * 1e6


async def main(*, profile: bool) -> None:
    """Run the rounds, print a table and a JSON line."""
    guard = Guard(allow_http=True, allow_cidrs=["127.0.0.0/8"])
    async with (
        Receiver.open() as sink,
        WireSender(guard=guard) as ours,
        AiohttpSender(guard=guard) as theirs,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
    ):
        contenders: dict[str, Contender] = {
            "WireSender": partial(_post, ours, sink.url),
            "AiohttpSender": partial(_post, theirs, sink.url),
            "bare aiohttp": partial(_bare, session, sink.url),
        }
        if profile:
            await _profile(contenders["WireSender"])
        else:
            await _compare(contenders)
    guard.close()


async def _compare(contenders: dict[str, Contender]) -> None:
    rounds: dict[tuple[str, int], list[float]] = {}
    for number in range(ROUNDS + 1):
        for at_once in (16, 64):
            for name, contender in contenders.items():
                cost = await _cost(contender, at_once)
                if number > 0:  # the first one opens the connections
                    rounds.setdefault((name, at_once), []).append(cost)
    print("sender         at once  µs of CPU per POST  least  most")
    for (name, at_once), costs in rounds.items():
        print(
            f"{name:13}  {at_once:7}  {median(costs):18.1f}  {min(costs):5.1f}  {max(costs):5.1f}"
        )
    results = {f"{name}, {at_once}": median(costs) for (name, at_once), costs in rounds.items()}
    print(json.dumps({"bench": "sender", "rounds": ROUNDS, "results": results}))


async def _profile(contender: Contender) -> None:
    await contender(POSTS, 64)
    profiler = cProfile.Profile()
    profiler.enable()
    await contender(5 * POSTS, 64)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(20)


if __name__ == "__main__":
    uvloop.run(main(profile="profile" in sys.argv[1:]))
