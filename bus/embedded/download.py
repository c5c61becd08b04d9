"""Some threads that fetch pinned files from a Maven repository, each verified before it counts."""

import asyncio
import contextlib
import hashlib
import queue
import secrets
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bus.embedded.errors import PartsMissing
from bus.embedded.pins import Jar

_THREADS = 6
_TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 65_536
_TRIES = 2  # one file of thirty fails now and then; a second try saves the whole start


@dataclass(frozen=True, slots=True)
class Fetched:
    """How a file stands: `size` bytes came; `done` says it is in place, `reason` why it is not."""

    jar: Jar
    size: int
    done: bool = False
    reason: str | None = None


class _Unfetched(Exception):
    """One file could not be had; the text is the reason."""


class _Abandoned(Exception):
    """The fetch was cancelled."""


class Downloads:
    """Fetch `jars` into `folder`; what becomes of each is put in `results`, from the loop.

    The threads are daemons, because a hanging connection must not hold up the end of the process,
    and jgo's client cannot be interrupted.
    """

    def __init__(
        self,
        jars: Sequence[Jar],
        folder: Path,
        mirror: str | None,
        results: asyncio.Queue[Fetched],
    ) -> None:
        self._todo: queue.SimpleQueue[Jar] = queue.SimpleQueue()
        for jar in sorted(jars, key=lambda jar: -jar.size):  # the largest first: the end is even
            self._todo.put(jar)
        self._folder, self._mirror, self._results = folder, mirror, results
        self._loop = asyncio.get_running_loop()
        self._abandoned = threading.Event()

    def start(self) -> None:
        """Begin; every file is reported once as done or with a reason, and often before that."""
        for number in range(_THREADS):
            threading.Thread(target=self._work, name=f"fetch-{number}", daemon=True).start()

    def abandon(self) -> None:
        """Report nothing any more and end soon."""
        self._abandoned.set()

    def _work(self) -> None:
        # The loop may be gone when the fetch was cancelled.
        with contextlib.suppress(queue.Empty, _Abandoned, RuntimeError):
            while True:
                self._one(self._todo.get_nowait())

    def _one(self, jar: Jar) -> None:
        reason = "unknown"
        for _ in range(_TRIES):
            try:
                self._download(jar)
            except _Abandoned:
                raise
            except _Unfetched as error:
                reason = str(error)
            # Whatever it is: a thread that ends without a word leaves the caller waiting.
            except Exception as error:  # noqa: BLE001 -- it becomes the reason that people read
                reason = _root(error)
            else:
                return
        self._say(Fetched(jar, 0, reason=reason))

    def _say(self, fetched: Fetched) -> None:
        if self._abandoned.is_set():
            raise _Abandoned
        self._loop.call_soon_threadsafe(self._results.put_nowait, fetched)

    def _download(self, jar: Jar) -> None:
        """Fetch one file: to a part-file beside its place, verified, then moved into place."""
        digest, size = hashlib.sha256(), 0
        part = self._folder / f"{jar.name}.{secrets.token_hex(4)}.part"
        try:
            with part.open("xb") as file:
                for chunk in _read(jar, self._mirror):
                    size += len(chunk)
                    digest.update(chunk)
                    file.write(chunk)
                    self._say(Fetched(jar, min(size, jar.size)))
                    if size > jar.size:
                        break
            if size != jar.size or digest.hexdigest() != jar.sha256:
                raise _Unfetched(f"what came is not the pinned file ({size} of {jar.size} bytes)")
            part.replace(self._folder / jar.name)
        finally:
            part.unlink(missing_ok=True)
        self._say(Fetched(jar, jar.size, done=True))


def _read(jar: Jar, mirror: str | None) -> Iterable[bytes]:
    """Stream a file from the repository; jgo knows where Maven Central is, and its lay-out."""
    try:
        # Here, because jgo brings requests: a quarter second that only the first start needs.
        from jgo.maven import MavenContext  # noqa: PLC0415
        from jgo.util import http  # noqa: PLC0415
    except ImportError:
        raise _Unfetched(str(PartsMissing("jgo"))) from None
    repositories = {"mirror": mirror.rstrip("/")} if mirror else None
    context = MavenContext(remote_repos=repositories)
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    base = next(iter(context.remote_repos.values()))
    url = f"{base}/{artifact.component.path_prefix.as_posix()}/{artifact.filename}"
    with http.get(url, stream=True, timeout=_TIMEOUT) as response:
        if response.status_code != 200:
            raise _Unfetched(f"the repository answered HTTP {response.status_code}")
        yield from response.iter_content(_CHUNK)


def _root(error: BaseException) -> str:
    """Say what is at the bottom of an error, without the address (a mirror's may hold a secret)."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    text = error.strerror if isinstance(error, OSError) and error.strerror else None
    return f"{text or type(error).__name__}"
