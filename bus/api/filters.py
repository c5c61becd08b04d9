"""/v1/filters: dry runs, on one event and on the past. Nothing is stored or delivered."""

import time
from collections.abc import Iterator
from typing import Any

import msgspec

from bus.api.call import Answer, Call, answer
from bus.api.house import House
from bus.api.problem import error_item
from bus.api.stretch import cursor, stretches_of
from bus.api.trial import Trial
from bus.api.wish import unknown_domains
from bus.catalogue.asking import add_wanted
from bus.codec import json as codec
from bus.document import InvalidDocument, load
from bus.event import Event, Fault, InvalidEvent
from bus.log.errors import LogUnavailable
from bus.log.record import Partition
from bus.log.stretches import Stretch, Stretches
from bus.match import Index, cesql, compile_filters
from bus.subscription import Backtest, Rehearsal, parse_backtest, sql_in, validate_filtered

_READ_AT_ONCE = 500
"""Records looked at before others are served: some 4 ms."""

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])

_Filters = tuple[dict[str, Any], ...]


async def evaluate(call: Call) -> Answer:
    """Say whether filters let one event pass, and which sql expression has an error on it."""
    rehearsal, event = _read(await call.json_body("application/json"))
    filters = rehearsal.filters
    error = next(_errors(filters, event), None)
    document = {
        "matches": compile_filters(filters)(event.get),
        "error": None if error is None else error_item("body", error),
        "warnings": _warnings(filters),
    }
    return answer(200, document)


async def backtest(call: Call) -> Answer:
    """Try a subscription on what the log holds, within the budget and the caller's rights."""
    wish = parse_backtest(await call.json_body("application/json"))
    if faults := await unknown_domains(call.house, wish):
        raise InvalidDocument(faults)
    with call.house.readings.turn(call.who.organisation):
        return answer(200, await _backtest(call.house, wish, call.who.organisation))


def _read(body: bytes) -> tuple[Rehearsal, Event]:
    """Read the filters and the event, and name the faults of both."""
    try:
        members = _MEMBERS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        members = {}
        load(body)  # which says what it is instead
    # Apart, and as the text it is: its data may hold what no field of ours may, and as deep.
    event, faults = _event(bytes(members.pop("event", b"null")))
    try:
        rehearsal = validate_filtered(load(msgspec.json.encode(members)), Rehearsal)
    except InvalidDocument as error:
        raise InvalidDocument([*error.faults, *faults]) from None
    if event is None:
        raise InvalidDocument(faults)
    return rehearsal, event


def _event(text: bytes) -> tuple[Event | None, list[Fault]]:
    if text == b"null":
        return None, [Fault("/event", "required", "this field is required")]
    try:
        return codec.decode(text), []
    except InvalidEvent as error:
        return None, [Fault(f"/event{each.where}", each.code, each.detail) for each in error.faults]


def _errors(filters: _Filters, event: Event) -> Iterator[Fault]:
    for where, text in sql_in(list(filters)):
        value, failure = cesql.evaluate(cesql.parse(text), event.get)
        if failure is not None:
            yield Fault(where, failure.kind, str(failure))
        elif not isinstance(value, bool):
            detail = "the value is no Boolean, so that no event can pass"
            yield Fault(where, "not-a-boolean", detail)


def _warnings(filters: _Filters) -> list[dict[str, Any]]:
    """Name the expressions that are read otherwise than many expect."""
    found = []
    for where, text in sql_in(list(filters)):
        at = cesql.parse(text).mixed
        if at is not None:
            detail = f"character {at + 1}: AND, OR and XOR group to the right; write parentheses"
            found.append(error_item("body", Fault(where, "mixed-operators", detail)))
    return found


async def _backtest(house: House, wish: Backtest, organisation: str) -> dict[str, Any]:
    house.expect_log()
    until = time.monotonic() + wish.budget.seconds
    stretches = await stretches_of(house, wish)
    trial = _trial(house, wish, organisation)
    async with house.reader() as reader:
        reading = Stretches(reader, stretches)
        before = reading.remaining
        while reading.left and (more := wish.budget.events - trial.read) > 0:
            seconds = until - time.monotonic()
            if seconds <= 0:
                break
            for records in (await reading.read(min(_READ_AT_ONCE, more), seconds)).values():
                for record in records:
                    trial.take(record)
        if before and reading.remaining == before:
            raise LogUnavailable("nothing was read within the time")
    return _found(trial, reading, stretches, wish)


def _trial(house: House, wish: Backtest, organisation: str) -> Trial:
    index: Index[str] = Index()
    add_wanted(index, "wish", wish, organisation=organisation)
    return Trial(index, house.directory.now.readers, wish.samples)


def _found(
    trial: Trial, reading: Stretches, stretches: dict[Partition, Stretch], wish: Backtest
) -> dict[str, Any]:
    document = {
        "done": not reading.left,
        "read": trial.read,
        "matched": trial.matched,
        "invalid": trial.invalid,
        "remaining": reading.remaining,
        "byType": trial.by_type(),
        "samples": trial.samples,
        "partitions": [
            {"topic": topic, "partition": number, "position": part.position, "end": part.end}
            for (topic, number), part in sorted(stretches.items())
        ],
        "gaps": [
            {"topic": topic, "partition": number, "position": start, "end": end}
            for (topic, number), start, end in reading.gaps
        ],
        "warnings": _warnings(wish.filters),
    }
    return document if document["done"] else {**document, "next": cursor(reading.left)}
