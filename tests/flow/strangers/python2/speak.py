"""What PyPI's cloudevents 2.x writes and reads: JSON in, JSON out; see test_strangers."""
# ruff: noqa: ANN401 - JSON in, JSON out

import base64
import json
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from cloudevents.core.bindings import http, kafka
from cloudevents.core.v1.event import CloudEvent


def written(event: Any) -> Iterator[Any]:
    """Write an event in every mode."""
    made = CloudEvent(dict(event["attributes"]), event["data"])
    for mode in ("structured", "binary"):
        sent = getattr(http, f"to_{mode}_event")(made)
        yield message("http", mode, sent.headers, sent.body)
    for mode in ("structured", "binary"):
        record = getattr(kafka, f"to_{mode}_event")(made)
        headers = {name: value.decode() for name, value in record.headers.items()}
        yield message("kafka", mode, headers, record.value)


def message(binding: str, mode: str, headers: Mapping[str, str], body: bytes | str | None) -> Any:
    """Give a message as JSON."""
    body = body.encode() if isinstance(body, str) else body
    text = None if body is None else base64.b64encode(body).decode()
    return {"binding": binding, "mode": mode, "headers": dict(headers), "body": text}


def read(given: Any) -> Any:
    """Read a message by its binding."""
    body = b"" if given["body"] is None else base64.b64decode(given["body"])
    if given["binding"] == "http":
        return shown(http.from_http_event(http.HTTPMessage(given["headers"], body)))
    headers = {name: value.encode() for name, value in given["headers"].items()}
    record = kafka.KafkaMessage(headers=headers, key=None, value=body)
    reader = (
        kafka.from_structured_event if given["mode"] == "structured" else kafka.from_binary_event
    )
    return shown(reader(record))


def shown(event: Any) -> Any:
    """Give an event as JSON."""
    attributes = dict(event.get_attributes())
    if attributes.get("time") is not None:
        attributes["time"] = attributes["time"].isoformat()
    return {"attributes": attributes, "data": event.get_data()}


asked = json.load(sys.stdin)
answer = {
    "version": version("cloudevents"),
    "written": [message for event in asked["write"] for message in written(event)],
    "read": [read(message) for message in asked["read"]],
}
json.dump(answer, sys.stdout)
