"""Who may read the log for an answer now: they share the processor with what is published."""

from collections.abc import Iterator
from contextlib import contextmanager

from bus.api.problem import Problem

_RETRY_AFTER_SECONDS = "5"


class Readings:
    """Lets so many readings go on in a process, and one of each organisation: none hogs them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._reading: set[str] = set()

    @contextmanager
    def turn(self, organisation: str) -> Iterator[None]:
        """Hold a place for as long as the block lasts; raises Problem 429 when there is none."""
        if organisation in self._reading:
            raise _busy("Your organisation has one such reading of the log going on.")
        if len(self._reading) >= self._most:
            raise _busy("As many readings of the log go on as may at a time.")
        self._reading.add(organisation)
        try:
            yield
        finally:
            self._reading.remove(organisation)


def _busy(detail: str) -> Problem:
    headers = {"Retry-After": _RETRY_AFTER_SECONDS}
    return Problem(429, "busy", f"{detail} Try again.", headers=headers)
