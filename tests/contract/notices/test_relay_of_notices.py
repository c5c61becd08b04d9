"""From the table of notices to the log, by the chores of the dispatch role."""

import base64
import json
import random
from collections import defaultdict
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from bus.app.domains import NOBODY, ensure, ensure_types, own_domain
from bus.catalogue import notices
from bus.catalogue.notices import Notice
from bus.log.errors import LogError, LogRefused, RecordTooLarge
from bus.log.topics import Topics
from bus.log.writer import Writer
from bus.store.directory import Directory
from bus.store.domains import Domains
from bus.store.event_types import EventTypes
from bus.store.organisations import Organisations
from producers.notices.relay import NoticeRelay
from tests.cluster import Cluster
from tests.contract.notices.telling import OIN, URL, Telling, eventually, notice
from tests.contract.store.line import line_to


async def empty(bus: Telling) -> None:
    """Wait until no notice waits."""

    async def none() -> bool:
        return await bus.waiting() == 0

    await eventually(none)


async def cut_off(bus: Telling) -> None:
    """End every connection that a dispatcher has to Postgres."""
    await bus.database.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'bus dispatch'"
    )


async def said(capsys: pytest.CaptureFixture[str], *words: str) -> None:
    """Wait until a log line holds all of these."""
    lines: list[str] = []

    async def found() -> bool:
        lines.extend(capsys.readouterr().err.splitlines())
        return any(all(word in line for word in words) for line in lines)

    await eventually(found)


async def test_notices_become_events_in_order_and_go(bus: Telling) -> None:
    """Each is in the log once, keyed by its subscription, in the order in which it was told.

    Of two dispatchers one does it, be there so many that it takes several rounds.
    """
    ids = [uuid4() for _ in range(20)]
    for number in range(30):
        await bus.tell(*(notice(id_, number) for id_ in ids))
    async with bus.chores(), bus.chores():
        await empty(bus)
    found = defaultdict(list)
    for key, event in await bus.logged(600):
        assert event.source == f"urn:nld:oin:{OIN}:systeem:gemeentebus"
        assert event.type == "nl.vng.gemeentebus.subscription-changed"
        assert event.get("dataref") == f"{URL}/v1/subscriptions/{key}/status"
        found[key].append(json.loads(event.data or b"")["revision"])
    assert dict(found) == {str(id_): list(range(30)) for id_ in ids}


async def test_what_is_told_twice_is_told_once(bus: Telling) -> None:
    """A save that was repeated writes the same notice."""
    id_ = uuid4()
    await bus.tell(notice(id_))
    await bus.tell(notice(id_))
    async with bus.chores():
        await empty(bus)
    assert [key for key, _ in await bus.logged(1)] == [str(id_)]


async def test_the_domain_is_there_though_nobody_made_it(bus: Telling) -> None:
    """Of several that start at once one makes it; the organisation keeps the name it has."""
    await Organisations(bus.database).ensure_organisation(OIN, "Gemeente Voorbeeld")
    async with AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(bus.chores())

        async def made() -> bool:
            return bool(await Domains(bus.database).all())

        await eventually(made)
    assert await Domains(bus.database).all() == [own_domain(bus.settings.namespace, OIN)]
    assert await Organisations(bus.database).names() == {OIN: "Gemeente Voorbeeld"}
    topic = own_domain(bus.settings.namespace, OIN).topic
    assert await bus.topics.partitions([topic]) == {topic: 8}


async def test_its_types_are_in_the_catalogue(bus: Telling) -> None:
    """Each with one version of its schema, however often it is looked at."""

    async def found() -> bool:
        types = await EventTypes(bus.database).changed(0)
        return {each.type for each in types if each.versions} == set(notices.TYPES)

    async with bus.chores():
        await eventually(found)
    async with Directory.open(bus.database) as directory:
        await ensure_types(bus.database, directory)
    types = await EventTypes(bus.database).changed(0)
    assert {len(each.versions) for each in types} == {1}


async def test_an_organisation_that_nobody_named_is_made_too(bus: Telling) -> None:
    """A fresh bus needs no command before it can tell something."""
    async with bus.chores(organisation=None):

        async def made() -> bool:
            return bool(await Domains(bus.database).all())

        await eventually(made)
    assert await Organisations(bus.database).names() == {NOBODY: NOBODY}


