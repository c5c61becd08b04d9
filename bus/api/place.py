"""Where a reader of a subscription stands, and the page that it gets from there."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from uuid import UUID

from bus.api.house import House
from bus.api.problem import Problem, Where, error_item
from bus.api.status import lowest_open
from bus.api.wish import topics_of
from bus.catalogue.notices import Lost
from bus.event import Fault
from bus.log.errors import OffsetOutOfRange
from bus.log.record import Partition
from bus.observe import metrics
from bus.observe.logging import LogEvent, get
from bus.pull.cursor import NotACursor
from bus.pull.page import Budget, Page
from bus.pull.wish import Wish
from bus.store.errors import NotFound
from bus.store.partition import LossReason
from bus.store.stored import ListedSubscription
from bus.subscription import Subscription

Positions = Mapping[Partition, int]

Recorder = Callable[[UUID, str, Sequence[Lost]], Awaitable[list[Lost]]]
"""Records losses of a subscription of an organisation; gives those that are new."""

_log = get()


def read_cursor(house: House, listed: ListedSubscription, text: str, place: str) -> Positions:
    """Read a cursor that came in as this parameter, or member ("/cursor"); 400 when it is none."""
    try:
        return house.cursors.read(text, listed.id)
    except NotACursor:
        detail = "give it as an answer for this subscription had it"
        where: Where = "body" if place.startswith("/") else "query"
        errors = [error_item(where, Fault(place, "not-a-cursor", detail))]
        raise Problem(400, "not-a-cursor", detail, errors) from None


async def read_page(
    house: House,
    listed: ListedSubscription,
    cursor: Positions | None,
    budget: Budget,
    *,
    wait: float = 0.0,
) -> Page:
    """Read on from a cursor, or (None) from where the bus keeps the position.

    410 when the log does not hold it any more, with the cursor to go on from.
    """
    positions = await _position(house, listed, cursor)
    wish = Wish(listed.subscription, house.directory.readers)
    page = await house.desk.read(positions, wish, budget, wait=wait)
    if listed.subscription.pulled and page.damaged:
        damaged = [Lost(*at, offset, offset + 1, "damaged") for at, offset in page.damaged]
        await _record(listed, damaged, house.pull_positions.damaged)
    if page.losses:
        if cursor is None and listed.subscription.pulled:
            losses = [_lost(gone) for gone in page.losses]
            await _record(listed, losses, house.pull_positions.overtaken)
        raise _expired(house, listed, positions, page.losses)
    return page


def follow_on(listed: ListedSubscription, cursor: str) -> str:
    """Give the address of what comes after a cursor."""
    return f"/v1/subscriptions/{listed.id}/events?after={cursor}"


async def _position(
    house: House, listed: ListedSubscription, cursor: Positions | None
) -> Positions:
    """Give the offset to read from in each partition in scope.

    A domain that a cursor knows nothing of is read from where the subscription began in it.
    """
    scope = _scope(house, listed.subscription)
    known = cursor or {}
    if all(each in known for each in scope):
        return {each: known[each] for each in scope}
    kept = await _kept(house, listed, began=cursor is not None)
    return {each: known.get(each, kept.get(each, 0)) for each in scope}


async def _kept(house: House, listed: ListedSubscription, *, began: bool) -> Positions:
    """Give the position that the bus keeps: moved by `_ack`, or of others by their deliveries."""
    if not listed.subscription.pulled:
        topics = topics_of(house, listed.subscription)
        rows = await house.subscriptions.status(listed.id, topics=topics)
        return {Partition(row.topic, row.partition): lowest_open(row) for row in rows}
    standing = await house.pull_positions.standing(listed.id)
    return {
        Partition(*each): row.start if began else row.next_offset for each, row in standing.items()
    }


def _scope(house: House, subscription: Subscription) -> list[Partition]:
    domains = house.directory.now.domains
    names = subscription.domains
    return [
        Partition(domain.topic, number)
        for domain in domains
        if not names or domain.name in names
        for number in range(domain.partitions)
    ]


async def _record(listed: ListedSubscription, losses: list[Lost], record: Recorder) -> None:
    """Make losses durable, each once, before the reader is led past them."""
    with suppress(NotFound):  # deleted meanwhile: there is nobody to tell
        for lost in await record(listed.id, listed.subscription.organisation, losses):
            metrics.GAPS.inc()
            _log.error(
                LogEvent.POSITION_GAP,
                subscription_id=str(listed.id),
                topic=lost.topic,
                partition=lost.partition,
                offset=lost.from_offset,
                until=lost.until_offset,
            )


def _lost(gone: OffsetOutOfRange) -> Lost:
    reason: LossReason = "retention" if gone.offset < gone.start else "recreated"
    return Lost(*gone.partition, gone.offset, gone.start, reason)


def _expired(
    house: House, listed: ListedSubscription, positions: Positions, losses: list[OffsetOutOfRange]
) -> Problem:
    onward = {**positions, **{gone.partition: gone.start for gone in losses}}
    cursor = house.cursors.write(listed.id, onward)
    gaps = [
        {
            "topic": gone.partition.topic,
            "partition": gone.partition.partition,
            "fromOffset": gone.offset,
            "untilOffset": gone.start,
        }
        for gone in losses
    ]
    return Problem(
        410,
        "cursor-expired",
        "The log does not hold events from there any more; go on with the cursor given here.",
        headers={"Cursor": cursor, "Link": f'<{follow_on(listed, cursor)}>; rel="next"'},
        more={"cursor": cursor, "gaps": gaps},
    )
