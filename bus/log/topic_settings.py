"""
Settings of topics, looked at, and changed while all the others stay.

aiokafka knows only the older request to change them, which puts back to its default whatever it
does not name: also what an administrator has set by hand.
"""

from collections.abc import Iterable

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.admin import DescribeConfigsRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int8, Int16, Int32, Schema, String

from bus.log.errors import TopicMissing

_TOPIC = 2
_SET = 0


async def look_up(client: AIOKafkaClient, topics: Iterable[str], setting: str) -> dict[str, str]:
    """Give what each topic has for a setting; one of which Kafka does not tell is left out."""
    asked = [(_TOPIC, topic, [setting]) for topic in topics]
    answer = await client.send(client.get_random_node(), DescribeConfigsRequest(asked))
    return {
        topic: value
        for code, _text, _kind, topic, settings in answer.resources
        for name, value, *_ in settings
        if not code and name == setting
    }


async def change(client: AIOKafkaClient, topics: Iterable[str], setting: str, value: int) -> None:
    """Give topics another value for a setting. Raises TopicMissing and what Kafka says."""
    answer = await client.send(client.get_random_node(), _Request(topics, setting, value))
    for code, _text, _kind, topic in answer.resources:
        if for_code(code) is UnknownTopicOrPartitionError:
            raise TopicMissing(topic)
        if code:
            raise for_code(code)(topic)


class _Response(Response):  # type: ignore[misc] # aiokafka ships no types
    """IncrementalAlterConfigs, version 0: brokers have it since Kafka 2.3."""

    API_KEY = 44
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "resources",
            Array(
                ("error_code", Int16),
                ("error_message", String("utf-8")),
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
            ),
        ),
    )


class _RequestV0(RequestStruct):  # type: ignore[misc] # aiokafka ships no types
    API_KEY = 44
    API_VERSION = 0
    RESPONSE_TYPE = _Response
    SCHEMA = Schema(
        (
            "resources",
            Array(
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
                (
                    "configs",
                    Array(
                        ("name", String("utf-8")), ("operation", Int8), ("value", String("utf-8"))
                    ),
                ),
            ),
        ),
        ("validate_only", Boolean),
    )


class _Request(Request[_RequestV0]):  # type: ignore[misc] # aiokafka ships no types
    API_KEY = 44

    def __init__(self, topics: Iterable[str], setting: str, value: int) -> None:
        self._topics = topics
        self._change = (setting, _SET, str(value))

    def build(self, request_struct_class: type[_RequestV0]) -> _RequestV0:
        changes = [(_TOPIC, topic, [self._change]) for topic in self._topics]
        return request_struct_class(changes, False)  # noqa: FBT003 - the order of the wire
