"""/v1/deliveries: who got one event, when, and in how many attempts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bus.api.call import Answer, Call, answer, query_as
from bus.api.fate import shown
from bus.api.finding import Place, Sought, Times, find_event
from bus.api.house import House
from bus.api.problem import invalid_parameter
from bus.catalogue.asking import add_wanted
from bus.event import Event
from bus.log.record import Record
from bus.match import Index
from bus.store.deliveries import Version
from bus.subscription import DeliveriesQuery

_PARAMETERS = ("source", "id", "topic", "partition", "offset", "from", "to")


async def get_all(call: Call) -> Answer:
    """Tell what became of an event: for one's own subscriptions, to operators for all."""
    sought = _sought(call.query(*_PARAMETERS))
    house, who = call.house, call.who
    operator = "operator" in who.roles

    def may_read(event: Event, record: Record) -> bool:
        return operator or who.organisation in _readers(house, event, record)

    with house.readings.turn(who.organisation):
        found = await find_event(house, sought, may_read)
    event, record = found.event, found.record
    readers = _readers(house, event, record)
    logged = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    versions = await house.deliveries.versions(logged, None if operator else who.organisation)
    wanting = _wanting(house, versions, event, record, readers)
    place = (record.topic, record.partition, record.offset)
    passage = await house.deliveries.passage(*place)
    traces = await house.deliveries.traces(*place, list(wanting))
    document: dict[str, Any] = {
        "source": event.source,
        "id": event.id,
        "type": event.type,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "loggedAt": logged,
        "deliveries": [
            {
                "subscription": str(trace.subscription),
                "organisation": wanting[trace.subscription].organisation,
                **shown(trace, record.offset, logged, passage),
            }
            for trace in traces
        ],
    }
    if found.again is not None:
        document["again"] = [
            {"topic": each.topic, "partition": each.partition, "offset": each.offset}
            for each in found.again
        ]
    return answer(200, document)


def _sought(query: Mapping[str, str]) -> Sought:
    asked = query_as(query, DeliveriesQuery)
    match asked:
        case DeliveriesQuery(
            topic=str(topic), partition=str(number), offset=str(offset), from_=None, to=None
        ):
            where: Place | Times = Place(topic, int(number), int(offset))
        case DeliveriesQuery(
            partition=None, offset=None, from_=datetime() as since, to=datetime() as to
        ):
            if to < since:
                raise invalid_parameter("query", "to", "not-after-from", "give a time after from")
            where = Times(since, to, asked.topic)
        case _:
            detail = "give topic, partition and offset, or from and to (and topic)"
            raise invalid_parameter("query", "topic", "not-one-of", detail)
    return Sought(asked.source, asked.id, where)


def _readers(house: House, event: Event, record: Record) -> frozenset[str]:
    """Give who may read the event; by the access of now, for that of then is not kept."""
    now = house.directory.now
    domain = now.domains.by_topic(record.topic)
    return frozenset() if domain is None else now.access.readers(event.source, domain.name)


def _wanting(
    house: House,
    versions: list[Version],
    event: Event,
    record: Record,
    readers: frozenset[str],
) -> dict[Any, Version]:
    """Choose those whose filter of then takes the event, as the dispatcher does.

    One that was made later wants it if it began at or before it.
    """
    domain = house.directory.now.domains.by_topic(record.topic)
    index: Index[Any] = Index()
    by_id = {version.id: version for version in versions}
    for version in versions:
        terms = version.subscription
        here = not terms.domains or (domain is not None and domain.name in terms.domains)
        if here and (not version.later or _began_before(terms.start, record)):
            add_wanted(index, version.id, terms, organisation=version.organisation)
    matching = index.match(event.type, event.get, readers)
    return {id_: by_id[id_] for id_ in sorted(matching)}


def _began_before(start: str | datetime, record: Record) -> bool:
    if isinstance(start, datetime):
        return start.timestamp() * 1000 <= record.timestamp
    return start == "earliest"
