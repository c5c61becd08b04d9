"""JSON objects that are given as an option or in a file."""

from typing import Any

import orjson

from bus.cli.failure import Failure


def document(text: str, name: str) -> dict[str, Any]:
    """Read a JSON object; Failure, which names the option or file, for anything else."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Failure(f"{name} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise Failure(f"{name} is not a JSON object")
    return found
