"""How long the log still keeps what waits."""

from hypothesis import given
from hypothesis import strategies as st

from bus.catalogue.retention import DAY, time_to_loss

moments = st.floats(0, 4e9)
spans = st.floats(0, 3650 * DAY)


@given(moments, spans, moments)
def test_it_lies_between_nothing_and_the_retention(at: float, kept: float, now: float) -> None:
    """Whatever the clocks say."""
    assert 0.0 <= time_to_loss(at, kept, now) <= kept


@given(moments, spans, st.floats(0, 1))
def test_it_runs_down_as_the_event_ages(at: float, kept: float, part: float) -> None:
    """An event of an age has the rest of its retention; beyond it, nothing."""
    left = time_to_loss(at, kept, at + part * kept)
    assert abs(left - (1 - part) * kept) < 1.0
    assert time_to_loss(at, kept, at + kept + 1.0 + kept * 1e-9) == 0.0


@given(moments, moments, spans, moments)
def test_what_was_stored_later_is_lost_later(
    first: float, second: float, kept: float, now: float
) -> None:
    """Or at the same time: order is kept."""
    earlier, later = sorted((first, second))
    assert time_to_loss(earlier, kept, now) <= time_to_loss(later, kept, now)
