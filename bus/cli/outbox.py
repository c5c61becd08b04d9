"""`bus outbox`: a register that publishes from its own transactions."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from bus.cli.failure import Failure
from bus.cli.show import AsJson, say, show
from bus.store.database import Database
from bus.store.errors import StatementRefused
from bus.store.outbox import Outbox, Watch
from producers.outbox.install import install as install_outbox
from producers.outbox.install import script

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="A register publishes from its own transactions.")

Register = Annotated[
    str,
    typer.Option(
        "--database-url",
        envvar="BUS_REGISTER_URL",
        help="The register's database, as postgresql://user:password@host:port/database.",
    ),
]
_WATCHES = ["relation", "source", "type_prefix", "dataref", "operations", "columns", "state"]


@app.command()
def install(
    database_url: Register = "",
    *,
    sql: Annotated[bool, typer.Option("--sql", help="Print the script instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the outbox in a register's database, or upgrade it; safe to repeat."""
    if sql:
        say(script(), {"sql": script()}, as_json=as_json)
        return
    _do(database_url, install_outbox)
    text = "installed. Next: `bus outbox watch TABLE`, and name this database to the relay"
    say(text, {"installed": True}, as_json=as_json)


@app.command()
def watch(
    table: Annotated[str, typer.Argument(help='The table, as in SQL: zaken, basis."Zaak".')],
    *,
    source: Annotated[str, typer.Option(help="Source of its events, as urn:nld:oin:…:zaken.")],
    type_prefix: Annotated[str, typer.Option(help="Begins the types: PREFIX-gewijzigd.")],
    dataref: Annotated[
        str | None, typer.Option(help="Where the data is, as https://…/zaken/{id}.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="Only changes of this column; may be repeated.")
    ] = None,
    database_url: Register = "",
    as_json: AsJson = False,
) -> None:
    """Publish an event for each insert, update and delete of a table, from now on."""
    columns = tuple(column) if column else None
    watched = Watch(
        table=table, source=source, type_prefix=type_prefix, dataref=dataref, columns=columns
    )
    _do(database_url, lambda database: Outbox(database).watch(watched))
    types = [f"{type_prefix}-{done}" for done in ("gecreeerd", "gewijzigd", "verwijderd")]
    say(
        f"{table} is watched: {', '.join(types)}", {"table": table, "types": types}, as_json=as_json
    )


@app.command()
def unwatch(
    table: Annotated[str, typer.Argument(help="The table.")],
    database_url: Register = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Publish nothing about a table any more."""
    if not _do(database_url, lambda database: Outbox(database).unwatch(table)):
        raise Failure(f"{table} was not watched. Cure: `bus outbox list` shows what is.")
    say(f"{table} is no longer watched", {"table": table}, as_json=as_json)


@app.command("list")
def list_all(database_url: Register = "", *, as_json: AsJson = False) -> None:
    """List the watched tables and whether their triggers are sound."""
    rows = _do(database_url, lambda database: Outbox(database).watches())
    found = [{name: _plain(row[name]) for name in _WATCHES} for row in rows]
    show(found, _WATCHES, as_json=as_json)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, list | tuple) else value


def _do(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    if not url:
        raise typer.BadParameter("give --database-url, or set BUS_REGISTER_URL")

    async def opened() -> T:
        async with Database.open(url, application_name="bus outbox", max_size=2) as database:
            return await work(database)

    try:
        return asyncio.run(opened())
    except StatementRefused as error:
        raise Failure(f"the register's database refuses: {error}") from None
