"""What PyPI's cloudevents 1.x writes and reads: JSON in, JSON out; see test_strangers."""
# ruff: noqa: ANN401 - JSON in, JSON out

import base64
import json
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from cloudevents import http, kafka
from cloudevents.conversion import to_dict
from cloudevents.http import CloudEvent


def written(event: Any) -> Iterator[Any]:
    """Write an event in every mode."""
    made = CloudEvent(event["attributes"], event["data"])
    for mode, write in (("structured", http.to_structured), ("binary", http.to_binary)):
        headers, body = write(made)
        yield message("http", mode, headers, body)
    for mode, write in (("structured", kafka.to_structured), ("binary", kafka.to_binary)):
        record = write(made, key_mapper=lambda _: "key")
        headers = {name: value.decode() for name, value in record.headers.items()}
        yield message("kafka", mode, headers, record.value)


def message(binding: str, mode: str, headers: Mapping[str, str], body: bytes | str | None) -> Any:
    """Give a message as JSON."""
    body = body.encode() if isinstance(body, str) else body
    text = None if body is None else base64.b64encode(body).decode()
    return {"binding": binding, "mode": mode, "headers": dict(headers), "body": text}


def read(given: Any) -> Any:
    """Read a message by its binding."""
    body = None if given["body"] is None else base64.b64decode(given["body"])
    if given["binding"] == "http":
        return shown(http.from_http(given["headers"], body))
    headers = {name: value.encode() for name, value in given["headers"].items()}
    reader = kafka.from_structured if given["mode"] == "structured" else kafka.from_binary
    return shown(reader(kafka.KafkaMessage(headers, None, body)))


def shown(event: Any) -> Any:
    """Give an event as JSON."""
    attributes = to_dict(event)
    data = attributes.pop("data", None)
    if isinstance(data, bytes):
        data = json.loads(data)
    return {"attributes": attributes, "data": data}


asked = json.load(sys.stdin)
answer = {
    "version": version("cloudevents"),
    "written": [message for event in asked["write"] for message in written(event)],
    "read": [read(message) for message in asked["read"]],
}
json.dump(answer, sys.stdout)
