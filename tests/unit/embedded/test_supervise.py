"""When a service that died is started again."""

from bus.embedded.supervise import next_pause


def test_the_first_end_is_forgiven_at_once() -> None:
    """A service that was killed once is back well within a second."""
    assert next_pause(0, lived=0.1) < 0.5


def test_pauses_grow_up_to_a_bound() -> None:
    """One that dies again and again waits twice as long each time, but never long."""
    pause = 0.0
    pauses = [pause, *(pause := next_pause(pause, lived=0.1) for _ in range(12))]
    assert pauses == sorted(pauses)
    assert pauses[3] == 2 * pauses[2]
    assert pauses[-1] == pauses[-2] < 15


def test_a_long_life_begins_anew() -> None:
    """After half a minute of health the next end counts as the first."""
    assert next_pause(8.0, lived=60.0) == next_pause(0, lived=0.1)
