"""What happens beside the position: events that are parked, given up, and brought back."""

from collections.abc import Collection, Sequence

from bus.store.partition import Burial, ParkedEvent
from consumers.dispatch.envelope import Envelope
from consumers.dispatch.member import Member
from consumers.dispatch.moment import Moment
from consumers.dispatch.shelf import Shelf
from consumers.dispatch.window import Delivery, Ordering

Copies = Sequence[tuple[ParkedEvent, Envelope]]
"""Parked events as the store has them, and their copies to be sent."""


def park(member: Member, delivery: Delivery) -> None:
    """Let a failed delivery wait beside the position, and its lane behind it."""
    shelf = shelf_of(member)
    if delivery.parked:
        shelf.dirty[delivery.offset] = delivery
        return
    for each in member.window.give_up_lane(delivery):
        shelf.add(each)
        member.subscriber.room.take(each.envelope)
    delivery.in_trouble().offered = True
    while member.subscriber.room.exceeded and make_room(member):
        pass


def make_room(member: Member) -> bool:
    """Give up the head of the longest lane; False in an outage, in which nothing is given up."""
    shelf = member.shelf
    if shelf is None or member.subscriber.outage:
        return False
    head = shelf.longest_lane()
    if head is None:
        return False
    bury(member, head, "backlog")
    return True


def bury(member: Member, delivery: Delivery, reason: Burial) -> None:
    """Give a delivery up: it holds its lane until the dead letter is saved."""
    delivery.in_trouble().burial = reason
    shelf = shelf_of(member)
    shelf.dying[delivery.offset] = delivery
    if delivery.parked:
        member.subscriber.room.give_back(delivery.envelope)
    if delivery.behind is not None or shelf.has_behind(delivery):
        member.hurry()


def settle(member: Member, delivery: Delivery) -> None:
    """Let a delivery go that was acknowledged or is saved as dead letter: its lane moves on."""
    shelf = member.shelf
    if delivery.parked and shelf is not None:
        shelf.remove(delivery)
        if not delivery.dying:
            member.subscriber.room.give_back(delivery.envelope)
    elif member.window.pending.get(delivery.offset) is delivery:
        head = member.window.settle(delivery)
        if head is not None:
            member.subscriber.offer(head)
            return
    if shelf is not None and delivery.lane is not None:
        _offer(member, shelf, shelf.head(delivery.lane))


def restore(
    member: Member, parked: Copies, dead: Collection[int], read_offset: int, now: Moment
) -> None:
    """Take in what the store keeps of a member beside its position, before it reads on."""
    shelf = shelf_of(member)
    for kept, envelope in parked:
        trouble = _shelve(member, shelf, envelope, now).in_trouble()
        trouble.failures, trouble.last_failure = kept.attempts, kept.last_outcome
        trouble.since, trouble.due = now.on_the_loop(kept.first_at), now.on_the_loop(kept.due_at)
        trouble.kept = trouble.durable = True
    shelf.dirty.clear()
    settled = {delivery.offset for delivery in shelf}.union(dead)
    member.owed -= settled
    member.cursor = min(member.owed | {member.floor})
    reads = read_offset if member.attached else member.cursor
    shelf.ahead = {offset for offset in settled if offset >= reads}
    _offer_heads(member, shelf)


def redrive(member: Member, events: Copies, read_offset: int, now: Moment) -> None:
    """Put dead letters back into their lanes; live events of a lane wait behind."""
    shelf = shelf_of(member)
    reads = read_offset if member.attached else member.cursor
    for _, envelope in events:
        offset = envelope.offset
        if offset in shelf or offset in member.owed or offset in member.window.pending:
            continue
        delivery = _shelve(member, shelf, envelope, now)
        if offset >= reads:
            shelf.ahead.add(offset)
        if delivery.lane is not None:
            _wait_behind(member, shelf, delivery.lane)
    _offer_heads(member, shelf)


def read_past(member: Member, read_offset: int) -> None:
    """Let go what waited until the reading had passed it."""
    shelf = member.shelf
    if shelf is None or not shelf.ahead:
        return
    reads = read_offset if member.attached else member.cursor
    passed = {offset for offset in shelf.ahead if offset < reads}
    if passed:
        shelf.ahead -= passed
        _offer_heads(member, shelf)


def put_back(member: Member, now: float) -> None:
    """Let what is parked wait for the reading again, after the member went back.

    It is delivered once, in its place; dead letters settle nothing any more.
    """
    old = member.shelf
    if old is None:
        return
    shelf = member.shelf = Shelf()
    for delivery in old:
        lane = member.window.lane_of(delivery.envelope)
        fresh = Delivery(delivery.envelope, member.window, lane, now)
        fresh.trouble = delivery.in_trouble()
        fresh.trouble.offered = False
        shelf.add(fresh)
        if fresh.offset >= member.cursor:
            shelf.ahead.add(fresh.offset)
    shelf.dirty = {offset: shelf.at(offset) for offset in old.dirty}
    shelf.dying = {o: shelf.at(o) if o in shelf else each for o, each in old.dying.items()}
    shelf.leaving = old.leaving
    _offer_heads(member, shelf)


def reorder(member: Member, ordering: Ordering) -> None:
    """Let another ordering hold from here on; nothing is in the window."""
    member.window.ordering = ordering
    if member.shelf is None:
        return
    shelf = member.shelf.laned(member.window)
    member.shelf = shelf
    _offer_heads(member, shelf)


def tidy(member: Member) -> None:
    """Drop a shelf with nothing on it."""
    if member.shelf is not None and member.shelf.empty and member.shelf.quiet:
        member.shelf = None


def forget(member: Member) -> None:
    """Count what a member has parked no longer: it is put down."""
    for delivery in member.shelf or ():
        if not delivery.dying:
            member.subscriber.room.give_back(delivery.envelope)


def shelf_of(member: Member) -> Shelf:
    """Give a member's shelf, made if it has none."""
    if member.shelf is None:
        member.shelf = Shelf()
    return member.shelf


def _shelve(member: Member, shelf: Shelf, envelope: Envelope, now: Moment) -> Delivery:
    lane = member.window.lane_of(envelope)
    delivery = Delivery(envelope, member.window, lane, now.loop)
    shelf.add(delivery)
    member.subscriber.room.take(envelope)
    return delivery


def _wait_behind(member: Member, shelf: Shelf, lane: bytes) -> None:
    """Park what of a lane is in the window, but its head: that one may be on the wire."""
    pending = member.window.pending.values()
    head = next((each for each in pending if each.lane == lane), None)
    if head is not None:
        for each in member.window.give_up_lane(head, keep_head=True):
            shelf.add(each)
            member.subscriber.room.take(each.envelope)


def _offer_heads(member: Member, shelf: Shelf) -> None:
    for head in list(shelf.heads()):
        _offer(member, shelf, head)


def _offer(member: Member, shelf: Shelf, head: Delivery | None) -> None:
    """Let the head of a lane go when it is due, if nothing of its lane is to come before it."""
    if head is None or head.dying or head.offset in shelf.ahead:
        return
    trouble = head.in_trouble()
    if trouble.offered or (head.lane is not None and member.window.has_lane(head.lane)):
        return
    trouble.offered = True
    member.subscriber.offer(head, trouble.due)
