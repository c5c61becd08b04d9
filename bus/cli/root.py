"""The tree of commands."""

import typer

from bus.cli import admin, catalogue, outbox, roles, subscriptions, watch
from bus.cli.dev import dev
from bus.cli.doctor import doctor
from bus.cli.publish import publish

app = typer.Typer(
    name="bus",
    help="The event-driven notification bus between municipal components.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_DEVELOP, _USE, _RUN, _ACCESS = "Develop", "Publish and subscribe", "Run", "Access"

app.command(rich_help_panel=_DEVELOP)(dev)
app.command(rich_help_panel=_USE)(publish)
app.command(rich_help_panel=_USE)(subscriptions.subscribe)
app.command(rich_help_panel=_USE)(subscriptions.unsubscribe)
app.command(rich_help_panel=_USE)(subscriptions.status)
app.add_typer(catalogue.app, name="domains", rich_help_panel=_USE)
app.add_typer(outbox.app, name="outbox", rich_help_panel=_USE)
app.command(rich_help_panel=_RUN)(roles.api)
app.command(rich_help_panel=_RUN)(roles.dispatch)
app.command(rich_help_panel=_RUN)(roles.relay)
app.command(rich_help_panel=_RUN)(roles.migrate)
app.command(rich_help_panel=_RUN, name="settings")(roles.list_settings)
app.command(rich_help_panel=_RUN)(doctor)
app.command(rich_help_panel=_RUN)(watch.topics)
app.command(rich_help_panel=_RUN)(watch.tail)
app.add_typer(admin.organisations, name="organisations", rich_help_panel=_ACCESS)
app.add_typer(admin.sources, name="sources", rich_help_panel=_ACCESS)
app.add_typer(admin.grants, name="grants", rich_help_panel=_ACCESS)
app.add_typer(admin.tokens, name="tokens", rich_help_panel=_ACCESS)
