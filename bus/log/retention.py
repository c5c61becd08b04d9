"""
How long a topic keeps its events, changed while all its other settings stay.

aiokafka knows only the older request, which puts back to its default whatever it does not name:
also what an administrator has set by hand.
"""

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int8, Int16, Int32, Schema, String

_TOPIC = 2
_SET = 0


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


class SetRetention(Request[_RequestV0]):  # type: ignore[misc] # aiokafka ships no types
    """Asks a broker to keep the events of a topic for so many milliseconds."""

    API_KEY = 44

    def __init__(self, topic: str, milliseconds: int) -> None:
        self._topic = topic
        self._milliseconds = milliseconds

    def build(self, request_struct_class: type[_RequestV0]) -> _RequestV0:
        """Give the request as it goes over the wire."""
        setting = ("retention.ms", _SET, str(self._milliseconds))
        return request_struct_class([(_TOPIC, self._topic, [setting])], False)  # noqa: FBT003 - the order of the wire
