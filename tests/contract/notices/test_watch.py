"""Who falls behind in a real log is told so, once, whatever restarts."""

import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest_asyncio

from bus.api.start import starts
from bus.catalogue import Domain
from bus.catalogue.retention import DAY
from bus.log.writer import Writer
from bus.observe import metrics
from bus.store import notices
from bus.store.directory import Directory
from bus.store.domains import Domains
from bus.store.organisations import Organisations
from bus.subscription import Subscription
from producers.notices.decision import Thresholds
from producers.notices.watch import Watch
from tests.contract.notices.telling import OIN, Telling

ANY_AGE = -1.0
"""A threshold that everything in the log is past: it reaches a second into the future."""

DAYS = 14
LATE = Thresholds(behind=ANY_AGE, near=DAY)
NEAR = Thresholds(behind=ANY_AGE, near=DAYS * DAY - ANY_AGE)
PATIENT = Thresholds(behind=3_600, near=DAY)


class Bus:
    """Two domains of two partitions; what is told is read from the store, and goes."""

    def __init__(self, telling: Telling, log: Writer, directory: Directory) -> None:
        self.database = telling.database
        self.topics = telling.topics
        self.subscriptions = telling.subscriptions
        self._namespace = telling.settings.namespace
        self._log = log
        self._directory = directory

    def topic(self, domain: str) -> str:
        """Name the topic of a domain."""
        return f"{self._namespace}.{domain}"

    async def subscribe(self, *domains: str) -> UUID:
        """Subscribe at the end of the log."""
        id_ = uuid4()
        terms = {"sink": "https://sink.example/", "protocol": "HTTP", "domains": domains}
        wanted = Subscription.model_validate({"id": str(id_), "organisation": OIN, **terms})
        start = starts(self.topics, "latest")
        await self.subscriptions.create(wanted, secret=b"s", start=start)
        return id_

    async def publish(self, domain: str, number: int, partition: int = 0) -> None:
        """Append records, of which nobody reads more than their offsets."""
        for _ in range(number):
            await self._log.append(self.topic(domain), b"k", [], b"v", partition=partition)

    async def stand(
        self, id_: UUID, domain: str, at: int, *, partition: int = 0, open_: Sequence[int] = ()
    ) -> None:
        """Have a subscription stand at an offset, as a save of its dispatcher does."""
        await self.database.execute(
            "UPDATE position SET next_offset = $4, open = $5"
            " WHERE subscription = $1 AND topic = $2 AND partition = $3",
            *(id_, self.topic(domain), partition, at, open_),
        )

    async def attach(self, id_: UUID) -> None:
        """Have a subscription go with the streams."""
        await self.database.execute("DELETE FROM position WHERE subscription = $1", id_)

    def watch(self, thresholds: Thresholds, **clocks: Callable[[], float]) -> Watch:
        """Give what a dispatcher that has just started watches with."""
        return Watch(self.topics, self._directory, thresholds, **clocks)

    async def look(
        self, thresholds: Thresholds = LATE, watch: Watch | None = None
    ) -> list[tuple[UUID | None, str, Any]]:
        """Look, as a dispatcher that has just started unless told otherwise; give what was told."""
        watch = watch or self.watch(thresholds)
        async with self.database.session() as session:
            await session.execute("DELETE FROM notice")
            await watch.look(session)
            told = [each.notice for each in await notices.first(session, 100)]
        return [
            (
                each.subscription,
                each.type.removeprefix("nl.vng.gemeentebus.subscription-"),
                json.loads(each.data),
            )
            for each in told
        ]


@pytest_asyncio.fixture
async def watched(bus: Telling, kafka: str) -> AsyncIterator[Bus]:
    """Give it; its topics are deleted afterwards."""
    await Organisations(bus.database).ensure_organisation(OIN, "Gemeente Voorbeeld")
    async with Writer(bootstrap=kafka) as log, Directory.open(bus.database) as directory:
        made = Bus(bus, log, directory)
        async with _domains(made, "zaken", "bag"):
            await directory.refresh()
            yield made


