"""Who is who: organisations, their sources, grants and tokens, straight in the database."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar, get_args
from uuid import UUID

import typer

from bus.app.parts import database_of
from bus.cli.failure import Failure
from bus.cli.show import AsJson, say, show
from bus.settings import Settings
from bus.store.credentials import Credentials, Role
from bus.store.database import Database
from bus.store.errors import Conflict, NotFound
from bus.store.organisations import Organisations

T = TypeVar("T")

organisations = typer.Typer(no_args_is_help=True, help="Organisations, known by their OIN.")
sources = typer.Typer(no_args_is_help=True, help="Sources that organisations publish from.")
grants = typer.Typer(no_args_is_help=True, help="Who may read whose events.")
tokens = typer.Typer(no_args_is_help=True, help="Tokens that let programs in.")

Oin = Annotated[str, typer.Argument(help="OIN of the organisation: 20 digits.")]


@organisations.command("add")
def add_organisation(
    oin: Oin,
    name: Annotated[str, typer.Argument(help="Its name.")],
    *,
    source: Annotated[
        list[str] | None, typer.Option(help="A source prefix that it owns; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make an organisation, or give it another name."""
    if not re.fullmatch("[0-9]{20}", oin):
        raise typer.BadParameter("an OIN has 20 digits", param_hint="OIN")

    async def work(database: Database) -> None:
        store = Organisations(database)
        await store.ensure_organisation(oin, name)
        for prefix in source or []:
            await store.add_source(prefix, oin)

    _do(work)
    say(f"{oin}  {name}", {"oin": oin, "name": name}, as_json=as_json)


@organisations.command("list")
def list_organisations(*, as_json: AsJson = False) -> None:
    """List the organisations."""
    found = _do(lambda database: Organisations(database).names())
    rows = [{"oin": oin, "name": name} for oin, name in found.items()]
    show(rows, ["oin", "name"], as_json=as_json)


@sources.command("add")
def add_source(
    prefix: Annotated[str, typer.Argument(help="A source, and all that goes on after it.")],
    oin: Oin,
    *,
    as_json: AsJson = False,
) -> None:
    """Give a source prefix to an organisation."""
    _do(lambda database: Organisations(database).add_source(prefix, oin))
    made = {"prefix": prefix, "organisation": oin}
    say(f"{prefix} belongs to {oin}", made, as_json=as_json)


@sources.command("list")
def list_sources(*, as_json: AsJson = False) -> None:
    """List the source prefixes and their owners."""
    rows = _do(lambda database: Organisations(database).access_rows())
    found = [{"prefix": prefix, "organisation": oin} for prefix, oin in rows.owners.items()]
    show(found, ["prefix", "organisation"], as_json=as_json)


@grants.command("add")
def add_grant(
    prefix: Annotated[str, typer.Argument(help="The sources that may be read.")],
    grantee: Annotated[str, typer.Argument(help="OIN of the organisation that may read them.")],
    *,
    domain: Annotated[str | None, typer.Option(help="Only in this domain.")] = None,
    as_json: AsJson = False,
) -> None:
    """Let an organisation read events of another's sources."""
    _do(lambda database: Organisations(database).grant(prefix, domain, grantee))
    made = {"prefix": prefix, "domain": domain, "grantee": grantee}
    text = f"{grantee} may read {prefix or 'every source'} in {domain or 'every domain'}"
    say(text, made, as_json=as_json)


@grants.command("list")
def list_grants(*, as_json: AsJson = False) -> None:
    """List the grants."""
    rows = _do(lambda database: Organisations(database).access_rows())
    found = [{"prefix": g.prefix, "domain": g.domain, "grantee": g.grantee} for g in rows.grants]
    show(found, ["prefix", "domain", "grantee"], as_json=as_json)


@tokens.command("issue")
def issue_token(
    oin: Oin,
    role: Annotated[
        list[str], typer.Option(help="publisher, subscriber or operator; may be repeated.")
    ],
    label: Annotated[str, typer.Option(help="What it is for.")],
    *,
    days: Annotated[int | None, typer.Option(help="Days that it is good for.", min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, this once."""
    roles: list[Role] = [known for known in get_args(Role) if known in role]
    if len(roles) < len(set(role)):
        wanted = ", ".join(get_args(Role))
        raise typer.BadParameter(f"roles are {wanted}", param_hint="--role")
    expires = None if days is None else datetime.now(UTC) + timedelta(days=days)
    token = _do(
        lambda database: Credentials(database).issue(oin, roles, label=label, expires=expires)
    )
    issued = {"token": token, "organisation": oin, "roles": roles, "label": label}
    say(token, {**issued, "expires": expires}, as_json=as_json)


@tokens.command("list")
def list_tokens(*, as_json: AsJson = False) -> None:
    """List the tokens: whose, for what, until when; never the token itself."""
    found = [
        {
            "id": str(token.id),
            "organisation": token.organisation,
            "roles": token.roles,
            "label": token.label,
            "created": token.created_at,
            "expires": token.expires_at,
        }
        for token in _do(lambda database: Credentials(database).issued())
    ]
    columns = ["id", "organisation", "roles", "label", "created", "expires"]
    show(found, columns, as_json=as_json)


@tokens.command("revoke")
def revoke_token(
    id_: Annotated[UUID, typer.Argument(metavar="ID", help="Its id, as `bus tokens list` has it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Let a token in no more, within seconds; for one that leaked, or is not used any more."""
    label = _do(lambda database: Credentials(database).revoke(id_))
    if label is None:
        raise Failure(f"there is no token {id_}. Cure: `bus tokens list` shows what there is.")
    say(f"{label} is revoked", {"id": str(id_), "label": label}, as_json=as_json)


def _do(work: Callable[[Database], Awaitable[T]]) -> T:
    """Do something with the database of the settings."""

    async def opened() -> T:
        async with database_of(Settings.load(), "admin") as database:
            return await work(database)

    try:
        return asyncio.run(opened())
    except NotFound:
        raise Failure("no such organisation or domain. Cure: `bus organisations add`.") from None
    except Conflict as error:
        raise Failure(f"{error}") from None
