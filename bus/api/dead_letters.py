"""/v1/subscriptions/{id}/dead-letters: events that were given up, and what becomes of them."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import orjson

from bus.api.call import Answer, Call, answer, query_as
from bus.api.paging import cursor_of, limit_of, number, page_answer, values_of
from bus.api.problem import Problem, body_errors
from bus.api.subscriptions import find, not_found, own
from bus.api.withheld import Sight
from bus.codec import json, kafka
from bus.event import Fault
from bus.observe.logging import LogEvent, get
from bus.store.dead_letters import PER_PURGE, Choice, ListedLetter, Unfit
from bus.store.errors import NotFound
from bus.store.partition import StoredRecord
from bus.subscription import LetterFilter, LettersRequest, parse_letters

T = TypeVar("T")

_log = get()

_FORMER = (
    "its topic was made anew since, and its place there is another event's: read its event from the"
    " letter and publish it again"
)

_CHOICE = ("reason", "type", "source")


async def list_page(call: Call) -> Answer:
    """List a page, oldest first; operators see those of every organisation."""
    query = call.query("limit", "after", *_CHOICE)
    limit, after = limit_of(query.get("limit")), values_of(query.get("after"), number)
    chosen = {name: query[name] for name in _CHOICE if name in query}
    wanted = _choice(query_as(chosen, LetterFilter))
    listed = await find(call, None if "operator" in call.who.roles else call.who.organisation)
    sight = await Sight.now(call.house, listed)
    choice = await sight.narrowed(wanted, call.house, listed)
    found = await call.house.dead_letters.page(
        listed.id, choice, after=after[0] if after else 0, limit=limit + 1
    )
    return page_answer(
        found,
        limit,
        lambda letter: sight.show(_document(letter)),
        path=f"/v1/subscriptions/{listed.id}/dead-letters",
        after=lambda last: cursor_of(last.id),
        query=chosen,
    )


async def get_one(call: Call) -> Answer:
    """Show one with its event, to the subscriber alone, and only if it may still read that."""
    listed = await own(call)
    try:
        letter, record = await call.house.dead_letters.get(listed.id, _id(call.path["letter"]))
    except NotFound:
        detail = "There is no such dead letter of this subscription."
        raise Problem(404, "no-such-dead-letter", detail) from None
    sight = await Sight.now(call.house, listed)
    return answer(200, sight.show({**_document(letter), **_event(record)}))


async def redrive(call: Call) -> Answer:
    """Have dead letters delivered again, in order, before later events of their keys."""
    done = await _done(call, call.house.dead_letters.redrive)
    _log.info(LogEvent.LETTERS_REDRIVEN, subscription_id=call.path["id"], count=done.count)
    return answer(202, asdict(done))


async def purge(call: Call) -> Answer:
    """Forget the events of dead letters; that they were there stays visible.

    What is done is told, whatever comes after: of very many each request purges some.
    """
    done = await _done(call, call.house.dead_letters.purge)
    _log.info(LogEvent.LETTERS_PURGED, subscription_id=call.path["id"], count=done)
    return answer(200, {"count": done} | ({"more": True} if done == PER_PURGE else {}))


async def _done(call: Call, act: Callable[[UUID, Choice], Awaitable[T | Unfit]]) -> T:
    """Do something with the letters that the body chooses."""
    request = parse_letters(await call.json_body("application/json"))
    listed = await own(call)
    sight = await Sight.now(call.house, listed)
    choice = await sight.narrowed(_choice_of(request), call.house, listed)
    try:
        done = await act(listed.id, choice)
    except NotFound:
        raise not_found() from None
    if isinstance(done, Unfit):
        raise _unfit(request, done)
    return done


def _id(text: str) -> int:
    """Read an id; what is none gives one that no letter has."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _unfit(request: LettersRequest, unfit: Unfit) -> Problem:
    faults = []
    for place, text in enumerate(request.ids or ()):
        where, id_ = f"/ids/{place}", int(text)
        if id_ in unfit.missing:
            faults.append(Fault(where, "no-such-dead-letter", "there is none of this id"))
        elif id_ in unfit.purged:
            faults.append(Fault(where, "purged", "its event is gone"))
        elif id_ in unfit.redriving:
            faults.append(Fault(where, "redriving", "it is on its way to be delivered again"))
        elif id_ in unfit.former:
            faults.append(Fault(where, "former-log", _FORMER))
    code = "no-such-dead-letter" if unfit.missing else "unfit-dead-letter"
    detail = "Nothing was done, for some of these letters cannot be used."
    return Problem(404 if unfit.missing else 409, code, detail, body_errors(faults))


def _choice_of(request: LettersRequest) -> Choice:
    if request.ids is not None:
        return Choice(ids=tuple(dict.fromkeys(map(int, request.ids))))
    return _choice(request.filter or LetterFilter())


def _choice(wanted: LetterFilter) -> Choice:
    return Choice(
        reason=wanted.reason, type=wanted.type, source=wanted.source, before=wanted.before
    )


def _document(letter: ListedLetter) -> dict[str, Any]:
    """Give what may be listed: neither the subject of the event nor its data."""
    shown: dict[str, str | int | bool | datetime | None] = {
        "id": str(letter.id),
        "eventId": letter.event_id,
        "source": letter.source,
        "type": letter.type,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "reason": letter.reason,
        "lastOutcome": letter.last_outcome,
        "attempts": letter.attempts,
        "firstAt": letter.first_at,
        "lastAt": letter.last_at,
        "buriedAt": letter.buried_at,
        "purgedAt": letter.purged_at,
        "formerLog": letter.former or None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _event(record: StoredRecord | None) -> dict[str, Any]:
    """Give the event as it would be delivered, as far as the record is one."""
    event = record and kafka.event_in(record.headers, record.value)
    return {"event": orjson.Fragment(json.encode(event))} if event else {}
