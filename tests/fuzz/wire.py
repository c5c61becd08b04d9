"""What is fed to the codec, and what must hold of it.

An input is text that one can read and write: a line that says the binding, lines of headers, an
empty line, and a body.
"""

from pathlib import Path

from bus.codec import http, json, kafka
from tests.property.soundness import decoded

CORPUS = Path(__file__).parent / "corpus" / "codec"
"""Inputs of our own, each with something in it that once was, or could be, read wrongly."""


def one(given: bytes) -> None:
    """Read one input: it must be refused, or give events that every form carries."""
    binding, _, rest = given.partition(b"\n")
    head, _, body = rest.partition(b"\n\n")
    headers = [line.partition(b": ")[::2] for line in head.split(b"\n") if line]
    match binding:
        case b"http":
            decoded(lambda: http.decode([(name.lower(), value) for name, value in headers], body))
        case b"kafka":
            record = [(name.decode("latin-1"), value) for name, value in headers]
            events = decoded(lambda: kafka.decode(record, body))
            said = kafka.type_of(record, body)
            assert said is None or all(event.type == said for event in events)
        case b"batch":
            decoded(lambda: json.decode_batch(rest))
        case _:
            decoded(lambda: json.decode(rest))
