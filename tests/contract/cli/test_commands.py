"""The command line: what it does, what it prints, how it ends."""

import asyncio
import base64
import json
from pathlib import Path
from uuid import UUID

import pytest

from bus.cli.root import COMMANDS
from bus.embedded.datadir import free_port
from bus.store.credentials import Credentials
from bus.store.partition import Gap
from tests.contract.api.bus_under_test import (
    DOMAIN,
    FOREIGN,
    OIN,
    OTHER,
    PERSONAL,
    SOURCE,
    TYPE,
    Bus,
    event,
    subscription,
)
from tests.contract.api.owner import commands, database_of, letter, save
from tests.contract.cli.command import BUS, environment, run

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_publish_from_options(bus: Bus) -> None:
    """An event from options stands where the answer says, its data as it was given."""
    data = '{"n": 1.10, "n": 2}'
    result = await run(
        *("publish", "--type", TYPE, "--source", SOURCE, "--id", "cli-1", "--data", data),
        *("-a", "partitionkey=zaak-9", "--json"),
        env=environment(bus),
    )
    (place,) = result.json()
    (record,) = await bus.records(place)
    assert (record.key, record.value) == (b"zaak-9", data.encode())
    assert dict(record.headers)["ce_id"] == b"cli-1"


async def test_publish_a_file_and_stdin(bus: Bus, tmp_path: Path) -> None:
    """A file holds one event or an array of them; - is stdin."""
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event(id="from-file")))
    one = await run("publish", str(file), env=environment(bus))
    assert "from-file" in one.out
    batch = json.dumps([event(id="a"), event(id="b")]).encode()
    two = await run("publish", "-", "--json", env=environment(bus), stdin=batch)
    assert [item["id"] for item in two.json()] == ["a", "b"]


async def test_a_refusal_is_told_with_its_place(bus: Bus) -> None:
    """Exit code 1, the fault with its place, and no personal data."""
    broken = json.dumps(event(time=PERSONAL)).encode()
    result = await run("publish", "-", env=environment(bus), stdin=broken)
    assert (result.code, result.out) == (1, "")
    assert "/time" in result.err
    assert PERSONAL not in result.err
    foreign = json.dumps(event(source=FOREIGN)).encode()
    result = await run("publish", "-", env=environment(bus), stdin=foreign)
    assert result.code == 1
    assert "Cure" in result.err


async def test_subscribe_status_unsubscribe(bus: Bus) -> None:
    """The secret is printed once; status shows the subscription; unsubscribing ends it."""
    made = await run(
        *("subscribe", "http://127.0.0.1:9/x", "--type", TYPE, "--domain", DOMAIN),
        *("--filter", '{"prefix": {"subject": "zaak-"}}'),
        env=environment(bus),
    )
    assert made.code == 0, made.err
    words = made.out.split()
    id_, secret = words[1], words[3]
    assert secret.startswith("whsec_")
    status = await run("status", env=environment(bus))
    assert id_ in status.out
    assert secret not in status.out
    detail = (await run("status", id_, "--json", env=environment(bus))).json()
    assert {p["topic"] for p in detail["partitions"]} == {bus.topic}
    ended = await run("unsubscribe", id_, "--json", env=environment(bus))
    assert ended.json() == {"id": id_}
    again = await run("unsubscribe", id_, env=environment(bus))
    assert (again.code, "404" in again.err) == (1, True)


async def test_domains_and_topics(bus: Bus) -> None:
    """A domain that was made is listed, and so is its topic."""
    added = await run("domains", "add", "nl.vng.cli", "--partitions", "1", env=environment(bus))
    assert added.code == 0, added.err
    listed = (await run("domains", "list", "--json", env=environment(bus))).json()
    assert "nl.vng.cli" in [domain["name"] for domain in listed]
    topics = await run("topics", env=environment(bus))
    assert f"{bus.settings.namespace}.nl.vng.cli" in topics.out
    assert "lagSeconds" in topics.out
    twice = await run("domains", "add", "nl.vng.cli", env=environment(bus))
    assert (twice.code, "409" in twice.err) == (1, True)


