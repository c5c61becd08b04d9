"""What is known of where the log ended a while ago, however often one looked."""

from hypothesis import given
from hypothesis import strategies as st

from bus.log.record import Partition
from producers.notices.ends import SAMPLES, Ends

KEEP = 60.0
PLACE = Partition("t", 0)

pauses = st.lists(st.floats(min_value=0.01, max_value=40), min_size=1, max_size=200)


@given(pauses, st.floats(min_value=0, max_value=KEEP))
def test_what_lies_below_an_end_has_waited_so_long(between: list[float], age: float) -> None:
    """Never less, and hardly longer than since the last look of that age."""
    ends, looks = Ends(KEEP), [0.0]
    for pause in between:
        looks.append(looks[-1] + pause)
        ends.note(looks[-1], {PLACE: len(looks) - 1})
    moment = looks[-1] - age
    found = ends.at(moment).get(PLACE)
    old_enough = [each for each in looks[1:] if each <= moment]
    if found is None:
        assert not old_enough
    else:
        assert looks[found] <= moment
        assert old_enough[-1] - looks[found] <= KEEP / SAMPLES


@given(pauses)
def test_it_stays_small(between: list[float]) -> None:
    """However often one looks, and the oldest that is known is as old as it has to be."""
    ends, now = Ends(KEEP), 0.0
    for number, pause in enumerate(between * 10, 1):
        now += pause / 10
        ends.note(now, {PLACE: number})
    assert len(ends._samples) <= SAMPLES + 3
    assert ends.first == ends.at(now - KEEP) or ends.first == {PLACE: 1}
