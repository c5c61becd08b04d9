"""What filters demand of every event that passes: what the index may look subscriptions up by."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bus.event import canonical
from bus.match import cesql
from bus.match.cesql import like
from bus.match.cesql import tree as t


class OneOf(NamedTuple):
    """The attribute is there, and its canonical string is one of these."""

    attribute: str
    texts: frozenset[str]


class Prefix(NamedTuple):
    """The attribute is there, and its canonical string begins so."""

    attribute: str
    text: str


Demand = OneOf | Prefix


def demands(conditions: Sequence[Mapping[str, Any]]) -> Iterator[Demand]:
    """Give what each event that passes all of these must satisfy; not all that it must."""
    for expression in conditions:
        for dialect, operand in expression.items():
            match dialect:
                case "exact":
                    yield from (OneOf(name, frozenset({text})) for name, text in operand.items())
                case "prefix":
                    yield from (Prefix(name, text) for name, text in operand.items())
                case "all":
                    yield from demands(operand)
                case "sql":
                    yield from _of_tree(cesql.parse(operand).tree)
                case _:
                    pass


def _of_tree(tree: t.Node) -> Iterator[Demand]:
    """Give what holds of every event for which the tree is true without an error.

    An equality casts its left side to the type of the right one, IN and LIKE compare strings: so an
    attribute beside texts is compared by its canonical string, as the native dialects do.
    """
    match tree:
        case t.Logic("AND", operands):
            for operand in operands:
                yield from _of_tree(operand)
        case t.Equality(True, t.Attribute(name), t.Literal(str(text))):
            yield OneOf(name, frozenset({text}))
        case t.In(t.Attribute("type"), choices) if all(isinstance(c, t.Literal) for c in choices):
            # Only of `type` is it certain that it is a String, which the choices are cast to.
            texts = (canonical(c.value) for c in choices if isinstance(c, t.Literal))
            yield OneOf("type", frozenset(texts))
        case t.Like(t.Attribute(name), pattern):
            only = like.only(pattern)
            if only is None:
                yield Prefix(name, like.beginning(pattern))
            else:
                yield OneOf(name, frozenset({only}))
        case _:
            pass
