"""What one subscription may be sent next: concurrency, rate, waits, outage. No I/O, no clock.

Longer than most modules: whatever may hold a delivery back is weighed in one place, `next`.
"""

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from itertools import count, islice
from typing import assert_never

from bus.store.streams import StoredSubscription
from bus.subscription import Subscription
from consumers.dispatch.caps import Cap
from consumers.dispatch.decision import (
    SETTLE,
    Bury,
    Circumstances,
    Decision,
    Disable,
    Disablement,
    Hold,
    Park,
    Retry,
    Settle,
    decide,
    describe,
)
from consumers.dispatch.room import Room
from consumers.dispatch.wanted import Wanted, wanted
from consumers.dispatch.window import Delivery, Window
from consumers.sinks.outcome import Delivered, Outcome, Reason, Temporary

OUTAGE_HEADS = 3
"""So many lanes whose heads fail since the last success: the endpoint is down, no event bad."""

BURST_SECONDS = 0.1
"""What of its rate a subscription that was quiet may be sent at once."""

_LaneOf = tuple[Window, bytes] | Delivery


class Subscriber:
    """The deliveries of one subscription on this worker, over all its partitions.

    A delivery is *ready* (may be sent), *in flight*, or *waiting* for its next try. In an outage
    only one probe at a time goes out, each time another lane's, on the retry schedule; any success
    ends the outage and makes ready what failed in it. While `stopped` (paused, disabled or about to
    be) it is sent nothing; `to_disable` says why, until that is stored. `room` counts what its
    shelves hold; `failing_since` is the moment of the first failure after the last success. One
    that `batches` gets several events in one request; of one that `keeps_all_attempts` successes
    are kept to be looked up, too. `organisation` is the OIN whose reading rights count.
    `letterhead` is what who writes its requests has prepared of the version in force.
    """

    def __init__(
        self,
        stored: StoredSubscription,
        on_ready: Callable[["Subscriber"], None],
        room: Room,
    ) -> None:
        self.identity = stored.id
        self.organisation = stored.organisation
        self.in_flight = 0
        self.room = room
        self.failing_since: float | None = None
        self.to_disable: Disablement | None = None
        self.caps: tuple[Cap[Subscriber], ...] = ()
        self._succeeded_at = float("-inf")
        self._on_ready = on_ready
        self._ready: deque[Delivery] = deque()
        self._waiting: list[tuple[float, int, Delivery]] = []  # a heap by due time
        self._entry = count()
        self._failing_lanes: dict[_LaneOf, Delivery] = {}
        self._probes = 0
        self._quiet_until = 0.0
        self._wanted: tuple[int, Wanted] | None = None
        self._riders = 0
        self._part = 1.0
        self._interval = 0.0
        self._next_turn = 0.0
        self._keep_to(stored)

    @property
    def subscription(self) -> Subscription:
        """The version in force."""
        return self.stored.subscription

    @property
    def outage(self) -> bool:
        """Whether the endpoint as a whole is down, as far as its answers tell."""
        return len(self._failing_lanes) >= OUTAGE_HEADS

    @property
    def wants_probes(self) -> bool:
        """Whether an outage has too few lanes to try that have not failed in it yet.

        Without new ones some bad events could make it last.
        """
        untried = (each for each in self._ready if _lane_of(each) not in self._failing_lanes)
        return sum(1 for _ in islice(untried, OUTAGE_HEADS)) < OUTAGE_HEADS

    def shared(self, stored: StoredSubscription) -> StoredSubscription:
        """Give a version as all partitions share it: each of them reads a copy of its own."""
        return self.stored if stored.revision == self.stored.revision else stored

    def wanted(self, stored: StoredSubscription) -> Wanted:
        """Give what a version asks of an event, compiled once for all partitions."""
        if self._wanted is None or self._wanted[0] != stored.revision:
            self._wanted = (stored.revision, wanted(stored.subscription))
        return self._wanted[1]

    def reconfigure(self, stored: StoredSubscription) -> None:
        """Take a new version; a changed sink may work again, so all that waits is tried at once."""
        self.to_disable = None
        self.failing_since = None
        self._keep_to(stored)
        self._recover()
        while self._waiting:
            self._ready.append(heappop(self._waiting)[2])
        self._on_ready(self)

    def _keep_to(self, stored: StoredSubscription) -> None:
        delivery = stored.subscription.delivery
        self.stored = stored
        self.letterhead: object = None
        self.stopped = stored.state != "active"
        self.batches = delivery.mode == "batch"
        self.keeps_all_attempts = delivery.attempts == "all"
        self._most = delivery.concurrency
        self._allowed = float(self._most)
        self.share_rate(self._part)

    def put_under(self, caps: tuple["Cap[Subscriber]", ...]) -> None:
        """Count under these caps from here on, what is on the wire included.

        No answer of this one wakes those any more who wait under a cap that it leaves: they are
        told here that there may be room.
        """
        requests, left = self.in_flight - self._riders, self.caps
        for cap in left:
            cap.out -= requests
            cap.waiting.pop(self, None)
        self.caps = caps
        for cap in caps:
            cap.out += requests
        for cap in left:
            for waiter in cap.waiting:
                waiter.stir()

    def share_rate(self, part: float) -> None:
        """Take this part of the subscription's rate: other workers have the others."""
        rate, self._part = self.subscription.rate, part
        self._interval = 1 / (rate * part) if rate else 0.0
        self._next_turn = 0.0

    def offer(self, delivery: Delivery, due: float | None = None) -> None:
        """Take a delivery whose lane lets it go, now or when it is due."""
        if due is None:
            self._ready.append(delivery)
        else:
            heappush(self._waiting, (due, next(self._entry), delivery))
        self._on_ready(self)

    def stir(self) -> None:
        """Have it looked at: what kept it from sending may be over."""
        self._on_ready(self)

    def next(self, now: float) -> Delivery | None:
        """Give the delivery to send now, counted as in flight, or None."""
        if self._waiting and self._waiting[0][0] <= now:
            self._wake(now)
        limit = self._allowed if len(self._failing_lanes) < OUTAGE_HEADS else 1
        if self.in_flight - self._riders >= limit or self.stopped or not self._ready:
            return None
        if now < self._quiet_until or now < self._next_turn or (self.caps and self._capped()):
            return None
        for _ in range(len(self._ready)):
            delivery = self._ready.popleft()
            window = delivery.window
            if window.closed or delivery.dying:
                continue
            if window.flights.until > now and not window.at_rest:
                self._depart(delivery, now)
                return delivery
            self._ready.append(delivery)
        return None

    def riders(self, first: Delivery, now: float) -> list[Delivery]:
        """Give what may go in one request with `first`, other lanes' heads, counted as in flight.

        Whatever has failed before goes alone: one bad event would have all of them refused.
        """
        riders: list[Delivery] = []
        if self.outage or first.goes_alone:
            return riders
        most = self.subscription.delivery.maxbatch - 1
        for _ in range(len(self._ready)):
            if len(riders) >= most or now < self._next_turn:
                break
            delivery = self._ready.popleft()
            window = delivery.window
            if window.closed or delivery.dying:
                continue
            may_go = window.flights.until > now and not window.at_rest
            if may_go and not delivery.goes_alone:
                self._depart(delivery, now)
                riders.append(delivery)
            else:
                self._ready.append(delivery)
        self._riders += len(riders)
        for cap in self.caps:
            cap.out -= len(riders)  # they count as one request with the first
        return riders

    def arrived(self, riders: int) -> None:
        """Take in that a request with so many riders has its answer; each of them is answered."""
        self._riders -= riders
        for cap in self.caps:
            cap.out += riders

    def to_be_sent_alone(self, delivery: Delivery) -> None:
        """Take back a delivery of a batch that was refused: which event it was is to be found."""
        self._ended(delivery)
        delivery.in_trouble().alone = True
        if not delivery.window.closed:
            self._ready.append(delivery)

    def wake_at(self, now: float) -> float | None:
        """Give the moment after `now` at which `next` may have more; None if only an answer can."""
        if self.stopped:
            return None
        pause = max(self._quiet_until, self._next_turn)
        if self._ready and pause > now:
            return pause
        if self._waiting:
            return max(self._waiting[0][0], pause)
        return None

    def answered(
        self, delivery: Delivery, outcome: Outcome, *, now: float, roll: float
    ) -> Decision:
        """Take the outcome of an attempt, and decide what becomes of the delivery."""
        self._ended(delivery)
        if isinstance(outcome, Delivered):
            self._succeeded(now)
            return SETTLE
        if delivery.window.closed:
            # Its next owner tries it again; here it is no failing head and waits for nothing.
            return Retry(0.0)
        self._ease(outcome)
        decision = self._judge(delivery, outcome, now=now, roll=roll)
        trouble = delivery.in_trouble()
        trouble.last_failure, trouble.last_at = describe(outcome), now
        if trouble.since is None:
            trouble.since = now
        self._carry_out(decision, delivery, now=now, roll=roll)
        return decision

    def has_failed_since(self, moment: float) -> None:
        """Take in what was known of its failures before they were seen here.

        A success that was seen here has ended what was before it.
        """
        if moment <= self._succeeded_at:
            return
        if self.failing_since is None or moment < self.failing_since:
            self.failing_since = moment

    def withheld(self, delivery: Delivery) -> None:
        """Take in that a delivery given by `next` is not sent after all."""
        self._ended(delivery)
        self._keep_failing(each for each in self._failing_lanes.values() if each is not delivery)

    def drop_closed(self) -> None:
        """Let go of what belongs to closed windows: it counts for nothing here any more."""
        self._ready = deque(each for each in self._ready if not each.window.closed)
        self._waiting = [each for each in self._waiting if not each[2].window.closed]
        heapify(self._waiting)
        self._keep_failing(each for each in self._failing_lanes.values() if not each.window.closed)
        self._on_ready(self)

    def _judge(self, delivery: Delivery, outcome: Outcome, *, now: float, roll: float) -> Decision:
        if self.failing_since is None:
            self.failing_since = now
        trouble = delivery.in_trouble()
        when = Circumstances(
            failures=trouble.failures + 1,
            outage=len(self._failing_lanes.keys() | {_lane_of(delivery)}) >= OUTAGE_HEADS,
            others_succeed=trouble.since is not None and self._succeeded_at > trouble.since,
            failing_for=now - self.failing_since,
            may_park=self.subscription.ordering != "partition",
        )
        decision = decide(outcome, when, self.subscription.delivery.retry, roll)
        if isinstance(decision, Retry | Park | Bury):
            if not self.outage:
                # What a probe in an outage shows says nothing of its event.
                trouble.failures += 1
            self._failing_lanes[_lane_of(delivery)] = delivery
        return decision

    def _carry_out(
        self, decision: Decision, delivery: Delivery, *, now: float, roll: float
    ) -> None:
        match decision:
            case Hold(delay):
                self._quiet_until = max(self._quiet_until, now + delay)
                # To the back: an event for which the sink always asks for quiet starves no lane.
                self._ready.append(delivery)
            case Retry(delay) | Park(delay):
                self._failed(delivery, delay, now=now, roll=roll)
            case Disable(reason):
                self.stopped, self.to_disable = True, reason
                self._ready.append(delivery)
            case Settle() | Bury():
                pass
            case _:
                assert_never(decision)

    def _failed(self, delivery: Delivery, delay: float, *, now: float, roll: float) -> None:
        if not self.outage:
            delivery.in_trouble().due = now + delay
            heappush(self._waiting, (now + delay, next(self._entry), delivery))
            return
        # The lanes take turns: the one that failed goes to the back.
        self._ready.append(delivery)
        if self.in_flight == 0:
            self._probes += 1
            pause = self.subscription.delivery.retry.delay(self._probes, roll)
            self._quiet_until = max(self._quiet_until, now + pause)

    def _succeeded(self, now: float) -> None:
        self._succeeded_at = now
        self.failing_since = None
        if self._allowed < self._most:
            self._allowed = min(self._most, self._allowed + 1 / self._allowed)
        if self._failing_lanes:
            if self.outage:
                self._recover()
            self._failing_lanes.clear()

    def _keep_failing(self, heads: Iterable[Delivery]) -> None:
        """Count only these as failing; without enough of them the outage is over."""
        was_out = self.outage
        self._failing_lanes = {_lane_of(each): each for each in heads}
        if was_out and not self.outage:
            self._recover()

    def _recover(self) -> None:
        """Try at once what only waits in a window; what is parked keeps its time."""
        self._failing_lanes.clear()
        self._probes = 0
        self._quiet_until = 0.0
        self._ready.extend(each for _, _, each in self._waiting if not each.parked)
        self._waiting = [each for each in self._waiting if each[2].parked]
        heapify(self._waiting)

    def _depart(self, delivery: Delivery, now: float) -> None:
        self.in_flight += 1
        delivery.flying = True
        delivery.window.flights.started()
        for cap in self.caps:
            cap.out += 1
        if self._interval:
            self._next_turn = max(now - BURST_SECONDS, self._next_turn) + self._interval

    def _ended(self, delivery: Delivery) -> None:
        self.in_flight -= 1
        delivery.flying = False
        delivery.window.flights.ended()
        for cap in self.caps:
            cap.out -= 1

    def _capped(self) -> bool:
        """Whether others have all the room there is; then this one waits for its turn."""
        for cap in self.caps:
            if cap.out >= cap.most:
                cap.waiting[self] = None
                return True
        return False

    def _ease(self, outcome: Outcome) -> None:
        """Ask less at a time of a sink that cannot keep up; it gets more again by its successes."""
        match outcome:
            case Temporary(reason=Reason.TIMEOUT) | Temporary(status=429 | 503):
                self._allowed = max(1.0, self._allowed / 2)
            case _:
                pass

    def _wake(self, now: float) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            self._ready.append(heappop(self._waiting)[2])


def _lane_of(delivery: Delivery) -> _LaneOf:
    return delivery if delivery.lane is None else (delivery.window, delivery.lane)
