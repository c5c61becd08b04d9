"""What one subscription may be sent next: concurrency, waits, outage. No I/O, no clock."""

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from itertools import count
from uuid import UUID

from bus.store.streams import StoredSubscription
from bus.subscription import Subscription
from consumers.dispatch.decision import Hold, Retry, Settle, decide, describe
from consumers.dispatch.window import Delivery
from consumers.sinks.outcome import Delivered, Outcome

OUTAGE_HEADS = 3
"""So many lane heads failing since the last success: the endpoint is down, not an event bad."""


class Subscriber:
    """The deliveries of one subscription on this worker, over all its partitions.

    A delivery is *ready* (may be sent), *in flight*, or *waiting* for its next try. In an outage
    only one probe at a time goes out, each time another lane's, on the retry schedule; any success
    ends the outage and makes everything ready.
    """

    def __init__(
        self, stored: StoredSubscription, on_ready: Callable[["Subscriber"], None]
    ) -> None:
        self.stored = stored
        self.in_flight = 0
        self._on_ready = on_ready
        self._ready: deque[Delivery] = deque()
        self._waiting: list[tuple[float, int, Delivery]] = []  # a heap by due time
        self._entry = count()
        self._failed_heads: set[Delivery] = set()
        self._probes = 0
        self._quiet_until = 0.0

    @property
    def identity(self) -> UUID:
        """The subscription's id."""
        return self.stored.id

    @property
    def organisation(self) -> str:
        """The OIN whose reading rights count."""
        return self.stored.organisation

    @property
    def subscription(self) -> Subscription:
        """The version in force."""
        return self.stored.subscription

    @property
    def outage(self) -> bool:
        """Whether the endpoint as a whole is down, as far as its answers tell."""
        return len(self._failed_heads) >= OUTAGE_HEADS

    def reconfigure(self, stored: StoredSubscription) -> None:
        """Take a new version; a changed sink may work again, so all that waits is tried at once."""
        self.stored = stored
        self._recover()
        self._on_ready(self)

    def offer(self, delivery: Delivery) -> None:
        """Take a delivery whose lane lets it go."""
        self._ready.append(delivery)
        self._on_ready(self)

    def next(self, now: float) -> Delivery | None:
        """Give the delivery to send now, counted as in flight, or None."""
        self._wake(now)
        limit = 1 if self.outage else self.subscription.delivery.concurrency
        if self.in_flight >= limit or now < self._quiet_until:
            return None
        for _ in range(len(self._ready)):
            delivery = self._ready.popleft()
            if delivery.window.closed:
                continue
            if delivery.window.flights.until > now:
                self.in_flight += 1
                delivery.window.flights.started()
                return delivery
            self._ready.append(delivery)
        return None

    def wake_at(self, now: float) -> float | None:
        """Give the moment after `now` at which `next` may have more; None if only an answer can."""
        if self._ready and self._quiet_until > now:
            return self._quiet_until
        if self._waiting and not self.outage:
            return max(self._waiting[0][0], self._quiet_until)
        return None

    def answered(self, delivery: Delivery, outcome: Outcome, *, now: float, roll: float) -> bool:
        """Take the outcome of an attempt; return whether the delivery is settled."""
        self._ended(delivery)
        if delivery.window.closed and not isinstance(outcome, Delivered):
            # Its next owner tries it again; here it is no failing head and waits for nothing.
            return False
        decision = decide(
            outcome,
            failures=delivery.failures + 1,
            policy=self.subscription.delivery.retry,
            roll=roll,
        )
        match decision:
            case Settle():
                if self.outage:
                    self._recover()
                self._failed_heads.clear()
                return True
            case Hold(delay):
                self._quiet_until = max(self._quiet_until, now + delay)
                self._note(delivery, outcome, now)
                # To the back: an event for which the sink always asks for quiet starves no lane.
                self._ready.append(delivery)
            case Retry(delay):
                self._note(delivery, outcome, now)
                delivery.failures += 1
                self._failed(delivery, delay, now=now, roll=roll)
        return False

    def withheld(self, delivery: Delivery) -> None:
        """Take in that a delivery given by `next` is not sent after all."""
        self._ended(delivery)
        self._keep_failed(each for each in self._failed_heads if each is not delivery)

    def drop_closed(self) -> None:
        """Let go of what belongs to closed windows: it counts for nothing here any more."""
        self._ready = deque(each for each in self._ready if not each.window.closed)
        self._waiting = [each for each in self._waiting if not each[2].window.closed]
        heapify(self._waiting)
        self._keep_failed(each for each in self._failed_heads if not each.window.closed)
        self._on_ready(self)

    def _keep_failed(self, heads: Iterable[Delivery]) -> None:
        """Count only these as failing; without enough of them the outage is over."""
        was_out = self.outage
        self._failed_heads = set(heads)
        if was_out and not self.outage:
            self._recover()

    def _ended(self, delivery: Delivery) -> None:
        self.in_flight -= 1
        delivery.window.flights.ended()

    def _failed(self, delivery: Delivery, delay: float, *, now: float, roll: float) -> None:
        self._failed_heads.add(delivery)
        if not self.outage:
            heappush(self._waiting, (now + delay, next(self._entry), delivery))
            return
        # The lanes take turns: the one that failed goes to the back.
        self._ready.append(delivery)
        self._empty_waiting()
        if self.in_flight == 0:
            self._probes += 1
            pause = self.subscription.delivery.retry.delay(self._probes, roll)
            self._quiet_until = max(self._quiet_until, now + pause)

    def _recover(self) -> None:
        self._failed_heads.clear()
        self._probes = 0
        self._quiet_until = 0.0
        self._empty_waiting()

    def _wake(self, now: float) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            self._ready.append(heappop(self._waiting)[2])

    def _empty_waiting(self) -> None:
        while self._waiting:
            self._ready.append(heappop(self._waiting)[2])

    @staticmethod
    def _note(delivery: Delivery, outcome: Outcome, now: float) -> None:
        delivery.last_failure = describe(outcome)
        if delivery.failed_at is None:
            delivery.failed_at = now
