"""`bus deliveries`: who got an event."""

from typing import Annotated
from urllib.parse import urlencode

import typer

from bus.cli.client import Url, call
from bus.cli.show import AsJson, print_json, show

_COLUMNS = ["subscription", "organisation", "outcome", "attempts", "at", "after", "before"]
_COLUMNS += ["dueAt", "lastOutcome", "reason"]


def deliveries(  # noqa: PLR0913 - one parameter per option
    source: Annotated[str, typer.Argument(help="Source of the event.")],
    event: Annotated[str, typer.Argument(metavar="ID", help="Id that the source gave it.")],
    *,
    topic: Annotated[str | None, typer.Option(help="Topic that it is in.")] = None,
    partition: Annotated[int | None, typer.Option(help="With --topic and --offset.")] = None,
    offset: Annotated[int | None, typer.Option(help="Its place in the partition.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="Logged at this time or later.")] = (
        None
    ),
    to: Annotated[str | None, typer.Option(help="Logged at this time or before.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Show who got an event, when, and in how many attempts; by its place, or between two times."""
    asked = {"source": source, "id": event, "topic": topic, "partition": partition}
    asked |= {"offset": offset, "from": from_, "to": to}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    found = call("GET", f"/v1/deliveries?{query}", url=url)
    if as_json:
        print_json(found)
        return
    place = f"{found['topic']}/{found['partition']}/{found['offset']}"
    typer.echo(f"{found['type']} at {place}, logged {found['loggedAt']}")
    show(found["deliveries"], _COLUMNS, as_json=False)
    for each in found.get("again", ()):
        other = f"{each['topic']}/{each['partition']}/{each['offset']}"
        typer.echo(f"published again at {other}: ask for it there", err=True)
