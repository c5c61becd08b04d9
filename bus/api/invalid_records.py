"""/v1/topics/{topic}/invalid-records: what in the log is no event, for operators."""

from typing import Any

from bus.api.call import Answer, Call
from bus.api.paging import cursor_of, limit_of, number, page_answer, small, values_of
from bus.api.topics import domain_of
from bus.store.invalid_records import ListedInvalid


async def list_page(call: Call) -> Answer:
    """List a page, in the order of the log: what is wrong with each, and nothing that is in it."""
    query = call.query("limit", "after")
    limit = limit_of(query.get("limit"))
    after = values_of(query.get("after"), small, number)
    topic = domain_of(call).topic
    found = await call.house.invalid_records.page(
        topic, after=(-1, -1) if after is None else (after[0], after[1]), limit=limit + 1
    )
    return page_answer(
        found,
        limit,
        _document,
        path=f"/v1/topics/{topic}/invalid-records",
        after=lambda last: cursor_of(last.partition, last.offset),
    )


def _document(record: ListedInvalid) -> dict[str, Any]:
    return {
        "partition": record.partition,
        "offset": record.offset,
        "reason": record.reason,
        "foundAt": record.found_at,
    }
