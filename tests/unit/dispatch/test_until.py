"""Work that goes on until it is told to end: it is over then, and nothing of it stays behind."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from consumers.dispatch.until import run_until

TURNS = range(6)
"""Of the event loop, between two things that meet: their tasks take a few to end."""


class _Failed(Exception):
    pass


async def _turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def _fails(going: asyncio.Event) -> None:
    """Fail when it is let go, as an owner does: one of its tasks, while another one cleans up."""

    async def one() -> None:
        await going.wait()
        raise _Failed

    async def other() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await _turns(2)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(one())
        tasks.create_task(other())


async def _end(ending: asyncio.Event, work: Coroutine[Any, Any, None]) -> tuple[bool, int]:
    """Say whether it failed, and how many cancellations the task around it still has."""
    failed = False
    try:
        await run_until(ending, work, name="work")
    except* _Failed:
        failed = True
    this = asyncio.current_task()
    assert this is not None
    return failed, this.cancelling()


@pytest.mark.parametrize("turns", TURNS)
async def test_work_that_fails_as_it_is_told_to_end_cancels_nobody_else(turns: int) -> None:
    """Its error comes out, and the task around it goes on, whatever met in which turn."""
    going, ending = asyncio.Event(), asyncio.Event()
    around = asyncio.create_task(_end(ending, _fails(going)))
    await _turns(5)
    going.set()
    await _turns(turns)
    ending.set()
    assert await around == (True, 0)


async def test_work_that_is_told_to_end_first_may_fail_in_the_same_turn() -> None:
    """It is told, and then lets itself go."""
    going, ending = asyncio.Event(), asyncio.Event()
    around = asyncio.create_task(_end(ending, _fails(going)))
    await _turns(5)
    ending.set()
    going.set()
    assert await around == (True, 0)


async def test_work_that_is_told_to_end_is_over() -> None:
    """Being cancelled is no error, and it has cleaned up."""
    ending, cleaned = asyncio.Event(), False

    async def work() -> None:
        nonlocal cleaned
        try:
            await asyncio.Event().wait()
        finally:
            await _turns(2)
            cleaned = True

    around = asyncio.create_task(_end(ending, work()))
    await _turns(5)
    ending.set()
    assert await around == (False, 0)
    assert cleaned


@pytest.mark.parametrize("turns", TURNS)
async def test_a_cancelled_caller_waits_for_its_work(turns: int) -> None:
    """The caller is cancelled, not before the work has cleaned up, and whatever that raised."""
    going, cleaned = asyncio.Event(), False

    async def work() -> None:
        nonlocal cleaned
        try:
            await _fails(going)
        finally:
            await _turns(2)
            cleaned = True

    around = asyncio.create_task(_end(asyncio.Event(), work()))
    await _turns(5)
    going.set()
    await _turns(turns)
    around.cancel()
    with pytest.raises(asyncio.CancelledError):
        await around
    assert cleaned
