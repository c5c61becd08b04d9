"""Sharing: laws that hold for every group, and what a group comes to in the end."""

from hypothesis import given
from hypothesis import strategies as st

from bus.log.record import Partition
from bus.log.sharing import Member, share

NAMES = ["a", "b", "c", "d"]
TOPICS = ["t", "u", "v"]

topics_of_the_cluster = st.dictionaries(st.sampled_from(TOPICS), st.integers(0, 6))
claims = st.frozensets(st.builds(Partition, st.sampled_from(TOPICS), st.integers(0, 5)))
groups = st.dictionaries(
    st.sampled_from(NAMES),
    st.builds(Member, st.frozensets(st.sampled_from(TOPICS)), claims),
    min_size=1,
)


@given(topics_of_the_cluster, groups)
def test_nobody_is_given_what_another_claims(
    topics: dict[str, int], members: dict[str, Member]
) -> None:
    """Whatever the claims, also false ones: each partition at most once, and to its claimant."""
    shares = share(topics, members)
    given_out = [partition for partitions in shares.values() for partition in partitions]
    assert len(given_out) == len(set(given_out))
    for name, partitions in shares.items():
        assert {each.topic for each in partitions} <= members[name].topics
        for other in members.keys() - {name}:
            assert not (partitions - members[name].claims) & members[other].claims


@given(topics_of_the_cluster, groups)
def test_it_ends_with_everything_given_evenly(
    topics: dict[str, int], members: dict[str, Member]
) -> None:
    """Two rounds of putting down, three where members want different topics; then all stays."""
    for _ in range(3):
        shares = share(topics, members)
        members = {name: Member(each.topics, shares[name]) for name, each in members.items()}
    shares = share(topics, members)
    assert shares == {name: each.claims for name, each in members.items()}

    wanted = {topic for each in members.values() for topic in each.topics}
    every = {Partition(t, n) for t, count in topics.items() for n in range(count) if t in wanted}
    assert every <= frozenset().union(*shares.values())
    for giver, partitions in shares.items():
        for taker in members:
            if any(each.topic in members[taker].topics for each in partitions & every):
                assert len(partitions) - len(shares[taker]) <= 1, (giver, taker)


def test_only_what_must_move_moves() -> None:
    """A member that joins three takes a quarter, in equal parts, and nobody else changes."""
    every = [Partition("t", number) for number in range(12)]
    members = {
        name: Member(frozenset("t"), frozenset(every[at : at + 4]))
        for name, at in (("a", 0), ("b", 4), ("c", 8))
    } | {"d": Member(frozenset("t"), frozenset())}
    shares = share({"t": 12}, members)
    assert {name: len(each) for name, each in shares.items()} == {"a": 3, "b": 3, "c": 3, "d": 0}
    assert all(shares[name] <= members[name].claims for name in "abc")


def test_a_busy_topic_spreads() -> None:
    """What moves is taken from the topic of which the giver has most over the taker."""
    busy = {Partition("t", number) for number in range(4)}
    quiet = {Partition("u", number) for number in range(4)}
    members = {
        "a": Member(frozenset("tu"), frozenset(busy | quiet)),
        "b": Member(frozenset("tu"), frozenset()),
    }
    moving = (busy | quiet) - share({"t": 4, "u": 4}, members)["a"]
    assert len(moving & busy) == len(moving & quiet) == 2


def test_a_claim_counts_where_the_leader_does_not_know_the_topic() -> None:
    """A leader with old metadata stops nobody's work."""
    held = frozenset({Partition("t", 0)})
    assert share({}, {"a": Member(frozenset("t"), held)}) == {"a": held}
