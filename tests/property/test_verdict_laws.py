"""Verdicts: the worst counts, and nothing that gets worse makes one better."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.observe.verdicts import (
    BEHIND_SECONDS,
    STALLED_SECONDS,
    Standing,
    Verdict,
    verdict_of,
    verdict_of_partition,
)

WORST_FIRST: tuple[Verdict, ...] = get_args(Verdict)
seconds = st.floats(0, 10**6)
standings = st.builds(
    Standing,
    lag_events=st.integers(0, 10**9),
    lag_seconds=seconds,
    failing=st.booleans(),
    saved_seconds=seconds,
    quiet=st.booleans(),
)
verdicts = st.sampled_from(WORST_FIRST[2:])


@given(standing=standings, events=st.integers(0, 10**6), more=seconds, silence=seconds)
def test_more_of_the_bad_is_never_better(
    standing: Standing, events: int, more: float, silence: float
) -> None:
    """More lag, older lag, a longer silence of the owner, a failure."""
    worse = replace(
        standing,
        lag_events=standing.lag_events + events,
        lag_seconds=standing.lag_seconds + more,
        saved_seconds=standing.saved_seconds + silence,
        failing=True,
    )
    before, after = verdict_of_partition(standing), verdict_of_partition(worse)
    assert WORST_FIRST.index(after) <= WORST_FIRST.index(before)


@given(several=st.lists(verdicts, min_size=1), one=verdicts)
def test_one_more_partition_is_never_better(several: list[Verdict], one: Verdict) -> None:
    """The whole is the worst of the parts, in whatever order they come."""
    whole = verdict_of("active", several)
    assert whole in several
    assert verdict_of("active", several[::-1]) == whole
    with_one = verdict_of("active", [*several, one])
    assert WORST_FIRST.index(with_one) == min(map(WORST_FIRST.index, (whole, one)))


@given(several=st.lists(verdicts))
def test_what_is_not_delivered_to_is_not_blamed(several: list[Verdict]) -> None:
    """A pause and a disabling say more than any lag that comes of them."""
    assert verdict_of("paused", several) == "paused"
    assert verdict_of("disabled", several) == "disabled"


OK = Standing(lag_events=0, lag_seconds=0.0, failing=False, saved_seconds=1.0, quiet=False)
WAITS = replace(OK, lag_events=5, lag_seconds=BEHIND_SECONDS)
BEHIND = replace(WAITS, lag_seconds=BEHIND_SECONDS + 1)
SILENT = STALLED_SECONDS + 1


@pytest.mark.parametrize(
    ("standing", "verdict"),
    [
        (OK, "ok"),
        (replace(OK, quiet=True), "no-traffic"),
        (replace(OK, saved_seconds=SILENT), "ok"),
        (WAITS, "ok"),
        (BEHIND, "behind"),
        (replace(BEHIND, quiet=True), "behind"),
        (replace(BEHIND, failing=True), "failing"),
        (replace(WAITS, saved_seconds=SILENT), "stalled"),
        (replace(BEHIND, failing=True, saved_seconds=SILENT), "stalled"),
    ],
)
def test_each_verdict_has_its_reason(standing: Standing, verdict: Verdict) -> None:
    """The rules, one by one."""
    assert verdict_of_partition(standing) == verdict
