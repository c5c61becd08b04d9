"""`bus domains`: what there is to publish in."""

from typing import Annotated

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
    """Make a domain with its topic (role operator)."""
    wish = {
        "name": name,
        "description": description,
        "partitions": partitions,
        "retentionDays": retention_days,
        "keyAttribute": key_attribute,
    }
    made = call("POST", "/v1/domains", url=url, document=wish)
    show([made], _COLUMNS, as_json=as_json)