@asynccontextmanager
async def _domains(bus: Bus, *names: str) -> AsyncIterator[None]:
    for name in names:
        topic = bus.topic(name)
        await bus.topics.create(topic, 2, DAYS)
        await Domains(bus.database).create(Domain(name, topic, OIN, None, DAYS, 2), _nothing)
    yield
    await bus.topics.delete([bus.topic(name) for name in names])


async def _nothing() -> None:
    """Make no topic: it is there."""


async def test_behind_is_told_once_and_caught_up_once(watched: Bus) -> None:
    """With the place that is worst off; whoever looks next knows what was told."""
    late, fine = await watched.subscribe(), await watched.subscribe()
    assert await watched.look() == []
    await watched.publish("zaken", 3)
    await watched.publish("bag", 5, partition=1)
    assert await watched.look(PATIENT) == []
    await watched.stand(fine, "zaken", 3)
    await watched.stand(fine, "bag", 5, partition=1)
    place = {"topic": watched.topic("bag"), "partition": 1, "waitingOffsets": 5}
    assert await watched.look() == [(late, "behind", {**place, "longerThanSeconds": -1})]
    assert metrics.SUBSCRIPTIONS_BEHIND.collect()[0].samples[0].value == 1
    assert await watched.look() == []

    await watched.stand(late, "bag", 5, partition=1)
    assert await watched.look() == []  # the other place is still short
    await watched.stand(late, "zaken", 3)
    ((who, what, _),) = await watched.look()
    assert (who, what) == (late, "caught-up")
    assert metrics.SUBSCRIPTIONS_BEHIND.collect()[0].samples[0].value == 0
    assert await watched.look() == []


class Clocks:
    """A wall clock that is a minute ahead of Kafka's, and one for durations."""

    def __init__(self) -> None:
        self.passed = 0.0

    def wall(self) -> float:
        """Give the time of day."""
        return time.time() + 60 + self.passed

    def monotonic(self) -> float:
        """Give seconds since some moment."""
        return self.passed


async def test_who_is_behind_does_not_depend_on_whose_clock_is_right(watched: Bus) -> None:
    """It is told when what waits has waited so long since it was first seen, and not before.

    Half of that is when it has caught up.
    """
    id_, clocks = await watched.subscribe(), Clocks()
    half_a_minute = Thresholds(behind=30, near=DAY)
    watch = watched.watch(half_a_minute, wall=clocks.wall, monotonic=clocks.monotonic)
    await watched.publish("zaken", 2)
    for clocks.passed in (0.0, 10.0, 20.0):
        assert await watched.look(watch=watch) == []
    await watched.publish("zaken", 3)
    for clocks.passed in (30.0, 40.0):
        told = await watched.look(watch=watch)
        assert [(who, what) for who, what, _ in told] == [(id_, "behind")] * (clocks.passed == 30)
    clocks.passed = 50.0
    await watched.publish("zaken", 1)
    await watched.stand(id_, "zaken", 4)
    assert await watched.look(watch=watch) == []  # the fifth has waited for 20 s
    await watched.stand(id_, "zaken", 5)
    ((who, what, _),) = await watched.look(watch=watch)
    assert (who, what) == (id_, "caught-up")


async def test_what_waited_before_anybody_looked_is_told_at_once_if_it_is_long(
    watched: Bus,
) -> None:
    """A dispatcher that has just started judges it by the time of day, with patience."""
    id_, clocks = await watched.subscribe(), Clocks()
    await watched.publish("zaken", 1)
    half_a_minute = Thresholds(behind=30, near=DAY)
    assert await watched.look(half_a_minute) == []
    clocks.passed = 400.0
    watch = watched.watch(half_a_minute, wall=clocks.wall, monotonic=clocks.monotonic)
    ((who, what, _),) = await watched.look(watch=watch)
    assert (who, what) == (id_, "behind")
    # Told so, it has not caught up because a dispatcher has started that knows no better.
    assert await watched.look(half_a_minute) == []
    await watched.stand(id_, "zaken", 1)
    ((who, what, _),) = await watched.look(half_a_minute)
    assert (who, what) == (id_, "caught-up")


