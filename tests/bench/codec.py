"""What the codec costs per event, next to the CloudEvents SDK's in the same run.

Run as `python -m tests.bench.codec [ROUNDS]`: microseconds on one core, and how many times faster.
"""

import json as standard
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from cloudevents.core.bindings import http as sdk_http
from cloudevents.core.bindings import kafka as sdk_kafka

from bus.codec import http, json, kafka
from bus.codec.sdk import to_sdk

_PER_ROUND = 2_000  # operations: a round of some 10 ms, shorter than the noise of a busy machine

_ENVELOPE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "4f9c3a2e-1111-2222-3333-444455556666",
    "source": "urn:nld:oin:00000001823288444000:systeem:zaken",
    "type": "nl.example.zaken.zaak-gewijzigd",
    "time": "2026-11-23T19:13:05.123456789Z",
    "subject": "zaak-2026-0001234567",
    "dataschema": "https://schemas.example.nl/zaken/zaak-gewijzigd/1",
    "partitionkey": "zaak-2026-0001234567",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "datacontenttype": "application/json",
    "data": {
        "zaak": "https://api.example.nl/zaken/api/v1/zaken/1234",
        "status": "gewijzigd",
        "regels": [{"a": 1, "b": 2.5, "c": "x" * 60}] * 2,
    },
}

Operation = Callable[[], object]


def operations() -> dict[str, tuple[Operation, Operation | None]]:
    """Give each operation of ours with its like in the SDK, on one event of ten attributes."""
    body = standard.dumps(_ENVELOPE, separators=(",", ":")).encode()
    spaced = standard.dumps(_ENVELOPE).encode()
    event = json.decode(body)
    theirs = to_sdk(event)
    headers, value = kafka.encode(event)
    enveloped = kafka.encode_structured(event)
    record = sdk_kafka.KafkaMessage(headers=dict(headers), key=None, value=value or b"")
    structured = sdk_http.HTTPMessage({"content-type": "application/cloudevents+json"}, body)
    fields, content = http.encode_binary(event)
    wire = [(name.encode(), text.encode()) for name, text in fields]
    binary = sdk_http.HTTPMessage(dict(fields), content)
    batch = json.encode_batch([event] * 100)
    return {
        "JSON decode": (
            lambda: json.decode(body),
            lambda: sdk_http.from_structured_event(structured),
        ),
        "JSON decode, with spaces": (lambda: json.decode(spaced), None),
        "JSON encode": (
            lambda: json.encode(event),
            lambda: sdk_http.to_structured_event(theirs),
        ),
        "JSON batch decode, 100 events": (lambda: json.decode_batch(batch), None),
        "HTTP binary decode": (
            lambda: http.decode(wire, content),
            lambda: sdk_http.from_binary_event(binary),
        ),
        "HTTP binary encode": (
            lambda: http.encode_binary(event),
            lambda: sdk_http.to_binary_event(theirs),
        ),
        "Kafka binary decode": (
            lambda: kafka.decode(headers, value),
            lambda: sdk_kafka.from_binary_event(record),
        ),
        "Kafka binary encode": (
            lambda: kafka.encode(event),
            lambda: sdk_kafka.to_binary_event(theirs),
        ),
        "Kafka type only": (lambda: kafka.type_of(headers, value), None),
        "Kafka type only, structured": (lambda: kafka.type_of(*enveloped), None),
    }


def cost(operation: Operation, times: int) -> float:
    """Give the microseconds of processor time that an operation takes."""
    begin = time.process_time_ns()
    for _ in range(times):
        operation()
    return (time.process_time_ns() - begin) / times / 1000


def main(rounds: int) -> None:
    """Print a table and a JSON line; each round measures both, so that noise meets both."""
    report: dict[str, dict[str, float]] = {}
    print(f"{'operation':32}{'µs':>8}{'SDK µs':>10}{'ratio':>8}")
    for name, (ours, theirs) in operations().items():
        times = _PER_ROUND // 100 if "100 events" in name else _PER_ROUND
        pairs = [(cost(ours, times), theirs and cost(theirs, times)) for _ in range(rounds)]
        line = {"us": round(min(own for own, _ in pairs), 2)}
        ratios = [other / own for own, other in pairs if other]
        if ratios:
            line["sdk_us"] = round(min(other for _, other in pairs if other), 2)
            line["ratio"] = round(statistics.median(ratios), 2)
        report[name] = line
        numbers = f"{line['us']:8.2f}{line.get('sdk_us', ''):>10}{line.get('ratio', ''):>8}"
        print(f"{name:32}{numbers}")
    print(standard.dumps({"bench": "codec", "rounds": rounds, "operations": report}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
