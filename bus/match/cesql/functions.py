"""The functions of the standard, as a table."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from bus.match.cesql.values import MOST, Failure, Kind, Type

_LONGEST: Final = 65_536
"""Characters that a function may give: CONCAT in CONCAT must not fill the memory."""

_WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What Unicode calls white space; str.strip() takes four control characters for it as well."""


class Function(NamedTuple):
    """One overload: what it takes, what it gives, and how. `rest`: any number more, of this type.

    `call` raises Failure without a place, which its caller knows.
    """

    parameters: tuple[Type, ...]
    result: Type
    call: Callable[..., Any]
    rest: Type | None = None

    def types(self, count: int) -> tuple[Type, ...] | None:
        """Give the types of so many arguments, None if it does not take so many."""
        more = count - len(self.parameters)
        if self.rest is None or more < 0:
            return self.parameters if more == 0 else None
        return self.parameters + (self.rest,) * more


def find(name: str, count: int) -> Function | None:
    """Give the function of this name, in upper case, that takes so many arguments."""
    for function in FUNCTIONS.get(name, ()):
        if function.types(count) is not None:
            return function
    return None


def _undefined(value: str) -> Failure:
    return Failure(Kind.FUNCTION_EVALUATION, -1, value)


def _fitting(text: str) -> str:
    if len(text) > _LONGEST:
        raise _undefined("")
    return text


def _join(delimiter: str, *texts: str) -> str:
    if sum(map(len, texts)) + len(delimiter) * len(texts) > _LONGEST:
        raise _undefined("")
    return delimiter.join(texts)


def _concat(*texts: str) -> str:
    return _join("", *texts)


def _lower(text: str) -> str:
    return _fitting(text.lower())


def _upper(text: str) -> str:
    return _fitting(text.upper())


def _trim(text: str) -> str:
    return text.strip(_WHITE_SPACE)


def _left(text: str, count: int) -> str:
    if count < 0:
        raise _undefined(text)
    return text[:count]


def _right(text: str, count: int) -> str:
    if count < 0:
        raise _undefined(text)
    return text[max(len(text) - count, 0) :]


def _substring(text: str, position: int, length: int = MOST) -> str:
    if abs(position) > len(text) or length < 0:
        raise _undefined("")
    if position == 0:
        return ""
    start = position - 1 if position > 0 else len(text) + position
    return text[start : start + length]


def _abs(number: int) -> int:
    if -number > MOST:
        raise Failure(Kind.MATH, -1, MOST)
    return abs(number)


FUNCTIONS: Final[dict[str, tuple[Function, ...]]] = {
    "LENGTH": (Function((str,), int, len),),
    "CONCAT": (Function((), str, _concat, rest=str),),
    "CONCAT_WS": (Function((str,), str, _join, rest=str),),
    "LOWER": (Function((str,), str, _lower),),
    "UPPER": (Function((str,), str, _upper),),
    "TRIM": (Function((str,), str, _trim),),
    "LEFT": (Function((str, int), str, _left),),
    "RIGHT": (Function((str, int), str, _right),),
    "SUBSTRING": (
        Function((str, int), str, _substring),
        Function((str, int, int), str, _substring),
    ),
    "ABS": (Function((int,), int, _abs),),
    # The argument has been cast already: that is all there is to them.
    "INT": (Function((int,), int, int),),
    "BOOL": (Function((bool,), bool, bool),),
    "STRING": (Function((str,), str, str),),
}
"""By name; of one name the overloads differ in how many arguments they take."""
