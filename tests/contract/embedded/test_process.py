"""Child processes that end with us, tried with a parent of their own that is killed."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bus.embedded.errors import StartFailed
from bus.embedded.process import Child, Command, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")

_PARENT = """
import sys
from pathlib import Path
from bus.embedded.process import Child, Command
command = Command(name="sleep", argv=["/bin/sleep", "600"], log=Path(sys.argv[1]))
child = Child.start(command, sys.argv[2])
print(child.pid, flush=True)
sys.stdin.read()
"""


def _sh(script: str, log: Path) -> Command:
    return Command(name="sh", argv=["/bin/sh", "-c", script], log=log, env={"PATH": os.defpath})


def _is_known(pid: int) -> bool:
    """Whether the kernel knows it, be it as a zombie."""
    return Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("binding", ["kernel", "pipe"])
def test_a_child_ends_when_its_parent_is_killed(
    binding: str,
    tmp_path: Path,
    until: Callable[..., None],
    alive: Callable[[int], bool],
) -> None:
    """The parent's end by kill -9 ends the child, bound by the kernel or, elsewhere, by a pipe."""
    parent = subprocess.Popen(  # noqa: S603 -- our own script
        [sys.executable, "-c", _PARENT, str(tmp_path / "log"), binding],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        until(lambda: Path(f"/proc/{child}/comm").read_text() == "sleep\n")
        parent.kill()
    until(lambda: not alive(child), seconds=10, what="it lives on")


async def test_output_goes_to_the_log(tmp_path: Path) -> None:
    """Both outputs are in the log, after what earlier runs left there."""
    log = tmp_path / "logs" / "child.log"
    await run(_sh("echo first", log), 10)
    await run(_sh("echo out; echo err >&2", log), 10)
    assert log.read_text().split() == ["first", "out", "err"]


async def test_what_cannot_be_started_says_why(tmp_path: Path) -> None:
    """A failing command, one that does not exist and one that takes too long each say so."""
    log = tmp_path / "log"
    with pytest.raises(StartFailed, match=r"ended with 3[\s\S]*the reason"):
        await run(_sh("echo the reason; exit 3", log), 10)
    with pytest.raises(StartFailed, match="/nowhere: No such file"):
        await run(Command(name="x", argv=["/nowhere"], log=log), 10)
    with pytest.raises(StartFailed, match="not done"):
        await run(_sh("exec sleep 600", log), 0.1)


async def test_stopping_goes_on_until_it_ends(tmp_path: Path, until: Callable[..., None]) -> None:
    """A child that ignores the first signal gets the next one; its exit code tells which."""
    log = tmp_path / "log"
    stubborn = textwrap.dedent("""
        trap '' TERM
        echo ready
        while :; do sleep 0.05; done
    """)
    child = Child.start(_sh(stubborn, log))
    until(lambda: "ready" in log.read_text())
    assert await child.stop(0.2) == -signal.SIGKILL

    obedient = Child.start(_sh("trap 'exit 7' TERM; echo go; while :; do sleep 0.05; done", log))
    until(lambda: "go" in log.read_text())
    assert await obedient.stop(10) == 7
    assert await obedient.stop(10) == 7


async def test_a_stop_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    """The child is killed, and reaped by the time that the cancellation comes out."""
    log = tmp_path / "log"
    child = Child.start(_sh("trap '' TERM; echo go; while :; do sleep 0.05; done", log))
    stopping = asyncio.create_task(child.stop(600))
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert not _is_known(child.pid)


def test_a_thread_may_not_start_children(tmp_path: Path) -> None:
    """From another thread it is refused: the kernel would end the child with the thread."""
    caught: list[BaseException] = []

    def start() -> None:
        try:
            Child.start(_sh("true", tmp_path / "log"))
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert len(caught) == 1


async def test_children_are_not_in_our_session(tmp_path: Path) -> None:
    """Ctrl-C at the terminal reaches only us: a child leads a session of its own."""
    child = Child.start(_sh("exec sleep 600", tmp_path / "log"))
    try:
        assert os.getsid(child.pid) == child.pid
    finally:
        await child.stop(0)
