"""Holdings: any number of members, taking turns at any moment, never hold the same."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from bus.log.holdings import Holdings, PutDown, TakeUp
from bus.log.record import Partition
from bus.log.sharing import Member, share

ONE = frozenset({Partition("t", 1)})
TWO = frozenset({Partition("t", 2)})


def test_taking_up_goes_before_putting_down() -> None:
    """A new partition does not wait for one that is slow to put down."""
    holdings = Holdings()
    holdings.given(ONE)
    step = holdings.next()
    assert step == TakeUp(ONE)
    holdings.done(TakeUp(ONE))
    holdings.given(TWO)
    assert holdings.next() == TakeUp(TWO)
    assert holdings.next() == PutDown(ONE)
    assert holdings.claims == ONE | TWO
    holdings.done(PutDown(ONE))
    assert (holdings.held, holdings.claims, holdings.next()) == (TWO, TWO, None)


def test_loss_puts_everything_down_and_claims_nothing() -> None:
    """What is lost while it is being taken up is put down too."""
    holdings = Holdings()
    holdings.given(ONE)
    assert holdings.next() == TakeUp(ONE)
    holdings.lost()
    assert holdings.claims == frozenset()
    holdings.done(TakeUp(ONE))
    assert holdings.next() == PutDown(ONE)
    holdings.done(PutDown(ONE))
    assert (holdings.held, holdings.next()) == (frozenset(), None)


def test_lost_and_given_again_is_put_down_in_between() -> None:
    """After a loss, work begins anew even on the same partition: another may have had it."""
    holdings = Holdings()
    holdings.given(ONE)
    holdings.done(holdings.next() or TakeUp(ONE))
    holdings.lost()
    holdings.given(ONE)
    assert holdings.next() == PutDown(ONE)
    holdings.done(PutDown(ONE))
    assert holdings.claims == ONE
    assert holdings.next() == TakeUp(ONE)


def test_given_back_while_it_is_put_down() -> None:
    """It stays claimed throughout, and is taken up again."""
    holdings = Holdings()
    holdings.given(ONE)
    holdings.done(holdings.next() or TakeUp(ONE))
    holdings.given(frozenset())
    assert holdings.next() == PutDown(ONE)
    holdings.given(ONE)
    holdings.done(PutDown(ONE))
    assert holdings.claims == ONE
    assert holdings.next() == TakeUp(ONE)


def test_given_and_taken_away_before_it_was_taken_up() -> None:
    """What was never taken up is not claimed for ever."""
    holdings = Holdings()
    holdings.given(ONE | TWO)
    holdings.given(ONE)
    assert holdings.claims == ONE
    assert holdings.next() == TakeUp(ONE)


def test_leaving_takes_nothing_up_any_more() -> None:
    """After `leave` a newer word of the group changes nothing."""
    holdings = Holdings()
    holdings.given(ONE)
    holdings.done(holdings.next() or TakeUp(ONE))
    holdings.leave()
    holdings.given(ONE | TWO)
    assert holdings.next() == PutDown(ONE)


class _Group:
    """A group of members as Kafka and the listeners see it, moved one step at a time."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._members: dict[str, Holdings] = {}
        self._doing: dict[str, TakeUp | PutDown] = {}
        self._joining: dict[str, frozenset[Partition]] = {}
        self._names = iter(range(1000))

    def move(self) -> None:
        """Let something happen: a join, a loss, a rebalance begun or ended, a listener's step."""
        moves = [self._join, self._begin, self._end, self._lose, *[self._step] * 6]
        self._chance.choice(moves)()
        self.check()

    def settle(self) -> None:
        """Let nothing happen any more but rebalances and steps."""
        for _ in range(6):
            self._begin()
            self._end()
            for _ in range(40):
                self._step()
                self.check()

    def check(self) -> None:
        """No two members hold the same partition."""
        held = [each for holdings in self._members.values() for each in holdings.held]
        assert len(held) == len(set(held)), "two hold the same"

    def loads(self) -> list[int]:
        """Give how many each holds."""
        return [len(holdings.held) for holdings in self._members.values()]

    def _join(self) -> None:
        if len(self._members) < 4:
            self._members[str(next(self._names))] = Holdings()

    def _lose(self) -> None:
        """Let a member go whose session ran out; it has put everything down by then."""
        if len(self._members) > 1:
            gone = self._chance.choice(sorted(self._members))
            for each in (self._members, self._doing, self._joining):
                each.pop(gone, None)  # type: ignore[attr-defined] # they differ in their values

    def _begin(self) -> None:
        self._joining = {name: holdings.claims for name, holdings in self._members.items()}

    def _end(self) -> None:
        wanted = frozenset({"t"})
        joined = {name: Member(wanted, claims) for name, claims in self._joining.items()}
        for name, partitions in share({"t": 7}, joined).items() if joined else ():
            self._members[name].given(partitions)
        self._joining = {}

    def _step(self) -> None:
        if not self._members:
            return
        name = self._chance.choice(sorted(self._members))
        if name in self._doing:
            self._members[name].done(self._doing.pop(name))
        elif (step := self._members[name].next()) is not None:
            self._doing[name] = step


@settings(max_examples=200)
@given(st.integers(0, 2**32))
def test_no_two_hold_the_same(seed: int) -> None:
    """Whatever happens in whatever order; and left alone, they hold all of it, evenly."""
    group = _Group(random.Random(seed))  # noqa: S311 - reproducible, not secret
    group.check()
    for _ in range(80):
        group.move()
    group.settle()
    loads = group.loads()
    if loads:
        assert sum(loads) == 7
        assert max(loads) - min(loads) <= 1
