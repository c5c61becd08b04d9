"""The bare loop: aiohttp posting one body over kept connections, and nothing else.

Run as `python -m tests.bench.bare URL NUMBER < body`; prints POSTs per CPU-second.
"""

import asyncio
import sys
import time

import aiohttp
import uvloop

AT_ONCE = 64


async def _post(url: str, body: bytes, number: int) -> float:
    headers = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
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


if __name__ == "__main__":
    print(uvloop.run(_post(sys.argv[1], sys.stdin.buffer.read(), int(sys.argv[2]))))
