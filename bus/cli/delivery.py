"""`bus subscriptions`: pause, resume, replay, and what was tried."""

from typing import Annotated, Any

import orjson
import typer

from bus.cli.client import Url, call
from bus.cli.failure import Failure
from bus.cli.files import read
from bus.cli.show import AsJson, print_json, show

app = typer.Typer(
    no_args_is_help=True, help="Pause, resume and replay subscriptions; what was tried."
)

SubscriptionId = Annotated[str, typer.Argument(metavar="ID", help="Id of the subscription.")]

_ATTEMPT = ["at", "topic", "partition", "offset", "attempt", "outcome", "type", "eventId"]


@app.command()
def pause(id_: SubscriptionId, *, url: Url = None, as_json: AsJson = False) -> None:
    """Deliver nothing until it is resumed; its place in the log is kept."""
    _state("_pause", id_, url=url, as_json=as_json)


@app.command()
def resume(id_: SubscriptionId, *, url: Url = None, as_json: AsJson = False) -> None:
    """Deliver again, also where the bus has disabled the subscription."""
    _state("_resume", id_, url=url, as_json=as_json)


@app.command()
def replay(
    id_: SubscriptionId,
    *,
    from_: Annotated[
        str | None, typer.Option("--from", help="A time, or earliest.", metavar="TIME")
    ] = None,
    offsets: Annotated[
        str | None, typer.Option(help='A file as {"topic": {"0": 12}} instead of --from.')
    ] = None,
    until: Annotated[str | None, typer.Option(help="A time; else until where it stands.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Deliver again what matches, from an earlier place on."""
    if (from_ is None) == (offsets is None):
        raise typer.BadParameter("give --from or --offsets", param_hint="--from")
    wanted: dict[str, Any] = {"from": from_ if offsets is None else _json(offsets)}
    if until is not None:
        wanted["until"] = until
    asked = call("POST", f"/v1/subscriptions/{id_}/_replay", url=url, document=wanted)
    if as_json:
        print_json(asked)
        return
    typer.echo(f"at most {asked['offsets']} events will be delivered again")


@app.command()
def attempts(
    id_: SubscriptionId,
    *,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=200)] = 50,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest attempts that did not succeed."""
    page = call("GET", f"/v1/subscriptions/{id_}/attempts?limit={limit}", url=url)
    show(page["items"], _ATTEMPT, as_json=as_json)


def _state(act: str, id_: str, *, url: str | None, as_json: bool) -> None:
    changed = call("POST", f"/v1/subscriptions/{id_}/{act}", url=url)
    if as_json:
        print_json(changed)
        return
    typer.echo(f"{changed['id']} is {changed['state']}")


def _json(file: str) -> Any:  # noqa: ANN401 - JSON out
    try:
        return orjson.loads(read(file))
    except orjson.JSONDecodeError as error:
        raise Failure(f"{file} is not JSON: {error}") from None
