"""Where our log lines are written: a line that cannot be written is lost, and nothing else is."""

from contextlib import suppress

from structlog import PrintLogger
from typing_extensions import override


class Lines(PrintLogger):
    """Write lines to a stream, and do without those it refuses.

    A full disk, or a reader that is gone, must not end the work that the line is about.
    """

    @override
    def msg(self, message: str) -> None:
        """Write a line if the stream takes it."""
        with suppress(OSError):
            super().msg(message)

    log = debug = info = warn = warning = error = critical = fatal = failure = err = exception = msg
