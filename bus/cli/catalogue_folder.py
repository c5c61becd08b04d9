"""`bus catalogue`: event types, and a folder of them that a bus is brought in line with."""

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bus.catalogue.folder import FiledDomain, InvalidFolder, read_folder
from bus.catalogue.plan import Catalogue, Step, plan
from bus.cli.client import Url, call, send
from bus.cli.failure import Failure
from bus.cli.show import AsJson, show

app = typer.Typer(no_args_is_help=True, help="Event types, and the schemas of their data.")

Folder = Annotated[
    Path,
    typer.Argument(help="Folder with a folder per domain.", exists=True, file_okay=False),
]

_STEPS: Final = ["act", "what", "differs"]
_TYPES: Final = ["type", "domain", "information", "schemaCheck", "versions", "description"]


@app.command("list")
def list_all(*, url: Url = None, as_json: AsJson = False) -> None:
    """List the event types."""
    items = call("GET", "/v1/event-types", url=url)["items"]
    rows = items if as_json else [{**each, "versions": len(each["schemas"])} for each in items]
    show(rows, _TYPES, as_json=as_json)


@app.command()
def check(folder: Folder, *, as_json: AsJson = False) -> None:
    """Check a folder, without a bus: its files, schemas, their compatibility, and examples."""
    rows = [
        {"type": each.request.type, "schemas": len(each.schemas), "examples": len(each.examples)}
        for domain in _read(folder)
        for each in domain.types
    ]
    show(rows, ["type", "schemas", "examples"], as_json=as_json)


@app.command()
def apply(
    folder: Folder,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the difference.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Make what a folder says so on a bus (role operator), after showing the difference.

    What the folder does not name stays; what is as it says is not touched.
    """
    filed = _read(folder)
    steps = plan(filed, _current(filed, url))
    rows = [{"act": each.act, "what": each.what, "differs": list(each.differs)} for each in steps]
    show(rows, _STEPS, as_json=as_json)
    todo = [each for each in steps if each.act != "left"]
    if todo and not dry_run:
        if not yes:
            _ask(len(todo))
        for number, step in enumerate(todo, 1):
            typer.echo(f"{number}/{len(todo)} {step.act} {step.what}", err=True)
            _do(step, url)
    if len(todo) < len(steps):
        raise Failure(
            "what is `left` stays as it is on the bus. Cure: a version of a schema never changes, "
            "so add a next one; a type stays in its domain; partitions and key of a domain stay."
        )


def _read(folder: Path) -> list[FiledDomain]:
    try:
        return read_folder(folder)
    except InvalidFolder as error:
        lines = [
            f"  {each.file.relative_to(folder)}{each.fault.where and f' {each.fault.where}'}: "
            f"{each.fault.detail} ({each.fault.code})"
            for each in error.faults
        ]
        raise Failure("\n".join([f"{folder} is not right:", *lines])) from None


def _current(filed: list[FiledDomain], url: str | None) -> Catalogue:
    """Ask the bus what it has, of what a folder names."""
    domains = {each["name"]: each for each in call("GET", "/v1/domains", url=url)["items"]}
    types = {each["type"]: each for each in call("GET", "/v1/event-types", url=url)["items"]}
    schemas: dict[tuple[str, int], Any] = {}
    for name in (each.request.type for domain in filed for each in domain.types):
        for version in types.get(name, {}).get("schemas", ()):
            number = version["version"]
            path = f"/v1/event-types/{name}/schemas/{number}"
            schemas[name, number] = call("GET", path, url=url)
    return Catalogue(domains, types, schemas)


def _ask(steps: int) -> None:
    if not sys.stdin.isatty():
        raise Failure("nothing is done yet. Cure: --yes does it, --dry-run only shows it.")
    typer.confirm(f"Do these {steps}?", abort=True, err=True)


def _do(step: Step, url: str | None) -> None:
    try:
        if isinstance(step.body, str):
            send(step.method, step.path, url=url, body=step.body.encode())
        else:
            call(step.method, step.path, url=url, document=step.body)
    except Failure as error:
        raise Failure(
            f"{error}\nWhat is before it is done. Cure: mend this, and apply again."
        ) from (None)
