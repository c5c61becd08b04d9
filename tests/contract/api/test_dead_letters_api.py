"""Dead letters, attempts and invalid records: shown without personal data, redriven, purged."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest

from bus.api.paging import cursor_of
from bus.store.organisations import Organisations
from bus.store.partition import AttemptMade, InvalidRecord
from tests.contract.api.bus_under_test import (
    DOMAIN,
    FOREIGN,
    OIN,
    PERSONAL,
    PROBLEM,
    SOURCE,
    TYPE,
    Bus,
    Reply,
    subscription,
)
from tests.contract.api.owner import HIDDEN, WHEN, commands, database_of, letter, record, save

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/v1/subscriptions"


async def with_letters(bus: Bus, *, many: int = 4) -> tuple[str, list[str]]:
    """Subscribe and give up some events; give the path of the letters, and their ids in order."""
    made = (await bus.call("POST", PATH, json=subscription(domains=[DOMAIN]))).json
    reasons = ("refused", "exhausted")
    letters = tuple(
        letter(made["id"], offset, reason=reasons[offset % 2], type=f"{TYPE}.{offset}")
        for offset in range(many)
    )
    await save(bus, 0, dead=letters)
    path = f"{PATH}/{made['id']}/dead-letters"
    return path, [item["id"] for item in (await bus.call("GET", path)).json["items"]]


async def redriven(bus: Bus, path: str) -> list[tuple[int, ...]]:
    """Give the offsets that the owner is asked to put back, command by command."""
    return [
        tuple(event.offset for event in each.redriven)
        for each in await commands(bus, 0)
        if f"/{each.subscription}/" in path and each.kind == "redrive"
    ]


async def test_the_list_shows_everything_but_the_event(bus: Bus) -> None:
    """To the subscriber and to operators; neither subject nor data is in it."""
    path, (first, *_) = await with_letters(bus)
    for who in ("subscriber", "operator"):
        listed = await bus.call("GET", path, who=who)
        assert PERSONAL not in listed.text
        shown = listed.json["items"][0]
        buried = shown.pop("buriedAt")
        assert buried.endswith("Z")
        assert shown == {
            "id": first,
            "eventId": HIDDEN.id,
            "source": SOURCE,
            "type": f"{TYPE}.0",
            "topic": bus.topic,
            "partition": 0,
            "offset": 0,
            "reason": "refused",
            "lastOutcome": "refused 422",
            "attempts": 1,
            "firstAt": "2026-11-23T12:00:00Z",
            "lastAt": "2026-11-23T12:00:00Z",
        }


async def test_pages_and_filters(bus: Bus) -> None:
    """Each letter once, the filter kept from page to page."""
    path, ids = await with_letters(bus, many=7)
    for query, wanted in (
        ("", ids),
        ("&reason=refused", ids[::2]),
        (f"&type={TYPE}.3", [ids[3]]),
        (f"&source={SOURCE}", ids),
        ("&source=urn:nobody", []),
    ):
        found: list[str] = []
        page: str | None = f"{path}?limit=2{query}"
        while page is not None:
            reply = await bus.call("GET", page)
            assert ("Link" in reply.headers) is ("next" in reply.json)
            found += [item["id"] for item in reply.json["items"]]
            page = reply.json.get("next")
        assert found == wanted


async def test_one_is_shown_with_its_event_to_its_owner(bus: Bus) -> None:
    """The event as it would be delivered; nobody else sees that there is one."""
    path, (first, *_) = await with_letters(bus)
    shown = (await bus.call("GET", f"{path}/{first}", who="subscriber")).json
    assert shown["event"]["subject"] == PERSONAL
    assert shown["event"]["id"] == HIDDEN.id
    for who, status in (("other", 404), ("operator", 403)):
        assert (await bus.call("GET", f"{path}/{first}", who=who)).status == status
    other, (foreign, *_) = await with_letters(bus)
    for id_ in (foreign, "0", "x", "-1", "9" * 30):
        reply = await bus.call("GET", f"{path}/{id_}")
        assert (reply.status, reply.json["type"].rpartition(":")[2]) == (
            404,
            "no-such-dead-letter",
        )
    assert (await bus.call("GET", f"{other}/{foreign}")).status == 200


async def test_an_event_that_may_not_be_read_any_more_is_not_shown(bus: Bus) -> None:
    """The right to read a source is asked again, also in lists; the place stays visible."""
    made = (await bus.call("POST", PATH, json=subscription(domains=[DOMAIN]))).json
    await save(
        bus,
        0,
        dead=(letter(made["id"], 0, source=FOREIGN), letter(made["id"], 1)),
        attempts=tuple(
            AttemptMade(UUID(made["id"]), at, f"e{at}", source, TYPE, 1, "refused 422", WHEN)
            for at, source in enumerate((FOREIGN, SOURCE))
        ),
    )
    letters, attempts = (f"{PATH}/{made['id']}/{name}" for name in ("dead-letters", "attempts"))

    async def entries(path: str, who: str = "subscriber") -> dict[int, dict[str, Any]]:
        reply = await bus.call("GET", path, who=who)
        assert (FOREIGN in reply.text) is granted
        return {item["offset"]: item for item in reply.json["items"]}

    async with database_of(bus) as database:
        granted = True
        await Organisations(database).grant(FOREIGN, DOMAIN, OIN)
        before = await entries(letters), await entries(attempts)
        one = f"{letters}/{before[0][0]['id']}"
        assert (await bus.call("GET", one)).json["event"]["id"] == HIDDEN.id
        granted = False
        await database.execute("DELETE FROM access_grant; UPDATE revision SET value = value + 1")
    for path, was in zip((letters, attempts), before, strict=True):
        gone = {n: v for n, v in was[0].items() if n not in {"eventId", "source", "type"}}
        for who in ("subscriber", "operator"):
            assert await entries(path, who) == {0: {**gone, "withheld": True}, 1: was[1]}
    reply = await bus.call("GET", one)
    assert (reply.status, reply.json) == (200, (await entries(letters))[0])
    assert PERSONAL not in reply.text
    guesses: list[dict[str, str]] = [{"source": FOREIGN}, {"source": FOREIGN, "type": TYPE}]
    for guess in guesses:
        assert await entries(f"{letters}?{urlencode(guess)}", "operator") == {}
        for act in ("redrive", "purge"):
            assert (await post(bus, letters, act, {"filter": guess})).json["count"] == 0
    assert [*await entries(f"{letters}?type={TYPE}")] == [1]
    assert [*await entries(f"{letters}?reason=refused")] == [0, 1]
    assert (await post(bus, letters, "redrive", {"filter": {"type": TYPE}})).json["count"] == 1
    assert (await post(bus, letters, "purge", {"filter": {"reason": "refused"}})).json["count"] == 1


async def post(bus: Bus, path: str, act: str, document: object, who: str = "all") -> Reply:
    """Ask for dead letters to be redriven or purged."""
    return await bus.call("POST", f"{path}/_{act}", json=document, who=who)


async def test_redrive_asks_the_owner_in_order(bus: Bus) -> None:
    """By id, by filter, all: each letter once, with its copy; the answer says how many."""
    path, ids = await with_letters(bus, many=6)
    async with database_of(bus) as database:
        (before,) = await database.fetch("SELECT value FROM revision")
        by_id = await post(bus, path, "redrive", {"ids": [ids[4], ids[1], ids[1]]})
        (after,) = await database.fetch("SELECT value FROM revision")
    assert (by_id.status, by_id.json) == (202, {"count": 2, "skipped": 0})
    assert after["value"] > before["value"]
    assert await redriven(bus, path) == [(1, 4)]
    wanted = {"filter": {"reason": "refused", "source": SOURCE, "before": "2999-01-01T00:00:00Z"}}
    assert (await post(bus, path, "redrive", wanted)).json["count"] == 2
    assert (await post(bus, path, "redrive", {"all": True})).json["count"] == 2
    assert (await post(bus, path, "redrive", {"all": True})).json["count"] == 0
    assert await redriven(bus, path) == [(1, 4), (0, 2), (3, 5)]


async def test_many_go_some_at_a_time(bus: Bus) -> None:
    """A hundred to a command, in order."""
    path, _ = await with_letters(bus, many=201)
    assert (await post(bus, path, "redrive", {"all": True})).json["count"] == 201
    batches = await redriven(bus, path)
    assert [len(batch) for batch in batches] == [100, 100, 1]
    assert [offset for batch in batches for offset in batch] == list(range(201))


async def test_heavy_ones_go_fewer_at_a_time(bus: Bus) -> None:
    """A command is small in bytes, too, whatever its letters weigh; none is left out."""
    made = (await bus.call("POST", PATH, json=subscription(domains=[DOMAIN]))).json
    heavy = replace(record(), value=b"x" * 100_000)
    await save(bus, 0, dead=tuple(letter(made["id"], at, record=heavy) for at in range(7)))
    path = f"{PATH}/{made['id']}/dead-letters"
    assert (await post(bus, path, "redrive", {"all": True})).json == {"count": 7, "skipped": 0}
    batches = await redriven(bus, path)
    assert max(map(len, batches)) <= 3
    assert [offset for batch in batches for offset in batch] == list(range(7))


async def test_purge_forgets_the_event_and_keeps_its_place(bus: Bus) -> None:
    """What came from the event is gone from the answers and from the database."""
    path, ids = await with_letters(bus)
    assert (await post(bus, path, "purge", {"ids": ids[:1]})).json == {"count": 1}
    wanted = {"filter": {"type": f"{TYPE}.1"}}
    assert (await post(bus, path, "purge", wanted)).json == {"count": 1}
    shown = (await bus.call("GET", f"{path}/{ids[0]}")).json
    assert set(shown) == {
        *("id", "topic", "partition", "offset", "reason", "lastOutcome", "attempts"),
        *("firstAt", "lastAt", "buriedAt", "purgedAt"),
    }
    assert (await post(bus, path, "redrive", {"ids": ids[2:3]})).status == 202
    assert (await post(bus, path, "purge", {"all": True})).json == {"count": 1}
    async with database_of(bus) as database:
        rows = await database.fetch(
            "SELECT purged_at IS NULL AS kept, settles, sealed, event_id, source, type, key_digest"
            " FROM dead_letter WHERE subscription = $1 ORDER BY id",
            UUID(path.split("/")[3]),
        )
    assert [row["kept"] for row in rows] == [False, False, True, False]
    assert all(row["settles"] for row in rows)
    names = ("sealed", "event_id", "source", "type", "key_digest")
    assert [row[name] for name in names for row in rows if not row["kept"]] == [None] * 15


async def test_a_purged_letter_may_be_buried_again(bus: Bus) -> None:
    """After a replay gave it up once more, its event is there again."""
    path, ids = await with_letters(bus, many=1)
    await post(bus, path, "purge", {"all": True})
    id_ = path.split("/")[3]
    await save(bus, 0, replayed=(UUID(id_),))
    await save(bus, 0, dead=(letter(id_, 0),))
    shown = (await bus.call("GET", f"{path}/{ids[0]}")).json
    assert ("purgedAt" in shown, shown["event"]["id"]) == (False, HIDDEN.id)


@pytest.mark.parametrize("act", ["redrive", "purge"])
async def test_letters_that_cannot_be_used(bus: Bus, act: str) -> None:
    """Each is named with why, and nothing is done to the others."""
    path, ids = await with_letters(bus)
    _, (foreign, *_) = await with_letters(bus)
    await post(bus, path, "purge", {"ids": ids[:1]})
    await post(bus, path, "redrive", {"ids": ids[1:2]})
    reply = await post(bus, path, act, {"ids": [ids[3], foreign, ids[0], ids[1]]})
    assert (reply.status, reply.headers["Content-Type"]) == (404, PROBLEM)
    assert reply.faults() == [
        *(("/ids/1", "no-such-dead-letter"), ("/ids/2", "purged"), ("/ids/3", "redriving")),
    ]
    reply = await post(bus, path, act, {"ids": [ids[2], ids[0], ids[1]]})
    assert (reply.status, reply.faults()) == (
        *(409, [("/ids/1", "purged"), ("/ids/2", "redriving")]),
    )
    assert await redriven(bus, path) == [(1,)]
    shown = [(await bus.call("GET", f"{path}/{id_}")).json for id_ in ids]
    assert ["event" in each for each in shown] == [False, True, True, True]


@pytest.mark.parametrize("act", ["redrive", "purge"])
@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({}, ("", "not-one-of")),
        ({"all": True, "ids": ["1"]}, ("", "not-one-of")),
        ({"all": False}, ("/all", "not-allowed")),
        ({"every": True}, ("/every", "unknown-field")),
        ({"ids": []}, ("/ids", "empty")),
        ({"ids": ["1"] * 1001}, ("/ids", "too-many")),
        ({"ids": [1]}, ("/ids/0", "not-a-string")),
        ({"ids": ["0x1"]}, ("/ids/0", "malformed")),
        ({"ids": ["9" * 19]}, ("/ids/0", "malformed")),
        ({"filter": {}}, ("/filter", "empty")),
        ({"filter": {"subject": PERSONAL}}, ("/filter/subject", "unknown-field")),
        ({"filter": {"reason": "bored"}}, ("/filter/reason", "not-allowed")),
        ({"filter": {"before": "now"}}, ("/filter/before", "not-a-time")),
        ({"filter": {"type": "a\0b"}}, ("/filter/type", "control-character")),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_wrong_choice(
    bus: Bus, act: str, document: dict[str, Any], fault: tuple[str, str]
) -> None:
    """The place and the fault are named, and nothing of the letters is."""
    reply = await post(bus, f"{PATH}/{UUID(int=0)}/dead-letters", act, document)
    assert (reply.status, reply.faults()) == (400, [fault])
    assert PERSONAL not in reply.text


@pytest.mark.parametrize("act", ["redrive", "purge"])
async def test_letters_of_somebody_else(bus: Bus, act: str) -> None:
    """Another organisation finds nothing; an operator has no say."""
    path, _ = await with_letters(bus)
    for who, status in (("other", 404), ("operator", 403)):
        assert (await post(bus, path, act, {"all": True}, who=who)).status == status
    assert (await bus.call("GET", path, who="other")).status == 404


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("dead-letters?reason=bored", ("reason", "not-allowed")),
        ("dead-letters?type=", ("type", "empty")),
        ("dead-letters?source=a%00b", ("source", "control-character")),
        ("dead-letters?before=now", ("before", "unknown-parameter")),
        ("dead-letters?after=x", ("after", "not-a-cursor")),
        ("dead-letters?after=WyJ4Il0=", ("after", "not-a-cursor")),
        (f"dead-letters?after=W{'zk5OTk5' * 6}XQ==", ("after", "not-a-cursor")),
        ("dead-letters?limit=0", ("limit", "out-of-range")),
        ("attempts?limit=201", ("limit", "out-of-range")),
        ("attempts?after=WzFd", ("after", "not-a-cursor")),
        (
            f"attempts?after={cursor_of('0001-01-01T00:00:00+23:59', 'x', 0, 0, 0)}",
            ("after", "not-a-cursor"),
        ),
        ("attempts?outcome=x", ("outcome", "unknown-parameter")),
    ],
)
async def test_a_wrong_query(bus: Bus, query: str, fault: tuple[str, str]) -> None:
    """The parameter is named."""
    made = (await bus.call("POST", PATH, json=subscription())).headers["Location"]
    reply = await bus.call("GET", f"{made}/{query}")
    assert (reply.status, reply.faults()) == (400, [fault])


async def test_letters_of_a_log_that_is_gone_are_not_redriven(bus: Bus) -> None:
    """By id they are refused, by filter skipped and counted; they are shown, and may be purged.

    What the new log gives up at the same places is told apart from them.
    """
    path, ids = await with_letters(bus, many=2)
    id_ = path.split("/")[3]
    recreated = (letter(id_, 7, reason="recreated"),)
    await post(bus, path, "redrive", {"ids": ids[:1]})
    former = UUID(int=7)
    for _ in range(2):  # the answer to the first may be lost
        await save(bus, 0, dead=recreated, former_log=former)
    assert await redriven(bus, path) == [()]  # asked for before, and not carried out after
    await save(bus, 0, dead=(letter(id_, 1),))
    shown = (await bus.call("GET", path)).json["items"]
    assert [each.get("formerLog") for each in shown] == [True, True, True, None]
    (new,) = (each["id"] for each in shown if "formerLog" not in each)
    refused = await post(bus, path, "redrive", {"ids": [new, ids[1]]})
    assert (refused.status, refused.faults()) == (409, [("/ids/1", "former-log")])
    assert "publish it again" in refused.text
    everything = await post(bus, path, "redrive", {"all": True})
    assert everything.json == {"count": 1, "skipped": 3}
    assert [offsets for offsets in await redriven(bus, path) if offsets] == [(1,)]
    await save(bus, 0, redriven=((UUID(id_), 1),))
    shown = (await bus.call("GET", path)).json["items"]
    assert [each["offset"] for each in shown] == [0, 1, 7]
    assert (await bus.call("GET", f"{path}/{ids[1]}")).json["event"]["id"] == HIDDEN.id
    assert (await post(bus, path, "purge", {"ids": ids})).json == {"count": 2}


async def test_purging_and_deleting_and_saving_at_once(bus: Bus) -> None:
    """Whoever comes first: nobody waits in a circle, and each is answered."""
    for _ in range(3):
        path, _ = await with_letters(bus, many=40)
        id_ = path.split("/")[3]
        again = tuple(letter(id_, offset) for offset in reversed(range(40)))
        purged, redrives, _, deleted = await asyncio.gather(
            post(bus, path, "purge", {"all": True}),
            post(bus, path, "redrive", {"all": True}),
            save(bus, 0, dead=again, replayed=(UUID(id_),)),
            bus.call("DELETE", f"{PATH}/{id_}"),
        )
        assert purged.status in {200, 404}
        assert redrives.status in {202, 404}
        assert deleted.status == 204


async def test_attempts_are_listed_newest_first(bus: Bus) -> None:
    """In pages, each once, also where several were made at one moment."""
    made = (await bus.call("POST", PATH, json=subscription())).json
    one = AttemptMade(UUID(made["id"]), 0, "e", SOURCE, TYPE, 1, "temporary 503", WHEN)
    tried = tuple(
        replace(one, offset=offset, attempt=attempt, at=WHEN + timedelta(seconds=attempt))
        for offset in range(3)
        for attempt in (1, 2)
    )
    await save(bus, 1, attempts=tried)
    path = f"{PATH}/{made['id']}/attempts"
    found: list[dict[str, Any]] = []
    page: str | None = f"{path}?limit=2"
    while page is not None:
        reply = await bus.call("GET", page, who="operator")
        found += reply.json["items"]
        page = reply.json.get("next")
    assert [(each["attempt"], each["offset"]) for each in found] == [
        *((2, 2), (2, 1), (2, 0), (1, 2), (1, 1), (1, 0)),
    ]
    assert found[-1] == {
        "eventId": "e",
        "source": SOURCE,
        "type": TYPE,
        "topic": bus.topic,
        "partition": 1,
        "offset": 0,
        "attempt": 1,
        "outcome": "temporary 503",
        "at": "2026-11-23T12:00:01Z",
    }
    assert (await bus.call("GET", path, who="other")).status == 404


async def test_invalid_records_are_for_operators(bus: Bus) -> None:
    """Counted per topic and listed in pages: what is wrong, and nothing that is in them."""
    bad = tuple(InvalidRecord(offset, record(), "ce_id: required") for offset in range(3))
    await save(bus, 1, invalid=bad)
    path = f"/v1/topics/{bus.topic}"
    shown = (await bus.call("GET", path, who="operator")).json
    assert shown["invalidRecords"] == 3
    first = await bus.call("GET", f"{path}/invalid-records?limit=2", who="operator")
    last = await bus.call("GET", first.json["next"], who="operator")
    assert PERSONAL not in first.text + last.text
    found = first.json["items"] + last.json["items"]
    assert [(each["partition"], each["offset"]) for each in found] == [(1, 0), (1, 1), (1, 2)]
    assert found[0]["reason"] == "ce_id: required"
    assert "next" not in last.json
    for who, where, status in (*(("subscriber", path, 403), ("operator", "/v1/topics/nope", 404)),):
        assert (await bus.call("GET", f"{where}/invalid-records", who=who)).status == status
