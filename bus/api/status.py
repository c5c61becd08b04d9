"""/v1/subscriptions/{id}/status: where a subscription stands, per partition, and in one word."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from bus.api.call import Answer, Call, answer
from bus.api.house import House
from bus.api.subscriptions import find
from bus.api.wish import state_of, topics_of
from bus.log.record import Partition
from bus.observe.verdicts import Standing, Verdict, verdict_of, verdict_of_partition
from bus.store.stored import Position
from bus.store.subscriptions import PartitionStatus
from bus.store.troubles import Trouble

_DAY = 86_400
_LAST_OUTCOMES = 5


@dataclass(frozen=True, slots=True)
class _Log:
    """What the log says of the partitions; `waiting_since` in milliseconds since 1970."""

    now: float
    ends: Mapping[Partition, int]
    yesterday: Mapping[Partition, int]
    waiting_since: Mapping[Partition, int]


async def get_one(call: Call) -> Answer:
    """Show state and lag; to operators of every organisation's subscriptions."""
    operator = "operator" in call.who.roles
    listed = await find(call, None if operator else call.who.organisation)
    house, topics = call.house, topics_of(call.house, listed.subscription)
    rows = await house.subscriptions.status(listed.id, topics=topics)
    if listed.subscription.pulled:
        rows = await _pulled(house, listed.id, rows)
    partitions = await _partitions(house, rows)
    verdicts: list[Verdict] = [partition["verdict"] for partition in partitions]
    losses = [p["secondsToLoss"] for p in partitions if "secondsToLoss" in p]
    attempts = await house.attempts.page(listed.id, before=None, limit=_LAST_OUTCOMES)
    document = {
        "id": str(listed.id),
        "organisation": listed.organisation,
        **state_of(listed),
        "verdict": verdict_of(listed.state, verdicts),
        "lagEvents": sum(partition["lagEvents"] for partition in partitions),
        "lagSeconds": max((partition["lagSeconds"] for partition in partitions), default=0.0),
        **({"secondsToLoss": min(losses)} if losses else {}),
        **_troubles(await house.troubles.of(listed.id)),
        "lastOutcomes": [{"outcome": each.outcome, "at": each.at} for each in attempts],
        "createdAt": listed.created_at,
        "updatedAt": listed.updated_at,
        "partitions": partitions,
    }
    return answer(200, document)


async def _pulled(house: House, id_: UUID, rows: list[PartitionStatus]) -> list[PartitionStatus]:
    """Give where a subscription that is pulled stands, in the place of where its streams are."""
    standing, now = await house.pull_positions.standing(id_), datetime.now(UTC)
    offsets = {each: row.next_offset for each, row in standing.items()}
    return [
        replace(
            row,
            position=Position(id_, offsets.get((row.topic, row.partition), 0), (), None, None),
            saved_at=now,  # nobody has to save it: it is moved by who fetches
        )
        for row in rows
    ]


async def _partitions(house: House, rows: list[PartitionStatus]) -> list[dict[str, Any]]:
    positions = {Partition(row.topic, row.partition): lowest_open(row) for row in rows}
    now = time.time()
    ends = await house.topics.end_offsets(positions)
    behind = {p: offset for p, offset in positions.items() if offset < ends[p]}
    log = _Log(
        now,
        ends,
        await house.topics.offsets_at(positions, int((now - _DAY) * 1000)),
        await house.topics.first_timestamps(behind),
    )
    kept = {domain.topic: domain.retention_days * _DAY for domain in house.directory.now.domains}
    return [_partition(row, log, kept.get(row.topic)) for row in rows]


def _partition(row: PartitionStatus, log: _Log, kept_seconds: int | None) -> dict[str, Any]:
    partition, position = Partition(row.topic, row.partition), lowest_open(row)
    since = log.waiting_since.get(partition)
    lag_seconds = 0.0 if since is None else max(0.0, log.now - since / 1000)
    standing = Standing(
        lag_events=max(0, log.ends[partition] - position),
        lag_seconds=lag_seconds,
        failing=row.position is not None and row.position.failing_since is not None,
        saved_seconds=log.now - row.saved_at.timestamp(),
        quiet=log.yesterday[partition] >= log.ends[partition],
    )
    shown = {
        "topic": row.topic,
        "partition": row.partition,
        "state": _state(row),
        "verdict": verdict_of_partition(standing),
        "position": position,
        "endOffset": log.ends[partition],
        "lagEvents": standing.lag_events,
        "lagSeconds": round(lag_seconds, 1),
        **_trouble(row),
        "savedAt": row.saved_at,
    }
    if since is not None and kept_seconds is not None:
        # When the log lets go of the oldest event that waits, if nothing takes it before.
        shown["secondsToLoss"] = max(0, int(kept_seconds - lag_seconds))
    return shown


def _troubles(found: Trouble) -> dict[str, Any]:
    """Give what is not normal delivery."""
    return {
        "parked": found.parked,
        "deadLetters": found.dead_letters,
        "replaying": found.replaying,
        "redriving": found.redriving,
        "gapCount": found.gap_count,
        "gaps": [
            {
                "topic": gap.topic,
                "partition": gap.partition,
                "fromOffset": gap.from_offset,
                "untilOffset": gap.until_offset,
                "reason": gap.reason,
                "foundAt": gap.found_at,
            }
            for gap in found.gaps
        ],
    }


def lowest_open(row: PartitionStatus) -> int:
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