async def test_ends_of_a_log_that_is_gone_say_nothing(watched: Bus) -> None:
    """Made anew, a topic ends before what was seen of the old one: nobody is late for that."""
    await watched.subscribe()
    clocks = Clocks()
    watch = watched.watch(PATIENT, wall=clocks.wall, monotonic=clocks.monotonic)
    await watched.publish("zaken", 9)
    assert await watched.look(watch=watch) == []
    await watched.topics.delete([watched.topic("zaken")])
    await watched.topics.create(watched.topic("zaken"), 2, DAYS)
    async with Writer(bootstrap=watched.topics._bootstrap) as log:
        await log.append(watched.topic("zaken"), b"k", [], b"v", partition=0)
    clocks.passed = 3_600.0
    assert await watched.look(watch=watch) == []


async def test_an_open_event_counts_wherever_the_position_is(watched: Bus) -> None:
    """What is below the position and unsettled waits too."""
    id_ = await watched.subscribe()
    await watched.publish("zaken", 4)
    await watched.stand(id_, "zaken", 4, open_=(1, 3))
    ((who, what, data),) = await watched.look()
    assert (who, what, data["waitingOffsets"]) == (id_, "behind", 3)


async def test_a_stream_that_stands_still_holds_up_those_that_go_with_it(watched: Bus) -> None:
    """In the domains that they take; who has a position of its own stands there."""
    everything, zaken, bag = [await watched.subscribe(*d) for d in ((), ("zaken",), ("bag",))]
    own = await watched.subscribe("zaken")
    for id_ in (everything, zaken, bag):
        await watched.attach(id_)
    await watched.publish("zaken", 2)
    await watched.stand(own, "zaken", 2)
    assert {(who, what) for who, what, _ in await watched.look()} == {
        (everything, "behind"),
        (zaken, "behind"),
    }


async def test_a_paused_one_is_warned_of_its_loss_and_not_of_its_lag(watched: Bus) -> None:
    """It knows that it gets nothing; what it may lose it is told once."""
    paused, active = await watched.subscribe(), await watched.subscribe()
    await watched.publish("zaken", 1)
    await watched.database.execute("UPDATE subscription SET state = 'paused' WHERE id = $1", paused)
    within = {"withinSeconds": DAYS * 86_400 + 1}
    place = {"topic": watched.topic("zaken"), "partition": 0, "waitingOffsets": 1}
    found = sorted(await watched.look(NEAR), key=lambda each: (each[0] == active, each[1]))
    assert found == [
        (paused, "near-retention", place | within),
        (active, "behind", place | {"longerThanSeconds": -1}),
        (active, "near-retention", place | within),
    ]
    assert await watched.look(NEAR) == []


async def test_the_smallest_time_to_loss_is_shown(watched: Bus) -> None:
    """The age of the oldest event that waits is taken off; with nothing behind it is all of it."""
    id_ = await watched.subscribe()
    await watched.publish("zaken", 1)
    await watched.look()
    left = metrics.TIME_TO_LOSS.collect()[0].samples[0].value
    assert DAYS * DAY - 600 < left < DAYS * DAY
    await watched.stand(id_, "zaken", 1)
    await watched.database.execute("UPDATE stream SET next_offset = 1 WHERE partition = 0")
    await watched.look()
    assert metrics.TIME_TO_LOSS.collect()[0].samples[0].value == DAYS * DAY


async def test_a_topic_that_is_gone_hides_no_other(watched: Bus) -> None:
    """Of the domains that the log still has, all is told."""
    id_ = await watched.subscribe()
    await watched.publish("zaken", 1)
    await watched.topics.delete([watched.topic("bag")])
    assert [(who, what) for who, what, _ in await watched.look()] == [(id_, "behind")]


async def test_what_is_told_goes_with_the_subscription(watched: Bus) -> None:
    """A deleted one is told nothing more."""
    id_ = await watched.subscribe()
    await watched.publish("zaken", 1)
    assert len(await watched.look()) == 1
    await watched.subscriptions.delete(id_)
    assert await watched.look() == []
