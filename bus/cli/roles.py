"""The roles, one process each, for real clusters."""

from bus.app.roles import run
from bus.observe.logging import configure
from bus.settings import Role, Settings


def api() -> None:
    """Serve the HTTP API, by the settings that `bus settings` lists."""
    _run("api")


def dispatch() -> None:
    """Deliver events to subscribers; start as many as you like, up to the number of partitions."""
    _run("dispatch")


def relay() -> None:
    """Take the outboxes of registers (BUS_OUTBOX_URLS) to the log; of several, one works."""
    _run("relay")


def _run(role: Role) -> None:
    settings = Settings.load(role)
    configure(role=role, level=settings.log_level)
    run(role, settings)
