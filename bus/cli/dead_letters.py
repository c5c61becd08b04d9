"""`bus dead-letters`: events that were given up."""

import time
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from bus.cli.client import Url, call
from bus.cli.delivery import SubscriptionId
from bus.cli.failure import Failure
from bus.cli.show import AsJson, print_json, say, show

app = typer.Typer(
    no_args_is_help=True,
    help="Events that were given up: see them, deliver them after all, purge them.",
)

Letters = Annotated[
    list[str] | None, typer.Argument(metavar="[LETTER]...", help="Ids of dead letters.")
]
Reason = Annotated[str | None, typer.Option(help="Only refused, exhausted, backlog or recreated.")]
Type = Annotated[str | None, typer.Option("--type", help="Only events of this type.")]
Source = Annotated[str | None, typer.Option(help="Only events of this source.")]
Before = Annotated[str | None, typer.Option(help="Only those given up before this time.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]

_REDRIVEN, _PURGED = "will be delivered again", "purged"

_LOOK_EVERY = 0.5
"""Seconds between looks at a redrive; a dispatcher saves as often."""

_STANDSTILL = 10.0
"""Seconds in which nothing moves: no dispatcher runs, the sink is down, or it is paused."""

_COLUMNS = ["id", "reason", "lastOutcome", "attempts", "buriedAt", "type", "eventId"]


@app.command("list")
def list_page(
    id_: SubscriptionId,
    *,
    reason: Reason = None,
    type_: Type = None,
    source: Source = None,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=200)] = 50,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Show the oldest dead letters of a subscription."""
    query = urlencode({"limit": limit, **_filter(reason=reason, type=type_, source=source)})
    page = call("GET", f"/v1/subscriptions/{id_}/dead-letters?{query}", url=url)
    show(page["items"], [*_COLUMNS, "topic", "partition", "offset"], as_json=as_json)
    if "next" in page:
        typer.echo(f"… and more than these {limit}", err=True)


@app.command("show")
def show_one(
    id_: SubscriptionId,
    letter: Annotated[str, typer.Argument(help="Id of the dead letter.")],
    *,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Show one with its event; mind the personal data in it."""
    found = call("GET", f"/v1/subscriptions/{id_}/dead-letters/{letter}", url=url)
    if as_json:
        print_json(found)
        return
    event = {f"event.{name}": value for name, value in found.pop("event", {}).items()}
    rows = [{"field": name, "value": value} for name, value in {**found, **event}.items()]
    show(rows, ["field", "value"], as_json=False)


@app.command()
def redrive(  # noqa: PLR0913 - one parameter per option
    id_: SubscriptionId,
    letters: Letters = None,
    *,
    all_: All = False,
    reason: Reason = None,
    type_: Type = None,
    source: Source = None,
    before: Before = None,
    wait: Annotated[
        bool,
        typer.Option(
            help="Follow on stderr how many have no room yet, while they get on; it goes on anyway."
        ),
    ] = True,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Deliver dead letters again, in order, before later events of their keys."""
    chosen = _filter(reason=reason, type=type_, source=source, before=before)
    wanted = _choice(letters, chosen, all_=all_)
    done = _done(f"/v1/subscriptions/{id_}/dead-letters/_redrive", wanted, _REDRIVEN, url)
    say(_told(done, _REDRIVEN), done, as_json=as_json)
    if wait and done["count"]:
        _follow(id_, url)


@app.command()
def purge(  # noqa: PLR0913 - one parameter per option
    id_: SubscriptionId,
    letters: Letters = None,
    *,
    all_: All = False,
    reason: Reason = None,
    type_: Type = None,
    source: Source = None,
    before: Before = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Forget the events of dead letters, for good."""
    chosen = _filter(reason=reason, type=type_, source=source, before=before)
    wanted = _choice(letters, chosen, all_=all_)
    done = _done(f"/v1/subscriptions/{id_}/dead-letters/_purge", wanted, _PURGED, url)
    say(_told(done, _PURGED), done, as_json=as_json)


def _follow(id_: str, url: str | None) -> None:
    """Say how many letters still wait for room, until none does or nothing moves any more."""
    last, since = None, time.monotonic()
    while left := int(call("GET", f"/v1/subscriptions/{id_}/status", url=url)["redriving"]):
        if left != last:
            last, since = left, time.monotonic()
            typer.echo(f"{left} to go", err=True)
        elif time.monotonic() - since > _STANDSTILL:
            typer.echo(f"they go when there is room for them; see `bus status {id_}`", err=True)
            return
        time.sleep(_LOOK_EVERY)


def _done(path: str, wanted: dict[str, Any], what: str, url: str | None) -> dict[str, int]:
    """Ask until all are done; say how many are on the way, and when it goes wrong there."""
    count, more, answer = 0, True, {}
    while more:
        try:
            answer = call("POST", path, url=url, document=wanted)
        except Failure as error:
            if not count:
                raise
            raise Failure(
                f"{error}\n{count} {what} before that. Cure: do it again; it goes on."
            ) from None
        count += int(answer["count"])
        if more := bool(answer.pop("more", False)):
            typer.echo(f"{count} {what}, and on", err=True)
    return answer | {"count": count}


def _told(done: dict[str, int], what: str) -> str:
    told = f"{done['count']} {what}"
    if done.get("skipped"):
        told += f"\n{done['skipped']} will not: their topic was made anew; publish them again"
    return told


def _choice(letters: list[str] | None, chosen: dict[str, str], *, all_: bool) -> dict[str, Any]:
    ways: dict[str, Any] = {"ids": letters, "filter": chosen, "all": all_}
    given = {name: value for name, value in ways.items() if value}
    if len(given) != 1:
        raise typer.BadParameter("give letters, or a filter, or --all", param_hint="LETTER")
    return given


def _filter(**terms: str | None) -> dict[str, str]:
    return {name: value for name, value in terms.items() if value is not None}
