"""Cursors: where a reader stands in every partition, as a text that only this bus can write."""

import hashlib
import hmac
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from itertools import groupby
from typing import Final
from uuid import UUID

import msgspec

from bus.log.record import Partition

_VERSION: Final = "1"
_TAG_BYTES: Final = 16
_LONGEST: Final = 65_536
"""Characters: two thousand partitions take a quarter of it."""

_Form = dict[str, dict[int, int]]


class NotACursor(Exception):
    """The text is no cursor, is damaged, or is one of another subscription."""


class Cursors:
    """Writes and reads cursors, signed with a key that every API process has.

    The signature covers the subscription, which is not in the text: nobody can move a position to
    where this subscription was never shown the way.
    """

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"gemeentebus pull cursor", hashlib.sha256)

    def write(self, subscription: UUID, positions: Mapping[Partition, int]) -> str:
        """Give the cursor for these positions."""
        form: _Form = {
            topic: {each.partition: positions[each] for each in partitions}
            for topic, partitions in groupby(sorted(positions), key=lambda each: each.topic)
        }
        packed = zlib.compress(msgspec.msgpack.encode(form))
        text = urlsafe_b64encode(self._tag(subscription, packed) + packed)
        return _VERSION + text.decode().rstrip("=")

    def read(self, text: str, subscription: UUID) -> dict[Partition, int]:
        """Give the positions in what `write` gave for this subscription; raises NotACursor."""
        if len(text) > _LONGEST or text[:1] != _VERSION:
            raise NotACursor
        body = text[1:]
        try:
            sealed = urlsafe_b64decode((body + "=" * (-len(body) % 4)).encode("ascii"))
        except ValueError:
            raise NotACursor from None
        if urlsafe_b64encode(sealed).decode().rstrip("=") != body:
            raise NotACursor  # the decoder passes over what is no base64, and over unused bits
        tag, packed = sealed[:_TAG_BYTES], sealed[_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(subscription, packed)):
            raise NotACursor
        form = msgspec.msgpack.decode(zlib.decompress(packed), type=_Form)
        return {
            Partition(topic, number): offset
            for topic, numbers in form.items()
            for number, offset in numbers.items()
        }

    def _tag(self, subscription: UUID, packed: bytes) -> bytes:
        signed = _VERSION.encode() + subscription.bytes + packed
        return hmac.digest(self._key, signed, hashlib.sha256)[:_TAG_BYTES]
