"""Events as a stream of Server-Sent Events: `id` is the cursor, silence is broken by comments."""

import re
import time
from collections.abc import AsyncGenerator
from contextlib import suppress

from bus.api.auth import require
from bus.api.call import Call, Stream
from bus.api.operation import SUBSCRIBER
from bus.api.place import Positions, read_page
from bus.api.stay import seat
from bus.api.subscriptions import own
from bus.pull.page import Budget, Page
from bus.store.errors import StoreUnavailable
from bus.store.stored import ListedSubscription

EVENT_STREAM = "text/event-stream"

HEARTBEAT_SECONDS = 15.0
"""Between signs of life: proxies close what is silent for 30 s or more."""

_BUDGET = Budget(events=200, bytes=262_144)
"""A chunk: the next is made only when the client has taken this one."""

_LINE_ENDS = re.compile(rb"\r\n|\n|\r")


async def stream(call: Call, listed: ListedSubscription, cursor: Positions | None) -> Stream:
    """Open a stream; what is wrong with the request, or the cursor, is an error as ever."""
    chunks = _chunks(call, listed, cursor)
    return Stream(EVENT_STREAM, await anext(chunks), chunks)


async def _chunks(
    call: Call, listed: ListedSubscription, cursor: Positions | None
) -> AsyncGenerator[bytes]:
    house = call.house
    with seat(call):
        page = await read_page(house, listed, cursor, _BUDGET)
        yield b"retry: 2000\n\n" + _write(call, listed, page)
        revision, again_at = -1, 0.0
        while not house.desk.closing:
            now = house.directory.now.revision
            if now != revision or time.monotonic() > again_at:
                revision, again_at = now, time.monotonic() + HEARTBEAT_SECONDS
                with suppress(StoreUnavailable):  # it goes on as it was, until the store is back
                    listed = await _still(call)
            page = await read_page(house, listed, page.positions, _BUDGET, wait=HEARTBEAT_SECONDS)
            yield _write(call, listed, page)


async def _still(call: Call) -> ListedSubscription:
    """Give the subscription as it is now, to a caller that may still have it."""
    call.caller = await call.house.gate.caller(call.header(b"authorization"))
    require(call.caller, SUBSCRIBER)
    return await own(call)


def _write(call: Call, listed: ListedSubscription, page: Page) -> bytes:
    """Write events, each with the cursor behind it; without any, a heartbeat with the cursor."""
    cursors = call.house.cursors
    last = cursors.write(listed.id, page.positions).encode()
    if not page.events:
        return b": still here\nid: " + last + b"\n\n"
    behind = dict(page.began)
    parts = []
    for entry in page.events:
        behind[entry.partition] = entry.offset + 1
        data = b"\ndata: ".join(_LINE_ENDS.split(entry.body))
        cursor = last if entry is page.events[-1] else cursors.write(listed.id, behind).encode()
        parts.append(b"id: " + cursor + b"\ndata: " + data + b"\n\n")
    return b"".join(parts)
