"""From a status to an outcome: design §4's table, row by row."""

import pytest

from consumers.sinks.outcome import (
    Delivered,
    Gone,
    Misconfigured,
    Outcome,
    Reason,
    Refused,
    Temporary,
    classify,
)

TABLE: list[tuple[list[int], type[Outcome]]] = [
    ([200, 201, 202, 204, 206, 299], Delivered),
    ([400, 402, 405, 406, 411, 413, 414, 415, 418, 422, 426, 451], Refused),
    ([300, 301, 302, 304, 307, 308, 399, 401, 403, 404, 407, 421], Misconfigured),
    ([0, 100, 101, 199, 408, 409, 425, 429, 500, 502, 503, 504, 599, 999], Temporary),
    ([410], Gone),
]


@pytest.mark.parametrize(
    ("status", "kind"), [(status, kind) for statuses, kind in TABLE for status in statuses]
)
def test_status(status: int, kind: type[Outcome]) -> None:
    """Each status has the outcome that the design gives it, and says which status it was."""
    outcome = classify(status)
    assert type(outcome) is kind
    assert getattr(outcome, "status", 410) == status


def test_retry_after_is_kept_where_it_counts() -> None:
    """Only a temporary answer can ask for patience."""
    assert classify(503, 5.0) == Temporary(Reason.ANSWER, 503, 5.0)
    assert classify(400, 5.0) == Refused(400)


def test_reason_is_text() -> None:
    """A reason reads as its word, also where it is put into a sentence."""
    assert f"{Temporary(Reason.DNS).reason}" == "dns"
