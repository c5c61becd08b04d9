"""Takes notices to the log, and deletes them once the log has them."""

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from bus.catalogue.notices import event_of
from bus.codec import kafka
from bus.log.errors import LogError, RecordTooLarge
from bus.log.record import Appended
from bus.log.writer import Writer
from bus.observe import metrics
from bus.observe.logging import LogEvent, get
from bus.store import notices
from bus.store.database import Session
from bus.store.notices import Waiting

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
        waiting = await notices.first(session, ROWS)
        done, failure = await self._append(waiting)
        if done:
            await notices.delete(session, done)
        if failure is not None:
            raise failure
        return len(waiting) == ROWS

    async def _append(self, waiting: Sequence[Waiting]) -> tuple[list[UUID], LogError | None]:
        """Append in order; give the ids that are done with, and what stopped the others, if any."""
        failure: LogError | None = None
        done: list[UUID] = []
        appended: list[tuple[Waiting, asyncio.Future[Appended]]] = []
        for each in waiting:
            try:
                appended.append((each, self._send(each)))
            except RecordTooLarge as error:  # its event's id or source is: no reason to wait
                self._refuse(each, error)
                done.append(each.notice.id)
            except LogError as error:
                failure = error
                break
        for each, stored in appended:
            try:
                await stored
            except LogError as error:
                failure = error
            else:
                metrics.NOTICES.labels(each.notice.type).inc()
                done.append(each.notice.id)
        return done, failure

    def _send(self, waiting: Waiting) -> asyncio.Future[Appended]:
        event = event_of(waiting.notice, waiting.at, self._url)
        headers, value = kafka.encode(event)
        key = str(event.get("partitionkey") or event.source).encode()
        return self._writer.append(self._topic, key, headers, value)

    def _refuse(self, waiting: Waiting, error: RecordTooLarge) -> None:
        _log.error(
            LogEvent.NOTICE_REFUSED,
            id=str(waiting.notice.id),
            type=waiting.notice.type,
            subscription_id=str(waiting.notice.subscription),
            reason=str(error),
        )
