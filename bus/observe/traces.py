"""What a log line says of an exception: class and places, never its text."""

import traceback
from pathlib import PurePath

_MAX_PLACES = 20


def error_name(error: BaseException) -> str:
    """Name the class, with the classes of its causes or, for a group, of its members."""
    return _name(error, frozenset())


def _name(error: BaseException, seen: frozenset[int]) -> str:
    # An exception raised from the group that it is in comes back to itself.
    seen |= {id(error)}
    name = type(error).__qualname__
    if isinstance(error, BaseExceptionGroup):
        members = sorted({_name(m, seen) for m in error.exceptions if id(m) not in seen})
        return f"{name}({', '.join(members)})"
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return name if cause is None or id(cause) in seen else f"{name} < {_name(cause, seen)}"


def places(error: BaseException) -> list[str]:
    """List `file:line function` from the outside in; of a group, where its first member arose."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    return [
        f"{'/'.join(PurePath(frame.filename).parts[-3:])}:{frame.lineno} {frame.name}"
        for frame in frames[-_MAX_PLACES:]
    ] or ["unknown"]
