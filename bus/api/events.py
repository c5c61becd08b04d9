"""POST /v1/events: take events in, answer where they stand in the log."""

import asyncio
from collections.abc import Sequence

from bus.api.call import Answer, Call, answer
from bus.api.house import House
from bus.api.problem import Problem, body_errors, problem_of, too_large
from bus.api.profile import Entry, judged
from bus.api.registered import Place, Warnings, as_registered
from bus.catalogue import Domain, UnknownDomain, key_of
from bus.codec import http, kafka
from bus.event import Event, Fault, InvalidEvent
from bus.log.errors import LogError
from bus.log.record import Appended
from bus.observe import metrics
from bus.observe.logging import LogEvent, get
from bus.store.directory import Snapshot

_log = get()

_BATCH = "application/cloudevents-batch"
TAKEN = "application/cloudevents+json, application/cloudevents-batch+json"


async def publish(call: Call) -> Answer:
    """Take one event, or a batch whole: an error before writing means that nothing was stored."""
    try:
        return await _publish(call)
    except Problem as problem:
        metrics.EVENTS_REFUSED.labels(problem.status).inc()
        raise


async def _publish(call: Call) -> Answer:
    decoded = await _decode(call)
    batch = isinstance(decoded, list)
    events = decoded if isinstance(decoded, list) else [decoded]
    at = _places(call, batch=batch)
    snapshot = await _allowed(call, events, at)
    found = await _domains(call.house, snapshot, events, at)
    domains, unregistered = await as_registered(call.house, snapshot, events, found, at)
    entries = [
        _entry(call.house, event, domain, at(number, "data"))
        for number, (event, domain) in enumerate(zip(events, domains, strict=True))
    ]
    pairs = zip(unregistered, judged(call.house, entries, at), strict=True)
    warnings = [[*catalogue, *profile] for catalogue, profile in pairs]
    results = await _write(call.house, entries)
    if batch:
        return _batch_answer(entries, results, warnings)
    return _single_answer(entries[0], results[0], warnings[0])


async def _decode(call: Call) -> Event | list[Event]:
    limits = call.house.limits
    is_batch = (call.header(b"content-type") or "").lower().startswith(_BATCH)
    body = await call.body(limits.batch_bytes if is_batch else limits.event_bytes)
    try:
        decoded = http.decode(call.raw_headers, body)
    except http.UnsupportedContentType as error:
        headers = {"Accept": TAKEN}
        raise Problem(415, "unsupported-content-type", str(error), headers=headers) from None
    except InvalidEvent as error:
        detail = "This is not a valid CloudEvent; nothing was stored."
        raise Problem(400, "invalid-event", detail, body_errors(error.faults)) from None
    if isinstance(decoded, list) and len(decoded) > limits.batch_events:
        detail = f"A batch may hold at most {limits.batch_events} events."
        raise Problem(413, "too-many-events", detail)
    return decoded


def _places(call: Call, *, batch: bool) -> Place:
    if batch:
        return lambda number, name: f"/{number}/{name}"
    structured = (call.header(b"content-type") or "").lower().startswith("application/cloudevents")
    if structured:
        return lambda _, name: f"/{name}"
    apart = {"data": "/data", "datacontenttype": "content-type"}
    return lambda _, name: apart.get(name, f"ce-{name}")


async def _allowed(call: Call, events: Sequence[Event], at: Place) -> Snapshot:
    """Give a snapshot by which the caller may publish all; 403 names those it may not."""
    directory, oin = call.house.directory, call.who.organisation
    snapshot = directory.now
    foreign = _foreign(snapshot, oin, events)
    if foreign:
        snapshot = await directory.refresh()
        foreign = _foreign(snapshot, oin, events)
    if foreign:
        detail = "your organisation does not own this source"
        faults = [Fault(at(n, "source"), "foreign-source", detail) for n in foreign]
        _log.info(LogEvent.ACCESS_REFUSED, organisation=oin, source=events[foreign[0]].source)
        detail = "Not your source; nothing was stored."
        raise Problem(403, "foreign-source", detail, body_errors(faults))
    return snapshot


