"""`bus publish`: one event from options, or what is in a file."""

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer

from bus.cli.client import Url, send
from bus.cli.files import read
from bus.cli.show import AsJson, show

_COLUMNS = ["id", "source", "topic", "partition", "offset"]


def publish(
    file: Annotated[
        str | None,
        typer.Argument(help="A CloudEvent in JSON, or an array of them; - reads stdin."),
    ] = None,
    *,
    type_: Annotated[str | None, typer.Option("--type", help="Type, as nl.brp.verhuisd.")] = None,
    source: Annotated[str | None, typer.Option(help="Source that your organisation owns.")] = None,
    id_: Annotated[str | None, typer.Option("--id", help="Id; a random one if not given.")] = None,
    data: Annotated[str | None, typer.Option(help="Data, as JSON.")] = None,
    attribute: Annotated[
        list[str] | None, typer.Option("--attribute", "-a", help="name=value; may be repeated.")
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Publish an event, or all events of a file, and print where they stand in the log."""
    if (file is None) == (type_ is None or source is None):
        raise typer.BadParameter("give a file, or --type and --source")
    if file is not None:
        body = read(file)
    else:
        attributes = {"type": type_, "source": source, "id": id_ or str(uuid.uuid4())}
        body = _event(attributes, attribute or [], data)
    batch = body.lstrip()[:1] == b"["
    form = "application/cloudevents-batch+json" if batch else "application/cloudevents+json"
    answer = send("POST", "/v1/events", url=url, body=body, headers={"Content-Type": form})
    items = answer["items"] if batch else [answer]
    show(items, _COLUMNS, as_json=as_json)
    _warn(items)


def _warn(items: list[dict[str, Any]]) -> None:
    """Say on stderr where an event that was taken strays from the profile."""
    for item in items:
        for warning in item.get("warnings", ()):
            place = warning["location"].get("pointer") or warning["location"].get("name")
            typer.echo(f"warning: {place}: {warning['detail']} ({warning['code']})", err=True)


def _event(required: dict[str, str | None], attributes: list[str], data: str | None) -> bytes:
    """Write a structured event; the data goes in as the text that was given."""
    event = {"specversion": "1.0", "time": datetime.now(UTC).isoformat(), **required}
    for pair in attributes:
        name, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"--attribute {pair}: give name=value")
        event[name] = value
    body = orjson.dumps(event)
    if data is None:
        return body
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        raise typer.BadParameter("--data is not JSON; for other data use a file") from None
    return body[:-1] + b',"datacontenttype":"application/json","data":' + data.encode() + b"}"
