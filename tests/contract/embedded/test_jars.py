"""Fetching pinned files, from a repository on this machine that can misbehave."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bus.embedded import jars
from bus.embedded.errors import JarsUnavailable
from bus.embedded.pins import Jar


class Repository:
    """A Maven repository: files by path, and the paths that were asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        repository = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                repository.asked.append(self.path)
                body = repository.files.get(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/maven"

    def holds(self, artifact: str, body: bytes) -> Jar:
        """Put a file in; give its pin."""
        self.files[f"/maven/nl/test/{artifact}/1.0/{artifact}-1.0.jar"] = body
        return Jar("nl.test", artifact, "1.0", hashlib.sha256(body).hexdigest(), len(body))

    def asked_names(self) -> list[str]:
        """Give the names of the files that were asked for since the last time."""
        names = sorted(path.rpartition("/")[2] for path in self.asked)
        self.asked.clear()
        return names


@pytest.fixture
def repository() -> Iterator[Repository]:
    """Give a repository that runs."""
    it = Repository()
    thread = threading.Thread(target=it.server.serve_forever, args=(0.01,))
    thread.start()
    yield it
    it.server.shutdown()
    it.server.server_close()
    thread.join()


@pytest.fixture
def pins(repository: Repository) -> list[Jar]:
    """Give three pinned files that the repository has."""
    return [repository.holds(name, name.encode() * 50_000) for name in ("alfa", "bravo", "delta")]


async def test_fetches_once_and_shows_how_far_it_is(
    repository: Repository, pins: list[Jar], tmp_path: Path
) -> None:
    """All files come, progress ends at all files and bytes, and nothing is fetched again."""
    seen: list[jars.Progress] = []
    paths = await jars.fetch(cache=tmp_path, mirror=repository.url, jars=pins, progress=seen.append)
    assert [path.name for path in paths] == [pin.name for pin in pins]
    assert [path.read_bytes() for path in paths] == [
        name.encode() * 50_000 for name in ("alfa", "bravo", "delta")
    ]
    total = sum(pin.size for pin in pins)
    assert (seen[-1].done, seen[-1].files) == (3, 3)
    assert (seen[-1].done_bytes, seen[-1].total_bytes) == (total, total)
    assert repository.asked_names() == ["alfa-1.0.jar", "bravo-1.0.jar", "delta-1.0.jar"]

    await jars.fetch(cache=tmp_path, mirror=repository.url, jars=pins)
    assert repository.asked_names() == []


async def test_only_missing_and_damaged_files_are_fetched_again(
    repository: Repository, pins: list[Jar], tmp_path: Path
) -> None:
    """A file with other bytes, and one that is gone, are fetched; the third is not."""
    alfa, bravo, delta = await jars.fetch(cache=tmp_path, mirror=repository.url, jars=pins)
    repository.asked_names()
    alfa.write_bytes(b"x" * alfa.stat().st_size)
    bravo.unlink()
    before = delta.stat().st_mtime_ns

    await jars.fetch(cache=tmp_path, mirror=repository.url, jars=pins)

    assert repository.asked_names() == ["alfa-1.0.jar", "bravo-1.0.jar"]
    assert alfa.read_bytes() == b"alfa" * 50_000
    assert delta.stat().st_mtime_ns == before


async def test_a_failure_names_each_file_and_keeps_the_others(
    repository: Repository, pins: list[Jar], tmp_path: Path
) -> None:
    """A 404 and a wrong file are named with their reasons; nothing wrong stays in the cache."""
    wrong = "/maven/nl/test/alfa/1.0/alfa-1.0.jar"
    gone = "/maven/nl/test/bravo/1.0/bravo-1.0.jar"
    kept = repository.files.copy()
    repository.files[wrong] = b"something else"
    del repository.files[gone]
    with pytest.raises(JarsUnavailable) as caught:
        await jars.fetch(cache=tmp_path, mirror=repository.url, jars=pins)
    assert caught.value.failures.keys() == {"alfa-1.0.jar", "bravo-1.0.jar"}
    assert "not the pinned file" in caught.value.failures["alfa-1.0.jar"]
    assert "404" in caught.value.failures["bravo-1.0.jar"]
    assert "BUS_MAVEN_MIRROR" in str(caught.value)
    assert [path.name for path in (tmp_path / "jars").iterdir()] == ["delta-1.0.jar"]

    repository.files, _ = kept, repository.asked_names()
    await jars.fetch(cache=tmp_path, mirror=repository.url, jars=pins)
    assert repository.asked_names() == ["alfa-1.0.jar", "bravo-1.0.jar"]


async def test_a_repository_that_is_away_is_a_reason(tmp_path: Path) -> None:
    """Nobody listens there: the reason says so, without what the address holds besides its host."""
    pin = Jar("nl.test", "alfa", "1.0", "0" * 64, 1)
    with pytest.raises(JarsUnavailable) as caught:
        await jars.fetch(cache=tmp_path, mirror="http://user:secret@127.0.0.1:9/maven", jars=[pin])
    assert "refused" in caught.value.failures[pin.name]
    assert "127.0.0.1" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_offline_asks_nobody(repository: Repository, pins: list[Jar], tmp_path: Path) -> None:
    """Offline, a missing file is named, with where to put it; a full cache is enough."""
    paths = await jars.fetch(cache=tmp_path, mirror=repository.url, jars=pins)
    repository.asked_names()
    assert await jars.fetch(cache=tmp_path, offline=True, jars=pins) == paths
    paths[1].unlink()
    with pytest.raises(JarsUnavailable) as caught:
        await jars.fetch(cache=tmp_path, mirror=repository.url, offline=True, jars=pins)
    assert caught.value.failures.keys() == {"bravo-1.0.jar"}
    assert "BUS_OFFLINE" in str(caught.value)
    assert str(tmp_path / "jars") in str(caught.value)
    assert repository.asked_names() == []


async def test_a_cache_that_cannot_be_written_is_a_reason(
    repository: Repository, pins: list[Jar], tmp_path: Path
) -> None:
    """A file where the folder should be: every missing file is named with that reason."""
    (tmp_path / "cache").write_text("not a folder")
    with pytest.raises(JarsUnavailable) as caught:
        await jars.fetch(cache=tmp_path / "cache", mirror=repository.url, jars=pins)
    assert caught.value.failures.keys() == {pin.name for pin in pins}
    assert "cannot write" in str(caught.value)
