"""Whether one version of a schema may follow another, and if not, which differences are the cause.

A version is compatible only when that is proven: when every value that the one schema admits is
admitted by the other. jsonschema-rs proves it on a normal form of both; what it cannot decide
counts as not proven. `docs/catalogue.md` tells publishers what that means for them.
"""

import copy
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final, Literal, NamedTuple

import jsonschema_rs
import orjson
from jsonschema_rs.canonical import CanonicalizationError, Containment

from bus.catalogue.schema import NAMED, PATTERNS, Schema
from bus.document import pointer
from bus.event import Fault

Mode = Literal["backward", "forward", "full", "none"]
"""backward: data of the last version is good by the new one. forward: new data is good by the last
version, by which components have been built. full: both. none: anything goes."""

_SAYS_NOTHING: Final = frozenset(
    {"$comment", "$id", "default", "deprecated", "description", "examples", "readOnly", "title"}
)
"""Keywords that admit and refuse nothing."""

_MOST_TRIED: Final = 10
"""Differences that are tried one by one. A proof on a contrived schema can take a second."""

_MOST_FAULTS: Final = 100

_MOST_MEMORY: Final = 1 << 30
_MOST_SECONDS: Final = 2

Proof = Literal["yes", "no", "unknown"]
Path = tuple[str | int, ...]


_GONE: Final = object()


class _Difference(NamedTuple):
    """One place where two schemas differ; `new` is what stands there now, or _GONE."""

    path: Path
    new: Any


def incompatibilities(last: Schema, new: Schema, mode: Mode) -> list[Fault]:
    """Give what keeps a new version from being compatible, at JSON pointers into the new schema.

    `incompatible` is proven, by a value that one of them refuses; `not-proven` may well be fine.
    """
    faults: list[Fault] = []
    if mode in {"backward", "full"}:
        detail = "data that the last version takes may be refused by this one"
        faults += _where(last, new, backward=True, detail=detail)
    if mode in {"forward", "full"}:
        detail = "data that this version takes may be refused by the last one"
        faults += _where(last, new, backward=False, detail=detail)
    return faults[:_MOST_FAULTS]


def _where(last: Schema, new: Schema, *, backward: bool, detail: str) -> Iterator[Fault]:
    found = list(_differences(last.document, new.document, ()))
    for path, proof in _guilty(last.document, new.document, found, backward=backward):
        where = ""
        for step in path:
            where = pointer(where, step)
        yield Fault(where, "incompatible" if proof == "no" else "not-proven", detail)


def _guilty(
    last: Mapping[str, Any],
    new: Mapping[str, Any],
    found: list[_Difference],
    *,
    backward: bool,
) -> list[tuple[Path, Proof]]:
    """Give the differences that stand in the way by themselves, or all of them.

    All where no single one does, where they are many, and where the schemas cannot be compared.
    """
    proof: Proof = "unknown"
    tried: list[tuple[Path, Proof]] = []
    try:
        before = _canonical(last)
        proof = _proof(before, _canonical(new), backward=backward)
        if proof == "yes":
            return []
        tried = [
            (each.path, _proof(before, _canonical(_with(last, each)), backward=backward))
            for each in (found if len(found) <= _MOST_TRIED else ())
        ]
    except (CanonicalizationError, jsonschema_rs.ValidationError):
        pass  # of two drafts, or more than the normal form can express
    guilty = [pair for pair in tried if pair[1] != "yes"]
    if guilty:
        return guilty
    paths: list[Path] = [each.path for each in found] or [()]
    return [(path, proof) for path in paths]


def _proof(
    last: jsonschema_rs.CanonicalSchema, new: jsonschema_rs.CanonicalSchema, *, backward: bool
) -> Proof:
    covers = new.covers(last) if backward else last.covers(new)
    if covers == Containment.YES:
        return "yes"
    return "no" if covers == Containment.NO else "unknown"


def _canonical(document: Mapping[str, Any]) -> jsonschema_rs.CanonicalSchema:
    return jsonschema_rs.canonicalize(
        dict(document), validate_formats=True, pattern_options=PATTERNS, offline=True
    )


def _differences(
    last: object, new: object, path: Path, *, named: bool = False
) -> Iterator[_Difference]:
    """Give the deepest places where two schemas differ; `named`: they hold schemas by any name."""
    if isinstance(last, dict) and isinstance(new, dict):
        for name in sorted(last.keys() | new.keys()):
            if not named and name in _SAYS_NOTHING:
                continue
            at = (*path, name)
            if name in last and name in new:
                below = not named and name in NAMED
                yield from _differences(last[name], new[name], at, named=below)
            else:
                yield _Difference(at, new.get(name, _GONE))
    elif _are_alike(last, new):
        for number, (one, other) in enumerate(zip(last, new, strict=True)):  # type: ignore[call-overload] # lists
            yield from _differences(one, other, (*path, number))
    elif last != new or isinstance(last, bool) != isinstance(new, bool):
        yield _Difference(path, new)


def _are_alike(last: object, new: object) -> bool:
    """Whether both are lists of as many schemas."""
    return (
        isinstance(last, list)
        and isinstance(new, list)
        and len(last) == len(new)
        and all(isinstance(each, dict) for each in (*last, *new))
    )


def _with(last: Mapping[str, Any], difference: _Difference) -> dict[str, Any]:
    """Give a copy of a schema with one difference in it."""
    changed = copy.deepcopy(dict(last))
    *steps, name = difference.path
    place: Any = changed
    for step in steps:
        place = place[step]
    if difference.new is _GONE:
        del place[name]
    else:
        place[name] = difference.new
    return changed


def write_question(last: Schema, new: Schema, mode: Mode) -> bytes:
    """Write what `main` reads."""
    return orjson.dumps([last.text, new.text, mode])


def read_faults(answer: bytes) -> list[Fault]:
    """Read what `main` wrote. Raises ValueError for anything else."""
    return [Fault(**each) for each in orjson.loads(answer)]


def main() -> None:
    """Answer one question on stdin, within bounds of time and memory: for who cannot do that."""
    with suppress(ImportError):  # no such bounds on Windows
        import resource  # noqa: PLC0415 - not there on Windows

        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (_MOST_SECONDS, _MOST_SECONDS))
    last, new, mode = orjson.loads(sys.stdin.buffer.read())
    found = incompatibilities(Schema(last), Schema(new), mode)
    sys.stdout.buffer.write(orjson.dumps([asdict(each) for each in found]))
