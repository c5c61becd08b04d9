"""What a subscription is told of where it stands, over any course of events."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Literal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from bus.store.standing import Place, Standing, Told
from producers.notices.decision import Thresholds, decide

ID = UUID(int=7)
OIN = "00000001823288444000"
START = datetime(2026, 11, 25, tzinfo=UTC)
THRESHOLDS = Thresholds(behind=60, near=86_400)

Look = tuple[Literal["near", "behind", "short", "level"], Literal["active", "paused", "disabled"]]

looks: st.SearchStrategy[list[Look]] = st.lists(
    st.tuples(
        st.sampled_from(["near", "behind", "short", "level"]),
        st.sampled_from(["active", "active", "active", "paused", "disabled"]),
    )
)


def course(seen: list[Look]) -> tuple[list[list[str]], list[str]]:
    """Give the words told at each look, and every id that was used."""
    told, words, ids = Told(), [], []
    for number, (verdict, state) in enumerate(seen):
        place = None if verdict == "level" else Place("gb.zaken", 3, 17, verdict)
        standing = Standing(ID, OIN, state, place, told)
        tell, told = decide(standing, THRESHOLDS, START + timedelta(seconds=number))
        words.append([each.type.removeprefix("nl.vng.gemeentebus.subscription-") for each in tell])
        ids += [str(each.id) for each in tell]
    return words, ids


@given(looks)
def test_behind_and_caught_up_take_turns(seen: list[Look]) -> None:
    """Nothing is told twice; caught up is told only after behind, and under ids of their own."""
    words, ids = course(seen)
    lag = [word for tell in words for word in tell if word in {"behind", "caught-up"}]
    assert all(one != other or one == "behind" for one, other in pairwise(lag))
    assert lag[:1] != ["caught-up"]
    assert len(set(ids)) == len(ids)


@given(looks)
def test_what_is_told_is_so(seen: list[Look]) -> None:
    """Behind when it is late, caught up when nothing is short, and only while it is active."""
    words, _ = course(seen)
    for (verdict, state), tell in zip(seen, words, strict=True):
        if "behind" in tell:
            assert (state, verdict in {"near", "behind"}) == ("active", True)
        if "caught-up" in tell:
            assert (state, verdict) == ("active", "level")
        if "near-retention" in tell:
            assert verdict == "near"


@given(looks)
def test_nobody_who_is_late_is_left_untold(seen: list[Look]) -> None:
    """At each look a late one has been told so since it was last level, or not active."""
    words, _ = course(seen)
    known = warned = False
    for (verdict, state), tell in zip(seen, words, strict=True):
        known = (known or "behind" in tell) and state == "active" and verdict != "level"
        warned = (warned or "near-retention" in tell) and verdict != "level"
        if state == "active" and verdict in {"near", "behind"}:
            assert known
        if verdict == "near":
            assert warned


def test_a_waverer_is_told_once() -> None:
    """Between the lines nothing changes: around the threshold there is one notice, not many."""
    active: list[Look] = [("behind", "active"), ("short", "active")]
    words, _ = course(active * 10 + [("level", "active")])
    assert [word for tell in words for word in tell] == ["behind", "caught-up"]


def test_a_paused_one_is_warned_and_then_told_when_it_resumes_late() -> None:
    """It can lose events, but not be behind; once resumed it is either level or late."""
    words, _ = course([("near", "paused"), ("near", "paused"), ("near", "active")])
    assert words == [["near-retention"], [], ["behind"]]
