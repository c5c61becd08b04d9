"""Background: tasks that live as long as their owner's `async with`."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Self

Raised = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]
"""What an `__aexit__` is told."""


class Background:
    """
    A TaskGroup for endless tasks: leaving cancels them instead of waiting for them.

    A task that fails cancels the body of the `async with`, and its exception comes out of it in
    an ExceptionGroup; so does one that ends cancelled though nobody cancelled it, for which a
    TaskGroup goes on without it. So no task of this room dies unseen.
    """

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed = False

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    @property
    def failed(self) -> bool:
        """Whether a task has failed (the body is being cancelled for it)."""
        return self._failed

    def start(self, work: Coroutine[object, object, None], name: str) -> None:
        """Run `work` until it ends or the owner leaves."""
        task = self._group.create_task(_seen(work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        task.add_done_callback(lambda _: work.close())  # of a task that never got its first turn

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failed = True

    async def __aexit__(self, *raised: *Raised) -> None:
        # Where one failed, the group has cancelled the others; a second time would interrupt
        # their cleaning up.
        for task in () if self._failed else self._tasks:
            task.cancel()
        if raised[0] is None or issubclass(raised[0], asyncio.CancelledError):
            await self._group.__aexit__(*raised)
        else:
            # Told nothing of the body's error, the group does not wrap it: it goes on as it is.
            await self._group.__aexit__(None, None, None)


async def _seen(work: Coroutine[object, object, None]) -> None:
    try:
        await work
    except asyncio.CancelledError as cancelled:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # Something that it awaited was: the future of a client that is gone, a task of others.
        raise RuntimeError(f"{task.get_name()} awaited what was cancelled") from cancelled
