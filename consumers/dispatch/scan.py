"""Catching up from the log: one reader per partition serves all that are too far behind."""

from collections import deque
from collections.abc import Iterable

from consumers.dispatch.envelope import Envelope
from consumers.dispatch.member import Member
from consumers.dispatch.stream import Stream


class Scan:
    """Decides whose turn it is and hands out what was read. No I/O.

    The lead rotates, so that none starves; members whose cursor lies in the stretch that is read
    ride along.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._turns: deque[Member] = deque()

    def lead(self) -> Member | None:
        """Give the next member in turn that can take events in, or None while all must wait."""
        scanning = self._stream.scanning
        known = set(self._turns)
        self._turns.extend(each for each in scanning if each not in known)
        for _ in range(len(self._turns)):
            member = self._turns.popleft()
            if member not in scanning:
                continue
            self._turns.append(member)
            if self._stream.may_scan(member):
                return member
        return None

    def feed(self, start: int, envelopes: Iterable[Envelope], end: int, now: float) -> None:
        """Hand out the records of [start, end), gaps in the offsets included."""
        stream = self._stream
        riders = {each for each in stream.scanning if stream.may_scan(each)}
        at = start
        for envelope in envelopes:
            for member in list(riders):
                if at <= member.cursor <= envelope.offset and not stream.offer(
                    member, envelope, now
                ):
                    riders.discard(member)
            at = envelope.offset + 1
        arrived = [each for each in riders if start <= each.cursor <= end]
        for member in arrived:
            stream.arrive(member, end)
            if member.cursor >= stream.tail.start:
                stream.advance(member, now)

    def overtaken(self, start: int, now: float) -> None:
        """Move every member below the log's `start` up to it: it lost at most what lies between."""
        for member in list(self._stream.scanning):
            if member.cursor >= start:
                continue
            self._stream.lose(member, range(member.cursor, start))
            member.owed = {offset for offset in member.owed if offset >= start}
            member.move_to(start)
            self._stream.advance(member, now)
