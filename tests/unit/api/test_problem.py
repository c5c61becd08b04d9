"""Problem documents: what is in them, and which error becomes which."""

import orjson
import pytest

from bus.api.problem import Problem, body_errors, problem_of
from bus.document import InvalidDocument
from bus.event import Fault
from bus.log.errors import LogFull, LogUnavailable, RecordTooLarge, TopicMissing
from bus.store.errors import Conflict, StatementRefused, StoreUnavailable


def test_a_document_has_all_its_members() -> None:
    """RFC 9457 and the design rules ask for these."""
    problem = Problem(400, "invalid-event", "No.", body_errors([Fault("/id", "empty", "give one")]))
    document = orjson.loads(problem.document())
    assert document.pop("instance").startswith("urn:uuid:")
    assert document == {
        "type": "urn:gemeentebus:problem:invalid-event",
        "title": "Bad Request",
        "status": 400,
        "detail": "No.",
        "errors": [
            {"in": "body", "location": {"pointer": "/id"}, "code": "empty", "detail": "give one"}
        ],
    }


def test_a_header_has_a_name_and_a_body_a_pointer() -> None:
    """The place of a fault says by its form where it is; the empty one is the whole body."""
    errors = body_errors([Fault("", "x", "x"), Fault("ce-id", "x", "x"), Fault("/a/0", "x", "x")])
    assert [error["in"] for error in errors] == ["body", "header", "body"]
    assert [error["location"] for error in errors] == [
        {"pointer": ""},
        {"name": "ce-id"},
        {"pointer": "/a/0"},
    ]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (LogUnavailable("x"), 503),
        (LogFull("x"), 503),
        (TopicMissing("x"), 503),
        (StoreUnavailable("x"), 503),
        (RecordTooLarge(2, limit=1), 413),
        (InvalidDocument([Fault("/a", "x", "x")]), 400),
    ],
)
def test_errors_from_below(error: Exception, status: int) -> None:
    """What a room below says has one status; a 503 says when to come back."""
    problem = problem_of(error)
    assert problem is not None
    assert problem.status == status
    assert ("Retry-After" in problem.headers) is (status == 503)


@pytest.mark.parametrize("error", [StatementRefused("x"), Conflict("x"), ValueError("x")])
def test_our_own_faults_are_not_told(error: Exception) -> None:
    """Anything else is ours: a 500 whose document shows nothing of it."""
    assert problem_of(error) is None