async def test_a_domain_is_changed(bus: Bus) -> None:
    """Its strictness, the agreement that it rests on, and who changed it when."""
    env = environment(bus)
    assert (await run("domains", "add", "nl.cli-profiel", "--partitions", "1", env=env)).code == 0
    relax = ("domains", "change", "nl.cli-profiel", "--rule", "bsn-in-subject=warn")
    refused = await run(*relax, env=env)
    assert (refused.code, "/profile/rules/bsn-in-subject" in refused.err) == (1, True)
    agreed = await run(
        *(*relax, "--bsn-agreement", "convenant 17", "--retention-days", "20", "--json"), env=env
    )
    (changed,) = agreed.json()
    assert changed["retentionDays"] == 20
    assert changed["profile"] == {
        "rules": {"bsn-in-subject": "warn"},
        "bsnAgreement": "convenant 17",
    }
    person = json.dumps(event(type="nl.cli-profiel.x", subject=PERSONAL)).encode()
    taken = await run("publish", "-", env=env, stdin=person)
    assert (taken.code, "warning: /subject: " in taken.err) == (0, True)
    undo = ("domains", "change", "nl.cli-profiel", "--rule", "bsn-in-subject=default")
    (strict,) = (await run(*undo, "--bsn-agreement", "", "--json", env=env)).json()
    assert strict["profile"] == {}
    history = await run("domains", "history", "nl.cli-profiel", "--json", env=env)
    assert len(history.json()) == 3
    assert (await run("domains", "change", "nl.cli-profiel", env=env)).code == 2
    assert (await run("domains", "change", "nl.cli-profiel", "--rule", "x", env=env)).code == 2


async def test_events_are_judged_without_a_bus(tmp_path: Path) -> None:
    """Exit code 1 when one would be refused, each finding at its place, and no value shown."""
    env = environment(None)
    batch = json.dumps([event(), event(subject=PERSONAL), event(partitionkey=None)]).encode()
    judged = await run("profile", "check", "-", "--json", env=env, stdin=batch)
    assert judged.code == 1
    assert {(each["at"], each["verdict"], each["code"]) for each in json.loads(judged.out)} == {
        ("/1/subject", "reject", "bsn-in-subject"),
        ("/2/partitionkey", "warn", "ordered-by-source"),
    }
    assert PERSONAL not in judged.out + judged.err
    policy = tmp_path / "profile.json"
    policy.write_text('{"rules": {"bsn-in-subject": "off"}, "bsnAgreement": "x"}')
    argument = ("profile", "check", "-", "--policy", str(policy))
    assert (await run(*argument, env=env, stdin=batch)).code == 0
    policy.write_text('{"rules": {"bsn-in-subject": "off"}}')
    unagreed = await run(*argument, env=env, stdin=batch)
    assert (unagreed.code, "/rules/bsn-in-subject" in unagreed.err) == (1, True)
    broken = await run("profile", "check", "-", env=env, stdin=b'{"id": ""}')
    assert (broken.code, "/id" in broken.out) == (1, True)
    missing = await run("profile", "check", str(tmp_path / "none"), env=env)
    assert (missing.code, "cannot be read" in missing.err) == (1, True)
    fine = await run("profile", "check", "-", env=env, stdin=json.dumps(event()).encode())
    assert fine.code == 0


