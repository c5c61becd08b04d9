"""/v1/subscriptions/{id}/events: events for who comes to fetch them."""

import re
from contextlib import nullcontext
from typing import Annotated

from pydantic import Field

from bus.api.accept import accepted
from bus.api.call import JSON, Answer, Call, Stream, answer
from bus.api.paging import limit_of
from bus.api.place import Positions, follow_on, read_cursor, read_page
from bus.api.problem import Problem, body_errors, invalid_parameter
from bus.api.sse import EVENT_STREAM, stream
from bus.api.stay import ClientGone, seat, unless_gone
from bus.api.subscriptions import not_found, own
from bus.codec.media import BATCH
from bus.document import Model, load, validate
from bus.event import Fault
from bus.log.record import Partition
from bus.pull.page import Budget
from bus.store.errors import NotFound
from bus.store.pull import Offsets

FORMS = (BATCH, JSON, EVENT_STREAM)
"""The first is for who has no wish."""

MOST_EVENTS = 1_000
EVENTS = 100
LONGEST_WAIT = 30.0
"""Seconds: less than proxies keep a silent request."""

_SECONDS = re.compile(r"[0-9]{1,2}(\.[0-9]{1,3})?")


class AckRequest(Model):
    """Where a subscription is to stand; back only with `rewind`."""

    cursor: Annotated[str, Field(min_length=1, max_length=65_536)]
    rewind: bool = False


async def events(call: Call) -> Answer | Stream:
    """Give events from a cursor on, or from where the bus keeps the position."""
    listed = await own(call)
    form = accepted(call.header(b"accept"), FORMS)
    query = call.query("after", "limit", "wait")
    budget = Budget(limit_of(query.get("limit"), most=MOST_EVENTS, default=EVENTS))
    wait = _wait_of(query.get("wait"))
    after = query.get("after")
    if form == EVENT_STREAM:
        after = call.header(b"last-event-id") or after
    cursor = None if after is None else read_cursor(call.house, listed, after, "after")
    if form == EVENT_STREAM:
        return await stream(call, listed, cursor)
    try:
        with seat(call) if wait else nullcontext():
            reading = read_page(call.house, listed, cursor, budget, wait=wait)
            page = await unless_gone(call.receive, reading)
    except ClientGone:
        return Answer(204)
    behind = call.house.cursors.write(listed.id, page.positions)
    headers = {"Cursor": behind, "Link": f'<{follow_on(listed, behind)}>; rel="next"'}
    array = b"[" + b",".join(entry.body for entry in page.events) + b"]"
    if form == BATCH:
        return Answer(200, array, f"{BATCH}; charset=UTF-8", headers)
    return Answer(
        200, b'{"events":' + array + b',"cursor":"' + behind.encode() + b'"}', headers=headers
    )


async def acknowledge(call: Call) -> Answer:
    """Move the position that the bus keeps to a cursor; the same one again changes nothing."""
    listed = await own(call)
    request = validate(load(await call.json_body(JSON)), AckRequest)
    if not listed.subscription.pulled:
        detail = "The bus moves this position itself: only with protocol PULL is it yours."
        raise Problem(409, "not-pulled", detail)
    wanted = read_cursor(call.house, listed, request.cursor, "/cursor")

    def decide(stands: Offsets) -> Offsets:
        return moved(stands, wanted, rewind=request.rewind)

    try:
        stands = await call.house.pull_positions.move(listed.id, decide)
    except NotFound:
        raise not_found() from None
    kept = {Partition(*each): offset for each, offset in stands.items()}
    return answer(200, {"cursor": call.house.cursors.write(listed.id, kept)})


def moved(stands: Offsets, wanted: Positions, *, rewind: bool) -> Offsets:
    """Decide where a position goes: forward in every partition, or wherever a rewind says.

    409 for a cursor that lies before it anywhere, of which nothing is taken then.
    """
    if not rewind and any(offset < stands.get(each, 0) for each, offset in wanted.items()):
        detail = "this cursor lies before what was acknowledged; with rewind it is taken"
        fault = Fault("/cursor", "older-cursor", detail)
        raise Problem(409, "older-cursor", "Nothing was moved.", body_errors([fault]))
    return {(topic, number): offset for (topic, number), offset in wanted.items()}


def _wait_of(text: str | None) -> float:
    if text is None:
        return 0.0
    if not (_SECONDS.fullmatch(text) and float(text) <= LONGEST_WAIT):
        detail = f"give 0 to {LONGEST_WAIT:g} seconds"
        raise invalid_parameter("query", "wait", "out-of-range", detail)
    return float(text)
