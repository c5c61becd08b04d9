"""From text to tokens."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

LONGEST: Final = 4096
"""Characters of an expression. What it can cost to read and to evaluate is bounded with it."""

_KEYWORDS = frozenset({"AND", "OR", "XOR", "NOT", "LIKE", "EXISTS", "IN", "TRUE", "FALSE"})
_TOKEN = re.compile(
    r"""
    [ \t\r\n]*+ (?:
      (?P<text> '(?:[^'\\]|\\.)*+' | "(?:[^"\\]|\\.)*+" )
    | (?P<word> [A-Za-z0-9_]++ )
    | (?P<symbol> != | <> | <= | >= | [-+*/%=<>(),] )
    | (?P<end> \Z )
    )
    """,
    re.VERBOSE | re.DOTALL,
)


class SyntaxFault(ValueError):
    """The text is no expression, or over a bound. Trying again does not help.

    `at` counts characters from 0; `detail` never repeats the text.
    """

    def __init__(self, code: str, at: int, detail: str) -> None:
        super().__init__(f"character {at + 1}: {detail}")
        self.code = code
        self.at = at


class Token(NamedTuple):
    """One token: `kind` is a keyword or a symbol itself, or text, number, word or end."""

    kind: str
    text: str
    at: int


def tokens(text: str) -> Iterator[Token]:
    """Give the tokens, the last of kind "end". Raises SyntaxFault.

    Keywords are told apart from words here, in any case of letters. A string has lost its quotes,
    and the backslash before a quote of its own kind; any other backslash stays.
    """
    if len(text) > LONGEST:
        detail = f"an expression has at most {LONGEST} characters"
        raise SyntaxFault("too-long", LONGEST, detail)
    at = 0
    while True:
        found = _TOKEN.match(text, at)
        if found is None:
            raise _unreadable(text, at)
        kind = found.lastgroup or ""
        part, start, at = found[kind], found.start(kind), found.end()
        if kind == "word":
            yield _word(part, start)
        elif kind == "text":
            yield Token(kind, part[1:-1].replace("\\" + part[0], part[0]), start)
        else:
            yield Token(part or "end", part, start)
            if not part:
                return


def _word(part: str, start: int) -> Token:
    if part.isdigit():
        return Token("number", part, start)
    upper = part.upper()
    return Token(upper if upper in _KEYWORDS else "word", part, start)


def _unreadable(text: str, at: int) -> SyntaxFault:
    while text[at] in " \t\r\n":
        at += 1
    if text[at] in "'\"":
        return SyntaxFault("syntax", at, "this string has no end")
    return SyntaxFault("syntax", at, "this character means nothing outside a string")
