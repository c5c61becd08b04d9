"""Which form of an answer a client gets."""

import pytest

from bus.api.accept import accepted
from bus.api.problem import Problem

FORMS = ("application/cloudevents-batch+json", "application/json", "text/event-stream")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, 0),
        ("*/*", 0),
        ("application/*", 0),
        ("application/json", 1),
        ("Application/JSON; charset=utf-8", 1),
        ("text/event-stream", 2),
        ("text/html, application/json;q=0.9, */*;q=0.8", 1),
        ("application/json;q=0.2, text/event-stream;q=0.3", 2),
        ("*/*, application/cloudevents-batch+json;q=0", 1),
    ],
)
def test_the_best_liked_form_is_given(header: str | None, expected: int) -> None:
    """The highest q decides, a special range over a general one, the first of equals."""
    assert accepted(header, FORMS) == FORMS[expected]


@pytest.mark.parametrize("header", ["text/html", "application/json;q=0", "*/*;q=many", ";;,"])
def test_what_cannot_be_given_is_refused(header: str) -> None:
    """406 names the forms there are."""
    with pytest.raises(Problem) as refusal:
        accepted(header, FORMS)
    assert refusal.value.status == 406
    assert all(form in refusal.value.detail for form in FORMS)