async def test_tail_shows_what_enters(bus: Bus) -> None:
    """Events show as they come, without subject and data unless these are asked for."""
    env = environment(bus)
    watching = asyncio.create_task(run("tail", DOMAIN, "-n", "1", env=env))
    whole = asyncio.create_task(run("tail", DOMAIN, "-n", "1", "--whole", "--json", env=env))
    number = 0
    async with asyncio.timeout(40):
        while not (watching.done() and whole.done()):
            number += 1
            await bus.publish(event(id=f"tail-{number}", subject="wie", data=PERSONAL))
            await asyncio.wait([watching, whole], timeout=0.3)
    assert "tail-" in watching.result().out
    assert PERSONAL not in watching.result().out
    line = whole.result().json()
    assert (line["topic"], line["event"]["data"]) == (bus.topic, PERSONAL)


async def test_a_new_organisation_gets_in(bus: Bus) -> None:
    """An organisation, its source, a token and a grant; and one whose token is revoked is out."""
    oin, prefix = "00000001111111111000", "urn:nld:oin:00000001111111111000"
    env = environment(bus)
    made = await run("organisations", "add", oin, "Gemeente Nieuw", "--source", prefix, env=env)
    assert made.code == 0, made.err
    token = await run(
        *(
            "tokens",
            "issue",
            oin,
            "--role",
            "publisher",
            "--label",
            "proef",
            "--days",
            "1",
            "--json",
        ),
        env=env,
    )
    secret = token.json()["token"]
    published = await bus.publish(event(source=f"{prefix}:zaken"), who=secret)
    assert published.status == 202, published.text
    listed = (await run("tokens", "list", "--json", env=env)).json()
    (ours,) = [each for each in listed if each["organisation"] == oin]
    assert (ours["label"], ours["roles"], secret in str(listed)) == ("proef", ["publisher"], False)
    revoked = await run("tokens", "revoke", ours["id"], env=env)
    assert (revoked.code, revoked.out) == (0, "proef is revoked\n")
    again = await run("tokens", "revoke", ours["id"], env=env)
    assert (again.code, "Cure" in again.err) == (1, True)
    async with database_of(bus) as database:  # the API remembers a token for some seconds
        assert await Credentials(database).find(secret) is None
    granted = await run("grants", "add", prefix, OTHER, "--domain", DOMAIN, env=env)
    assert granted.code == 0, granted.err
    grants = (await run("grants", "list", "--json", env=env)).json()
    assert {"prefix": prefix, "domain": DOMAIN, "grantee": OTHER} in grants
    sources = (await run("sources", "list", "--json", env=env)).json()
    assert {"prefix": prefix, "organisation": oin} in sources
    names = (await run("organisations", "list", "--json", env=env)).json()
    assert {"oin": OIN, "name": "Gemeente 1"} in names


@pytest.mark.parametrize(
    "arguments",
    [
        ("organisations", "add", "123", "Kort"),
        ("tokens", "issue", OIN, "--role", "king", "--label", "x"),
        ("publish",),
        ("nonsense",),
        ("outbox", "install"),
    ],
)
async def test_wrong_usage(bus: Bus, arguments: tuple[str, ...]) -> None:
    """Exit code 2 and a sentence."""
    result = await run(*arguments, env=environment(bus))
    assert result.code == 2
    assert result.err


async def test_a_grant_to_nobody(bus: Bus) -> None:
    """What is not there is told, with what helps."""
    env = environment(bus)
    for arguments in (("grants", "add", "urn:x", "00000009999999999000"), ("tail", "nl.nope")):
        result = await run(*arguments, env=env)
        assert (result.code, "Cure" in result.err) == (1, True)


async def test_the_doctor_finds_all_well(bus: Bus) -> None:
    """With everything in order each finding is ok and the exit code 0."""
    result = await run("doctor", "--json", env=environment(bus))
    findings = [(finding["what"], finding["verdict"]) for finding in result.json()]
    looked_at = ["Postgres", "secret key", "Kafka", "API", "clock"]
    assert findings == [(each, "ok") for each in looked_at]


