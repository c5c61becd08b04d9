"""Lists on a terminal as a table, for programs as JSON."""

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def show(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print rows: these columns as a table, or every member as JSON."""
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    # On a pipe nothing is folded or cut.
    width = None if sys.stdout.isatty() else 1_000
    Console(width=width, highlight=False, markup=False).print(table)


def say(text: str, document: object, *, as_json: bool) -> None:
    """Print a sentence, or the JSON document that says the same."""
    if as_json:
        print_json(document)
    else:
        typer.echo(text)


def print_json(document: object) -> None:
    """Print a document as JSON."""
    sys.stdout.write(
        orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode() + "\n"
    )


def _text(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case dict():
            return orjson.dumps(value).decode()
        case list() | tuple():
            return ", ".join(map(str, value)) or "-"
        case _:
            return str(value)
