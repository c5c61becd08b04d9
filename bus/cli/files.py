"""What commands read from a file, from stdin, or as JSON from an option."""

import sys
from pathlib import Path
from typing import Any

import orjson

from bus.cli.failure import Failure


def read(file: str) -> bytes:
    """Give what is in a file; - is stdin."""
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}") from None


def document(text: str | bytes, name: str) -> dict[str, Any]:
    """Read a JSON object; Failure, which names the option or file, for anything else."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Failure(f"{name} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise Failure(f"{name} is not a JSON object")
    return found
