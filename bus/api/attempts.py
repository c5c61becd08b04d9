"""/v1/subscriptions/{id}/attempts: what was tried and did not succeed, the newest first."""

from typing import Any

from bus.api.call import Answer, Call
from bus.api.paging import cursor_of, limit_of, moment, name, number, page_answer, small, values_of
from bus.api.subscriptions import find
from bus.api.withheld import Sight
from bus.store.attempts import ListedAttempt

_PLACE = (moment, name, small, number, small)


async def list_page(call: Call) -> Answer:
    """List a page; operators see those of every organisation."""
    query = call.query("limit", "after")
    limit = limit_of(query.get("limit"))
    after = values_of(query.get("after"), *_PLACE)
    listed = await find(call, None if "operator" in call.who.roles else call.who.organisation)
    before = None if after is None else (after[0], after[1], after[2], after[3], after[4])
    found = await call.house.attempts.page(listed.id, before=before, limit=limit + 1)
    sight = await Sight.now(call.house, listed)
    return page_answer(
        found,
        limit,
        lambda attempt: sight.show(_document(attempt)),
        path=f"/v1/subscriptions/{listed.id}/attempts",
        after=_cursor,
    )


def _cursor(last: ListedAttempt) -> str:
    return cursor_of(last.at.isoformat(), last.topic, last.partition, last.offset, last.attempt)


def _document(attempt: ListedAttempt) -> dict[str, Any]:
    return {
        "eventId": attempt.event_id,
        "source": attempt.source,
        "type": attempt.type,
        "topic": attempt.topic,
        "partition": attempt.partition,
        "offset": attempt.offset,
        "attempt": attempt.attempt,
        "outcome": attempt.outcome,
        "at": attempt.at,
    }
