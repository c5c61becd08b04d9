"""How an event enters a member: into its window, or behind what its lane has parked."""

from consumers.dispatch.envelope import Envelope
from consumers.dispatch.member import Member
from consumers.dispatch.parking import make_room
from consumers.dispatch.window import Delivery


def take(member: Member, envelope: Envelope, *, readable: bool, now: float) -> bool:
    """Show a member an event at or after its cursor.

    Returns False, and leaves the member where it is, if the event is wanted and there is no room.
    """
    offset = envelope.offset
    if offset < member.cursor:
        return True
    owed = offset in member.owed
    if owed or (readable and member.asks_for(offset) and _wanted(member, envelope)):
        if not admit(member, envelope, now):
            member.cursor = offset
            return False
        member.owed.discard(offset)
    member.move_to(offset + 1)
    return True


def admit(member: Member, envelope: Envelope, now: float) -> bool:
    """Put a wanted event where it belongs, and on its way if nothing of its lane is before it.

    Returns False if there is no room.
    """
    window = member.window
    if member.shelf is not None:
        if envelope.offset in member.shelf.ahead:
            return True
        lane = window.lane_of(envelope)
        if member.shelf.holds_back(lane, envelope):
            return _wait_behind(member, envelope, lane, now)
    if window.full:
        return False
    head = window.admit(envelope, now)
    if head is not None:
        member.subscriber.offer(head)
    return True


def _wanted(member: Member, envelope: Envelope) -> bool:
    return envelope.event is not None and member.wants(envelope.event)


def _wait_behind(member: Member, envelope: Envelope, lane: bytes | None, now: float) -> bool:
    shelf, subscriber = member.shelf, member.subscriber
    if shelf is None or subscriber.subscription.ordering == "partition":
        return False  # the one lane of a partition is held, never parked
    while not subscriber.room.fits(envelope):
        if not make_room(member):
            return False
    shelf.add(Delivery(envelope, member.window, lane, now))
    subscriber.room.take(envelope)
    return True
