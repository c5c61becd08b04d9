"""
Sharing: who reads which partition, decided by the group's leader.

The protocol of the group is eager: every member rejoins and gets a new list. Taking the list at its
word would stop every partition at every rebalance. So members say what they hold (their claims),
and a partition that is to move is given to nobody until its holder no longer claims it: the holder
sees that it is missing from its list, puts it down, and rejoins. This is Kafka's own cooperative
rebalancing (KIP-429), which aiokafka lacks; its sticky assignor also keeps its memory in the class,
so that two members in one process share it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bus.log.record import Partition


@dataclass(frozen=True, slots=True)
class Member:
    """What a member wants and has."""

    topics: frozenset[str]
    claims: frozenset[Partition]
    """Given to it and not yet put down."""


def share(
    topics: Mapping[str, int], members: Mapping[str, Member]
) -> dict[str, frozenset[Partition]]:
    """
    Give each member its partitions; `topics` says how many each topic has.

    Nobody is given what another claims. When all claims have come to what this gives, repeating it
    gives every partition of a wanted topic to somebody, evenly: no member could take one from
    another and still have fewer than it.
    """
    holders = _holders(members)
    target = {name: set[Partition]() for name in members}
    for partition, name in holders.items():
        if partition.topic in members[name].topics:
            target[name].add(partition)
    placed = set[Partition]().union(*target.values())
    known = {Partition(topic, number) for topic, count in topics.items() for number in range(count)}
    for partition in sorted(known - placed):
        takers = [name for name in members if partition.topic in members[name].topics]
        if takers:
            target[min(takers, key=lambda name: (len(target[name]), name))].add(partition)
    while _even_out(target, members, known):
        pass
    return {
        name: frozenset(
            partition for partition in partitions if holders.get(partition, name) == name
        )
        for name, partitions in target.items()
    }


def _holders(members: Mapping[str, Member]) -> dict[Partition, str]:
    """
    Say who holds what. Should two claim the same, the first keeps it and the other puts it down.

    A claim counts also where the leader does not know the topic just now (a leader whose metadata
    lags must not stop the others' work), and where its holder wants the topic no more (it may
    still be putting the partition down).
    """
    holders: dict[Partition, str] = {}
    for name in sorted(members):
        for partition in members[name].claims:
            holders.setdefault(partition, name)
    return holders


def _even_out(
    target: dict[str, set[Partition]], members: Mapping[str, Member], known: set[Partition]
) -> bool:
    """
    Move one partition to a member that has at least two fewer; false when none can move.

    Only what the leader knows moves: anything else, once put down, could be given to nobody.
    """
    by_load = sorted(target, key=lambda name: (len(target[name]), name))
    for giver in reversed(by_load):
        for taker in by_load:
            if len(target[giver]) - len(target[taker]) < 2:
                break
            topics = members[taker].topics
            movable = [each for each in target[giver] & known if each.topic in topics]
            if movable:
                partition = _best(movable, target[giver], target[taker])
                target[giver].remove(partition)
                target[taker].add(partition)
                return True
    return False


def _best(
    movable: Iterable[Partition], giver: Iterable[Partition], taker: Iterable[Partition]
) -> Partition:
    """Choose from the topic of which the giver has most over the taker: a busy topic spreads."""
    surplus = Counter(each.topic for each in giver)
    surplus.subtract(Counter(each.topic for each in taker))
    return max(movable, key=lambda each: (surplus[each.topic], each))
