"""`bus pull`: the events of one subscription, fetched."""

from typing import Annotated
from urllib.parse import urlencode

import msgspec
import typer

from bus.cli.client import Url, call, exchange
from bus.cli.delivery import SubscriptionId
from bus.cli.failure import Failure

_WAIT_SECONDS = 20
"""Of a long poll: less than the client waits for an answer."""


class _Page(msgspec.Struct):
    """An answer, its events as the text they came in."""

    events: list[msgspec.Raw]
    cursor: str


def pull(
    id_: SubscriptionId,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for more, until Ctrl-C.")
    ] = False,
    ack: Annotated[
        bool, typer.Option("--ack", help="Acknowledge what was printed: it does not come again.")
    ] = False,
    after: Annotated[
        str | None, typer.Option(help="Begin at this cursor, not where the bus has us.")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", "-n", min=1, help="Stop after so many events.")
    ] = None,
    url: Url = None,
) -> None:
    """Print the events of a subscription, each as a line of JSON; the last cursor goes to stderr.

    Whole events: mind the personal data in them.
    """
    left, behind = count, None
    try:
        while left != 0:
            asked = behind or after
            page = _fetch(id_, asked, follow=follow, limit=left, url=url)
            for event in page.events:
                # A sender's own line breaks are between tokens: JSON has none within a string.
                typer.echo(bytes(event).replace(b"\r", b" ").replace(b"\n", b" "))
            if ack and page.cursor != asked:
                path = f"/v1/subscriptions/{id_}/events/_ack"
                call("POST", path, url=url, document={"cursor": page.cursor})
            left = None if left is None else left - len(page.events)
            behind = page.cursor
            if behind == asked and not follow:
                break
    finally:  # by Ctrl-C and a lost connection, too
        if behind is not None:
            typer.echo(f"cursor  {behind}", err=True)


def _fetch(
    id_: str, after: str | None, *, follow: bool, limit: int | None, url: str | None
) -> _Page:
    query = {"after": after, "wait": _WAIT_SECONDS if follow else None}
    query["limit"] = None if limit is None else min(limit, 1_000)
    given = urlencode({name: value for name, value in query.items() if value is not None})
    path = f"/v1/subscriptions/{id_}/events?{given}"
    reply = exchange("GET", path, url=url, headers={"Accept": "application/json"})
    try:
        return msgspec.json.decode(reply.body, type=_Page)
    except msgspec.DecodeError:
        raise Failure("this is not how the bus answers. Cure: check --url.") from None
