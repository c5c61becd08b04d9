"""/v1/subscriptions/{id}/status: where a subscription stands, per partition."""

import time
from typing import Any

from bus.api.call import Answer, Call, answer
from bus.api.house import House
from bus.api.subscriptions import find
from bus.api.wish import topics_of
from bus.log.record import Partition
from bus.store.subscriptions import PartitionStatus

_WORST_FIRST = ("failing", "catching-up", "attached")


async def get_one(call: Call) -> Answer:
    """Show state and lag; to operators of every organisation's subscriptions."""
    operator = "operator" in call.who.roles
    listed = await find(call, None if operator else call.who.organisation)
    topics = topics_of(call.house, listed.subscription)
    rows = await call.house.subscriptions.status(listed.id, topics=topics)
    partitions = await _partitions(call.house, rows)
    states = {partition["state"] for partition in partitions}
    document = {
        "id": str(listed.id),
        "organisation": listed.organisation,
        "state": next((state for state in _WORST_FIRST if state in states), "attached"),
        "lagEvents": sum(partition["lagEvents"] for partition in partitions),
        "lagSeconds": max((partition["lagSeconds"] for partition in partitions), default=0.0),
        "createdAt": listed.created_at,
        "updatedAt": listed.updated_at,
        "partitions": partitions,
    }
    return answer(200, document)


async def _partitions(house: House, rows: list[PartitionStatus]) -> list[dict[str, Any]]:
    positions = {Partition(row.topic, row.partition): _position(row) for row in rows}
    ends = await house.topics.end_offsets(positions)
    behind = {p: offset for p, offset in positions.items() if offset < ends[p]}
    waiting_since = await house.topics.first_timestamps(behind)
    now = time.time()
    shown = []
    for row in rows:
        partition = Partition(row.topic, row.partition)
        since = waiting_since.get(partition)
        shown.append(
            {
                "topic": row.topic,
                "partition": row.partition,
                "state": _state(row),
                "position": positions[partition],
                "endOffset": ends[partition],
                "lagEvents": max(0, ends[partition] - positions[partition]),
                "lagSeconds": 0.0 if since is None else round(max(0.0, now - since / 1000), 1),
                **_trouble(row),
                "savedAt": row.saved_at,
            }
        )
    return shown


def _position(row: PartitionStatus) -> int:
    """Give the lowest offset that is not settled, as last saved."""
    position = row.position
    if position is None:
        return row.stream_offset
    return min(position.open, default=position.next_offset)


def _state(row: PartitionStatus) -> str:
    """Tell from what is saved whether it goes with the stream, lags behind it, or fails."""
    if row.position is None:
        return "attached"
    if row.position.failing_since is not None:
        return "failing"
    level = not row.position.open and row.position.next_offset >= row.stream_offset
    return "attached" if level else "catching-up"


def _trouble(row: PartitionStatus) -> dict[str, Any]:
    """Give what keeps it waiting, if anything does."""
    if row.position is None:
        return {}
    trouble = {
        "failingSince": row.position.failing_since,
        "lastOutcome": row.position.last_outcome,
        "open": len(row.position.open),
    }
    return {name: value for name, value in trouble.items() if value is not None}