async def test_the_doctor_tells_a_wrong_key(bus: Bus) -> None:
    """A key that is one, but not that of the stored secrets: named with whom it cannot serve."""
    made = (await bus.call("POST", "/v1/subscriptions", json=subscription())).json
    other_key = base64.b64encode(bytes(32)).decode()
    result = await run("doctor", "--json", env=environment(bus, BUS_SECRET_KEY=other_key))
    assert result.code == 1
    (wrong,) = [each for each in json.loads(result.out) if each["verdict"] == "wrong"]
    assert (wrong["what"], "BUS_SECRET_KEY" in wrong["found"]) == ("secret key", True)
    assert "the key that sealed them" in wrong["cure"]
    await bus.call("DELETE", f"/v1/subscriptions/{made['id']}")


async def test_the_doctor_finds_what_is_wrong(bus: Bus) -> None:
    """Whatever is away is named with a cure, a misspelt variable too; the exit code is 1."""
    env = environment(
        bus,
        BUS_KAFKA_BOOTSTRAP="127.0.0.1:1",
        BUS_DATABASE_URL="postgresql://bus:geheim@127.0.0.1:1/x",
        BUS_URL="http://127.0.0.1:1",
        BUS_KAFKA_BOOSTRAP="x",
    )
    result = await run("doctor", "--json", env=env)
    assert result.code == 1
    findings = json.loads(result.out)
    wrong = {f["what"] for f in findings if f["verdict"] == "wrong"}
    assert wrong == {"Postgres", "Kafka", "API"}
    assert all(f["cure"] for f in findings if f["verdict"] != "ok")
    assert "BUS_KAFKA_BOOSTRAP" in result.out
    assert "geheim" not in result.out


async def test_settings_are_listed() -> None:
    """Every setting with its type, default and sentence; secrets are not shown."""
    env = environment(None, BUS_TOKEN="gb_geheim", BUS_API_PORT="9")
    rows = {row["variable"]: row for row in (await run("settings", "--json", env=env)).json()}
    assert rows["BUS_API_PORT"] == {
        "variable": "BUS_API_PORT",
        "type": "number",
        "default": "8080",
        "now": "9",
        "needed by": [],
        "sentence": "Port of the API; 0 takes a free one.",
    }
    assert rows["BUS_TOKEN"]["now"] is None


@pytest.mark.parametrize("role", ["api", "dispatch", "relay", "migrate"])
async def test_a_role_without_its_settings(role: str) -> None:
    """A missing setting is named, with the role that needs it; exit code 2."""
    result = await run(role, env=environment(None))
    assert result.code == 2
    assert f"BUS_DATABASE_URL is not set, and `bus {role}` needs it" in result.err


async def test_no_api_there() -> None:
    """A client command that gets no answer says what helps."""
    result = await run("topics", env=environment(None, BUS_URL="http://127.0.0.1:1"))
    assert (result.code, result.out) == (1, "")
    assert "Cure: start the bus" in result.err


async def test_a_wrong_token(bus: Bus) -> None:
    """The message says where a good one is."""
    result = await run("topics", env=environment(bus, BUS_TOKEN="gb_wrong"))
    assert result.code == 1
    assert "BUS_TOKEN" in result.err


async def test_help() -> None:
    """The commands are listed, each with what it does."""
    result = await run("--help", env=environment(None, COLUMNS="200"))
    assert result.code == 0
    for row in COMMANDS:
        assert f" {row.name} " in result.out


async def test_filters_are_tried_on_an_event(bus: Bus, tmp_path: Path) -> None:
    """The exit code is the verdict; an error and a warning are told with their place."""
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event(subject=PERSONAL)))
    command = (
        "filters",
        "evaluate",
        str(file),
        "--filter",
        '{"exact": {"partitionkey": "zaak-1"}}',
    )
    assert (await run(*command, env=environment(bus))).out == "passes\n"
    sql = "missing = 'a' AND TRUE OR FALSE"
    result = await run(*command, "--sql", sql, env=environment(bus))
    assert (result.code, result.out.splitlines()[0]) == (1, "does not pass")
    assert "error /filters/1/sql: character 1: " in result.out
    assert "warning /filters/1/sql: character 24: " in result.err
    broken = await run(*command, "--sql", f"'{PERSONAL}' =", env=environment(bus))
    assert (broken.code, broken.out) == (1, "")
    assert "/filters/1/sql: character 14: " in broken.err
    assert PERSONAL not in result.out + result.err + broken.err
    shown = await run(*command, "--json", env=environment(bus))
    assert shown.json() == {"matches": True, "error": None, "warnings": []}


