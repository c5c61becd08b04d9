"""What a save has to tell subscribers: that an event was given up, that the log lost some."""

from collections.abc import Mapping
from uuid import UUID

from bus.catalogue import notices
from bus.catalogue.notices import DeadLettered, Lost
from bus.log.record import Partition
from bus.store.partition import DeadLetter, Gap, Notice
from consumers.dispatch.member import Member
from consumers.dispatch.saves import Snapshot


def notices_of(saved: Snapshot, place: Partition, members: Mapping[UUID, Member]) -> list[Notice]:
    """Give the notices that belong into the transaction of a save."""
    told = [_of_letter(letter, place, member) for member, _, letter in saved.dead]
    told += [
        _of_gap(gap, place, members[gap.subscription])
        for gap in saved.gaps
        if gap.subscription in members
    ]
    return [notice for notice in told if notice is not None]


def _of_letter(letter: DeadLetter, place: Partition, member: Member) -> Notice | None:
    data = DeadLettered(
        id=letter.event_id,
        source=letter.source,
        type=letter.type,
        topic=place.topic,
        partition=place.partition,
        offset=letter.offset,
        reason=letter.reason,
        last_outcome=letter.last_outcome,
        attempts=letter.attempts,
    )
    subscriber = member.subscriber
    return notices.dead_lettered(
        subscriber.identity, subscriber.organisation, letter.first_at, data
    )


def _of_gap(gap: Gap, place: Partition, member: Member) -> Notice | None:
    data = Lost(
        topic=place.topic,
        partition=place.partition,
        from_offset=gap.from_offset,
        until_offset=gap.until_offset,
        reason=gap.reason,
    )
    return notices.gap(gap.subscription, member.subscriber.organisation, data)
