"""The form of filters: the dialects of the Subscriptions API, and bounds. bus.match runs them."""

import re
from collections.abc import Iterator
from typing import Any, Final

from bus.document import pointer
from bus.event import Fault
from bus.match import cesql

DEEPEST: Final = 8
"""Levels of all, any and not. Hand-written filters stay below four; the bound keeps evaluation off
the call stack."""
MOST: Final = 256
"""Comparisons in one subscription; an all, any or not counts for one, sql for one in each 16
characters. Some 50 µs to evaluate."""
LONGEST_VALUE: Final = 2048

_ATTRIBUTE_NAME = re.compile(r"[a-z0-9]+")
_DIALECTS = ("exact", "prefix", "suffix", "all", "any", "not", "sql")
_SQL_CHARACTERS = 16
"""What a comparison takes at least: an attribute, an operator, a value."""

_Found = tuple[object, str, int]
"""An expression, its pointer, its depth."""


def check_filters(filters: object, where: str = "/filters") -> list[Fault]:
    """Name every fault of a `filters` array with its JSON pointer; no detail repeats a value."""
    if not isinstance(filters, list):
        return [Fault(where, "not-an-array", "give an array of filters")]
    faults: list[Fault] = []
    work = 0
    for expression, place, depth in _walk_all(filters, where, 1):
        work += _weight(expression)
        if work > MOST:
            faults.append(Fault(place, "too-many", f"more than {MOST} comparisons in all"))
            break
        faults.extend(_check(expression, place, depth))
    return faults


def sql_in(filters: list[Any], where: str = "/filters") -> Iterator[tuple[str, str]]:
    """Give each sql expression in sound filters, with its pointer."""
    for expression, place, _ in _walk_all(filters, where, 1):
        if isinstance(expression, dict) and "sql" in expression:
            yield pointer(place, "sql"), expression["sql"]


def _walk_all(expressions: list[object], where: str, depth: int) -> Iterator[_Found]:
    for number, expression in enumerate(expressions):
        yield from _walk(expression, pointer(where, number), depth)


def _walk(expression: object, where: str, depth: int) -> Iterator[_Found]:
    """Give an expression and all below it in the order of the text, down to DEEPEST."""
    yield expression, where, depth
    if not isinstance(expression, dict) or depth == DEEPEST:
        return
    for dialect, operand in expression.items():
        here = pointer(where, dialect)
        if dialect == "not":
            yield from _walk(operand, here, depth + 1)
        elif dialect in ("all", "any") and isinstance(operand, list):
            yield from _walk_all(operand, here, depth + 1)


def _weight(expression: object) -> int:
    """Count the comparisons of one expression, without those below it."""
    operands = expression.items() if isinstance(expression, dict) else ()
    work = 0
    for dialect, operand in operands:
        if isinstance(operand, dict):
            work += len(operand)
        elif dialect == "sql" and isinstance(operand, str):
            work += min(len(operand), cesql.LONGEST) // _SQL_CHARACTERS
    return work or 1


def _check(expression: object, where: str, depth: int) -> Iterator[Fault]:
    """Check one expression, not the ones below it."""
    if not isinstance(expression, dict) or len(expression) != 1:
        detail = f"a filter is an object with exactly one member, named {', '.join(_DIALECTS)}"
        yield Fault(where, "not-one-dialect", detail)
        return
    ((dialect, operand),) = expression.items()
    here = pointer(where, dialect)
    match dialect:
        case "exact" | "prefix" | "suffix":
            yield from _check_attributes(operand, here)
        case "sql":
            yield from _check_sql(operand, here)
        case "all" | "any" | "not" if depth == DEEPEST:
            yield Fault(here, "too-deep", f"nested deeper than {DEEPEST} levels")
        case "all" | "any" if not isinstance(operand, list):
            yield Fault(here, "not-an-array", "give an array of filters")
        case "all" | "any" if not operand:
            yield Fault(here, "empty", "give at least one filter")
        case "all" | "any" | "not":
            pass  # what is inside is visited on its own
        case _:
            yield Fault(here, "unknown-dialect", f"the dialects are {', '.join(_DIALECTS)}")


def _check_sql(text: object, where: str) -> Iterator[Fault]:
    if not isinstance(text, str):
        yield Fault(where, "not-a-string", "give an expression of CESQL 1.0 as a string")
        return
    try:
        unknown = cesql.parse(text).unknown
    except cesql.SyntaxFault as fault:
        yield Fault(where, fault.code, str(fault))
        return
    if unknown is not None:
        detail = f"character {unknown + 1}: there is no such function with so many arguments"
        yield Fault(where, "unknown-function", detail)


def _check_attributes(attributes: object, where: str) -> Iterator[Fault]:
    if not isinstance(attributes, dict):
        yield Fault(where, "not-an-object", "give an object of attribute names and values")
        return
    if not attributes:
        yield Fault(where, "empty", "give at least one attribute")
    for name, value in attributes.items():
        here = pointer(where, name)
        if not _ATTRIBUTE_NAME.fullmatch(name) or name == "data":
            detail = "name a context attribute: lower-case letters and digits, and not data"
            yield Fault(here, "not-an-attribute", detail)
        if not isinstance(value, str):
            detail = 'give a string; an attribute is compared as text: "true", "7"'
            yield Fault(here, "not-a-string", detail)
        elif not 1 <= len(value) <= LONGEST_VALUE:
            code = "too-long" if value else "empty"
            yield Fault(here, code, f"give 1 to {LONGEST_VALUE} characters")
