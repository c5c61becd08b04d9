"""Whose turn it is to read the log for an answer."""

from contextlib import ExitStack

import pytest

from bus.api.problem import Problem
from bus.api.readings import Readings

BUSY = (429, "busy", True)


def refused(readings: Readings, organisation: str) -> bool:
    """Say whether somebody is told to come again."""
    try:
        with readings.turn(organisation):
            return False
    except Problem as problem:
        return (problem.status, problem.code, "Retry-After" in problem.headers) == BUSY


def test_one_of_each_organisation_up_to_so_many() -> None:
    """The second of one is refused while there is room for another's; all places are given back."""
    readings = Readings(2)
    with ExitStack() as held:
        held.enter_context(readings.turn("a"))
        assert refused(readings, "a")
        assert not refused(readings, "b")
        held.enter_context(readings.turn("b"))
        assert refused(readings, "c")
    assert not any(refused(readings, each) for each in "abca")


def test_a_reading_that_fails_gives_its_place_back() -> None:
    """Whatever ends it."""
    readings = Readings(1)
    with pytest.raises(RuntimeError), readings.turn("a"):
        raise RuntimeError
    assert not refused(readings, "a")
