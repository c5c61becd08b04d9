"""Appends rows of a table to the log, in order, and says what became of each."""

import asyncio
from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

from bus.log.errors import LogError, RecordTooLarge
from bus.log.record import Appended, Headers
from bus.log.writer import Writer

K = TypeVar("K")


class Outgoing(NamedTuple, Generic[K]):
    """A row as it goes to the log; `id` is its own in the table."""

    id: K
    topic: str
    key: bytes
    headers: Headers
    value: bytes | None


class Became(NamedTuple, Generic[K]):
    """What the log has, what it will never take, and what stopped the others, if anything."""

    stored: list[K]
    too_large: dict[K, RecordTooLarge]
    failure: LogError | None


async def append(writer: Writer, rows: Iterable[Outgoing[K]]) -> Became[K]:
    """Append all rows, and wait for every answer. After a failure nothing more is appended.

    Of each key what is stored is a beginning, but for what is too large: over the bound of the
    writer, or (then the answer says so) over that of its topic.
    """
    failure: LogError | None = None
    too_large: dict[K, RecordTooLarge] = {}
    waiting: list[tuple[K, asyncio.Future[Appended]]] = []
    for id_, topic, key, headers, value in rows:
        try:
            waiting.append((id_, writer.append(topic, key, headers, value)))
        except RecordTooLarge as error:
            too_large[id_] = error
        except LogError as error:
            failure = error
            break
    stored = []
    for id_, answer in waiting:
        try:
            await answer
        except RecordTooLarge as error:
            too_large[id_] = error
        except LogError as error:
            failure = error
        else:
            stored.append(id_)
    return Became(stored, too_large, failure)
