"""Outcome → decision: every row of the table in design §4."""

import pytest

from bus.subscription import RetryPolicy
from consumers.dispatch.decision import Hold, Retry, Settle, decide, describe
from consumers.sinks.outcome import (
    Delivered,
    Gone,
    Misconfigured,
    Outcome,
    Refused,
    Temporary,
    classify,
)

POLICY = RetryPolicy(schedule=(5, 60, 300), jitter=0.2)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206])
def test_any_2xx_settles(status: int) -> None:
    """A sink that answers 2xx has the event."""
    assert decide(classify(status), failures=1, policy=POLICY, roll=0.5) == Settle()


@pytest.mark.parametrize(
    "outcome", [Refused(422), Misconfigured("answer", 404), Temporary("refused"), Gone()]
)
def test_everything_else_is_tried_again(outcome: Outcome) -> None:
    """Nothing is given up: the last interval of the schedule repeats for ever."""
    delays = [decide(outcome, failures=n, policy=POLICY, roll=0.5) for n in (1, 2, 3, 4, 99)]
    assert delays == [Retry(5), Retry(60), Retry(300), Retry(300), Retry(300)]


@pytest.mark.parametrize(("roll", "delay"), [(0.0, 4.0), (0.5, 5.0), (1.0, 6.0)])
def test_jitter_spreads_by_the_policy(roll: float, delay: float) -> None:
    """Subscribers that failed together do not return together."""
    assert decide(Temporary("refused"), failures=1, policy=POLICY, roll=roll) == Retry(delay)


def test_retry_after_holds_the_subscription() -> None:
    """A sink that names a time is asked nothing before it, and no attempt is counted."""
    outcome = classify(429, retry_after=7.0)
    assert decide(outcome, failures=1, policy=POLICY, roll=0.5) == Hold(7.0)


@pytest.mark.parametrize("seconds", [0.0, 0.001])
def test_a_retry_after_of_nothing_still_gives_a_breath(seconds: float) -> None:
    """`Retry-After: 0` counts no attempt: nothing else would keep the sink from being hammered."""
    outcome = classify(503, retry_after=seconds)
    assert decide(outcome, failures=1, policy=POLICY, roll=0.5) == Hold(1.0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, Refused) for status in (400, 402, 405, 406, 413, 415, 418, 422)),
        *((status, Misconfigured) for status in (301, 302, 307, 401, 403, 404, 407, 421)),
        *((status, Temporary) for status in (408, 409, 425, 429, 500, 502, 503, 504, 599)),
        (410, Gone),
    ],
)
def test_each_status_has_its_class(status: int, kind: type[Outcome]) -> None:
    """The table of design §4, row by row."""
    assert isinstance(classify(status), kind)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Delivered(204), "delivered 204"),
        (Refused(422), "refused 422"),
        (Misconfigured("certificate"), "misconfigured certificate"),
        (Temporary("answer", 503), "temporary 503"),
        (Temporary("time-out"), "temporary time-out"),
        (Gone(), "gone 410"),
    ],
)
def test_outcomes_have_a_name_for_people(outcome: Outcome, words: str) -> None:
    """What `bus status` shows of the last outcome."""
    assert describe(outcome) == words
