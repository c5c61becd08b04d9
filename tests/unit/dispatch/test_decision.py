"""Outcome → decision: every row of the table in design §4."""

from typing import Any

import pytest

from bus.subscription import RetryPolicy
from consumers.dispatch.decision import (
    Bury,
    Circumstances,
    Decision,
    Disable,
    Hold,
    Park,
    Retry,
    Settle,
    decide,
    describe,
)
from consumers.sinks.outcome import (
    Delivered,
    Gone,
    Misconfigured,
    Outcome,
    Refused,
    Temporary,
    classify,
)

POLICY = RetryPolicy(schedule=(5, 60, 300), jitter=0.2, limit=1_000, disable=5_000)
REFUSED, MISCONFIGURED, TEMPORARY = Refused(422), Misconfigured("answer", 404), Temporary("refused")
FAILURES = (REFUSED, MISCONFIGURED, TEMPORARY)


def decision(outcome: Outcome, roll: float = 0.5, **circumstances: Any) -> Decision:  # noqa: ANN401 - of Circumstances
    """Decide in circumstances that are ordinary unless told otherwise."""
    return decide(outcome, Circumstances(**circumstances), POLICY, roll)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206])
def test_any_2xx_settles(status: int) -> None:
    """A sink that answers 2xx has the event."""
    assert decision(classify(status)) == Settle()


@pytest.mark.parametrize("outcome", [MISCONFIGURED, TEMPORARY])
def test_a_first_short_retry_stays_in_the_window(outcome: Outcome) -> None:
    """Most failures pass within seconds; after one short retry the event waits beside the rest."""
    decisions = [decision(outcome, failures=n) for n in (1, 2, 3, 4)]
    assert decisions == [Retry(5), Park(60), Park(300), Park(300)]


def test_a_long_first_wait_parks_at_once() -> None:
    """The position does not wait for minutes."""
    policy = RetryPolicy(schedule=(60,), jitter=0)
    assert decide(TEMPORARY, Circumstances(), policy, 0.5) == Park(60)


def test_the_one_lane_of_a_partition_is_held() -> None:
    """Where no other lane could go on, nothing is parked."""
    decisions = [decision(TEMPORARY, failures=n, may_park=False) for n in (1, 2, 3)]
    assert decisions == [Retry(5), Retry(60), Retry(300)]


def test_a_refused_event_is_given_up_at_once() -> None:
    """The sink will never take it, and takes others."""
    assert decision(REFUSED) == Bury("refused")


@pytest.mark.parametrize("outcome", FAILURES)
def test_in_an_outage_nothing_is_given_up(outcome: Outcome) -> None:
    """What a sink that is down answers says nothing of an event, however often it failed."""
    assert decision(outcome, failures=99, outage=True) == Retry(300)


def test_the_schedule_comes_to_an_end() -> None:
    """5 + 60 + 3 x 300 seconds lie within the limit of 1,000; one more does not."""
    assert decision(TEMPORARY, failures=5) == Park(300)
    assert decision(TEMPORARY, failures=6) == Bury("exhausted")


def test_a_misconfigured_endpoint_costs_no_event_unless_it_takes_others() -> None:
    """A 404 for three days is the endpoint's fault; a 404 for one event alone is the event's."""
    assert decision(MISCONFIGURED, failures=6) == Park(300)
    assert decision(MISCONFIGURED, failures=6, others_succeed=True) == Bury("exhausted")


def test_the_default_schedule_lasts_three_days() -> None:
    """Thirteen attempts, the last one after 67 hours and some."""
    policy = RetryPolicy()
    assert next(n for n in range(1, 20) if policy.exhausted(n)) == 13


@pytest.mark.parametrize("outage", [False, True])
def test_gone_disables(*, outage: bool) -> None:
    """410 means that nothing will ever be taken there again."""
    assert decision(Gone(), outage=outage) == Disable("gone")


@pytest.mark.parametrize("outcome", [*FAILURES, classify(503, retry_after=7.0)])
def test_an_endpoint_that_does_nothing_but_fail_is_disabled(outcome: Outcome) -> None:
    """After the time that its subscription allows; its position stays."""
    assert decision(outcome, failing_for=5_000) == Disable("failing")
    assert decision(outcome, failing_for=4_999) != Disable("failing")


@pytest.mark.parametrize(("roll", "delay"), [(0.0, 4.0), (0.5, 5.0), (1.0, 6.0)])
def test_jitter_spreads_by_the_policy(roll: float, delay: float) -> None:
    """Subscribers that failed together do not return together."""
    assert decision(TEMPORARY, roll) == Retry(delay)


@pytest.mark.parametrize("outage", [False, True])
def test_retry_after_holds_the_subscription(*, outage: bool) -> None:
    """A sink that names a time is asked nothing before it, and no attempt is counted."""
    assert decision(classify(429, retry_after=7.0), outage=outage) == Hold(7.0)


@pytest.mark.parametrize("seconds", [0.0, 0.001])
def test_a_retry_after_of_nothing_still_gives_a_breath(seconds: float) -> None:
    """`Retry-After: 0` counts no attempt: nothing else would keep the sink from being hammered."""
    assert decision(classify(503, retry_after=seconds)) == Hold(1.0)


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
