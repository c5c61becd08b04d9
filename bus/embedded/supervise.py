"""Keeps services running: one that dies is started again, with a pause that grows."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Never, Protocol

from bus.embedded.errors import EmbeddedProblem
from bus.embedded.process import Child, Command
from bus.observe.logging import LogEvent, get

_log = get()
_FIRST_PAUSE = 0.2  # seconds; whoever was killed once is back at once
_LONGEST_PAUSE = 8.0
_HEALTHY_AFTER = 30.0  # seconds of life after which an end counts as the first again

Say = Callable[[str], None]


class Service(Protocol):
    """Something with a child process."""

    @property
    def name(self) -> str:
        """Give the name that people see."""
        ...

    @property
    def child(self) -> Child | None:
        """Give its process, None before the first `start`."""
        ...

    async def start(self) -> None:
        """Start its process and wait until it serves; raises EmbeddedProblem or OSError."""
        ...

    async def stop(self, within: float) -> None:
        """Stop its process; about this many seconds later at the latest it is gone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A process of the bus itself: its command line and its part of the environment."""

    name: str
    argv: Sequence[str | Path]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    stop_within: float = 2.0  # seconds from SIGTERM to SIGKILL


class RoleService:
    """A role as a service: started, it counts as running; whether it serves is its own affair."""

    def __init__(self, role: Role, *, environment: Mapping[str, str], log: Path | None) -> None:
        self.name = role.name
        self.role = role
        self._command = Command(
            name=role.name, argv=role.argv, env={**environment, **role.env}, log=log
        )
        self._child: Child | None = None

    @property
    def child(self) -> Child | None:
        """Give its process, None before the first `start`."""
        return self._child

    async def start(self) -> None:
        """Start its process."""
        self._child = Child.start(self._command)

    async def stop(self, within: float) -> None:
        """Stop its process; a second after `within` at the latest it is gone."""
        if self._child is not None:
            await self._child.stop(within)


async def keep_running(service: Service, *, say: Say) -> Never:
    """Start a service again whenever its process ends, until cancelled; `say` tells people."""
    pause = 0.0
    while True:
        began = time.monotonic()
        child = service.child
        code = await child.wait() if child is not None else None
        pause = next_pause(pause, lived=time.monotonic() - began)
        _log.warning(LogEvent.CHILD_DIED, name=service.name, status=code or 0, seconds=pause)
        log = f"; its log is {child.command.log}" if child and child.command.log else ""
        say(f"{service.name} ended ({_words(code)}) and is started again in {pause:g} s{log}")
        await asyncio.sleep(pause)
        try:
            await service.start()
        except (EmbeddedProblem, OSError) as error:
            say(str(error))
        else:
            new = service.child
            pid = new.pid if new is not None else 0
            _log.info(LogEvent.CHILD_STARTED, name=service.name, pid=pid)


def next_pause(last: float, *, lived: float) -> float:
    """Give the seconds to wait: twice the last pause, or the first one after a long life."""
    if last == 0 or lived >= _HEALTHY_AFTER:
        return _FIRST_PAUSE
    return min(last * 2, _LONGEST_PAUSE)


def _words(code: int | None) -> str:
    if code is None:
        return "it never ran"
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
