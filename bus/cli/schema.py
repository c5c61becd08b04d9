"""`bus migrate`: the schema of the database."""

import asyncio

from bus.app.parts import database_url
from bus.cli.show import AsJson, say
from bus.observe.logging import configure
from bus.settings import Settings
from bus.store import migrate as schema


def migrate(*, as_json: AsJson = False) -> None:
    """Bring the schema of the database to that of this version; safe to repeat."""
    settings = Settings.load("migrate")
    configure(role="migrate", level=settings.log_level)
    applied = asyncio.run(schema.migrate(database_url(settings)))
    text = "\n".join(f"applied {name}" for name in applied) or "nothing to do"
    say(text, {"applied": applied}, as_json=as_json)
