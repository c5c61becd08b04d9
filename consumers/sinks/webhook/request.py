"""From an event and a subscription to the POST that delivers it (design §5)."""

import re
from collections.abc import Mapping, Sequence

from bus.event import Event
from consumers.sinks.sender import Request
from consumers.sinks.webhook.sign import Signer, webhook_id

# W3C Trace Context; an attribute that is not in this form stays in the event and out of the head.
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
_TRACESTATE = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]{0,510}[\x21-\x7e])?", re.ASCII)


class RequestBuilder:
    """Builds the requests of one subscription; what does not vary is prepared here, once.

    `origin` is the host name by which the bus introduces itself (`WebHook-Request-Origin`).
    `signers` sign each request, the newest first: more than one while a secret is being replaced.
    `headers` are the subscription's own: `bus.subscription` has refused those that are ours or the
    connection's.
    """

    __slots__ = ("_fixed", "_organisation", "_signers", "_sink", "_subscription_id", "_timeout")

    def __init__(
        self,
        *,
        subscription_id: str,
        organisation: str,
        sink: str,
        timeout: float,
        origin: str,
        signers: Sequence[Signer],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        own = tuple((headers or {}).items())
        named = any(name.lower() == "user-agent" for name, _ in own)
        self._subscription_id = subscription_id
        self._organisation = organisation
        self._sink = sink
        self._timeout = timeout
        self._signers = tuple(signers)
        self._fixed = (
            ("Content-Type", "application/cloudevents+json; charset=utf-8"),
            ("WebHook-Request-Origin", origin),
            *(() if named else (("User-Agent", "Gemeentebus"),)),
            *own,
        )

    def build(self, event: Event, body: bytes, *, now: float) -> Request:
        """Build one attempt; `body` is the event in structured JSON, `now` Unix time in seconds."""
        message_id = webhook_id(event.source, event.id, self._subscription_id)
        timestamp = int(now)
        headers = (
            *self._fixed,
            *_trace(event),
            ("webhook-id", message_id),
            ("webhook-timestamp", str(timestamp)),
        )
        if self._signers:
            items = [signer.sign(message_id, timestamp, body) for signer in self._signers]
            headers += (("webhook-signature", " ".join(items)),)
        return Request(self._sink, headers, body, self._timeout, self._organisation)


def _trace(event: Event) -> tuple[tuple[str, str], ...]:
    parent = event.attributes.get("traceparent")
    if not isinstance(parent, str) or not _TRACEPARENT.fullmatch(parent):
        return ()
    state = event.attributes.get("tracestate")
    if not isinstance(state, str) or not _TRACESTATE.fullmatch(state):
        return (("traceparent", parent),)
    return (("traceparent", parent), ("tracestate", state))
