"""From events and a subscription to the POST that delivers them (design §5)."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from bus.codec import http
from bus.codec.media import BATCH, STRUCTURED, Mode, mode_of
from bus.event import Event
from consumers.sinks.sender import Keys, Request, header_lines
from consumers.sinks.webhook import message_signature
from consumers.sinks.webhook.sign import EventIds, Signs, batch_id, counted

# W3C Trace Context; an attribute that is not in this form stays in the event and out of the head.
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
_TRACESTATE = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]{0,510}[\x21-\x7e])?", re.ASCII)


class Content:
    """What of an event is the same for all webhooks, made once for all of them.

    `body` is the event in structured JSON, `trace` the header lines of its trace.
    """

    __slots__ = ("body", "event", "ids", "trace")

    def __init__(self, event: Event, body: bytes) -> None:
        self.event = event
        self.body = body
        self.trace = _trace(event)
        self.ids = EventIds(event.source, event.id)


class RequestBuilder:
    """Builds the requests of one subscription; what does not vary is prepared here, once.

    `origin` is the host name by which the bus introduces itself (`WebHook-Request-Origin`).
    `signers` sign each request, the newest first: more than one while a secret is being replaced.
    `headers` are the subscription's own: `bus.subscription` has refused those that are ours or the
    connection's. `mode` is how events travel; `keys` open the sink where a header does not.
    """

    __slots__ = (
        "_common",
        "_first_byte",
        "_fixed",
        "_keys",
        "_mode",
        "_organisation",
        "_signers",
        "_sink",
        "_subscription",
        "_subscription_id",
        "_timeout",
        "_uri",
    )

    def __init__(  # noqa: PLR0913 - a subscription in plain values
        self,
        *,
        subscription_id: str,
        organisation: str,
        sink: str,
        timeout: float,
        origin: str,
        signers: Sequence[Signs],
        headers: Mapping[str, str] | None = None,
        mode: Literal["structured", "binary", "batch"] = "structured",
        keys: Keys | None = None,
        first_byte: float | None = None,
    ) -> None:
        own = (headers or {}).items()
        named = any(name.lower() == "user-agent" for name, _ in own)
        self._subscription_id = subscription_id
        self._subscription = counted(subscription_id)
        self._organisation = organisation
        self._sink = sink
        self._uri = message_signature.target_uri(sink)
        self._timeout = timeout
        self._signers = tuple(signers)
        self._mode = mode
        self._keys = keys
        self._first_byte = first_byte
        agent = () if named else (("User-Agent", "Gemeentebus"),)
        media_type = BATCH if mode == "batch" else STRUCTURED
        self._common = header_lines((("WebHook-Request-Origin", origin), *agent, *own))
        self._fixed = f"Content-Type: {media_type}; charset=utf-8\r\n{self._common}"

    def build(self, content: Content, *, now: float) -> Request:
        """Build one attempt to deliver an event; `now` is Unix time in seconds."""
        if self._mode == "batch":
            return self.build_batch([content], now=now)
        body, lines, timestamp = content.body, self._fixed, int(now)
        if self._mode == "binary" and _fits_binary(content.event):
            said, body = http.encode_binary(content.event)
            lines = header_lines((*said, *self._sign(said, body, timestamp))) + self._common
        message_id = content.ids.for_subscription(self._subscription)
        return self._request(lines + content.trace, body, message_id, timestamp)

    def build_batch(self, contents: Sequence[Content], *, now: float) -> Request:
        """Build one attempt to deliver several events.

        Its `webhook-id` is that of the event when there is but one; else another batch has another.
        """
        ids = [content.ids.for_subscription(self._subscription) for content in contents]
        body = b"[" + b",".join(content.body for content in contents) + b"]"
        message_id = ids[0] if len(ids) == 1 else batch_id(ids)
        return self._request(self._fixed, body, message_id, int(now))

    def _request(self, lines: str, body: bytes, message_id: str, timestamp: int) -> Request:
        head = f"{lines}webhook-id: {message_id}\r\nwebhook-timestamp: {timestamp}\r\n"
        if self._signers:
            items = [signer.sign(message_id, timestamp, body) for signer in self._signers]
            head = f"{head}webhook-signature: {' '.join(items)}\r\n"
        return Request(
            self._sink,
            head,
            body,
            self._timeout,
            self._organisation,
            self._keys,
            self._first_byte,
        )

    def _sign(
        self, headers: Sequence[tuple[str, str]], body: bytes, timestamp: int
    ) -> tuple[tuple[str, str], ...]:
        """Sign what Standard Webhooks leaves open in binary mode: the event's attributes."""
        if not self._signers:
            return ()
        return message_signature.sign(
            self._signers,
            dict(headers),
            body,
            uri=self._uri,
            keyid=self._subscription_id,
            created=timestamp,
        )


def _fits_binary(event: Event) -> bool:
    """Say whether an event can go in binary mode by the webhook document and by its own type.

    A delivery has a body and a Content-Type, in ASCII to be signed; and that of data which is
    itself a CloudEvent would say another mode.
    """
    datacontenttype = event.datacontenttype
    if not event.data or datacontenttype is None or not datacontenttype.isascii():
        return False
    return mode_of(datacontenttype) is Mode.BINARY


def _trace(event: Event) -> str:
    parent = event.attributes.get("traceparent")
    if not isinstance(parent, str) or not _TRACEPARENT.fullmatch(parent):
        return ""
    state = event.attributes.get("tracestate")
    if not isinstance(state, str) or not _TRACESTATE.fullmatch(state):
        return f"traceparent: {parent}\r\n"
    return f"traceparent: {parent}\r\ntracestate: {state}\r\n"
