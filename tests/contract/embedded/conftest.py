"""What the tests of embedded parts share: waiting, and looking at processes."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

Until = Callable[..., None]


@pytest.fixture
def until() -> Until:
    """Give a function that waits for a condition, and fails after a deadline."""
    return wait_until


@pytest.fixture
def alive() -> Callable[[int], bool]:
    """Give a function that says whether a process runs; a zombie does not."""
    return is_alive


def wait_until(condition: Callable[[], object], *, seconds: float = 30.0, what: str = "") -> None:
    """Wait until it is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what or "the condition never came true"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Say whether a process runs, from its state in /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
