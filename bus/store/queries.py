"""Reads named SQL: `sql/<noun>.sql` becomes a mapping of query name to text."""

import re
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType

_HEAD = re.compile(r"^-- name: *(.*)$", re.MULTILINE)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def load(noun: str) -> Mapping[str, str]:
    """Read the queries of `sql/<noun>.sql`, which ships with the package.

    Raises FileNotFoundError when there is no such file and ValueError as `parse` does.
    """
    file = resources.files("bus.store").joinpath("sql", f"{noun}.sql")
    return parse(file.read_text(encoding="utf-8"))


def parse(text: str) -> Mapping[str, str]:
    """Split SQL text into its named queries.

    A query starts at `-- name: take_stream`; the comment lines below that are its sentence of
    documentation and go to Postgres with it, so that a log of slow queries shows them. What stands
    before the first name is the file's own comment. A trailing semicolon is dropped. Raises
    ValueError for a bad or repeated name, a query without a sentence or without SQL.
    """
    queries: dict[str, str] = {}
    _, *parts = _HEAD.split(text)
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        if not _NAME.fullmatch(name.strip()):
            raise ValueError(f"a query has the name {name!r}; wanted is lower_case")
        if name.strip() in queries:
            raise ValueError(f"the query {name.strip()} stands there twice")
        queries[name.strip()] = _query(name.strip(), body)
    return MappingProxyType(queries)


def _query(name: str, body: str) -> str:
    lines = body.strip().splitlines()
    if not lines or not lines[0].startswith("-- "):
        raise ValueError(f"the query {name} has no sentence that says what it does")
    if all(line.startswith("--") or not line.strip() for line in lines):
        raise ValueError(f"the query {name} has no SQL")
    return f"-- {name}\n" + "\n".join(lines).removesuffix(";")
