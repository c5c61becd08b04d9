"""`bus domains`: what there is to publish in."""

from typing import Annotated, Any

import typer

from bus.cli.client import Url, call
from bus.cli.show import AsJson, show

app = typer.Typer(no_args_is_help=True, help="Domains: each is a topic of the log.")

_COLUMNS = ["name", "topic", "partitions", "retentionDays", "keyAttribute", "description"]


@app.command("list")
def list_all(*, url: Url = None, as_json: AsJson = False) -> None:
    """List the domains."""
    show(call("GET", "/v1/domains", url=url)["items"], _COLUMNS, as_json=as_json)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Begins the event types that belong to it.")],
    *,
    description: Annotated[str, typer.Option(help="What it is about.")] = "",
    partitions: Annotated[int, typer.Option(help="Fixed once the topic is there.")] = 8,
    retention_days: Annotated[int, typer.Option(help="Days that events are kept, from 8.")] = 14,
    key_attribute: Annotated[
        str | None, typer.Option(help="Attribute that orders events, instead of partitionkey.")
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Make a domain with its topic, with the profile's own strictness (role operator)."""
    wish = {
        "name": name,
        "description": description,
        "partitions": partitions,
        "retentionDays": retention_days,
        "keyAttribute": key_attribute,
    }
    made = call("POST", "/v1/domains", url=url, document=wish)
    show([made], _COLUMNS, as_json=as_json)


@app.command()
def change(  # noqa: PLR0913 - one parameter per option
    name: Annotated[str, typer.Argument(help="The domain.")],
    *,
    description: Annotated[str | None, typer.Option(help="What it is about.")] = None,
    retention_days: Annotated[
        int | None, typer.Option(help="Days that events are kept, from 8.")
    ] = None,
    unknown_types: Annotated[
        str | None, typer.Option(help="Types that are not in the catalogue: accept or reject.")
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            help="RULE=reject, warn, off or default, as in `bus profile rules`; may be repeated."
        ),
    ] = None,
    bsn_allow: Annotated[
        list[str] | None,
        typer.Option(
            help="An attribute whose nine digits are no BSN; may be repeated. Replaces the list."
        ),
    ] = None,
    bsn_agreement: Annotated[
        str | None,
        typer.Option(help="Where it is agreed that the BSN rules are relaxed; '' ends that."),
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Change a domain of one's own organisation; what is not given stays (role operator)."""
    profile: dict[str, Any] = {}
    if rule:
        profile["rules"] = dict(map(_verdict, rule))
    if bsn_allow is not None:
        profile["bsnAllow"] = [attribute for attribute in bsn_allow if attribute]
    if bsn_agreement is not None:
        profile["bsnAgreement"] = bsn_agreement or None
    wish = {
        "description": description,
        "retentionDays": retention_days,
        "unknownTypes": unknown_types,
        "profile": profile or None,
    }
    given = {field: value for field, value in wish.items() if value is not None}
    if not given:
        raise typer.BadParameter("say what is to change; see --help")
    changed = call("PATCH", f"/v1/domains/{name}", url=url, document=given)
    show([changed], [*_COLUMNS, "profile"], as_json=as_json)


@app.command()
def history(
    name: Annotated[str, typer.Argument(help="The domain.")],
    *,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Show who changed a domain, when, and how (role operator)."""
    versions = call("GET", f"/v1/domains/{name}/revisions", url=url)["items"]
    columns = ["at", "organisation", "retentionDays", "profile", "description"]
    show(versions, columns, as_json=as_json)


def _verdict(option: str) -> tuple[str, str | None]:
    code, equals, verdict = option.partition("=")
    if not equals:
        raise typer.BadParameter(f"--rule {option}: give rule=verdict")
    return code, None if verdict == "default" else verdict
