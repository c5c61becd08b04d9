"""The broker's jar files: pinned by SHA-256, fetched once from a Maven repository, verified."""

import asyncio
import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bus.embedded.download import Downloads, Fetched
from bus.embedded.errors import JarsUnavailable
from bus.embedded.pins import Jar, pinned
from bus.observe.logging import LogEvent, get

_log = get()
_STALE_PART = 3_600.0  # seconds; a fetch that was killed leaves its part-file


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the fetching is: files and bytes that are there, of all that had to be fetched."""

    name: str
    done: int
    files: int
    done_bytes: int
    total_bytes: int


OnProgress = Callable[[Progress], None]


def default_cache(environment: Mapping[str, str]) -> Path:
    """Give the cache folder for when no setting names one: XDG's, else ~/.cache."""
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "gemeentebus"


async def fetch(
    *,
    cache: Path,
    mirror: str | None = None,
    offline: bool = False,
    progress: OnProgress = lambda _: None,
    jars: Sequence[Jar] | None = None,
) -> tuple[Path, ...]:
    """See that every file is in `cache`/jars and undamaged; give their paths in a fixed order.

    Only missing and damaged files are fetched: from Maven Central, or from the repository at
    `mirror`; never when `offline`. Raises JarsUnavailable, which names each file that could not be
    had; those that could are kept. Cancelling ends the downloads.
    """
    wanted = pinned() if jars is None else tuple(jars)
    folder = cache / "jars"
    bad = await asyncio.to_thread(_bad, folder, wanted)
    if bad:
        failures = dict.fromkeys((jar.name for jar in bad), "missing or damaged, and offline")
        if not offline:
            _log.info(LogEvent.DOWNLOAD_STARTED, count=len(bad), bytes=sum(j.size for j in bad))
            failures = await _fetch_all(bad, folder, mirror, progress)
        if failures:
            _log.error(LogEvent.DOWNLOAD_FAILED, count=len(failures))
            where = (urlsplit(mirror).hostname or "the mirror") if mirror else "Maven Central"
            raise JarsUnavailable(
                failures, files=len(wanted), folder=folder, where=where, offline=offline
            )
        _log.info(LogEvent.DOWNLOAD_FINISHED, count=len(bad))
    return tuple(folder / jar.name for jar in wanted)


def _bad(folder: Path, jars: Iterable[Jar]) -> list[Jar]:
    """List the files that are missing or damaged; reads them all (36 MB: some 30 ms)."""
    return [jar for jar in jars if not _intact(folder / jar.name, jar)]


def _intact(path: Path, jar: Jar) -> bool:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != jar.size:
                return False
            return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256
    except OSError:
        return False


async def _fetch_all(
    jars: Sequence[Jar], folder: Path, mirror: str | None, progress: OnProgress
) -> dict[str, str]:
    """Fetch in parallel; give the reason for each file that could not be had."""
    try:
        _prepare(folder)
    except OSError as error:
        return dict.fromkeys((jar.name for jar in jars), f"cannot write: {error.strerror}")
    results: asyncio.Queue[Fetched] = asyncio.Queue()
    downloads = Downloads(jars, folder, mirror, results)
    failures: dict[str, str] = {}
    done, have, total = 0, dict.fromkeys((jar.name for jar in jars), 0), sum(j.size for j in jars)
    try:
        downloads.start()
        while done + len(failures) < len(jars):
            fetched = await results.get()
            name = fetched.jar.name
            have[name] = fetched.size
            done += fetched.done
            if fetched.reason:
                failures[name] = fetched.reason
            progress(Progress(name, done, len(jars), sum(have.values()), total))
    finally:
        downloads.abandon()
    return failures


def _prepare(folder: Path) -> None:
    """Make the folder; remove part-files that a killed fetch left in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in folder.glob("*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > _STALE_PART:
                part.unlink()
