"""What commands read from a file or from stdin."""

import sys
from pathlib import Path

from bus.cli.failure import Failure


def read(file: str) -> bytes:
    """Give what is in a file; - is stdin."""
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}") from None
