"""Answers as bytes: whatever way they are cut into reads, the same outcome and the same verdict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.sinks.outcome import Delivered, Outcome, Refused, Temporary
from consumers.sinks.webhook.answer import MAX_BODY, MAX_HEAD, Answer

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
HINTS = b"HTTP/1.1 103 Hints\r\nRetry-After: 1\r\n\r\n"

# answer, its outcome, whether the connection may be used again
CASES: list[tuple[bytes, Outcome, bool]] = [
    (OK, Delivered(200), True),
    (b"HTTP/1.1 204 No Content\r\n\r\n", Delivered(204), True),
    (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", Delivered(204), True),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Delivered(200), True),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n0\r\nT: v\r\n\r\n",
        Delivered(200),
        True,
    ),
    (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, Delivered(200), True),
    (HINTS + OK, Delivered(200), True),
    (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", Delivered(200), False),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", Delivered(200), False),
    (b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", Refused(400), True),
    (
        HINTS
        + b"HTTP/1.1 429 Wait\r\nRETRY-AFTER: 7\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n",
        Temporary("answer", 429, 7.0),
        True,
    ),
    (
        HINTS + b"HTTP/1.1 503 Wait\r\nContent-Length: 0\r\n\r\n",
        Temporary("answer", 503),
        True,
    ),
    (
        b"HTTP/1.1 101 Switch\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        Temporary("answer", 101),
        False,
    ),
    (b"HTTP/1.1 2x0 OK\r\n\r\n", Temporary("broken"), False),
    (
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        Temporary("broken"),
        False,
    ),
    (
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        Temporary("broken"),
        False,
    ),
]


def feed(answer: Answer, pieces: list[bytes]) -> Outcome | None:
    """Feed reads until there is an outcome."""
    return next((outcome for piece in pieces if (outcome := answer.feed(piece)) is not None), None)


@pytest.mark.parametrize(("raw", "outcome", "reusable"), CASES)
@given(cuts=st.sets(st.integers(1, 80)))
def test_cut_anywhere(raw: bytes, outcome: Outcome, reusable: bool, cuts: set[int]) -> None:  # noqa: FBT001 - a table's column
    """An answer's outcome does not depend on how the network cut it; nor does a second one's."""
    places = sorted(cut for cut in cuts if cut < len(raw))
    pieces = [raw[a:b] for a, b in zip([0, *places], [*places, len(raw)], strict=True)]
    answer = Answer()
    for _ in range(2 if reusable else 1):
        answer.expect()
        assert feed(answer, pieces) == outcome
        assert answer.reusable == reusable


@pytest.mark.parametrize("more", [b"H", b"hello", OK, OK[:20], b"\0"])
def test_more_than_an_answer(more: bytes) -> None:
    """What follows an answer in the same read ends its connection, and does not change it."""
    answer = Answer()
    assert answer.feed(OK + more) == Delivered(200)
    assert not answer.reusable


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_anything_may_come(first: bytes, second: bytes) -> None:
    """Whatever bytes come, there is an outcome or a wait, and never an error of ours."""
    answer = Answer()
    for data in (b"HTTP/1.1 200 OK\r\n" + first, second):
        if (outcome := answer.feed(data)) is not None:
            assert isinstance(outcome, Delivered | Temporary)
            return
    assert isinstance(answer.end(clean=True), Delivered | Temporary)


@pytest.mark.parametrize("size", [1_000, 300_000])
@pytest.mark.parametrize(
    ("start", "rest", "outcome"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"y", Temporary("broken")),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", Temporary("broken")),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", Temporary("broken")),
        (b"HTTP/1.1 500 No\r\nContent-Length: 99999999\r\n\r\n", b"y", Temporary("answer", 500)),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"y", Delivered(200)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"y", Delivered(200)),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"1\r\ny\r\n",
            Delivered(200),
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            b"X: y\r\n",
            Delivered(200),
        ),
    ],
)
def test_bounds(start: bytes, rest: bytes, outcome: Outcome, size: int) -> None:
    """No part of an answer can go on for ever, in small reads or large ones."""
    answer, read = Answer(), len(start)
    told = answer.feed(start) if start else None
    piece = rest * (size // len(rest) + 1)
    while told is None:
        told = answer.feed(piece)
        read += len(piece)
        assert read <= MAX_HEAD + MAX_BODY + 2 * len(piece)
    assert told == outcome
    assert not answer.reusable


def test_whole_head_beyond_the_bound() -> None:
    """A head that is too large is refused even when it came whole in one read."""
    answer = Answer()
    head = b"HTTP/1.1 200 OK\r\nX: " + b"y" * MAX_HEAD + b"\r\nContent-Length: 0\r\n\r\n"
    assert answer.feed(head) == Temporary("broken")
    assert not answer.reusable


def test_large_body_in_one_read() -> None:
    """A body beyond the bound that is already there does no harm."""
    answer = Answer()
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n" + b"y" * 50_000
    assert answer.feed(raw) == Delivered(200)
    assert answer.reusable


@pytest.mark.parametrize(
    ("raw", "clean", "cut"),
    [
        (b"", Temporary("reset"), Temporary("reset")),
        (b"HTTP/1.1 200 OK\r\nContent-", Temporary("reset"), Temporary("reset")),
        (b"HTTP/1.1 100 Continue\r\n\r\n", Temporary("reset"), Temporary("reset")),
        (b"HTTP/1.1 200 OK\r\n\r\nhel", Delivered(200), Temporary("broken")),
        (b"HTTP/1.1 503 No\r\nRetry-After: 7\r\n\r\n", Temporary("answer", 503, 7.0), None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel", Temporary("broken"), None),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
            Temporary("broken"),
            None,
        ),
    ],
)
def test_end_of_the_connection(raw: bytes, clean: Outcome, cut: Outcome | None) -> None:
    """Only an answer that nothing else ends is ended by a close; by a reset none is."""
    for is_clean, expected in ((True, clean), (False, cut or Temporary("broken"))):
        answer = Answer()
        assert not raw or answer.feed(raw) is None
        assert answer.begun() == bool(raw)
        assert answer.end(clean=is_clean) == expected
