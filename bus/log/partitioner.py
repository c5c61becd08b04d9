"""Which partition a key belongs to: Kafka's own rule, so that any producer agrees with ours."""

import struct

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_MASK = 0xFFFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """Choose as Kafka's default partitioner does: murmur2 without its sign bit, modulo."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """
    Give Kafka's 32-bit murmur2 of `data`.

    Written out because aiokafka's, byte by byte, takes twice as long and would be a third of
    the cost of an append.
    """
    length = len(data)
    h = _SEED ^ length
    for word in struct.unpack_from(f"<{length >> 2}I", data):
        k = (word * _MULTIPLIER) & _MASK
        k ^= k >> 24
        h = ((h * _MULTIPLIER) & _MASK) ^ ((k * _MULTIPLIER) & _MASK)
    tail = length & 3
    if tail:
        h ^= int.from_bytes(data[length - tail :], "little")
        h = (h * _MULTIPLIER) & _MASK
    h ^= h >> 13
    h = (h * _MULTIPLIER) & _MASK
    return h ^ (h >> 15)