async def test_filters_are_tried_on_the_past(bus: Bus) -> None:
    """All that is asked for is read, in steps, with progress beside the result."""
    name = "nl.vng.terugblik"
    made = await bus.call("POST", "/v1/domains", json={"name": name, "partitions": 2})
    assert made.status == 201
    for number in range(12):
        sent = event(id=f"old-{number}", type=f"{name}.x", partitionkey=f"zaak-{number}")
        assert (await bus.publish(sent)).status == 202
    sql = "partitionkey IN ('zaak-3', 'zaak-7', 'zaak-11')"
    command = ("filters", "backtest", "--domain", name, "--sql", sql)
    result = await run(*command, "--json", "--samples", "2", env=environment(bus))
    total = result.json()
    assert (total["done"], total["read"], total["matched"]) == (True, 12, 3)
    assert total["byType"] == [{"type": f"{name}.x", "matched": 3}]
    assert len(total["samples"]) == 2
    assert "12 read, 3 match, 0 to go" in result.err
    table = await run(*command, "--events", "5", env=environment(bus))
    assert table.code == 0
    assert table.out.splitlines()[-1].endswith(" of 5 events read")


async def test_pause_resume_replay_and_attempts(bus: Bus) -> None:
    """What the API does, with its refusals as sentences."""
    env = environment(bus)
    made = (await run("subscribe", "http://127.0.0.1:9/e", "--json", env=env)).json()
    for act, state in (("pause", "paused"), ("resume", "active")):
        result = await run("subscriptions", act, made["id"], env=env)
        assert (result.code, result.out) == (0, f"{made['id']} is {state}\n")
    again = await run("subscriptions", "pause", made["id"], "--json", env=env)
    assert again.json()["state"] == "paused"
    refused = await run("subscriptions", "replay", made["id"], "--from", "2999-01-01", env=env)
    assert (refused.code, "/from:" in refused.err) == (1, True)
    assert (await run("subscriptions", "replay", made["id"], env=env)).code == 2
    attempts = await run("subscriptions", "attempts", made["id"], "--json", env=env)
    assert attempts.json() == []


async def allow_another(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the handshake as a sink that takes events of somebody else only."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: other.example\r\n")
    writer.write(b"Content-Length: 0\r\nConnection: close\r\n\r\n")
    writer.close()


async def test_verify_and_rotate_secret(bus: Bus, tmp_path: Path) -> None:
    """The answer of the sink in a word; another secret, this once, or one of one's own."""
    env = environment(bus)
    made = (await run("subscribe", "http://127.0.0.1:9/e", "--json", env=env)).json()
    asked = await run("subscriptions", "verify", made["id"], env=env)
    assert (asked.code, asked.out) == (0, "unanswered\n")
    port = free_port()
    sink = f"http://127.0.0.1:{port}/e"
    other = (await run("subscribe", sink, "--json", env=env)).json()
    server = await asyncio.start_server(allow_another, "127.0.0.1", port)
    denied = await run("subscriptions", "verify", other["id"], "--json", env=env)
    server.close()
    assert (denied.code, json.loads(denied.out)["result"]) == (1, "denied")
    rotate = ("subscriptions", "rotate-secret", made["id"])
    rotated = (await run(*rotate, "--grace", "60", "--json", env=env)).json()
    assert rotated["signing"]["secret"] not in {None, made["signing"]["secret"]}
    assert "previousUntil" in rotated["signing"]
    own = tmp_path / "secret"
    own.write_text(f"{made['signing']['secret']}\n")
    mine = await run(*rotate, "--secret", str(own), "--grace", "0", env=env)
    assert (mine.code, made["signing"]["secret"] in mine.out) == (0, False)
    wrong = await run(*rotate, "--scheme", "v9", env=env)
    assert (wrong.code, "/scheme" in wrong.err) == (1, True)