async def test_a_topic_of_another_form_is_named(
    bus: Telling, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line says which topic is not as it should be; once it is, all goes on."""
    await bus.tell(notice(uuid4()))
    topic = own_domain(bus.settings.namespace, OIN).topic
    await bus.topics.create(topic, 3, 14)
    async with bus.chores():
        await said(capsys, "chores.failed", "domain", f"topic {topic} has 3 partitions, not 8")
        await bus.topics.delete([topic])
        await empty(bus)


async def test_a_topic_that_may_not_be_made_is_named(bus: Telling) -> None:
    """The error says what to make by hand."""
    domain = replace(own_domain(bus.settings.namespace, OIN), topic="no name for a topic")
    with pytest.raises(LogRefused, match="make topic no name for a topic by hand"):
        await ensure(domain, bus.database, bus.topics)
    assert await Domains(bus.database).all() == []


async def test_larger_events_reach_topics_that_are_there(
    bus: Telling, kafka: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Dispatchers that start with a raised BUS_MAX_EVENT_BYTES widen them; no other narrows them.

    Where Kafka refuses, the line says what to set.
    """
    own = own_domain(bus.settings.namespace, OIN)
    value = random.Random(1).randbytes(500_000)  # noqa: S311 - nothing secret

    async def taken() -> bool:
        async with Writer(bootstrap=kafka) as writer:
            try:
                await writer.append(own.topic, b"k", [], value)
            except RecordTooLarge:
                return False
            return True

    async def has_a_domain() -> bool:
        return bool(await Domains(bus.database).all())

    async with bus.chores(max_event_bytes=65_536):
        await eventually(has_a_domain)
    assert not await taken()
    async with bus.chores(max_event_bytes=3_000_000_000):
        await said(capsys, "chores.failed", "topics", "max.message.bytes 3", own.topic, "by hand")
    async with bus.chores():
        await eventually(taken)
    async with bus.chores(max_event_bytes=65_536):
        await bus.tell(notice(uuid4()))
        await empty(bus)
    assert await taken()


async def test_what_the_log_does_not_take_waits(bus: Telling, kafka: str) -> None:
    """Nothing is deleted that the log does not have; a later round publishes it."""
    await bus.tell(notice(uuid4()))
    topic = own_domain(bus.settings.namespace, OIN).topic
    async with Writer(bootstrap=kafka) as writer, bus.database.session() as session:
        with pytest.raises(LogError):  # there is no such topic yet
            await NoticeRelay(writer, topic=topic, url=URL).round(session)
    assert await bus.waiting() == 1
    async with bus.chores():
        await empty(bus)
    assert len(await bus.logged(1)) == 1


async def test_chores_go_on_when_postgres_comes_back(bus: Telling) -> None:
    """The connection with the turn is lost, and with it the turn; another one is taken."""
    url = bus.settings.database_url
    assert url is not None
    async with (
        line_to(url.get_secret_value()) as (line, _),
        bus.chores(database_url=SecretStr(line)),
    ):
        await bus.tell(notice(uuid4(), 1))
        await empty(bus)
        await cut_off(bus)
        await bus.tell(notice(uuid4(), 2))
        await empty(bus)
    assert len(await bus.logged(2)) == 2


async def test_a_notice_larger_than_the_log_can_take_stops_no_other(bus: Telling) -> None:
    """An event's id may be as large as the event: such a letter is dropped with a line."""
    await bus.tell(_letter(uuid4(), '"' * 700_000))
    small = uuid4()
    await bus.tell(notice(small))
    async with bus.chores():
        await empty(bus)
    assert [key for key, _ in await bus.logged(1)] == [str(small)]


async def test_a_notice_too_large_for_its_topic_stops_no_other(
    bus: Telling, kafka: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A topic that was made for smaller events says so in its answer: that notice is dropped."""
    own = own_domain(bus.settings.namespace, OIN)
    async with Topics(bootstrap=kafka, max_record_bytes=300_000) as topics:
        await ensure(own, bus.database, topics)
    subscription = uuid4()
    numbers = random.Random(20260502)  # noqa: S311 - nothing secret
    large = base64.b64encode(numbers.randbytes(300_000)).decode()  # does not compress
    await bus.tell(notice(subscription, 1))
    await bus.tell(_letter(subscription, large))
    await bus.tell(notice(subscription, 2))
    async with Writer(bootstrap=kafka) as writer, bus.database.session() as session:
        relay = NoticeRelay(writer, topic=own.topic, url=URL)

        async def all_gone() -> bool:
            with suppress(LogError):  # each time it begins with smaller batches
                await relay.round(session)
            return await bus.waiting() == 0

        await eventually(all_gone)
    found = [json.loads(event.data or b"")["revision"] for _, event in await bus.logged(2)]
    assert found == [1, 2]
    await said(capsys, "chores.notice_refused", str(subscription), "over the limit")


def _letter(subscription: UUID, event_id: str) -> Notice:
    """Give the notice of a dead letter."""
    data = notices.DeadLettered(
        id=event_id,
        source="urn:x",
        type="nl.x",
        topic="t",
        partition=0,
        offset=0,
        reason="refused",
        last_outcome=None,
        attempts=1,
    )
    told = notices.dead_lettered(subscription, OIN, None, data)
    assert told is not None
    return told


async def test_a_dispatcher_killed_before_its_delete_repeats_and_loses_nothing(
    bus: Telling, kafka: str, database_url: str, namespace: str, tmp_path: Path
) -> None:
    """The next one publishes the same events again, under the same ids."""
    ids = [uuid4() for _ in range(50)]
    await bus.tell(*(notice(id_) for id_ in ids))
    async with Cluster.open(
        kafka=kafka, database_url=database_url, namespace=namespace, folder=tmp_path
    ) as cluster:
        async with bus.database.session() as holding:
            await holding.execute("BEGIN")
            # The delete has to wait for this lock; reading does not.
            await holding.execute("SELECT FROM notice FOR UPDATE")
            await cluster.start("dispatch")
            assert len(await bus.logged(50)) == 50
            await cluster.kill("dispatch")
            # A delete that Postgres already has would go on without its client: end it too.
            await cut_off(bus)
            await holding.execute("ROLLBACK")
        assert await bus.waiting() == 50
        await cluster.start("dispatch", "second")
        await empty(bus)
        everything = await bus.logged(100)
    assert sorted(event.id for _, event in everything) == sorted(
        str(notice(id_).id) for id_ in ids for _ in range(2)
    )
