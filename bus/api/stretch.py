"""Which part of the log a back-test reads: of a range of time, or where an earlier answer ended."""

import base64
import binascii
from collections.abc import Mapping

import orjson

from bus.api.house import House
from bus.catalogue import Domain, Domains
from bus.document import InvalidDocument
from bus.event import Fault
from bus.log.record import Partition
from bus.log.stretches import Stretch
from bus.subscription import Backtest

_Places = dict[str, list[list[int]]]
"""By topic: partition, next offset, end."""


async def stretches_of(house: House, wish: Backtest) -> dict[Partition, Stretch]:
    """Give what is to be read. Raises InvalidDocument for a `next` that is none."""
    domains = house.directory.now.domains
    if wish.next is not None:
        return await _in_the_log(house, _read(wish.next, domains))
    named = [domains.by_name(name) for name in wish.domains]
    topics = [each.topic for each in (named or domains) if each is not None]
    counts = await house.topics.partitions(topics)
    partitions = [Partition(topic, n) for topic, count in counts.items() for n in range(count)]
    if not partitions:
        return {}
    ends = await _offsets(house, partitions, wish)
    return {each: Stretch(start, end) for each, (start, end) in ends.items()}


def cursor(left: Mapping[Partition, Stretch]) -> str:
    """Write what is left as text for `next`."""
    places: _Places = {}
    for (topic, partition), part in left.items():
        places.setdefault(topic, []).append([partition, part.position, part.end])
    return base64.urlsafe_b64encode(orjson.dumps(places)).decode()


async def _offsets(
    house: House, partitions: list[Partition], wish: Backtest
) -> dict[Partition, tuple[int, int]]:
    topics = house.topics
    if wish.from_ is None:
        starts = await topics.start_offsets(partitions)
    else:
        starts = await topics.offsets_at(partitions, int(wish.from_.timestamp() * 1000))
    if wish.to is None:
        ends = await topics.end_offsets(partitions)
    else:
        ends = await topics.offsets_at(partitions, int(wish.to.timestamp() * 1000))
    return {each: (starts[each], ends[each]) for each in partitions}


async def _in_the_log(house: House, found: dict[Partition, Stretch]) -> dict[Partition, Stretch]:
    """Give these back if the log has them: who waits for what is not there yet waits in vain."""
    ends = await house.topics.end_offsets(found)
    if any(part.end > ends[each] for each, part in found.items()):
        raise _no_cursor()
    return found


def _read(text: str, domains: Domains) -> dict[Partition, Stretch]:
    try:
        places = orjson.loads(base64.urlsafe_b64decode(text))
        found = {
            _partition(domains.by_topic(topic), number): Stretch(*_ordered(position, end))
            for topic, parts in places.items()
            for number, position, end in parts
        }
    except (binascii.Error, ValueError, TypeError, AttributeError):
        found = {}  # as one that has nothing left, which is in no answer
    if not found:
        raise _no_cursor()
    return found


def _no_cursor() -> InvalidDocument:
    return InvalidDocument([Fault("/next", "not-a-cursor", "give it as the answer had it")])


def _partition(domain: Domain | None, number: int) -> Partition:
    if domain is None or type(number) is not int or number not in range(domain.partitions):
        raise ValueError
    return Partition(domain.topic, number)


def _ordered(position: int, end: int) -> tuple[int, int]:
    """Give both back when they can be offsets, which have 63 bits in Kafka."""
    if type(position) is not int or type(end) is not int or not 0 <= position <= end < 2**63:
        raise ValueError
    return position, end
