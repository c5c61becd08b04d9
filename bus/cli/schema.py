"""`bus migrate`: the schema of the database."""

import asyncio

import typer

from bus.app.parts import database_url
from bus.observe.logging import configure
from bus.settings import Settings
from bus.store import migrate as schema


def migrate() -> None:
    """Bring the schema of the database to that of this version; safe to repeat."""
    settings = Settings.load("migrate")
    configure(role="migrate", level=settings.log_level)
    applied = asyncio.run(schema.migrate(database_url(settings)))
    typer.echo("\n".join(f"applied {name}" for name in applied) or "nothing to do")
