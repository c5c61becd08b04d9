"""The official vectors for types and timestamps, each sent through the HTTP door."""

import asyncio
import json
from urllib.parse import quote

import pytest

from bus.codec import kafka
from tests.contract.api.bus_under_test import STRUCTURED, Bus, Reply, event
from tests.vectors import Case, cases

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def sent(bus: Bus, form: str, case: Case) -> Reply:
    """Publish an event that has the attribute of a case."""
    if form == "structured":
        body = json.dumps({**event(), case.name: case.value}).encode()
        return await bus.call("POST", "/v1/events", body=body, headers={"Content-Type": STRUCTURED})
    text = str(case.value).lower() if isinstance(case.value, bool) else str(case.value)
    encoded = quote(text.encode("utf-8", "surrogatepass"), safe="")
    headers = {f"ce-{name}": value for name, value in event().items()}
    return await bus.call("POST", "/v1/events", headers={**headers, f"ce-{case.name}": encoded})


def place_of(case: Case, form: str) -> str:
    """Give where the fault is: a lone surrogate makes the whole of a body unreadable."""
    if form == "binary":
        return f"ce-{case.name}"
    whole = any("\ud800" <= character <= "\udfff" for character in str(case.value))
    return "" if whole else f"/{case.name}"


@pytest.mark.parametrize("form", ["structured", "binary"])
async def test_every_case_at_the_door(bus: Bus, form: str) -> None:
    """What is valid is taken and stored with its text; what is not is 400 with its place."""
    wrong = {"data"} if form == "structured" else set()  # there it is no attribute but the data
    todo = [case for case in cases() if case.name not in wrong]
    if form == "binary":  # header names have no capitals: the server never sees them
        todo = [case for case in todo if case.name == case.name.lower()]
    replies = await asyncio.gather(*(sent(bus, form, case) for case in todo))
    taken = []
    for case, reply in zip(todo, replies, strict=True):
        assert reply.status == (202 if case.sound else 400), (case, reply.text)
        if case.sound:
            taken.append((case, reply.json))
        else:
            assert place_of(case, form) in {where for where, _ in reply.faults()}, case
    records = await bus.records(*(place for _, place in taken))
    for (case, _), record in zip(taken, records, strict=True):
        value = kafka.decode(record.headers, record.value).get(case.name)
        assert value == case.value or value == str(case.value).lower(), case
    assert len(taken) > 60
    assert len(todo) - len(taken) > 50
