"""LIKE: % is any text, _ any character, and a backslash takes either for itself.

Time grows with the length of the text only, whatever the pattern: each part between two % is looked
for once, from where the one before it was found. A regular expression can take for ever.
"""

from collections.abc import Callable
from typing import NamedTuple

Matcher = Callable[[str], bool]


class _Part(NamedTuple):
    """A piece of a pattern without %: its characters, None for any."""

    characters: tuple[str | None, ...]

    @property
    def literal(self) -> str | None:
        """The text that it is, None when it has a _ in it."""
        characters = [each for each in self.characters if each is not None]
        return "".join(characters) if len(characters) == len(self.characters) else None


def matcher(pattern: str) -> Matcher:
    """Compile a pattern."""
    first, *others = _parts(pattern)
    if not others:
        whole = first.literal
        return whole.__eq__ if whole is not None else _fits_whole(first)
    *middle, last = others
    begins, ends = _fits(first), _fits(last)
    finders = [_finder(part) for part in middle if part.characters]
    start = first.literal
    if start is not None and not finders and not last.characters:
        return lambda text: text.startswith(start)
    head, tail = len(first.characters), len(last.characters)

    def matches(text: str) -> bool:
        end = len(text) - tail
        if end < head or not begins(text, 0) or not ends(text, end):
            return False
        at = head
        for find in finders:
            at = find(text, at, end)
            if at < 0:
                return False
        return True

    return matches


def beginning(pattern: str) -> str:
    """Give the text that everything matching begins with."""
    characters = _parts(pattern)[0].characters
    known = characters.index(None) if None in characters else len(characters)
    return "".join(each for each in characters[:known] if each is not None)


def only(pattern: str) -> str | None:
    """Give the one text that matches, None when there are more."""
    first, *others = _parts(pattern)
    return None if others else first.literal


def _parts(pattern: str) -> list[_Part]:
    parts: list[list[str | None]] = [[]]
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\" and pattern[at + 1 : at + 2] in {"%", "_"}:
            at += 1
            parts[-1].append(pattern[at])
        elif character == "%":
            parts.append([])
        else:
            parts[-1].append(None if character == "_" else character)
        at += 1
    return [_Part(tuple(part)) for part in parts]


def _fits_whole(part: _Part) -> Matcher:
    fits, length = _fits(part), len(part.characters)
    return lambda text: len(text) == length and fits(text, 0)


def _fits(part: _Part) -> Callable[[str, int], bool]:
    """Give what tells whether the text goes on with the part; it is long enough."""
    literal = part.literal
    if literal is not None:
        return lambda text, at: text.startswith(literal, at)
    wanted = [(n, each) for n, each in enumerate(part.characters) if each is not None]
    return lambda text, at: all(text[at + n] == each for n, each in wanted)


def _finder(part: _Part) -> Callable[[str, int, int], int]:
    """Give what finds the part first in text[at:end]: where it ends there, negative if nowhere."""
    literal, length = part.literal, len(part.characters)
    if literal is not None:

        def find_literal(text: str, at: int, end: int) -> int:
            found = text.find(literal, at, end)
            return found + length if found >= 0 else -1

        return find_literal

    # Bit n of `open_` says that the n + 1 characters of the part so far all fit (Shift-And).
    any_ = sum(1 << n for n, each in enumerate(part.characters) if each is None)
    fitting = {
        each: any_ | sum(1 << n for n, other in enumerate(part.characters) if other == each)
        for each in {*part.characters} - {None}
    }
    last = 1 << (length - 1)

    def find(text: str, at: int, end: int) -> int:
        open_ = 0
        for place in range(at, end):
            open_ = (open_ << 1 | 1) & fitting.get(text[place], any_)
            if open_ & last:
                return place + 1
        return -1

    return find
