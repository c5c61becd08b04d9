"""What is fed to CESQL, and what must hold of it: an input is the text of an expression."""

from pathlib import Path

from bus.match import Index, compile_filters
from bus.match.cesql import Failure, SyntaxFault, compile_tree, parse
from bus.subscription import check_filters

CORPUS = Path(__file__).parent / "corpus" / "cesql"
"""Expressions of our own, each with something in it that once was, or could be, read wrongly."""

Event = dict[str, str | int | bool]

EVENT: Event = {"type": "ab", "subject": "a%b_c", "count": 7, "urgent": True, "text": "-0"}


def one(given: bytes) -> None:
    """Read one input, and judge an event by it."""
    end_well(given.decode(errors="replace"), EVENT)


def end_well(text: str, event: Event) -> None:
    """Read a text and evaluate it: a value, a failure, or a fault at a character that is there.

    As a filter it passes on true alone, and the index finds what passes.
    """
    at, value = 0, None
    try:
        value = compile_tree(parse(text).tree)(event.get)
        assert isinstance(value, str | int)
    except SyntaxFault as fault:
        assert 0 <= fault.at <= len(text)  # noqa: PT017 - what was raised has to make sense
        assert check_filters([{"sql": text}]) != []
        return
    except Failure as failure:
        at = failure.at
    assert 0 <= at < len(text)
    passes = compile_filters([{"sql": text}])(event.get)
    assert passes is (value is True)
    index: Index[str] = Index()
    index.add("s", filters=[{"sql": text}], organisation="A")
    found = index.match(str(event["type"]), event.get, frozenset({"A"}))
    assert found == (["s"] if passes else [])
