"""Copies of records of the log as Postgres keeps them: whole, sealed, bound to their place."""

from collections.abc import Callable
from uuid import UUID

import msgspec

from bus.store.errors import Unreadable
from bus.store.partition import StoredRecord
from bus.store.secrets import Sealer

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(StoredRecord).decode

OnUnreadable = Callable[[Unreadable], None]
"""Told of a subscription that cannot be read, which is then left out of the answer."""


class Copies:
    """Seals and opens copies of the records of one partition.

    What does not open raises Unreadable; with `unreadable` that is told of it instead, and None is
    given.
    """

    def __init__(
        self,
        sealer: Sealer,
        topic: str,
        partition: int,
        *,
        unreadable: OnUnreadable | None = None,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self._sealer = sealer
        self._unreadable = unreadable

    def digest(self, record: StoredRecord) -> bytes:
        """Give what tells its lane from others."""
        return self._sealer.digest(record.key)

    def seal(self, record: StoredRecord, subscription: UUID, offset: int) -> bytes:
        """Give the sealed form of a subscription's copy."""
        place = (self.topic, self.partition, offset)
        return self._sealer.seal(
            _encode(record), subscription=subscription, kind="copy", place=place
        )

    def unseal(self, sealed: bytes, subscription: UUID, offset: int) -> StoredRecord | None:
        """Give the record back as the log had it."""
        place = (self.topic, self.partition, offset)
        try:
            text = self._sealer.unseal(sealed, subscription=subscription, kind="copy", place=place)
        except Unreadable as error:
            if self._unreadable is None:
                raise
            self._unreadable(error)
            return None
        return _decode(text)
