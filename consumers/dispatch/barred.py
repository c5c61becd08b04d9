"""Members whose parked events or dead letters cannot be written: kept open, tried now and then."""

from collections.abc import Iterable

from consumers.dispatch.member import Member

TRY_EVERY = 15.0
"""Seconds between two tries to write what was refused: each costs the partition one save."""


class Barred:
    """Who is barred. No I/O, no clock."""

    def __init__(self) -> None:
        self._members: dict[Member, None] = {}
        self._try_at = 0.0

    def bar(self, members: Iterable[Member], now: float) -> None:
        """Leave the exceptions of these out of saves; the last to be tried again."""
        for member in members:
            self._members.pop(member, None)
            self._members[member] = None
            member.barred = True
        self._try_at = now + TRY_EVERY

    def suspect(self, now: float) -> Member | None:
        """Give the one whose exceptions are tried with this save, if it is time for one."""
        if not self._members or now < self._try_at:
            return None
        suspect = next(iter(self._members))
        suspect.barred = False
        return suspect

    def clear(self, suspect: Member | None) -> None:
        """Take in that what a member had could be written."""
        if suspect is not None:
            del self._members[suspect]
            self._try_at = 0.0
