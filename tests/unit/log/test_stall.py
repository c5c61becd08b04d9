"""Who stands still, and who only seems to."""

from bus.log.record import Partition
from bus.log.stall import Stall

ONE = Partition("t", 1)
TWO = Partition("t", 2)


def test_standing_for_long_while_read_is_suspect() -> None:
    """A position that does not change for the whole time is suspect; one that moves is not."""
    stall = Stall(10)
    stall.reading()
    assert stall.suspects({ONE: 5, TWO: 5}, 0) == set()
    assert stall.suspects({ONE: 5, TWO: 6}, 9.9) == set()
    assert stall.suspects({ONE: 5, TWO: 6}, 10) == {ONE}


def test_a_suspect_stays_one_until_it_moves() -> None:
    """Not having been replaced yet, it is suspect at the next look too."""
    stall = Stall(10)
    stall.reading()
    stall.suspects({ONE: 5}, 0)
    assert stall.suspects({ONE: 5}, 10) == stall.suspects({ONE: 5}, 12) == {ONE}
    assert stall.suspects({ONE: 6}, 14) == set()


def test_nobody_reading_is_no_standstill() -> None:
    """Time in which nobody asked does not count, however long."""
    stall = Stall(10)
    stall.reading()
    stall.suspects({ONE: 5}, 0)
    stall.read(1)
    assert stall.suspects({ONE: 5}, 60) == set()
    stall.reading()
    assert stall.suspects({ONE: 5}, 61) == set()
    assert stall.suspects({ONE: 5}, 71) == {ONE}


def test_reads_one_after_the_other_count_as_reading() -> None:
    """A moment between two reads is not an interruption."""
    stall = Stall(10)
    for now in range(11):
        stall.reading()
        stall.read(now)
        found = stall.suspects({ONE: 5}, now + 0.5)
    assert found == {ONE}


def test_a_seek_begins_anew() -> None:
    """Sought, resumed or found at its end, a partition has its whole time again."""
    stall = Stall(10)
    stall.reading()
    stall.suspects({ONE: 5}, 0)
    stall.moved(ONE)
    assert stall.suspects({ONE: 5}, 10) == set()
    assert stall.suspects({ONE: 5}, 20) == {ONE}


def test_what_is_not_awake_is_forgotten() -> None:
    """A partition that was paused in between does not carry its old time on."""
    stall = Stall(10)
    stall.reading()
    stall.suspects({ONE: 5}, 0)
    stall.suspects({}, 5)
    assert stall.suspects({ONE: 5}, 10) == set()