async def test_dead_letters(bus: Bus, tmp_path: Path) -> None:
    """Listed, shown, redriven by id and purged by filter; one way to choose at a time."""
    env = environment(bus)
    made = (await run("subscribe", "http://127.0.0.1:9/e", "--json", env=env)).json()
    await save(bus, 0, next_offset=9, dead=tuple(letter(made["id"], at) for at in (3, 4)))
    listed = await run("dead-letters", "list", made["id"], "--reason", "refused", env=env)
    assert (listed.code, "refused 422" in listed.out, PERSONAL in listed.out) == (0, True, False)
    rows = (await run("dead-letters", "list", made["id"], "--json", env=env)).json()
    first, second = [row["id"] for row in rows]
    show = ("dead-letters", "show", made["id"], first)
    assert (await run(*show, "--json", env=env)).json()["event"]["subject"] == PERSONAL
    assert f"event.subject {PERSONAL}" in " ".join((await run(*show, env=env)).out.split())
    result = await run("dead-letters", "redrive", made["id"], first, "--no-wait", env=env)
    assert (result.code, result.out, result.err) == (0, "1 will be delivered again\n", "")
    again = await run("dead-letters", "redrive", made["id"], first, second, env=env)
    assert (again.code, "/ids/0:" in again.err) == (1, True)
    purge = ("dead-letters", "purge", made["id"])
    assert (await run(*purge, second, "--all", env=env)).code == 2
    assert (await run(*purge, env=env)).code == 2
    assert (await run(*purge, "--type", TYPE, "--json", env=env)).json() == {"count": 1}
    offsets = tmp_path / "offsets.json"
    offsets.write_text(json.dumps({bus.topic: {"0": 10**9}}))
    folder = await run("subscriptions", "replay", made["id"], "--offsets", str(tmp_path), env=env)
    assert (folder.code, "cannot be read: Is a directory" in folder.err) == (1, True)
    wrong = await run("subscriptions", "replay", made["id"], "--offsets", str(offsets), env=env)
    assert (wrong.code, f"/from/{bus.topic}/0" in wrong.err) == (1, True)


async def test_a_purge_of_very_many_that_breaks_off(bus: Bus) -> None:
    """It tells how many are gone when it fails in the middle; doing it again goes on from there."""
    env = environment(bus)
    made = (await run("subscribe", "http://127.0.0.1:9/e", "--json", env=env)).json()
    await save(bus, 0, dead=(letter(made["id"], 0),))
    purge = ("dead-letters", "purge", made["id"], "--all", "--json")
    async with database_of(bus) as database:
        await database.execute(
            "INSERT INTO dead_letter"
            " (subscription, topic, partition, event_offset, reason, attempts)"
            " SELECT subscription, topic, partition, n, reason, 1"
            " FROM dead_letter, generate_series(1, 5000) AS n WHERE subscription = $1",
            UUID(made["id"]),
        )
        await database.execute(
            "ALTER TABLE dead_letter ADD CONSTRAINT breaks"
            " CHECK (event_offset < 5000 OR purged_at IS NULL)"
        )
        broken = await run(*purge, env=env)
        await database.execute("ALTER TABLE dead_letter DROP CONSTRAINT breaks")
    assert (broken.code, broken.out) == (1, "")
    assert broken.err.splitlines()[0] == "5000 purged, and on"
    assert "5000 purged before that. Cure" in broken.err
    assert (await run(*purge, env=env)).json() == {"count": 1}


