"""Background: no task dies unseen, and an owner's own error stays what it is."""

import asyncio
import gc
import warnings

import pytest

from bus.log.background import Background


async def test_leaving_cancels_what_runs() -> None:
    """Endless tasks end with their owner, after their own clean-up."""
    cleaned = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    async with Background() as background:
        background.start(endless(), "endless")
        await asyncio.sleep(0)
        assert not background.failed
    assert cleaned.is_set()


async def test_a_failing_task_ends_its_owner() -> None:
    """The body is cancelled, and what failed comes out in an ExceptionGroup."""

    async def failing() -> None:
        raise LookupError

    reached = False

    async def owner() -> None:
        nonlocal reached
        async with Background() as background:
            background.start(failing(), "failing")
            await asyncio.sleep(10)
            reached = True

    with pytest.raises(ExceptionGroup) as raised:
        await owner()
    assert raised.group_contains(LookupError)
    assert not reached


async def test_the_others_clean_up_when_one_fails() -> None:
    """A failure elsewhere cancels a task once: what it does then is not interrupted."""
    cleaned = False

    async def endless() -> None:
        nonlocal cleaned
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            cleaned = True

    async def failing() -> None:
        raise LookupError

    async def owner() -> None:
        async with Background() as background:
            background.start(endless(), "endless")
            await asyncio.sleep(0)
            background.start(failing(), "failing")
            await asyncio.sleep(10)

    with pytest.raises(ExceptionGroup):
        await owner()
    assert cleaned


async def test_an_error_of_the_body_is_not_wrapped() -> None:
    """An exception of the owner's comes out as it was raised."""

    async def owner() -> None:
        async with Background() as background:
            background.start(asyncio.sleep(10), "endless")
            raise LookupError

    with pytest.raises(LookupError):
        await owner()


async def test_a_task_that_awaited_what_was_cancelled_ends_its_owner() -> None:
    """Nobody cancelled it: it has failed like any other, where a TaskGroup goes on without it."""

    async def failing() -> None:
        gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        gone.cancel()
        await gone

    async def owner() -> None:
        async with Background() as background:
            background.start(failing(), "failing")
            await asyncio.sleep(10)

    with pytest.raises(ExceptionGroup) as raised:
        await owner()
    assert raised.group_contains(RuntimeError, match="failing awaited what was cancelled")


async def test_leaving_at_once_ends_what_has_not_begun() -> None:
    """A task that never had a turn leaves nothing behind, a warning neither."""
    begun = False

    async def endless() -> None:
        nonlocal begun
        begun = True

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        async with Background() as background:
            background.start(endless(), "endless")
        gc.collect()
    assert not begun
    assert not told