def _foreign(snapshot: Snapshot, oin: str, events: Sequence[Event]) -> list[int]:
    may_publish = snapshot.access.may_publish
    return [n for n, event in enumerate(events) if not may_publish(oin, event.source)]


async def _domains(
    house: House, snapshot: Snapshot, events: Sequence[Event], at: Place
) -> list[Domain]:
    """Give the domain of each event; 400 names those that no domain takes."""
    try:
        return [snapshot.domains.resolve(event.type) for event in events]
    except UnknownDomain:
        snapshot = await house.directory.refresh()  # it may have been made a moment ago
    found: list[Domain] = []
    faults: list[Fault] = []
    for number, event in enumerate(events):
        try:
            found.append(snapshot.domains.resolve(event.type))
        except UnknownDomain:
            detail = "no domain takes events of this type"
            faults.append(Fault(at(number, "type"), "unknown-domain", detail))
    if faults:
        detail = "No domain for this type; nothing was stored."
        raise Problem(400, "unknown-domain", detail, body_errors(faults))
    return found


def _entry(house: House, event: Event, domain: Domain, at: str) -> Entry:
    key, by_source = key_of(event, domain)
    headers, value = kafka.encode(event)
    size = kafka.size_of(key, headers, value)
    if size > house.limits.event_bytes:
        raise too_large(house.limits.event_bytes, at)
    return Entry(event, domain, key, by_source, headers, value, size)


async def _write(house: House, entries: Sequence[Entry]) -> list[Appended | LogError]:
    """Append all, then wait for all: what failed stands in the place of its offset."""
    with metrics.PUBLISH_SECONDS.time():
        waiting = [_append(house, entry) for entry in entries]
        return [await _outcome(each) for each in waiting]


def _append(house: House, entry: Entry) -> asyncio.Future[Appended] | LogError:
    try:
        return house.writer.append(entry.domain.topic, entry.key, entry.headers, entry.value)
    except LogError as error:
        return error


async def _outcome(each: asyncio.Future[Appended] | LogError) -> Appended | LogError:
    if isinstance(each, LogError):
        return each
    try:
        return await each
    except LogError as error:
        return error


def _single_answer(entry: Entry, result: Appended | LogError, warnings: Warnings) -> Answer:
    if isinstance(result, LogError):
        raise result
    metrics.EVENTS_PUBLISHED.labels(entry.domain.name).inc()
    return answer(202, _place(entry.event, result, warnings))


def _batch_answer(
    entries: Sequence[Entry], results: Sequence[Appended | LogError], warnings: Sequence[Warnings]
) -> Answer:
    failed = [result for result in results if isinstance(result, LogError)]
    if failed and len(failed) == len(results):
        raise failed[0]
    items = []
    for entry, result, warned in zip(entries, results, warnings, strict=True):
        if isinstance(result, LogError):
            items.append(_failure(entry.event, result))
            continue
        metrics.EVENTS_PUBLISHED.labels(entry.domain.name).inc()
        item = _place(entry.event, result, warned)
        items.append({**item, "status": 202} if failed else item)
    if failed:
        _log.warning(LogEvent.BATCH_PARTIAL, count=len(failed), limit=len(results))
    return answer(207 if failed else 202, {"items": items})


def _place(event: Event, result: Appended, warnings: Warnings) -> dict[str, object]:
    place: dict[str, object] = {
        "id": event.id,
        "source": event.source,
        "topic": result.topic,
        "partition": result.partition,
        "offset": result.offset,
    }
    if warnings:
        place["warnings"] = warnings
    return place


def _failure(event: Event, error: LogError) -> dict[str, object]:
    problem = problem_of(error) or Problem(500, "internal", "It has been logged.")
    return {
        "id": event.id,
        "source": event.source,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
    }
