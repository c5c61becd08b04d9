"""Child processes that end with us: by our signal, by our death, never by name."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals
from typing import BinaryIO, Literal, Self

from bus.embedded.errors import StartFailed
from bus.observe.logging import LogEvent, get

_log = get()
_REAP_WITHIN = 1.0  # seconds after SIGKILL
_POLL = 0.05  # seconds; one way for every platform, event loop and thread
_LARGE_LOG = 10 * 1024 * 1024  # bytes; then the next start begins a new one
_LAUNCH = Path(__file__).with_name("launch.py")
_WATCH = Path(__file__).with_name("watch.py")

Binding = Literal["kernel", "pipe"]


@dataclass(frozen=True, slots=True)
class Account:
    """The user that a child runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to start. `log` gets stdout and stderr (None: they go where ours do).

    `stop` are the signals to stop it, in turn.
    """

    name: str
    argv: Sequence[str | Path]
    log: Path | None
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: Path | None = None
    account: Account | None = None
    stop: tuple[Signals, ...] = (signal.SIGTERM, signal.SIGKILL)
    on_death: Signals = signal.SIGKILL
    nice: int = 0
    stdin: bytes = b""


class Child:
    """One running child process, in a session of its own, so that Ctrl-C reaches only us."""

    def __init__(
        self,
        command: Command,
        process: subprocess.Popen[bytes],
        watch: subprocess.Popen[bytes] | None,
    ) -> None:
        self.command = command
        self._process = process
        self._watch = watch

    @classmethod
    def start(cls, command: Command, binding: Binding | None = None) -> Self:
        """Start it, bound to our death: by the kernel on Linux, by a pipe elsewhere.

        Must be called from the main thread, because the kernel takes the end of the thread that
        started a child for the end of its parent. A command that cannot be executed says so in its
        log and ends at once.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("a child bound to a thread ends with it: start it from the main one")
        by_kernel = (binding or _default_binding()) == "kernel"
        with _open_log(command.log) as log:
            process = subprocess.Popen(  # noqa: S603 -- our own command lines, no shell
                _through_launcher(command, bind=by_kernel),
                stdin=subprocess.PIPE if command.stdin else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=command.cwd,
                env=dict(command.env),
                start_new_session=True,
            )
        if process.stdin is not None:
            with process.stdin as stdin, contextlib.suppress(BrokenPipeError):
                stdin.write(command.stdin)
        watch = None if by_kernel else _watch(process.pid, command.on_death)
        _log.debug(LogEvent.CHILD_STARTED, name=command.name, pid=process.pid)
        return cls(command, process, watch)

    @property
    def pid(self) -> int:
        """Give its process id, valid until it has been waited for."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Give its exit code, -N after signal N, None while it runs."""
        code = self._process.poll()
        if code is not None and self._watch is not None:
            self._end_watch(self._watch)
            self._watch = None
        return code

    async def wait(self) -> int:
        """Wait for its end; give its exit code."""
        while (code := self.returncode) is None:  # noqa: ASYNC110 -- see _POLL
            await asyncio.sleep(_POLL)
        return code

    async def ends_within(self, seconds: float) -> bool:
        """Wait for its end, but no longer than this."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.wait()
        return self.returncode is not None

    async def stop(self, within: float) -> int:
        """Send its stop signals in turn, the first with `within` seconds, the others with one.

        Gives its exit code. When cancelled it is killed at once, and gone on return.
        """
        try:
            for number in self.command.stop:
                self.signal(number)
                if await self.ends_within(within):
                    break
                within = 1.0
        except asyncio.CancelledError:
            self.signal(signal.SIGKILL)
            # Blocks for as long as the kernel needs: who is cancelled does not come back to wait.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_REAP_WITHIN)
            code = self.returncode or -signal.SIGKILL
            _log.debug(LogEvent.CHILD_STOPPED, name=self.command.name, pid=self.pid, status=code)
            raise
        if self.returncode is None:
            self.signal(signal.SIGKILL)
        code = await self.wait()
        _log.debug(LogEvent.CHILD_STOPPED, name=self.command.name, pid=self.pid, status=code)
        return code

    def signal(self, number: Signals) -> None:
        """Send a signal, if it still runs."""
        self._process.send_signal(number)

    @staticmethod
    def _end_watch(watch: subprocess.Popen[bytes]) -> None:
        """End the watcher before its pipe closes: the pid it guards may soon be someone else's."""
        watch.kill()
        watch.wait()
        if watch.stdin is not None:
            watch.stdin.close()


async def run(command: Command, within: float) -> None:
    """Run a command to its end; StartFailed when that is not exit code 0 within these seconds."""
    child = Child.start(command)
    try:
        if not await child.ends_within(within):
            raise StartFailed(command.name, f"was not done after {within:.0f} s", command.log)
        if child.returncode != 0:
            raise StartFailed(command.name, f"ended with {child.returncode}", command.log)
    finally:
        if child.returncode is None:
            await child.stop(0)


def _default_binding() -> Binding:
    return "kernel" if sys.platform == "linux" else "pipe"


def _through_launcher(command: Command, *, bind: bool) -> list[str]:
    account = command.account
    return [
        *(sys.executable, "-I", "-S", str(_LAUNCH)),
        str(os.getpid()),
        str(int(command.on_death) if bind else 0),
        str(command.nice),
        *((str(account.uid), str(account.gid)) if account else ("-1", "-1")),
        *map(str, command.argv),
    ]


def _watch(pid: int, number: Signals) -> subprocess.Popen[bytes]:
    """Start a process that holds the other end of a pipe to us and signals `pid` at our end."""
    return subprocess.Popen(  # noqa: S603 -- our own script
        [sys.executable, "-I", "-S", str(_WATCH), str(pid), str(int(number))],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )


@contextlib.contextmanager
def _open_log(path: Path | None) -> Iterator[BinaryIO | None]:
    """Open for appending; a large log of earlier runs is set aside as `NAME.old` first."""
    if path is None:
        yield None
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        if path.stat().st_size > _LARGE_LOG:
            path.replace(path.with_suffix(".old"))
    with path.open("ab") as log:
        yield log
