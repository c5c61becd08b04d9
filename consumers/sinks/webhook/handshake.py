"""Asks a sink whether the bus may deliver (CloudEvents webhook §4): no status is a consent."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from bus.subscription import Consent, SinkTls
from consumers.sinks.webhook.client import Client
from consumers.sinks.webhook.client_tls import context_of
from consumers.sinks.webhook.dial import Unreachable

_TIMEOUT = 5.0
"""Seconds: somebody who makes a subscription waits for the answer."""

_ORIGIN = re.compile(r"[!-~]{1,253}")
_RATE = re.compile(r"\*|[0-9]{1,9}", re.ASCII)


class Handshake:
    """Asks sinks in the name of `origin`, the host name of the bus."""

    def __init__(self, client: Client, *, origin: str) -> None:
        self._client = client
        self._origin = origin

    async def ask(self, sink: str, *, rate: float | None, tls: SinkTls | None) -> Consent:
        """Ask one sink, for so many events per second if that is said; takes at most 5 s."""
        headers = {"WebHook-Request-Origin": self._origin}
        if rate is not None:
            headers["WebHook-Request-Rate"] = str(math.ceil(rate * 60))
        context = None if tls is None else context_of(tls)
        now = datetime.now(UTC)
        try:
            reply = await self._client.ask(
                "OPTIONS", sink, headers=headers, timeout=_TIMEOUT, tls=context
            )
        except Unreachable:
            return Consent(result="unanswered", at=now)
        return consent_in(reply.headers, origin=self._origin, asked=rate is not None, now=now)


def consent_in(headers: Mapping[str, str], *, origin: str, asked: bool, now: datetime) -> Consent:
    """Read an answer, names of headers in lower case; `asked` says whether a rate was asked for.

    Who was asked for a rate and names none has not consented; one that is 0 denies.
    """
    allowed = headers.get("webhook-allowed-origin", "").strip()
    rate = headers.get("webhook-allowed-rate", "" if asked else "*").strip()
    if not _ORIGIN.fullmatch(allowed) or not _RATE.fullmatch(rate):
        return Consent(result="unanswered", at=now)
    number = None if rate == "*" else int(rate)
    if number == 0 or allowed.lower() not in {"*", origin.lower()}:
        return Consent(result="denied", at=now, origin=allowed)
    return Consent(result="granted", at=now, origin=allowed, rate=number)
