"""/v1/topics: how each topic and its streams are doing, for operators."""

import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from bus.api.call import Answer, Call, answer
from bus.api.house import House
from bus.api.problem import Problem
from bus.catalogue import Domain
from bus.log.record import Partition

_RATE_SECONDS = 60


async def list_all(call: Call) -> Answer:
    """Show every topic."""
    call.query()
    domains = sorted(call.house.directory.now.domains, key=lambda domain: domain.name)
    return answer(200, {"items": await _describe(call.house, domains)})


async def get_one(call: Call) -> Answer:
    """Show one topic."""
    (described,) = await _describe(call.house, [domain_of(call)])
    return answer(200, described)


def domain_of(call: Call) -> Domain:
    """Give the domain of the topic of the path; else 404."""
    domain = call.house.directory.now.domains.by_topic(call.path["topic"])
    if domain is None:
        raise Problem(404, "no-such-topic", "No domain has a topic of this name.")
    return domain


async def _describe(house: House, domains: Iterable[Domain]) -> list[dict[str, Any]]:
    """Describe topics, with one question per kind of fact rather than per topic."""
    by_topic = {domain.topic: domain for domain in domains}
    rows = await house.streams.lags(by_topic)
    positions = {Partition(row.topic, row.partition): row.next_offset for row in rows}
    owners = {Partition(row.topic, row.partition): row.owner for row in rows}
    invalid = await house.invalid_records.counts(by_topic)
    now = time.time()
    ends = await house.topics.end_offsets(positions)
    before = await house.topics.offsets_at(positions, int((now - _RATE_SECONDS) * 1000))
    behind = {p: offset for p, offset in positions.items() if offset < ends[p]}
    waiting_since = await house.topics.first_timestamps(behind)
    partitions: dict[str, list[dict[str, Any]]] = {topic: [] for topic in by_topic}
    for partition, position in sorted(positions.items()):
        since = waiting_since.get(partition, now * 1000)
        partitions[partition.topic].append(
            {
                "partition": partition.partition,
                "endOffset": ends[partition],
                "eventsPerSecond": _rate(ends[partition] - before[partition]),
                "position": position,
                "lagEvents": max(0, ends[partition] - position),
                "lagSeconds": round(max(0.0, now - since / 1000), 1),
                "owner": owners[partition],
            }
        )
    return [
        {
            **_topic(domain, partitions[domain.topic], invalid.get(domain.topic, 0)),
            "findings": [asdict(found) for found in house.findings.of(domain.name)],
        }
        for domain in by_topic.values()
    ]


def _topic(domain: Domain, partitions: list[dict[str, Any]], invalid: int) -> dict[str, Any]:
    return {
        "topic": domain.topic,
        "domain": domain.name,
        "eventsPerSecond": round(sum(p["eventsPerSecond"] for p in partitions), 2),
        "lagEvents": sum(p["lagEvents"] for p in partitions),
        "lagSeconds": max((p["lagSeconds"] for p in partitions), default=0.0),
        "invalidRecords": invalid,
        "partitions": partitions,
    }


def _rate(events: int) -> float:
    return round(max(0, events) / _RATE_SECONDS, 2)
