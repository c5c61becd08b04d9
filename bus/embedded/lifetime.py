"""How long things run: until a signal comes, and beside a body."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Signals:
    """What has come so far."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self._task = task
        self._deaf = False
        self.asked = False

    def ask(self) -> None:
        """End the task; only the first time, since its end must not be interrupted."""
        if not self._deaf:
            self._deaf = self.asked = True
            self._task.cancel()

    def ignore(self) -> None:
        """Take no signals any more: the end has begun."""
        self._deaf = True


@contextlib.contextmanager
def ended_by_signals() -> Iterator[Signals]:
    """Cancel the current task at the first SIGTERM, SIGINT or SIGHUP.

    Leaving takes the cancellation back: it goes no further. What is ignored (nohup) stays so.
    """
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    if task is None:
        raise RuntimeError("only a task can be ended by signals")
    signals = Signals(task)
    wanted = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in wanted:
        loop.add_signal_handler(number, signals.ask)
    try:
        yield signals
    finally:
        for number in wanted:
            loop.remove_signal_handler(number)
        if signals.asked:
            task.uncancel()


@contextlib.asynccontextmanager
async def beside(duties: Iterable[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Do these as long as the body runs.

    Unlike a TaskGroup it does not wrap what the body raises.
    """
    tasks = [asyncio.create_task(duty) for duty in duties]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
