"""Kafka's startup cache (JDK 25 "AOT cache"): made once, aside; later starts take half the time."""

import contextlib
import hashlib
import secrets
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from bus.embedded.datadir import free_port
from bus.embedded.java import fingerprint, java_command, make_cache
from bus.embedded.kafka import Kafka
from bus.embedded.process import run

_WITHIN = 120.0  # seconds for a step; each takes two when the machine has nothing else to do
_STALE_PART = 3_600.0  # seconds; a killed run leaves its part-file
_KEPT = 2  # caches of 60 MB
_LOWEST = 19  # of `nice`


def location(cache: Path, classpath: Sequence[Path]) -> Path:
    """Give the place of the cache for these jar files and this Java, there or not."""
    files = [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in classpath]
    text = "\n".join([fingerprint(), *files])
    return cache / "startup" / f"kafka-{hashlib.sha256(text.encode()).hexdigest()[:16]}.aot"


async def train(
    target: Path, *, classpath: Sequence[Path], folder: Path, nice: int = _LOWEST
) -> None:
    """Make the cache at `target` by running a second broker for a moment, in `folder`.

    Everything runs at the lowest priority unless somebody waits for it. Raises StartFailed and
    OSError; cancelled, it leaves nothing running, and the next one starts from the beginning.
    """
    _prepare(target.parent, folder)
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    record = folder / "record"
    kafka = Kafka(
        folder=folder,
        port=free_port(),
        controller_port=free_port(),
        classpath=classpath,
        record=record,
        nice=nice,
    )
    try:
        try:
            await kafka.start()
        finally:
            await kafka.stop(_WITHIN)
        make = java_command(
            *make_cache(record, part),
            name="startup-cache",
            classpath=classpath,
            folder=folder,
            log=folder / "make.log",
            nice=nice,
        )
        await run(make, _WITHIN)
        part.replace(target)
        _forget(target.parent)
    finally:
        part.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def _prepare(caches: Path, folder: Path) -> None:
    caches.mkdir(parents=True, exist_ok=True)
    for part in caches.glob("*.part"):
        if time.time() - part.stat().st_mtime > _STALE_PART:
            part.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _forget(folder: Path) -> None:
    """Keep the newest caches only; a broker that uses another one keeps it open."""
    with contextlib.suppress(OSError):
        found = sorted(folder.glob("*.aot"), key=lambda path: -path.stat().st_mtime)
        for old in found[_KEPT:]:
            old.unlink()
