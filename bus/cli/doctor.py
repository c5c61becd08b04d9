"""`bus doctor`: is everything there that the bus needs, and if not, what helps."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal

import typer

from bus.app.parts import database_of, database_url, sealer_of, topics_of
from bus.cli.client import Url, ask
from bus.cli.show import AsJson, show
from bus.log.errors import LogError
from bus.settings import Settings, SettingsError, unknown_variables
from bus.store.database import Database
from bus.store.domains import Domains
from bus.store.errors import StoreError
from bus.store.migrate import pending
from bus.store.seals import opened

_WITHIN = 10.0  # seconds per question
_SKEW = 5.0
"""Seconds: receivers refuse signatures that are minutes off; long before that, look."""


_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    what: str
    verdict: Literal["ok", "note", "wrong"]
    found: str
    cure: str = ""


def doctor(*, url: Url = None, as_json: AsJson = False) -> None:
    """Look at settings, Postgres, its schema, the secret key, Kafka, the API and the clock.

    Exit code 1 when something is wrong; each finding says what helps.
    """
    findings = asyncio.run(_examine(url))
    rows = [
        {"what": f.what, "verdict": f.verdict, "found": f.found, "cure": f.cure or None}
        for f in findings
    ]
    show(rows, ["what", "verdict", "found", "cure"], as_json=as_json)
    if any(finding.verdict == "wrong" for finding in findings):
        raise typer.Exit(1)


async def _examine(url: str | None) -> list[Finding]:
    try:
        settings = Settings.load()
    except SettingsError as error:
        return [Finding("settings", "wrong", str(error), "see `bus settings`")]
    return [finding async for finding in _findings(settings, url)]


async def _findings(settings: Settings, url: str | None) -> AsyncIterator[Finding]:
    for name in unknown_variables(os.environ):
        yield Finding("settings", "note", f"{name} is no setting", "see `bus settings`")
    if settings.secret_key is None:
        cure = "set BUS_SECRET_KEY for `bus api` and `bus dispatch`"
        yield Finding("secret key", "note", "is not set", cure)
    topics: list[str] = []
    if settings.database_url is None:
        yield Finding("Postgres", "note", "BUS_DATABASE_URL is not set", "set it for the roles")
    else:
        found, topics = await _postgres(settings)
        for finding in found:
            yield finding
    if settings.kafka_bootstrap is None:
        yield Finding("Kafka", "note", "BUS_KAFKA_BOOTSTRAP is not set", "set it for the roles")
    else:
        yield await _kafka(settings, topics)
    for finding in await asyncio.to_thread(_api, (url or settings.url).rstrip("/")):
        yield finding


async def _postgres(settings: Settings) -> tuple[list[Finding], list[str]]:
    """Look at Postgres, the schema and the key to it; give the topics that it knows of."""
    try:
        async with asyncio.timeout(_WITHIN):
            missing = await pending(database_url(settings))
            if missing:
                found = f"the schema lacks {', '.join(missing)}"
                return [Finding("Postgres", "wrong", found, "run `bus migrate`")], []
            async with database_of(settings, "doctor") as database:
                topics = [domain.topic for domain in await Domains(database).all()]
                key = [] if settings.secret_key is None else [await _key(settings, database)]
    except (StoreError, TimeoutError) as error:
        found = f"{type(error).__name__}: {error}"
        return [Finding("Postgres", "wrong", found, "check BUS_DATABASE_URL and the server")], []
    found = f"answers; schema up to date; {len(topics)} domains"
    return [Finding("Postgres", "ok", found), *key], topics


async def _key(settings: Settings, database: Database) -> Finding:
    """See whether the key opens the secrets that are stored."""
    opens = await opened(database, sealer_of(settings))
    shut = [str(id_) for id_, right in opens.items() if not right]
    if not shut:
        return Finding("secret key", "ok", f"opens the secrets of {len(opens)} subscriptions")
    named = ", ".join(shut[:_MOST_NAMED]) + (", …" if len(shut) > _MOST_NAMED else "")
    found = f"BUS_SECRET_KEY does not open the secrets of {len(shut)} of {len(opens)}: {named}"
    cure = "set the key that sealed them, or where that is lost let these subscribe anew"
    return Finding("secret key", "wrong", found, cure)


async def _kafka(settings: Settings, topics: list[str]) -> Finding:
    try:
        async with asyncio.timeout(_WITHIN), topics_of(settings) as log:
            there = await log.partitions(topics)
    except (LogError, TimeoutError) as error:
        found = f"{type(error).__name__}: {error}"
        return Finding("Kafka", "wrong", found, "check BUS_KAFKA_BOOTSTRAP and the brokers")
    if missing := sorted(set(topics) - set(there)):
        cure = "restore Kafka's data, or drop and make these domains anew"
        return Finding("Kafka", "wrong", f"topics are missing: {', '.join(missing)}", cure)
    return Finding("Kafka", "ok", f"answers; {len(there)} topics are there")


def _api(url: str) -> list[Finding]:
    """Ask /readyz; its Date header tells of clocks that differ."""
    try:
        reply = ask("GET", f"{url}/readyz", timeout=_WITHIN)
    except OSError as error:
        found = f"no answer from {url} ({type(error).__name__})"
        return [Finding("API", "wrong", found, "start it, or set BUS_URL")]
    if reply.status == 200:
        findings = [Finding("API", "ok", f"{url} is ready")]
    else:
        text = reply.body.decode(errors="replace")
        findings = [Finding("API", "wrong", f"{url} says {text}", "see the lines above")]
    if date := reply.headers.get("date"):
        findings.append(_clock(abs(time.time() - parsedate_to_datetime(date).timestamp())))
    return findings


def _clock(skew: float) -> Finding:
    found = f"{skew:.0f} s from the API's"
    if skew < _SKEW:
        return Finding("clock", "ok", found)
    return Finding("clock", "wrong", found, "set both clocks by NTP; signatures carry the time")
