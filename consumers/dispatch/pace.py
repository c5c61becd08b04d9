"""When the stream's reader rests: for who would lose the tail, and for a save that is due."""

from collections.abc import Callable, Iterable

from consumers.dispatch.member import Member
from consumers.dispatch.tail import Tail

PATIENCE = 5.0
"""Seconds for a part of the tail: who takes longer reads the log by itself, as slowly as it is."""


class Pace:
    """Whether the reader rests, and for what; `on_turn` is told when that changes. No I/O.

    Somebody who reads from the tail would lose it if the reader went on. That is worth a rest only
    where nobody else is served by going on, which is for the stream to say (decision 14). What only
    a save can take has a bound: there the reader rests whoever is served (decision 16).
    """

    def __init__(self, on_turn: Callable[[], None]) -> None:
        self._on_turn = on_turn
        self._resting_for: Member | None = None
        self._until = 0.0
        self._not_below = 0
        self.awaits_save = False

    @property
    def resting(self) -> bool:
        """Whether the reader is to wait."""
        return self._resting_for is not None or self.awaits_save

    def rest(self, behind: Iterable[Member], tail: Tail, now: float) -> None:
        """Rest for the last of those who read from the tail, if it is about to lose it."""
        if self._resting_for is not None or tail.start < self._not_below:
            return
        in_tail = (each for each in behind if each.cursor >= tail.start)
        last = min(in_tail, key=_cursor, default=None)
        if last is not None and tail.is_about_to_lose(last.cursor):
            self._resting_for = last
            self._until = now + PATIENCE
            self._on_turn()

    def look(self, tail: Tail, now: float) -> None:
        """Read on if the one rested for has caught up, or takes so long that the tail goes by."""
        member = self._resting_for
        if member is None:
            return
        if now >= self._until:
            self._not_below = tail.end
            self.read_on()
        elif member.attached or not tail.is_about_to_lose(member.cursor):
            self.read_on()

    def read_on(self) -> None:
        """End the rest for one who would lose the tail, if there is one."""
        if self._resting_for is not None:
            self._resting_for = None
            self._on_turn()

    def await_save(self, *, needed: bool) -> None:
        """Rest until a save has made room, or no longer."""
        if needed != self.awaits_save:
            self.awaits_save = needed
            self._on_turn()


def _cursor(member: Member) -> int:
    return member.cursor
