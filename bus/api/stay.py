"""Requests that stay for a while: counted, and ended as soon as their client has gone."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from bus.api.call import Call, Receive
from bus.api.problem import Problem
from bus.pull.desk import Crowded

_RETRY_AFTER_SECONDS = "5"

T = TypeVar("T")


class ClientGone(Exception):
    """The client has closed its connection: nobody waits for the answer."""


@contextmanager
def seat(call: Call) -> Iterator[None]:
    """Count the request as one of its organisation's; 429 when these are too many."""
    with ExitStack() as taken:
        try:
            taken.enter_context(call.house.desk.seat(call.who.organisation))
        except Crowded:
            detail = "Too many long polls and streams are open: end some, or try again later."
            headers = {"Retry-After": _RETRY_AFTER_SECONDS}
            raise Problem(429, "too-many-open", detail, headers=headers) from None
        yield


async def unless_gone(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """Do the work while the client is there; raises ClientGone, and what the work raises."""
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(_settled(work))
        leaving = tasks.create_task(_left(receive))
        working.add_done_callback(lambda _: leaving.cancel())
        leaving.add_done_callback(lambda _: working.cancel())
    if working.cancelled():
        raise ClientGone
    result = working.result()
    if isinstance(result, Exception):
        raise result
    return result


async def _settled(work: Coroutine[Any, Any, T]) -> T | Exception:
    """Give what the work raises instead of raising it: a group would wrap it."""
    try:
        return await work
    except Exception as error:  # noqa: BLE001 - raised again by the caller
        return error


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
