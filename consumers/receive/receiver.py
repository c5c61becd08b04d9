"""From a request to an answer: each event handled once, for any web framework."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

from bus.event import Event
from consumers.receive.message import Rejected, read
from consumers.receive.seen import MemorySeen, Seen
from consumers.sinks.webhook.sign import verifier_of

Handler = Callable[[Event], Awaitable[None]]
"""What the component does with an event; whatever it raises makes the bus deliver it again."""

# The component's own logging decides what becomes of its exceptions.
_log = logging.getLogger("gemeentebus.receive")


@dataclass(frozen=True, slots=True)
class Answer:
    """The HTTP answer to give: 204 for taken or taken before, else a status that says what to do.

    401, 400, 413, 415: not a delivery to act upon. 500: the handler failed, deliver again.
    """

    status: int
    detail: str = ""


class Receiver:
    """Verifies deliveries and hands each event to `handler` once.

    `secret` is what signs, as the bus showed it: `whsec_…`, or the public key `whpk_…`; give the
    old and the new one while one replaces the other. `tolerance` is in seconds. `seen` remembers
    events by itself, or where they survive a restart. Raises ValueError for a text that is no
    secret, or for none at all.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        secret: str | Sequence[str],
        tolerance: float = 300.0,
        seen: Seen | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        secrets = [secret] if isinstance(secret, str) else secret
        self._signers = [verifier_of(each) for each in secrets]
        if not self._signers:
            raise ValueError("a receiver needs a secret")
        self._handler = handler
        self._tolerance = tolerance
        self._seen = MemorySeen() if seen is None else seen
        self._clock = clock
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def receive(
        self, headers: Iterable[tuple[bytes, bytes]], body: bytes, *, uri: str | None = None
    ) -> Answer:
        """Take one request; `headers` have lower-case names; binary mode asks for the `uri`, too.

        An event that was handled is not handled again, also when it comes twice at once: the second
        waits for the first, and takes its place if that fails. Of a batch the events after one that
        fails wait for the next delivery.
        """
        try:
            events = read(
                headers,
                body,
                signers=self._signers,
                now=self._clock(),
                tolerance=self._tolerance,
                uri=uri,
            )
        except Rejected as rejection:
            return Answer(rejection.status, rejection.detail)
        for event in events:
            try:
                await self._once(event)
            except Exception:  # noqa: BLE001 - whatever the component raises: the bus tries again
                _log.exception("an event was not taken", extra=_named(event))
                return Answer(500, "The component could not take the event.")
        return Answer(204)

    async def _once(self, event: Event) -> None:
        key = (event.source, event.id)
        turn = self._turns.get(key)
        if turn is None:
            turn = self._turns[key] = asyncio.Lock()  # lives as long as somebody waits for it
        async with turn:
            if await self._seen.has(*key):
                return
            await self._handler(event)
            await self._seen.add(*key)


def _named(event: Event) -> dict[str, str]:
    return {"event_source": event.source, "event_id": event.id, "event_type": event.type}
