"""`bus filters`: try filters before subscribing, on one event or on what the log holds."""

from collections import Counter
from typing import Annotated, Any

import typer

from bus.cli.client import Url, call
from bus.cli.files import document, read
from bus.cli.show import AsJson, print_json, show

app = typer.Typer(no_args_is_help=True, help="Filters: try them before you subscribe.")

_SAMPLE = ["id", "source", "type", "topic", "partition", "offset", "loggedAt"]

Types = Annotated[list[str] | None, typer.Option("--type", help="Only this type; may be repeated.")]
Source = Annotated[str | None, typer.Option(help="Only exactly this source.")]
Domains = Annotated[
    list[str] | None, typer.Option("--domain", help="Only this domain; may be repeated.")
]
Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter", help='A filter in JSON, as {"prefix": {"subject": "zaak-"}}; repeatable.'
    ),
]
Sql = Annotated[
    list[str] | None, typer.Option("--sql", help="A filter in CESQL, as type LIKE 'nl.brp.%'.")
]


@app.command()
def evaluate(
    file: Annotated[str, typer.Argument(help="A CloudEvent in JSON; - reads stdin.")],
    *,
    filter_: Filters = None,
    sql: Sql = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Say whether filters let an event pass; exit code 1 when they do not."""
    wish = {"filters": _filters(filter_, sql), "event": document(read(file), file)}
    verdict = call("POST", "/v1/filters/_evaluate", url=url, document=wish)
    _warn(verdict["warnings"])
    if as_json:
        print_json(verdict)
    else:
        typer.echo("passes" if verdict["matches"] else "does not pass")
        if verdict["error"]:
            typer.echo(_remark("error", verdict["error"]))
    raise typer.Exit(0 if verdict["matches"] else 1)


@app.command()
def backtest(  # noqa: PLR0913 - one parameter per option
    *,
    filter_: Filters = None,
    sql: Sql = None,
    type_: Types = None,
    source: Source = None,
    domain: Domains = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="From this time on; the oldest if not given.")
    ] = None,
    to: Annotated[str | None, typer.Option(help="Up to this time; now if not given.")] = None,
    samples: Annotated[int, typer.Option(help="How many events to show, at most 100.")] = 10,
    events: Annotated[
        int | None, typer.Option(help="Stop after reading so many events of any kind.")
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Count what a subscription would have got; goes on until all is read, progress on stderr."""
    wish: dict[str, Any] = {
        "filters": _filters(filter_, sql),
        "types": type_ or [],
        "source": source,
        "domains": domain or [],
        "from": from_,
        "to": to,
    }
    total = _run({n: value for n, value in wish.items() if value is not None}, samples, events, url)
    if as_json:
        print_json(total)
        return
    show(total["byType"], ["type", "matched"], as_json=False)
    show(total["samples"], _SAMPLE, as_json=False)
    typer.echo(f"{total['matched']} of {total['read']} events read")


def _run(wish: dict[str, Any], samples: int, events: int | None, url: str | None) -> dict[str, Any]:
    """Ask until all is read, or as many events as are allowed; add up what the answers say."""
    total: dict[str, Any] = {"done": False, "read": 0, "matched": 0, "invalid": 0}
    total |= {"samples": [], "gaps": []}
    by_type: Counter[str] = Counter()
    while not total["done"] and (events is None or total["read"] < events):
        wish["samples"] = samples - len(total["samples"])
        if events is not None:
            wish["budget"] = {"events": min(20_000, events - total["read"])}
        found = call("POST", "/v1/filters/_backtest", url=url, document=wish)
        if "next" not in wish:
            _warn(found["warnings"])
        for name in ("read", "matched", "invalid", "samples", "gaps"):
            total[name] += found[name]
        by_type.update({each["type"]: each["matched"] for each in found["byType"]})
        total["done"], wish["next"] = found["done"], found.get("next")
        progress = f"{total['read']} read, {total['matched']} match, {found['remaining']} to go"
        typer.echo(progress, err=True)
    counts = [{"type": type_, "matched": count} for type_, count in by_type.most_common()]
    return {**total, "byType": counts}


def _filters(filters: list[str] | None, sql: list[str] | None) -> list[dict[str, Any]]:
    given = [document(text, "--filter") for text in filters or ()]
    return given + [{"sql": text} for text in sql or ()]


def _warn(warnings: list[dict[str, Any]]) -> None:
    for warning in warnings:
        typer.echo(_remark("warning", warning), err=True)


def _remark(kind: str, remark: dict[str, Any]) -> str:
    return f"{kind} {remark['location']['pointer']}: {remark['detail']} ({remark['code']})"
