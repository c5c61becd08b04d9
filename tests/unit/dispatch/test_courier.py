"""The courier keeps its hands free, whatever one delivery does."""

import asyncio
from collections.abc import Callable

from consumers.dispatch.courier import Courier
from consumers.dispatch.subscriber import Subscriber
from consumers.dispatch.window import Delivery
from consumers.sinks.outcome import Delivered, Outcome
from consumers.sinks.sender import Request
from tests.unit.dispatch.small_stream import Small, at, record, stored


class Letters:
    """Cannot write to one subscriber."""

    def __init__(self, fails_for: int) -> None:
        self._fails_for = fails_for

    def request(self, subscriber: Subscriber, _delivery: Delivery, _at: float) -> Request:
        """Give a request, or fail."""
        if subscriber.identity.int == self._fails_for:
            raise ValueError
        return Request("https://sink.example/", (), b"", 1.0, subscriber.organisation)


class Sender:
    """Delivers all, a moment later."""

    def __init__(self) -> None:
        self.sent = 0

    def send(self, _request: Request, done: Callable[[Outcome], None]) -> None:
        """Say that it arrived."""
        self.sent += 1
        asyncio.get_running_loop().call_soon(done, Delivered(204))

    async def close(self) -> None:
        """Do nothing: nothing is open."""


async def test_a_request_that_cannot_be_made_fails_its_delivery_only() -> None:
    """A bad secret is a failed attempt of its subscription; the others get theirs at once."""
    sender = Sender()
    courier = Courier(sender, Letters(fails_for=1))
    small = Small(on_ready=courier.stir)
    stream = small.stream()
    bad = stream.join(stored(1), None, at(0.0))
    good = stream.join(stored(2), None, at(0.0))
    stream.feed(record(0), 0.0)
    courier.flush()
    async with asyncio.timeout(5):
        await stream.flights.all_landed()
    assert sender.sent == 1
    assert not good.window.pending
    trouble = bad.window.pending[0].trouble
    assert trouble is not None
    assert trouble.failures == 1
    assert bad.subscriber.in_flight == 0
    courier.stop()
