"""Values of an expression, the casts between them, and what can go wrong with them."""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from typing_extensions import override

from bus.event import canonical
from bus.match.cesql.tree import Value

LEAST: Final = -(2**31)
MOST: Final = 2**31 - 1

Type = type[str] | type[int] | type[bool]

_INTEGER = re.compile(r"[+-]?0*+([0-9]{0,10})").fullmatch
"""At most ten digits that count: int() of a text of a million takes its time."""


class Kind(StrEnum):
    """The errors of the standard that evaluating can end in."""

    MATH = "math"
    CAST = "cast"
    MISSING_ATTRIBUTE = "missing-attribute"
    MISSING_FUNCTION = "missing-function"
    FUNCTION_EVALUATION = "function-evaluation"


DETAILS: Final = {
    Kind.MATH: "the result is no integer of 32 bits",
    Kind.CAST: "the value cannot be taken for the type that is asked here",
    Kind.MISSING_ATTRIBUTE: "the event does not have this attribute",
    Kind.MISSING_FUNCTION: "there is no such function with so many arguments",
    Kind.FUNCTION_EVALUATION: "the function is not defined for these values",
}


class Failure(Exception):
    """Evaluating ended in an error; an expression that does so does not let the event pass.

    `at` is where in the text; `value` what a function gives all the same.
    """

    __slots__ = ("at", "kind", "value")  # made for every event without some attribute

    def __init__(self, kind: Kind, at: int, value: Value | None = None) -> None:
        self.kind = kind
        self.at = at
        self.value = value

    @override
    def __str__(self) -> str:
        """Say where and what; only for who asks, since an absent attribute is an everyday thing."""
        return f"character {self.at + 1}: {DETAILS[self.kind]}"


def integer(value: Value, at: int) -> int:
    """Cast to Integer; Failure for a text that is none."""
    if isinstance(value, int):
        return int(value)
    if value not in {"", "+", "-"} and (found := _INTEGER(value)):
        number = int(found[1] or "0")
        return bounded(-number if value[0] == "-" else number, Kind.CAST, at)
    raise Failure(Kind.CAST, at)


def boolean(value: Value, at: int) -> bool:
    """Cast to Boolean; Failure for a text other than true and false."""
    if isinstance(value, int):
        return bool(value)
    match value.lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            raise Failure(Kind.CAST, at)


def string(value: Value, at: int) -> str:
    """Cast to String, which always can be."""
    del at
    return canonical(value)


CASTS: Final[dict[Type, Callable[[Value, int], Value]]] = {
    str: string,
    int: integer,
    bool: boolean,
}


def bounded(number: int, kind: Kind, at: int) -> int:
    """Give the number back when it has 32 bits; else Failure."""
    if LEAST <= number <= MOST:
        return number
    raise Failure(kind, at)
