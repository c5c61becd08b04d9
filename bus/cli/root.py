"""The tree of commands. Only the module of the one that is asked for is imported: that is fast."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final

import typer

_DEVELOP, _USE, _RUN, _ACCESS = "Develop", "Publish and subscribe", "Run", "Access"


@dataclass(frozen=True, slots=True)
class Row:
    """One command or group of them: where it is, and under which heading `--help` lists it."""

    name: str
    module: str
    attribute: str
    panel: str


COMMANDS: Final = (
    Row("dev", "dev", "dev", _DEVELOP),
    Row("demo", "demo", "demo", _DEVELOP),
    Row("publish", "publish", "publish", _USE),
    Row("subscribe", "subscriptions", "subscribe", _USE),
    Row("unsubscribe", "subscriptions", "unsubscribe", _USE),
    Row("pull", "pull", "pull", _USE),
    Row("status", "subscriptions", "status", _USE),
    Row("filters", "filters", "app", _USE),
    Row("subscriptions", "delivery", "app", _USE),
    Row("deliveries", "deliveries", "deliveries", _USE),
    Row("dead-letters", "dead_letters", "app", _USE),
    Row("domains", "catalogue", "app", _USE),
    Row("catalogue", "catalogue_folder", "app", _USE),
    Row("profile", "profile", "app", _USE),
    Row("outbox", "outbox", "app", _USE),
    Row("api", "roles", "api", _RUN),
    Row("dispatch", "roles", "dispatch", _RUN),
    Row("relay", "roles", "relay", _RUN),
    Row("migrate", "schema", "migrate", _RUN),
    Row("settings", "settings", "settings", _RUN),
    Row("doctor", "doctor", "doctor", _RUN),
    Row("topics", "topics", "topics", _RUN),
    Row("tail", "tail", "tail", _RUN),
    Row("organisations", "admin", "organisations", _ACCESS),
    Row("sources", "admin", "sources", _ACCESS),
    Row("grants", "admin", "grants", _ACCESS),
    Row("tokens", "admin", "tokens", _ACCESS),
)


def tree(arguments: Sequence[str]) -> typer.Typer:
    """Give the command that `arguments` ask for, or all of them when they ask for none."""
    app = typer.Typer(
        name="bus",
        help="The event-driven notification bus between municipal components.",
        epilog="Exit code 0: done, 1: it failed, 2: wrong usage or settings.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    asked = [row for row in COMMANDS if arguments and row.name == arguments[0]]
    for row in asked or COMMANDS:
        found = getattr(import_module(f"bus.cli.{row.module}"), row.attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=row.name, rich_help_panel=row.panel)
        else:
            app.command(row.name, rich_help_panel=row.panel)(found)
    app.callback()(_group)
    return app


def _group() -> None:
    """The event-driven notification bus between municipal components."""  # noqa: D401 - is shown
