"""Takes notices to the log, and deletes them once the log has them."""

from typing import Final
from uuid import UUID

from bus.catalogue.notices import event_of
from bus.codec import kafka
from bus.log.errors import RecordTooLarge
from bus.log.writer import Writer
from bus.observe import metrics
from bus.observe.logging import LogEvent, get
from bus.store import notices
from bus.store.database import Session
from bus.store.notices import Waiting
from producers.appending import Outgoing, append

ROWS: Final = 500
"""Notices in one round: enough to spread the cost of its trips, few enough to stop in between."""

_log = get()


class NoticeRelay:
    """Publishes notices in the order they were written, at least once each, under one id.

    As with the relay of an outbox, a round appends all, waits for every answer, and only then
    deletes what the log has: for each key a beginning. To be run by one process at a time; one
    that lost its turn may have a request under way, and then both send a key from the same row on.
    """

    def __init__(self, writer: Writer, *, topic: str, url: str) -> None:
        """`topic` is that of the bus's own domain; `url` is where others reach the API."""
        self._writer = writer
        self._topic = topic
        self._url = url

    async def round(self, session: Session) -> bool:
        """Publish the oldest notices; give whether there may be more. Raises LogError, StoreError.

        What the log did not take stays.
        """
        waiting = {each.notice.id: each for each in await notices.first(session, ROWS)}
        stored, too_large, failure = await append(
            self._writer, map(self._outgoing, waiting.values())
        )
        for id_ in stored:
            metrics.NOTICES.labels(waiting[id_].notice.type).inc()
        for id_, error in too_large.items():  # its event's id or source is: no reason to wait
            self._refuse(waiting[id_], error)
        if done := [*stored, *too_large]:
            await notices.delete(session, done)
        if failure is not None:
            raise failure
        return len(waiting) == ROWS

    def _outgoing(self, waiting: Waiting) -> Outgoing[UUID]:
        event = event_of(waiting.notice, waiting.at, self._url)
        headers, value = kafka.encode(event)
        key = str(event.get("partitionkey") or event.source).encode()
        return Outgoing(waiting.notice.id, self._topic, key, headers, value)

    def _refuse(self, waiting: Waiting, error: RecordTooLarge) -> None:
        _log.error(
            LogEvent.NOTICE_REFUSED,
            id=str(waiting.notice.id),
            type=waiting.notice.type,
            subscription_id=str(waiting.notice.subscription),
            reason=str(error),
        )
