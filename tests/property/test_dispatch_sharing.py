"""Two partitions share one subscriber: whatever becomes of one, nothing leaks and all arrives."""

from random import Random

import pytest

from consumers.dispatch import window
from consumers.dispatch.member import Member
from consumers.dispatch.stream import Stream
from consumers.dispatch.window import Delivery
from consumers.sinks.outcome import Delivered, Temporary
from tests.unit.dispatch.small_stream import LogRecord, Small, answer, at, record, row, send, stored

SEEDS = 200
STEPS = 150


class Shared:
    """A subscriber with a partition here and one there, each put down and taken up at any time."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)  # noqa: S311 - a replayable run, not a secret
        self.small = Small()
        retry = {"schedule": (1, 5), "jitter": 0}
        self.terms = stored(delivery={"concurrency": self.rng.choice([1, 3]), "retry": retry})
        self.now = 0.0
        self.sick = False
        self.logs: tuple[list[LogRecord], ...] = ([], [])
        self.acknowledged: tuple[set[int], ...] = (set(), set())
        self.streams: list[Stream] = [self._load(0), self._load(1)]
        self.flights: list[Delivery] = []
        self.subscriber = self.small.subscribers[self.terms.id]

    def _load(self, number: int) -> Stream:
        stream = self.small.stream()
        for each in self.logs[number]:
            stream.feed(each, self.now)
        end = len(self.logs[number])
        opened = sorted(set(range(end)) - self.acknowledged[number])
        stream.join(self.terms, row(self.terms.id, end, *opened), at(self.now))
        return stream

    def publish(self) -> None:
        """Let one of the streams read one more event."""
        number = self.rng.randrange(2)
        key = f"k{self.rng.randrange(5)}"
        fresh = record(len(self.logs[number]), key=key, partition=number)
        self.logs[number].append(fresh)
        self.streams[number].feed(fresh, self.now)

    def send(self) -> None:
        """Put on the wire what may go."""
        self.flights += send(self.subscriber, self.now)

    def answer(self) -> None:
        """Let one request be answered, in any order, be its partition still held or not."""
        if self.flights:
            delivery = self.flights.pop(self.rng.randrange(len(self.flights)))
            quiet = self.rng.choice([None, None, 2.0])
            self._answer(delivery, Temporary("answer", 503, quiet) if self.sick else Delivered(204))

    def _answer(self, delivery: Delivery, outcome: Temporary | Delivered) -> None:
        if isinstance(outcome, Delivered):
            self.acknowledged[delivery.envelope.record.partition].add(delivery.offset)
        answer(self.subscriber, delivery, outcome, self.now)

    def take_again(self) -> None:
        """Put one partition down and take it up anew."""
        number = self.rng.randrange(2)
        self.streams[number].close()
        self.streams[number] = self._load(number)

    def lease(self) -> None:
        """Let a lease run out, or come back."""
        self.rng.choice(self.streams).flights.until = self.rng.choice([0.0, float("inf")])

    def change_health(self) -> None:
        """Let the sink fall ill, or recover."""
        self.sick = not self.sick

    def pass_time(self) -> None:
        """Let the clock go on, and members read on that wait."""
        self.now += self.rng.choice([0.3, 4.0])
        for stream in self.streams:
            stream.advance_all(self.now)

    def drain(self) -> None:
        """Turn every fault off: all arrives in a bounded number of rounds."""
        self.sick = False
        for stream in self.streams:
            stream.flights.until = float("inf")
        for _ in range(300):
            while self.flights:
                self._answer(self.flights.pop(), Delivered(204))
            if all(_is_done(each.members[self.terms.id]) for each in self.streams):
                return
            self.now += 100.0
            for stream in self.streams:
                stream.advance_all(self.now)
            self.send()
        raise AssertionError("stands still")


def _is_done(member: Member) -> bool:
    return member.up_to_date and (member.shelf is None or member.shelf.empty)


@pytest.mark.parametrize("batch", range(2))
def test_nothing_leaks_between_partitions(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Late answers, closed windows and lapsed leases leave no count, no timer and no outage."""
    monkeypatch.setattr(window, "MAX_EVENTS", 6)
    steps = [Shared.publish, Shared.send, Shared.answer] * 5
    steps += [Shared.take_again, Shared.lease, Shared.change_health, *[Shared.pass_time] * 4]
    for seed in range(batch * SEEDS, (batch + 1) * SEEDS):
        shared = Shared(seed)
        for _ in range(STEPS):
            shared.rng.choice(steps)(shared)
        shared.drain()
        assert [len(each) for each in shared.acknowledged] == [len(each) for each in shared.logs]
        assert shared.subscriber.in_flight == 0
        assert shared.subscriber.room.events == 0
        assert [stream.flights.out for stream in shared.streams] == [0, 0]
        assert not shared.subscriber.outage
        assert shared.subscriber.wake_at(shared.now) is None
