"""`bus subscriptions`: what can be done with one that is there."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from bus.cli.client import Url, call
from bus.cli.files import document, read
from bus.cli.show import AsJson, say, show

app = typer.Typer(
    no_args_is_help=True, help="Pause, resume and replay subscriptions; their secrets and sinks."
)

SubscriptionId = Annotated[str, typer.Argument(metavar="ID", help="Id of the subscription.")]

_ATTEMPT = ["at", "topic", "partition", "offset", "attempt", "outcome", "type", "eventId"]


@app.command()
def pause(id_: SubscriptionId, *, url: Url = None, as_json: AsJson = False) -> None:
    """Deliver nothing until it is resumed; its place in the log is kept."""
    _state("_pause", id_, url=url, as_json=as_json)


@app.command()
def resume(id_: SubscriptionId, *, url: Url = None, as_json: AsJson = False) -> None:
    """Deliver again, also where the bus has disabled the subscription."""
    _state("_resume", id_, url=url, as_json=as_json)


@app.command()
def replay(
    id_: SubscriptionId,
    *,
    from_: Annotated[
        str | None, typer.Option("--from", help="A time, or earliest.", metavar="TIME")
    ] = None,
    offsets: Annotated[
        str | None, typer.Option(help='A file as {"topic": {"0": 12}} instead of --from.')
    ] = None,
    until: Annotated[str | None, typer.Option(help="A time; else until where it stands.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Deliver again what matches, from an earlier place on."""
    if (from_ is None) == (offsets is None):
        raise typer.BadParameter("give --from or --offsets", param_hint="--from")
    wanted: dict[str, Any] = {
        "from": from_ if offsets is None else document(read(offsets), offsets)
    }
    if until is not None:
        wanted["until"] = until
    asked = call("POST", f"/v1/subscriptions/{id_}/_replay", url=url, document=wanted)
    text = f"at most {asked['offsets']} events will be delivered again; see `bus status {id_}`"
    say(text, asked, as_json=as_json)


@app.command()
def attempts(
    id_: SubscriptionId,
    *,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=200)] = 50,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest attempts that did not succeed."""
    page = call("GET", f"/v1/subscriptions/{id_}/attempts?limit={limit}", url=url)
    show(page["items"], _ATTEMPT, as_json=as_json)


@app.command()
def verify(id_: SubscriptionId, *, url: Url = None, as_json: AsJson = False) -> None:
    """Ask the sink again whether the bus may deliver; exit code 1 when it says no."""
    consent = call("POST", f"/v1/subscriptions/{id_}/_verify", url=url)["consent"]
    terms = ", ".join(f"{name} {consent[name]}" for name in ("origin", "rate") if name in consent)
    say(f"{consent['result']}{terms and f' ({terms})'}", consent, as_json=as_json)
    raise typer.Exit(1 if consent["result"] == "denied" else 0)


@app.command("rotate-secret")
def rotate_secret(
    id_: SubscriptionId,
    *,
    grace: Annotated[
        float | None,
        typer.Option(
            help="Seconds that the old secret signs too, a day when not given; 0: it leaked.",
            min=0,
        ),
    ] = None,
    scheme: Annotated[str | None, typer.Option(help="v1 or v1a; as before when not given.")] = None,
    secret: Annotated[
        str | None, typer.Option(help="A file with a secret of one's own; - reads stdin.")
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Sign with another secret from now on; prints it, this once, where the bus made it."""
    own = None if secret is None else read(secret).decode(errors="replace").strip()
    wish = {"grace": grace, "scheme": scheme, "secret": own}
    given = {name: value for name, value in wish.items() if value is not None}
    changed = call("POST", f"/v1/subscriptions/{id_}/_rotate-secret", url=url, document=given)
    say("\n".join(secret_of(changed)) or "signed by it from now on", changed, as_json=as_json)


def secret_of(subscription: Mapping[str, Any]) -> list[str]:
    """Write what its deliveries are verified with, as far as it is told."""
    signing = subscription["signing"]
    lines = [f"public key    {signing['publicKey']}"] if "publicKey" in signing else []
    return lines + (
        [f"secret        {signing['secret']}   (shown only now)"] if "secret" in signing else []
    )


def _state(act: str, id_: str, *, url: str | None, as_json: bool) -> None:
    changed = call("POST", f"/v1/subscriptions/{id_}/{act}", url=url)
    say(f"{changed['id']} is {changed['state']}", changed, as_json=as_json)
