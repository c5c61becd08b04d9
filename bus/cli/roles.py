"""The roles, one process each, for real clusters; and what they need beforehand."""

import asyncio
from typing import Any

import typer

from bus.app.parts import database_url
from bus.app.roles import run
from bus.cli.show import AsJson, show
from bus.observe.logging import configure
from bus.settings import Role, Settings, table
from bus.store import migrate as schema


def api() -> None:
    """Serve the HTTP API, by the settings that `bus settings` lists."""
    _run("api")


def dispatch() -> None:
    """Deliver events to subscribers; start as many as you like, up to the number of partitions."""
    _run("dispatch")


def relay() -> None:
    """Take the outboxes of registers (BUS_OUTBOX_URLS) to the log; of several, one works."""
    _run("relay")


def migrate() -> None:
    """Bring the schema of the database to that of this version; safe to repeat."""
    settings = Settings.load("migrate")
    configure(role="migrate", level=settings.log_level)
    applied = asyncio.run(schema.migrate(database_url(settings)))
    typer.echo("\n".join(f"applied {name}" for name in applied) or "nothing to do")


def list_settings(*, as_json: AsJson = False) -> None:
    """List every setting: variable, type, default, and what it is. Secrets are not shown."""
    rows: list[dict[str, Any]] = [
        {
            "variable": row.variable,
            "type": row.type,
            "default": row.default or None,
            "now": row.value,
            "needed by": list(row.required_for),
            "sentence": row.sentence,
        }
        for row in table(Settings.load())
    ]
    show(rows, ["variable", "type", "default", "now", "needed by", "sentence"], as_json=as_json)


def _run(role: Role) -> None:
    settings = Settings.load(role)
    configure(role=role, level=settings.log_level)
    run(role, settings)
