"""Holdings: what this member was given, what it works on, and what it must do next."""

from dataclasses import dataclass

from bus.log.record import Partition

_NONE: frozenset[Partition] = frozenset()


@dataclass(frozen=True, slots=True)
class TakeUp:
    """Work on these too."""

    partitions: frozenset[Partition]


@dataclass(frozen=True, slots=True)
class PutDown:
    """Work on these no more."""

    partitions: frozenset[Partition]


class Holdings:
    """
    Pure bookkeeping between the group and the listener; one step at a time.

    `held` is what the listener works on. Losing membership ends all claims at once, while the
    listener still has to put down what it holds.
    """

    def __init__(self) -> None:
        self.held = _NONE
        self._given = _NONE
        self._forfeited = _NONE
        self._leaving = False

    @property
    def claims(self) -> frozenset[Partition]:
        """What the group must not give to another: given, or still being put down."""
        return self._given | (self.held - self._forfeited)

    def given(self, partitions: frozenset[Partition]) -> None:
        """Note the group's newest word on what is ours."""
        if not self._leaving:
            self._given = partitions

    def lost(self) -> None:
        """Note that the group may have given everything to others."""
        self._given = _NONE
        self._forfeited = self.held

    def leave(self) -> None:
        """Take nothing up any more, and put everything down."""
        self._leaving = True
        self._given = _NONE

    def next(self) -> TakeUp | PutDown | None:
        """
        Say what the listener must do next; `done` follows when it has.

        What was lost goes first. Then taking up: it is quick, while putting down waits for
        requests under way.
        """
        if self._forfeited:
            return PutDown(self._forfeited)
        new = self._given - self.held
        if new:
            self.held |= new  # from now on, not when it has been done: it may be lost meanwhile
            return TakeUp(new)
        gone = self.held - self._given
        return PutDown(gone) if gone else None

    def done(self, step: TakeUp | PutDown) -> None:
        """Note that the listener has done it."""
        if isinstance(step, PutDown):
            self.held -= step.partitions
            self._forfeited -= step.partitions
