"""POST /v1/subscriptions/{id}/_pause, _resume and _replay: what is asked of who delivers."""

from bus.api.call import Answer, Call, answer
from bus.api.problem import Problem
from bus.api.replay import stretches_of
from bus.api.subscriptions import not_found, own, shown_anew
from bus.observe.logging import LogEvent, get
from bus.store.errors import Conflict, NotFound
from bus.store.stored import ListedSubscription
from bus.subscription import parse_replay

_log = get()


async def pause(call: Call) -> Answer:
    """Deliver nothing until `_resume`; what is under way may still arrive."""
    await call.no_body()
    listed = await own(call)
    _expect_delivered(listed)
    try:
        paused = await call.house.subscriptions.pause(listed.id, organisation=listed.organisation)
    except Conflict:
        detail = "It is disabled: _resume makes it active again."
        raise Problem(409, "disabled", detail) from None
    except NotFound:
        raise not_found() from None
    return shown_anew(paused)


async def resume(call: Call) -> Answer:
    """Deliver again, from where it stood."""
    await call.no_body()
    listed = await own(call)
    try:
        resumed = await call.house.subscriptions.resume(listed.id, organisation=listed.organisation)
    except NotFound:
        raise not_found() from None
    return shown_anew(resumed)


async def replay(call: Call) -> Answer:
    """Deliver again what matches, from an earlier place on; one at a time."""
    request = parse_replay(await call.json_body("application/json"))
    listed = await own(call)
    _expect_delivered(listed)
    call.house.expect_log()
    if await call.house.commands.replaying(listed.id):
        raise _replaying()
    stretches = await stretches_of(call.house, listed, request)
    try:
        await call.house.commands.replay(listed.id, list(stretches))
    except Conflict:
        raise _replaying() from None
    except NotFound:
        raise not_found() from None
    _log.info(LogEvent.REPLAY_ASKED, subscription_id=str(listed.id))
    partitions = [
        {
            "topic": stretch.topic,
            "partition": stretch.partition,
            "fromOffset": stretch.from_offset,
            **({} if stretch.until_offset is None else {"untilOffset": stretch.until_offset}),
        }
        for stretch in stretches
    ]
    return answer(202, {"offsets": sum(stretches.values()), "partitions": partitions})


def _expect_delivered(listed: ListedSubscription) -> None:
    if listed.subscription.pulled:
        detail = "Nothing is delivered to it: its subscriber fetches, and moves on by events/_ack."
        raise Problem(409, "pulled", detail)


def _replaying() -> Problem:
    return Problem(409, "replaying", "A replay of it waits or runs already.")
