"""`bus subscribe`, `bus unsubscribe`, `bus status`."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from bus.cli.client import Url, call
from bus.cli.delivery import SubscriptionId, secret_of
from bus.cli.files import document, read
from bus.cli.filters import Domains, Filters, Source, Types
from bus.cli.show import AsJson, print_json, say, show

_MOST_STATUSES = 200
_NOTHING: dict[str, Any] = {}
_STATUS = ["id", "organisation", "verdict", "lagEvents", "lagSeconds", "secondsToLoss", "parked"]
_STATUS += ["deadLetters", "gapCount", "lastOutcome", "types"]
_PARTITION = ["topic", "partition", "verdict", "state", "position", "endOffset", "lagEvents"]
_PARTITION += ["lagSeconds", "secondsToLoss", "lastOutcome", "open"]
_GAP = ["topic", "partition", "fromOffset", "untilOffset", "reason", "foundAt"]


def subscribe(  # noqa: PLR0913 - one parameter per option
    sink: Annotated[
        str | None, typer.Argument(help="Address that events are posted to; none with --pull.")
    ] = None,
    *,
    pull: Annotated[
        bool, typer.Option("--pull", help="Nothing is sent: fetch with `bus pull`.")
    ] = False,
    type_: Types = None,
    source: Source = None,
    domain: Domains = None,
    filter_: Filters = None,
    start: Annotated[str, typer.Option(help="latest, earliest, or a time.")] = "latest",
    file: Annotated[
        str | None, typer.Option(help="A file with the rest of the subscription, as JSON.")
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Subscribe a component; prints the secret that its deliveries are signed with, this once."""
    wish: dict[str, Any] = document(read(file), file) if file else {}
    if (sink is None) != pull:
        raise typer.BadParameter("give an address, or --pull")
    wish |= {"start": start} | (
        {"protocol": "PULL"} if pull else {"sink": sink, "protocol": "HTTP"}
    )
    if type_:
        wish["types"] = type_
    if source is not None:
        wish["source"] = source
    if domain:
        wish["domains"] = domain
    if filter_:
        wish["filters"] = [document(text, "--filter") for text in filter_]
    made = call("POST", "/v1/subscriptions", url=url, document=wish)
    say("\n".join([f"subscription  {made['id']}", *secret_of(made)]), made, as_json=as_json)


def unsubscribe(
    id_: SubscriptionId,
    *,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """End a subscription."""
    call("DELETE", f"/v1/subscriptions/{id_}", url=url)
    say(f"ended {id_}", {"id": id_}, as_json=as_json)


def status(
    id_: Annotated[
        str | None, typer.Argument(metavar="ID", help="One subscription, per partition.")
    ] = None,
    *,
    everybody: Annotated[
        bool, typer.Option("--all", help="Of every organisation (role operator).")
    ] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Show how subscriptions are doing: verdict, lag, what was parked and given up."""
    if id_ is not None:
        one = call("GET", f"/v1/subscriptions/{id_}/status", url=url)
        if as_json:
            print_json(one)
            return
        reason = f" ({one['stateReason']})" if "stateReason" in one else ""
        typer.echo(f"{one['verdict']}: {one['state']}{reason} since {one['stateSince']}")
        exceptions = ("parked", "deadLetters", "gapCount", "replaying", "redriving")
        typer.echo(", ".join(f"{name} {one[name]}" for name in exceptions))
        show(one["partitions"], _PARTITION, as_json=False)
        if one["gaps"]:
            typer.echo("lost by the log before they were delivered, at most these offsets:")
            show(one["gaps"], _GAP, as_json=False)
        return
    query = f"?limit={_MOST_STATUSES}" + ("&organisation=all" if everybody else "")
    page = call("GET", f"/v1/subscriptions{query}", url=url)
    rows = [_row(listed, url) for listed in page["items"]]
    show(rows, _STATUS, as_json=as_json)
    if "next" in page:
        typer.echo(f"… and more than these {_MOST_STATUSES}", err=True)


def _row(listed: Mapping[str, Any], url: str | None) -> dict[str, Any]:
    status = call("GET", f"/v1/subscriptions/{listed['id']}/status", url=url)
    worst = max(status["partitions"], key=lambda p: p["lagSeconds"], default=_NOTHING)
    outcomes = [p["lastOutcome"] for p in status["partitions"] if "lastOutcome" in p]
    return {
        **{name: status[name] for name in [*_STATUS, "state"] if name in status},
        "lastOutcome": worst.get("lastOutcome") or (outcomes[0] if outcomes else None),
        "types": listed["types"],
    }
