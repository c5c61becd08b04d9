"""Random CESQL expressions, each with what it says of an event as the standard's tables read.

A second reading of the standard, on values instead of closures: it knows nothing of bus.match.
"""

from collections.abc import Callable
from typing import NamedTuple

from hypothesis import strategies as st

Value = str | int | bool
Event = dict[str, Value]


class Error(Exception):
    """The standard asks for an error here."""


class Said(NamedTuple):
    """An expression as text, and what it gives for an event; Error where it must fail."""

    text: str
    of: Callable[[Event], Value]


def cast(value: Value, wanted: type[Value]) -> Value:
    """Cast by the table of the standard (3.7)."""
    if wanted is str:
        return value if isinstance(value, str) else str(value).lower()
    if not isinstance(value, str):
        return wanted(value)
    try:
        return {"true": True, "false": False}[value.lower()] if wanted is bool else int(value)
    except (KeyError, ValueError):
        raise Error from None


def _literal(value: Value) -> Said:
    escaped = str(value).replace("'", "\\'")
    return Said(f"'{escaped}'" if isinstance(value, str) else str(value), lambda _: value)


def _attribute(name: str) -> Said:
    def of(event: Event) -> Value:
        if name not in event:
            raise Error
        return event[name]

    return Said(name, of)


def _equal(left: Said, right: Said, sign: str) -> Said:
    def of(event: Event) -> Value:
        x, y = left.of(event), right.of(event)
        return (cast(x, type(y)) == y) == (sign == "=")

    return Said(f"({left.text}) {sign} ({right.text})", of)


def _plain(name: str, value: Value, sign: str) -> Said:
    """Give the comparison that most filters are, without the parentheses that hide it."""
    said = _equal(_attribute(name), _literal(value), sign)
    return Said(f"{name} {sign} {_literal(value).text}", said.of)


def _less(left: Said, right: Said) -> Said:
    def of(event: Event) -> Value:
        x, y = left.of(event), right.of(event)
        return cast(x, int) < cast(y, int)  # type: ignore[operator]

    return Said(f"({left.text}) < ({right.text})", of)


def _in(left: Said, choices: list[Said], word: str) -> Said:
    def of(event: Event) -> Value:
        x = left.of(event)
        found = any(cast(each.of(event), type(x)) == x for each in choices)
        return found == (word == "IN")

    return Said(f"{left.text} {word} ({', '.join(each.text for each in choices)})", of)


def like(text: str, pattern: str) -> bool:
    """Match by trying every way to divide the text: slow, and plainly what the standard says."""
    if not pattern:
        return not text
    head, rest = pattern[0], pattern[1:]
    if head == "%":
        return any(like(text[n:], rest) for n in range(len(text) + 1))
    if head == "\\" and rest[:1] in {"%", "_"}:
        head, rest = rest[0], rest[1:]
    elif head == "_":
        return bool(text) and like(text[1:], rest)
    return text[:1] == head and like(text[1:], rest)


def _like(left: Said, pattern: str) -> Said:
    def of(event: Event) -> Value:
        text = cast(left.of(event), str)
        assert isinstance(text, str)
        return like(text, pattern)

    return Said(f"{left.text} LIKE {_literal(pattern).text}", of)


def _not(inner: Said) -> Said:
    return Said(f"NOT ({inner.text})", lambda event: not cast(inner.of(event), bool))


def _both(left: Said, right: Said, word: str) -> Said:
    def of(event: Event) -> Value:
        x = cast(left.of(event), bool)
        if x is (word == "OR") and word != "XOR":
            return x
        y = cast(right.of(event), bool)
        return x is not y if word == "XOR" else y

    return Said(f"({left.text}) {word} ({right.text})", of)


def _row(parts: list[Said], word: str) -> Said:
    """Give parts joined by one word without parentheses between them."""
    whole = parts[-1]
    for part in reversed(parts[:-1]):
        whole = _both(part, whole, word)
    return Said(f" {word} ".join(f"({part.text})" for part in parts), whole.of)


def expressions(
    names: st.SearchStrategy[str], texts: st.SearchStrategy[str], *, max_leaves: int = 8
) -> st.SearchStrategy[Said]:
    """Draw expressions over these attributes and texts, true now and then."""
    literals = (texts | st.integers(-9, 9) | st.booleans()).map(_literal)
    operands = names.map(_attribute) | literals
    pieces = st.lists(texts | st.sampled_from(["%", "_", "\\%", "\\_", "\\"]), max_size=4)
    # A string cannot end with a backslash: it would take the quote for itself.
    patterns = pieces.map("".join).filter(lambda pattern: not pattern.endswith("\\"))
    leaves = st.one_of(
        st.builds(_plain, names, texts, st.sampled_from(["=", "<>"])),
        st.builds(_equal, operands, operands, st.sampled_from(["=", "<>", "!="])),
        st.builds(_less, operands, operands),
        st.builds(
            _in,
            names.map(_attribute) | operands,
            st.lists(literals, min_size=1, max_size=3) | st.lists(operands, min_size=1, max_size=3),
            st.sampled_from(["IN", "NOT IN"]),
        ),
        st.builds(_like, operands, patterns),
        names.map(lambda name: Said(f"EXISTS {name}", lambda event: name in event)),
        operands,
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            inner.map(_not),
            st.builds(_both, inner, inner, st.sampled_from(["AND", "OR", "XOR"])),
            st.builds(
                _row, st.lists(inner, min_size=2, max_size=4), st.sampled_from(["AND", "OR"])
            ),
        ),
        max_leaves=max_leaves,
    )
