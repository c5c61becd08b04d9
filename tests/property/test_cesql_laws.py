"""Laws of CESQL: it says what the standard's tables say, and whatever is sent, it ends."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.match.cesql import LONGEST, evaluate, parse
from bus.match.cesql.like import beginning, matcher, only
from tests.fuzz.expression import EVENT, end_well
from tests.fuzz.fuzzing import SECONDS
from tests.property.cesql_expressions import Error, Event, Said, expressions, like

NAMES = st.sampled_from(["type", "subject", "region", "count", "urgent", "0day"])
TEXTS = st.sampled_from(["", "a", "b", "ab", "aba", "it's", "7", "+7", "-0", "true", "FALSE"])
EVENTS: st.SearchStrategy[Event] = st.builds(
    lambda type_, others: {**others, "type": type_},
    TEXTS,
    st.dictionaries(NAMES, TEXTS | st.sampled_from([7, 0, -1, True, False])),
)


@given(expressions(NAMES, TEXTS), EVENTS)
@settings(max_examples=300)
def test_an_expression_says_what_the_standard_says(said: Said, event: Event) -> None:
    """Value, type and failing: all as a plain reading of the standard has it."""
    try:
        expected = said.of(event)
    except Error:
        expected = None
    value, failure = evaluate(parse(said.text), event.get)
    if expected is None:
        assert failure is not None
        assert value in (False, 0, "")
    else:
        assert failure is None
        assert (type(value), value) == (type(expected), expected)


PATTERNS = st.text("ab%_\\é", max_size=12)
SUBJECTS = st.text("ab%_\\é", max_size=12)


@given(SUBJECTS, PATTERNS)
@settings(max_examples=500)
def test_like_matches_what_can_be_divided_so(text: str, pattern: str) -> None:
    """And what the index takes from a pattern holds for everything that matches."""
    matches = matcher(pattern)(text)
    assert matches == like(text, pattern)
    assert not matches or text.startswith(beginning(pattern))
    assert only(pattern) in (None, text) or not matches


@given(st.text("ab_%", max_size=300), st.text("ab_%", max_size=60))
def test_like_ends_on_long_texts(text: str, pattern: str) -> None:
    """The patterns that a regular expression takes for ever over."""
    assert matcher("%a" * 20 + "%b")("a" * 5_000) is False
    matcher(pattern)(text * 20)


WORDS = st.sampled_from(
    [
        *(
            "AND",
            "or",
            "XOR",
            "NOT",
            "LIKE",
            "EXISTS",
            "IN",
            "TRUE",
            "false",
            "type",
            "count",
            "x_y",
        ),
        *("LENGTH", "concat", "CONCAT_WS", "LEFT", "SUBSTRING", "ABS", "INT", "bool", "STRING"),
        *("(", ")", ",", "=", "!=", "<>", "<=", "<", ">", ">=", "+", "-", "*", "/", "%"),
        *("'a'", '"b"', "'%_'", "'\\''", "'", '"', "\\", "0", "7", "2147483648", "é", "\x00", "\n"),
    ]
)
NEARLY = st.lists(WORDS, max_size=40).map(" ".join) | st.lists(WORDS, max_size=40).map("".join)
ANYTHING = NEARLY | st.text(max_size=80) | st.binary(max_size=80).map(lambda b: b.decode("latin-1"))


@given(ANYTHING, EVENTS)
@settings(max_examples=500)
def test_whatever_is_sent_it_ends_well(text: str, event: Event) -> None:
    """No crash, no hang."""
    end_well(text, event)


@pytest.mark.soak
@given(ANYTHING | st.lists(WORDS, max_size=600).map(" ".join), EVENTS)
@settings(max_examples=100 * SECONDS, deadline=None)
def test_whatever_is_sent_for_long(text: str, event: Event) -> None:
    """The same for as long as one likes, and up to the bounds."""
    end_well(text, event)
    end_well(text * (LONGEST // max(len(text), 1)), event)


@given(st.sampled_from(["(", "NOT ", "-", "ABS(", "1+", "1 IN (", "a AND b OR ", "x LIKE '", "'"]))
def test_repeating_one_thing_ends_well(part: str) -> None:
    """Up to the longest text, closed or left open."""
    for count in (31, 32, 33, 255, 256, 257, LONGEST // len(part)):
        text = part * count
        end_well(text, EVENT)
        end_well(text + "1" + ")" * min(count, LONGEST - len(text) - 1), EVENT)
