"""Each event handled once: repeats, failures, two at a time."""

import asyncio
import logging
import time

import pytest

from bus.codec import http
from bus.event import Event
from bus.subscription import new_signing_secret
from consumers.receive import Answer, MemorySeen, Receiver
from consumers.sinks.webhook.sign import Signer

SECRET = new_signing_secret()
FAILED = Answer(500, "The component could not take the event.")


def delivery(*events: Event) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Sign a delivery of one event, or of a batch."""
    said, body = (
        http.encode_structured(events[0]) if len(events) == 1 else http.encode_batch(events)
    )
    now = int(time.time())
    said += [
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", str(now)),
        ("webhook-signature", Signer(SECRET).sign("msg_1", now, body)),
    ]
    return [(name.encode(), value.encode()) for name, value in said], body


def event(event_id: str, source: str = "urn:x") -> Event:
    """Make an event."""
    return Event(id=event_id, source=source, type="nl.x", attributes={"subject": "999990019"})


class Work:
    """A handler that remembers, and fails as often as told."""

    def __init__(self, failures: int = 0) -> None:
        self.done: list[str] = []
        self.tried: list[str] = []
        self._failures = failures

    async def __call__(self, event: Event) -> None:
        """Handle one event."""
        self.tried.append(event.id)
        if len(self.tried) <= self._failures:
            raise RuntimeError(str(event.attributes["subject"]))
        self.done.append(event.id)


async def test_repeat_is_answered_without_work() -> None:
    """An event that was handled is answered 204 again, and not handled again."""
    work = Work()
    receiver = Receiver(work, secret=SECRET)
    for _ in range(3):
        assert await receiver.receive(*delivery(event("1"))) == Answer(204)
    assert await receiver.receive(*delivery(event("1", "urn:y"))) == Answer(204)
    assert work.done == ["1", "1"]


async def test_failure_is_answered_500_and_not_remembered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What the handler raises makes the bus try again; the log line holds no data."""
    work = Work(failures=1)
    receiver = Receiver(work, secret=SECRET)
    with caplog.at_level(logging.ERROR):
        assert await receiver.receive(*delivery(event("1"))) == FAILED
    assert caplog.records[0].event_id == "1"  # type: ignore[attr-defined]  # of `extra`
    assert "999990019" not in caplog.records[0].getMessage()
    assert await receiver.receive(*delivery(event("1"))) == Answer(204)
    assert (work.tried, work.done) == (["1", "1"], ["1"])


async def test_batch_resumes_where_it_failed() -> None:
    """Of a batch that failed halfway only the rest is handled at its next delivery."""
    work = Work(failures=2)
    receiver = Receiver(work, secret=SECRET)
    batch = delivery(event("1"), event("2"), event("3"))
    assert await receiver.receive(*batch) == FAILED
    assert await receiver.receive(*batch) == FAILED
    assert await receiver.receive(*batch) == Answer(204)
    assert (work.tried, work.done) == (["1", "1", "1", "2", "3"], ["1", "2", "3"])


@pytest.mark.parametrize("first_fails", [False, True])
async def test_two_at_once(*, first_fails: bool) -> None:
    """The second of two deliveries at once waits, and works only when the first has failed."""
    begun, go = asyncio.Event(), asyncio.Event()
    tried = 0

    async def handler(_: Event) -> None:
        nonlocal tried
        tried += 1
        begun.set()
        if tried == 1:
            await go.wait()
            if first_fails:
                raise RuntimeError

    receiver = Receiver(handler, secret=SECRET)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        first = tasks.create_task(receiver.receive(*delivery(event("1"))))
        await begun.wait()
        second = tasks.create_task(receiver.receive(*delivery(event("1"))))
        assert await receiver.receive(*delivery(event("2"))) == Answer(204)  # others do not wait
        assert not second.done()
        go.set()
    assert first.result() == (FAILED if first_fails else Answer(204))
    assert second.result() == Answer(204)
    assert tried == (3 if first_fails else 2)
    assert first_fails or not receiver._turns  # the log record holds on to the failed one


async def test_own_memory() -> None:
    """A memory of the component's own is asked and told; when it fails, so does the delivery."""

    class Durable:
        rows: set[tuple[str, str]] = set()  # noqa: RUF012 - outlives the receiver on purpose

        async def has(self, source: str, event_id: str) -> bool:
            return (source, event_id) in self.rows

        async def add(self, source: str, event_id: str) -> None:
            if event_id == "bad":
                raise OSError
            self.rows.add((source, event_id))

    work = Work()
    for _ in range(2):
        receiver = Receiver(work, secret=SECRET, seen=Durable())
        assert await receiver.receive(*delivery(event("1"))) == Answer(204)
    assert work.done == ["1"]
    assert await receiver.receive(*delivery(event("bad"))) == FAILED


async def test_memory_is_bounded() -> None:
    """The built-in memory keeps the last so many events."""
    seen = MemorySeen(limit=2)
    for event_id in "1", "2", "3":
        await seen.add("urn:x", event_id)
    assert [await seen.has("urn:x", each) for each in "123"] == [False, True, True]


async def test_rejection_is_an_answer() -> None:
    """What is no delivery gets its status and does not reach the handler."""
    work = Work()
    receiver = Receiver(work, secret=SECRET)
    assert (await receiver.receive([], b"{}")).status == 401
    assert work.tried == []


@pytest.mark.parametrize("secret", ["", "whsec_", [], ["not a secret"]])
def test_no_receiver_without_secret(secret: str | list[str]) -> None:
    """A receiver that could not verify is refused when it is made."""
    with pytest.raises(ValueError, match=r"secret|whsec_"):
        Receiver(Work(), secret=secret)
