"""The partition of a key is the one Kafka's own clients choose."""

from aiokafka.partitioner import murmur2 as reference
from hypothesis import given
from hypothesis import strategies as st

from bus.log.partitioner import murmur2, partition_of


@given(st.binary(max_size=70))
def test_murmur2_is_kafkas(key: bytes) -> None:
    """For every key the hash equals the slow one that was ported from Java."""
    assert murmur2(key) == reference(key)


@given(st.binary(max_size=70), st.integers(1, 300))
def test_every_key_has_a_partition(key: bytes, partitions: int) -> None:
    """The choice is one of the partitions, and always the same."""
    chosen = partition_of(key, partitions)
    assert 0 <= chosen < partitions
    assert chosen == partition_of(key, partitions)


def test_known_places() -> None:
    """Values of Kafka's Java client (UtilsTest of Apache Kafka)."""
    assert murmur2(b"21") == -973932308 & 0xFFFFFFFF
    assert murmur2(b"foobar") == -790332482 & 0xFFFFFFFF
    assert murmur2(b"a-little-bit-long-string") == -985981536 & 0xFFFFFFFF
