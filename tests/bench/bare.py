"""A bare loop: posting one body over kept connections, and nothing else.

Run as `python -m tests.bench.bare SENDER URL NUMBER < body`, SENDER being `aiohttp` or `ours`;
prints POSTs per CPU-second.
"""

import asyncio
import sys
import time
from contextlib import closing

import aiohttp
import uvloop

from consumers.sinks.sender import Request
from consumers.sinks.webhook.guard import Guard
from consumers.sinks.webhook.wire_sender import WireSender
from tests.bench.sender import HEAD, HEADERS, Run

AT_ONCE = 64


async def _aiohttp(url: str, body: bytes, number: int) -> float:
    headers = dict(HEADERS[:1])
    left = iter(range(number))

    async def worker(session: aiohttp.ClientSession) -> None:
        for _ in left:
            async with session.post(url, data=body, headers=headers) as answer:
                await answer.read()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        before = time.process_time()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(worker(session))
        return number / (time.process_time() - before)


async def _ours(url: str, body: bytes, number: int) -> float:
    with closing(Guard(allow_http=True, allow_cidrs=["127.0.0.0/8"])) as guard:
        async with WireSender(guard=guard) as sender:
            before = time.process_time()
            await Run(sender, Request(url, HEAD, body, 30.0, "org"), number).run(AT_ONCE)
            return number / (time.process_time() - before)


if __name__ == "__main__":
    post = {"aiohttp": _aiohttp, "ours": _ours}[sys.argv[1]]
    print(uvloop.run(post(sys.argv[2], sys.stdin.buffer.read(), int(sys.argv[3]))))
