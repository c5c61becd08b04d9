"""Catching up from the log: one reader per partition serves all that are too far behind."""

from collections import deque
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from bus.catalogue.asking import add_wanted
from bus.codec import kafka
from bus.match.index import Index
from bus.store.partition import LossReason
from bus.subscription import Subscription
from consumers.dispatch.envelope import Envelope
from consumers.dispatch.member import Member
from consumers.dispatch.stream import Stream

_NOBODY: frozenset[Member] = frozenset()


class Scan:
    """Decides whose turn it is and hands out what was read. No I/O.

    The lead rotates, so that none starves; members whose cursor lies in the stretch that is read
    ride along. They have an index of their own: a record costs no more with many of them, and
    nothing with those whom the stream serves.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._turns: deque[Member] = deque()
        self._index: Index[Member] = Index()
        self._indexed: dict[Member, Subscription] = {}

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

    def feed(
        self,
        start: int,
        envelopes: Iterable[Envelope],
        end: int,
        now: float,
        *,
        missing: LossReason = "retention",
    ) -> None:
        """Hand out the records of [start, end), gaps in the offsets included.

        `missing` is why one that somebody waits for is not among them.
        """
        stream = self._stream
        self._look_up_who_scans()
        riders = {
            each
            for each in stream.scanning
            if start <= each.cursor <= end and stream.may_scan(each)
        }
        owed = {offset for each in riders for offset in each.owed}
        for envelope in envelopes:
            asking = riders & self._matching(envelope)
            if envelope.offset in owed:
                asking |= {each for each in riders if envelope.offset in each.owed}
            for member in asking:
                if not stream.offer(member, envelope, now):
                    riders.discard(member)
        for member in riders:
            stream.arrive(member, end, missing)
            if member.cursor >= stream.tail.start:
                stream.advance(member, now)

    def unreadable(self, offset: int, end: int, now: float) -> None:
        """Pass over what cannot be read of [offset, end): those who stand there have lost it."""
        for member in self._stream.scanning:
            if offset <= member.cursor < end and self._stream.may_scan(member):
                lost = [each for each in range(member.cursor, end) if member.asks_for(each)]
                if lost:
                    self._stream.lose(member, lost, "damaged")
        self.feed(offset, (), end, now, missing="damaged")

    def overtaken(self, start: int, now: float) -> None:
        """Move every member below the log's `start` up to it: it lost at most what lies between."""
        for member in list(self._stream.scanning):
            if member.cursor >= start:
                continue
            self._stream.lose(member, range(member.cursor, start))
            member.owed = {offset for offset in member.owed if offset >= start}
            member.move_to(start)
            self._stream.advance(member, now)

    def _look_up_who_scans(self) -> None:
        """Bring the index up to those who scan now, and to the versions that they go by."""
        scanning = self._stream.scanning
        for member in [each for each in self._indexed if each not in scanning]:
            self._index.remove(member)
            del self._indexed[member]
        for member in scanning:
            terms = member.terms
            if terms is None or self._indexed.get(member) is terms:
                continue
            self._indexed[member] = terms
            add_wanted(self._index, member, terms, organisation=member.subscriber.organisation)

    def _matching(self, envelope: Envelope) -> AbstractSet[Member]:
        """Give those who scan and want an event; its type is seen before it is decoded."""
        type_ = kafka.type_of(envelope.record.headers, envelope.record.value)
        if type_ is not None and not self._index.wants(type_):
            return _NOBODY
        event = envelope.event
        if event is None:
            return _NOBODY
        return {*self._index.match(event.type, event.get, self._stream.readers(envelope))}
