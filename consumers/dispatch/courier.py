"""Takes what may be sent to the wire and brings the outcomes back."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from bus.observe import metrics
from bus.observe.events import LogEvent
from bus.observe.logging import Logger, get
from consumers.dispatch.decision import SETTLE, WITHHELD, Bury, Decision, Disable
from consumers.dispatch.subscriber import Subscriber
from consumers.dispatch.window import Delivery
from consumers.sinks.outcome import (
    Delivered,
    Gone,
    Misconfigured,
    Outcome,
    Reason,
    Refused,
    Temporary,
)
from consumers.sinks.sender import Carrier, Parcel

_log = get()

_ATTEMPTS = {
    kind: metrics.ATTEMPTS.labels(kind.__name__.lower())
    for kind in (Delivered, Refused, Misconfigured, Temporary, Gone)
}


class Letters(Protocol):
    """Makes requests of deliveries."""

    def request(self, subscriber: Subscriber, delivery: Delivery, at: float) -> Parcel | None:
        """Give the request for one attempt at `at` (unix seconds).

        None means that the right to read this event has ended since it was matched.
        """
        ...

    def may_read(self, subscriber: Subscriber, delivery: Delivery) -> bool:
        """Say whether the right to read this event has not ended since it was matched."""
        ...

    def batch(self, subscriber: Subscriber, deliveries: Sequence[Delivery], at: float) -> Parcel:
        """Give the request for one attempt to deliver several events that it `may_read`."""
        ...


class Courier:
    """Sends for all subscribers of a worker.

    There is no task, future or timer per delivery: one timer per subscriber that waits.
    """

    def __init__(self, sender: Carrier, letters: Letters) -> None:
        self._sender = sender
        self._letters = letters
        self._loop = asyncio.get_running_loop()
        self._stirred: set[Subscriber] = set()
        # With the moment each is for: uvloop's handle of a moment that is nearly there knows none.
        self._timers: dict[Subscriber, tuple[float, asyncio.Handle]] = {}
        self._flushing = False
        self._stopping = False
        self._attempts: Counter[type[Outcome]] = Counter()

    def stir(self, subscriber: Subscriber) -> None:
        """Note that a subscriber has something new to send; `flush` sends it."""
        self._stirred.add(subscriber)

    def flush(self) -> None:
        """Send what the subscribers that were stirred may be sent."""
        while self._stirred:
            self.pump(self._stirred.pop())

    def pump(self, subscriber: Subscriber) -> None:
        """Send all that this subscriber may be sent now, and come back when it may be sent more.

        Whoever waits for room under the same caps comes first.
        """
        for cap in subscriber.caps:
            while (waiter := cap.next_in_turn()) is not None:
                self._serve(waiter)
        self._serve(subscriber)

    def _serve(self, subscriber: Subscriber) -> None:
        if self._stopping:
            return
        now = self._loop.time()
        while (delivery := subscriber.next(now)) is not None:
            riders = subscriber.riders(delivery, now) if subscriber.batches else []
            if riders:
                self._send_batch(subscriber, [delivery, *riders], now)
            else:
                self._send(subscriber, delivery, now)
        self._wake_later(subscriber, now)

    def stop(self) -> None:
        """Start nothing new; answers that still come are taken in."""
        self._stopping = True
        for _, timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _send(self, subscriber: Subscriber, delivery: Delivery, now: float) -> None:
        try:
            request = self._letters.request(subscriber, delivery, time.time())
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the others go on
            _log_of(subscriber, delivery).error(LogEvent.DELIVERY_FAILED, error=error)
            self._loop.call_soon(self._answered, subscriber, delivery, Temporary(Reason.FAULT))
            return
        if request is None:
            self._withhold(subscriber, delivery, now)
            return
        self._sender.send(request, partial(self._answered, subscriber, delivery))

    def _send_batch(self, subscriber: Subscriber, batch: list[Delivery], now: float) -> None:
        readable = batch
        try:
            readable = [each for each in batch if self._letters.may_read(subscriber, each)]
            request = self._letters.batch(subscriber, readable, time.time()) if readable else None
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the others go on
            _log_of(subscriber, batch[0]).error(LogEvent.DELIVERY_FAILED, error=error)
            request = None
            self._loop.call_soon(
                self._batch_answered, subscriber, readable, Temporary(Reason.FAULT)
            )
        for each in batch:
            if each not in readable:
                self._withhold(subscriber, each, now)
        subscriber.arrived(len(batch) - max(1, len(readable)))
        if request is not None:
            self._sender.send(request, partial(self._batch_answered, subscriber, readable))

    def _batch_answered(
        self, subscriber: Subscriber, batch: list[Delivery], outcome: Outcome
    ) -> None:
        subscriber.arrived(len(batch) - 1)
        for delivery in batch:
            if isinstance(outcome, Refused) and len(batch) > 1:
                subscriber.to_be_sent_alone(delivery)
            else:
                self._take_in(subscriber, delivery, outcome)
        self._send_on(subscriber)

    def _withhold(self, subscriber: Subscriber, delivery: Delivery, now: float) -> None:
        metrics.WITHHELD.inc()
        subscriber.withheld(delivery)
        delivery.window.on_decided(delivery, WITHHELD, now)

    def _answered(self, subscriber: Subscriber, delivery: Delivery, outcome: Outcome) -> None:
        self._take_in(subscriber, delivery, outcome)
        self._send_on(subscriber)

    def _send_on(self, subscriber: Subscriber) -> None:
        """Send more when all answers that are there by now are taken in: once for all of them.

        A write for each answer would wake the sink, and be interrupted by it, each time.
        """
        self.stir(subscriber)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush_now)

    def _flush_now(self) -> None:
        self._flushing = False
        self.flush()
        for kind, number in self._attempts.items():
            _ATTEMPTS[kind].inc(number)
        self._attempts.clear()

    def _take_in(self, subscriber: Subscriber, delivery: Delivery, outcome: Outcome) -> None:
        now = self._loop.time()
        roll = random.random()  # noqa: S311 - jitter, not a secret
        was_out = subscriber.outage
        decision = subscriber.answered(delivery, outcome, now=now, roll=roll)
        self._attempts[type(outcome)] += 1
        if decision is SETTLE:
            metrics.DELIVERY_SECONDS.observe(
                time.time() - delivery.envelope.record.timestamp / 1000
            )
        else:
            _tell(subscriber, delivery, decision)
        delivery.window.on_decided(delivery, decision, now)
        if subscriber.outage != was_out:
            event = LogEvent.OUTAGE_BEGAN if subscriber.outage else LogEvent.OUTAGE_ENDED
            _log.warning(event, subscription_id=str(subscriber.identity))

    def _wake_later(self, subscriber: Subscriber, now: float) -> None:
        # Of the moment at which there was nothing to send: what has come due since needs it, too.
        at = subscriber.wake_at(now)
        waiting = self._timers.get(subscriber)
        if waiting is not None:
            due, timer = waiting
            if at is not None and due <= at:
                return
            timer.cancel()
            del self._timers[subscriber]
        if at is not None:
            self._timers[subscriber] = at, self._loop.call_at(at, self._woken, subscriber)

    def _woken(self, subscriber: Subscriber) -> None:
        self._timers.pop(subscriber, None)
        self.pump(subscriber)


def _tell(subscriber: Subscriber, delivery: Delivery, decision: Decision) -> None:
    trouble = delivery.in_trouble()
    reason = trouble.last_failure or ""
    log = _log_of(subscriber, delivery).bind(attempt=trouble.failures, reason=reason)
    match decision:
        case Bury():
            log.error(LogEvent.DELIVERY_GIVEN_UP)
        case Disable():
            log.error(LogEvent.SUBSCRIPTION_DISABLED)
        case _:
            log.warning(LogEvent.DELIVERY_FAILED)


def _log_of(subscriber: Subscriber, delivery: Delivery) -> Logger:
    record = delivery.envelope.record
    return _log.bind(
        subscription_id=str(subscriber.identity),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
    )
