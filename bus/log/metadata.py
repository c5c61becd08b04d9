"""
What Kafka says of its topics, asked our own way.

aiokafka's own request is an old version without topic ids, and always allows the broker to create
the topics it names: on a broker that creates topics by itself, asking after a domain's missing
topic would make it, with the wrong number of partitions. This one never does.
"""

from collections.abc import Collection, Mapping
from io import BytesIO
from typing import NamedTuple
from uuid import UUID

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    LeaderNotAvailableError,
    NodeNotReadyError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)


class TopicState(NamedTuple):
    """A topic as Kafka knows it now."""

    identity: UUID
    """Kafka's id: a topic that is deleted and made again has another."""
    leaders: Mapping[int, int]
    """The node that leads each partition, -1 where there is none."""

    @property
    def led(self) -> bool:
        """Whether every partition has a leader."""
        return bool(self.leaders) and min(self.leaders.values()) >= 0


class ClusterState(NamedTuple):
    """The brokers and the topics that were asked for; a topic that is not there is left out."""

    brokers: int
    topics: Mapping[str, TopicState]


async def describe(client: AIOKafkaClient, topics: Collection[str]) -> ClusterState:
    """Ask any broker. Raises KafkaError."""
    node = client.get_random_node()
    if node is None:
        raise NodeNotReadyError
    answer = await client.send(node, _MetadataRequest(topics))
    found = {}
    for code, name, identity, _internal, partitions, *_ in answer.topics:
        error = for_code(code)
        if error is UnknownTopicOrPartitionError:
            continue
        if code and error is not LeaderNotAvailableError:
            raise error(name)
        leaders = {number: leader for _, number, leader, *_ in partitions}
        found[name] = TopicState(identity, leaders)
    return ClusterState(len(answer.brokers), found)


class _Uuid(AbstractType[UUID]):  # type: ignore[misc] # aiokafka ships no types
    @classmethod
    def encode(cls, value: UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> UUID:
        return UUID(bytes=data.read(16))


_PARTITION = (
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", CompactArray(Int32)),
    ("isr", CompactArray(Int32)),
    ("offline_replicas", CompactArray(Int32)),
    ("tags", TaggedFields),
)
_TOPIC = (
    ("error_code", Int16),
    ("topic", CompactString("utf-8")),
    ("topic_id", _Uuid),
    ("is_internal", Boolean),
    ("partitions", CompactArray(*_PARTITION)),
    ("authorized_operations", Int32),
    ("tags", TaggedFields),
)
_BROKER = (
    ("node_id", Int32),
    ("host", CompactString("utf-8")),
    ("port", Int32),
    ("rack", CompactString("utf-8")),
    ("tags", TaggedFields),
)


class _MetadataResponse(Response):  # type: ignore[misc] # aiokafka ships no types
    """Metadata, version 12: the first that is sure to name topics and give their ids."""

    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", CompactArray(*_BROKER)),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        ("topics", CompactArray(*_TOPIC)),
        ("tags", TaggedFields),
    )


class _MetadataRequestV12(RequestStruct):  # type: ignore[misc] # aiokafka ships no types
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 12
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic_id", _Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields)
            ),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _MetadataRequest(Request[_MetadataRequestV12]):  # type: ignore[misc] # aiokafka ships no types
    API_KEY = 3

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[_MetadataRequestV12]) -> _MetadataRequestV12:
        untagged: dict[int, bytes] = {}
        topics = [(UUID(int=0), name, untagged) for name in self._topics]
        return request_struct_class(topics, False, False, untagged)  # noqa: FBT003 - the order of the wire
