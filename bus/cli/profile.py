"""`bus profile`: the rules for events, and whether events keep them, without a bus."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from bus.catalogue import Domain, key_of
from bus.cli.failure import Failure
from bus.cli.files import read
from bus.cli.show import AsJson, show
from bus.codec import json as codec
from bus.codec import kafka
from bus.document import InvalidDocument, load, validate
from bus.event import Event, Fault, InvalidEvent
from bus.profile import RULES, Policy, unagreed

app = typer.Typer(no_args_is_help=True, help="The NL GOV profile for CloudEvents.")

_ANYWHERE = Domain(name="", topic="", organisation="")


@app.command()
def rules(*, as_json: AsJson = False) -> None:
    """List the rules: what each asks, where that is written, and what it does by default."""
    rows = [
        {
            "rule": rule.code,
            "keyword": rule.keyword,
            "default": rule.default,
            "asks": rule.detail,
            "written": rule.section,
        }
        for rule in RULES
    ]
    show(rows, ["rule", "keyword", "default", "asks", "written"], as_json=as_json)


@app.command()
def check(
    file: Annotated[
        str, typer.Argument(help="A CloudEvent in JSON, or an array of them; - reads stdin.")
    ],
    *,
    policy: Annotated[
        Path | None,
        typer.Option(
            help="A domain's `profile` in JSON; without, the defaults of a domain.", exists=True
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Judge events as a domain would; exit code 1 when it would refuse one.

    Nothing of an event is shown but places in it.
    """
    found = list(_findings(read(file), Policy() if policy is None else _policy(policy)))
    show(found, ["at", "verdict", "code", "detail"], as_json=as_json)
    if any(each["verdict"] == "reject" for each in found):
        raise typer.Exit(1)


def _findings(body: bytes, policy: Policy) -> Iterator[dict[str, str]]:
    try:
        if body.lstrip()[:1] == b"[":
            events = [(f"/{number}", each) for number, each in enumerate(codec.decode_batch(body))]
        else:
            events = [("", codec.decode(body))]
    except InvalidEvent as error:
        yield from (_row(fault, "reject") for fault in error.faults)
        return
    for where, event in events:
        yield from _judged(where, event, policy)


def _judged(where: str, event: Event, policy: Policy) -> Iterator[dict[str, str]]:
    key, by_source = key_of(event, _ANYWHERE)
    size = kafka.size_of(key, *kafka.encode(event))
    for rule, attribute, verdict in policy.judge(
        event, now=time.time(), by_source=by_source, size=size
    ):
        yield _row(Fault(f"{where}/{attribute}", rule.code, rule.detail), verdict)


def _row(fault: Fault, verdict: str) -> dict[str, str]:
    return {
        "at": fault.where,
        "verdict": verdict,
        "code": fault.code,
        "detail": fault.detail,
    }


def _policy(file: Path) -> Policy:
    """Read a policy, as strictly as the API does."""
    try:
        found = validate(load(read(str(file))), Policy)
        faults = tuple(unagreed(found, ""))
    except InvalidDocument as error:
        faults = error.faults
    else:
        if not faults:
            return found
    lines = [f"  {fault.where or 'all of it'}: {fault.detail} ({fault.code})" for fault in faults]
    raise Failure("\n".join([f"{file} is no profile of a domain", *lines]))