async def test_dead_letters_of_a_log_that_is_gone(bus: Bus) -> None:
    """By id refused with the cure, with --all left out and counted; they can be shown."""
    env = environment(bus)
    made = (await run("subscribe", "http://127.0.0.1:9/e", "--json", env=env)).json()
    await save(bus, 0, dead=(letter(made["id"], 3),))
    await save(bus, 0, former_log=UUID(int=1))
    await save(bus, 0, dead=(letter(made["id"], 3),))
    rows = (await run("dead-letters", "list", made["id"], "--json", env=env)).json()
    assert [row.get("formerLog") for row in rows] == [True, None]
    redrive = ("dead-letters", "redrive", made["id"])
    refused = await run(*redrive, rows[0]["id"], env=env)
    assert (refused.code, "publish it again" in refused.err) == (1, True)
    result = await run(*redrive, "--all", env=env)
    assert result.code == 0
    assert result.out.startswith("1 will be delivered again\n1 will not: ")
    # Nobody has room for it here: it is not waited for without end.
    assert result.err.splitlines() == [
        "1 to go",
        f"they go when there is room for them; see `bus status {made['id']}`",
    ]


async def test_a_redrive_is_followed(bus: Bus) -> None:
    """How many still wait stands on stderr, each time that some have got their room."""
    env = environment(bus)
    made = (await run("subscribe", "http://127.0.0.1:9/e", "--json", env=env)).json()
    who = UUID(made["id"])
    places = {0: (3, 4), 1: (5,)}
    for partition, offsets in places.items():
        await save(bus, partition, dead=tuple(letter(made["id"], each) for each in offsets))
    process = await asyncio.create_subprocess_exec(
        *(BUS, "dead-letters", "redrive", made["id"], "--all", "--json"),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(40):
        for partition, told in ((0, b"3 to go\n"), (1, b"1 to go\n")):
            assert await process.stderr.readline() == told
            asked = tuple(each.id for each in await commands(bus, partition))
            redriven = tuple((who, offset) for offset in places[partition])
            await save(bus, partition, commands=asked, redriven=redriven)
        out, err = await process.communicate()
    assert (process.returncode, json.loads(out), err) == (0, {"count": 3, "skipped": 0}, b"")


async def test_deliveries_and_status(bus: Bus) -> None:
    """Who got an event, by its place; and how each subscription is doing, in a word."""
    env = environment(bus)
    type_ = f"{TYPE}.bezorgd"
    made = (
        await run("subscribe", "http://127.0.0.1:9/e", "--type", type_, "--json", env=env)
    ).json()
    place = (await bus.publish(event(id="who-got-it", type=type_))).json
    where = [f"--{name}={place[name]}" for name in ("topic", "partition", "offset")]
    shown = await run("deliveries", SOURCE, "who-got-it", *where, env=env)
    assert (shown.code, made["id"] in shown.out, "pending" in shown.out) == (0, True, True)
    found = (await run("deliveries", SOURCE, "who-got-it", *where, "--json", env=env)).json()
    assert made["id"] in [each["subscription"] for each in found["deliveries"]]
    missing = await run("deliveries", SOURCE, "nobody-got-it", *where, env=env)
    assert (missing.code, "no such event" in missing.err) == (1, True)
    status = await run("status", made["id"], env=env)
    assert (status.code, status.out.split()[1]) == (0, "active")
    assert "parked 0, deadLetters 0, gapCount 0" in status.out
    assert "lost" not in status.out
    await save(bus, 0, gaps=(Gap(UUID(made["id"]), 7, 8, "damaged"),))
    lossy = (await run("status", made["id"], env=env)).out
    assert "gapCount 1" in lossy
    assert f"{bus.topic} 0 7 8 damaged" in " ".join(lossy.split())
