"""A real Postgres 18 as a child process, on a loopback port, behind a password."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from bus.embedded.account import unprivileged
from bus.embedded.datadir import secret
from bus.embedded.errors import DataDirInUse, DataDirUnusable, StartFailed
from bus.embedded.postgres_install import binaries, binaries_for_others
from bus.embedded.process import Account, Child, Command, run

DATABASE = "gemeentebus"
_USER = "bus"
_CREATE = f'CREATE DATABASE "{DATABASE}";\n'.encode()
_MAJOR = "18"
_INIT_WITHIN = 60.0  # seconds, as are the following
_READY_WITHIN = 60.0  # a crash recovery reads all that was written since the last checkpoint
_ORPHAN_WITHIN = 10.0
_AFTER_KILL = 1.0
_POLL = 0.02
_SETTINGS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",  # its path may be too long, and a password is asked for on TCP
    "wal_level=logical",
    "max_connections=300",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_checkpoints=off",
    # Statements, and details such as the values of a violated key, may hold personal data.
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
)
# For tests: what a crash of the machine loses is of no interest there.
_CARELESS = ("fsync=off", "full_page_writes=off")


class Postgres:
    """One server with its data in `folder`/postgres; made on the first start.

    As root it runs as an unprivileged user. With `durable=False` it survives its own crash, but not
    the machine's. `cache` takes a copy of the programs where that user could not reach them.
    """

    name = "postgres"

    def __init__(self, *, folder: Path, port: int, cache: Path, durable: bool = True) -> None:
        self.port = port
        self._folder = folder
        self._data = folder / "postgres"
        self._log = folder / "logs" / "postgres.log"
        self._cache = cache
        self._durable = durable
        self._child: Child | None = None

    @property
    def child(self) -> Child | None:
        """Give the running server, None before `start`."""
        return self._child

    def dsn(self, database: str = DATABASE) -> str:
        """Give the address of a database, with the superuser's name and password."""
        password = quote(secret(self._folder / "postgres-password"), safe="")
        return f"postgresql://{_USER}:{password}@127.0.0.1:{self.port}/{database}"

    async def start(self) -> None:
        """Start it and wait until it serves, after a crash too.

        Raises StartFailed when it ends or is not ready within a minute, DataDirUnusable when the
        data is another version's or another user's, PartsMissing.
        """
        account = unprivileged(self._data)
        programs = binaries() if account is None else binaries_for_others(self._cache)
        if not self._data.exists():
            await self._initialise(programs, account)
        self._check(account)
        await _wait_for_orphan(self._data)
        settings = _SETTINGS if self._durable else (*_SETTINGS, *_CARELESS)
        options = [part for setting in settings for part in ("-c", setting)]
        argv: list[str | Path] = [programs / "postgres", "-p", str(self.port), *options]
        command = self._command(self._data, account, argv)
        ended_well = not _pid_file(self._data)
        self._child = Child.start(command)
        try:
            await self._ready(self._child)
        except StartFailed:
            if ended_well or self._child.returncode is None:
                raise
            # Processes of a killed server may live for a moment, and it waits for none of them.
            await asyncio.sleep(_AFTER_KILL)
            self._child = Child.start(command)
            await self._ready(self._child)

    async def stop(self, within: float) -> None:
        """Stop it fast: sessions are ended, everything is written, the files are at rest."""
        if self._child is not None:
            await self._child.stop(within)

    async def _initialise(self, programs: Path, account: Account | None) -> None:
        """Make the data folder beside its place and move it there when it is whole."""
        new = self._data.with_name("postgres.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700, parents=True)
        if account is not None:
            os.chown(new, account.uid, account.gid)
        initdb: list[str | Path] = [
            programs / "initdb",
            # Through a pipe: a file would have to be where that other user may read it.
            *("-U", _USER, "-A", "scram-sha-256", "--pwfile=/dev/stdin"),
            *("-E", "UTF8", "--locale=C", "--no-instructions"),
        ]
        if not self._durable:
            initdb.append("--no-sync")
        word = secret(self._folder / "postgres-password").encode() + b"\n"
        await run(self._command(new, account, initdb, stdin=word), _INIT_WITHIN)
        single: list[str | Path] = [programs / "postgres", "--single"]
        create = self._command(new, account, single, last="postgres", stdin=_CREATE)
        await run(create, _INIT_WITHIN)
        new.rename(self._data)

    def _command(
        self,
        data: Path,
        account: Account | None,
        argv: Sequence[str | Path],
        *,
        last: str | None = None,
        stdin: bytes = b"",
    ) -> Command:
        # As another user the way to the folder may be closed (/root), so it is entered as root, and
        # from then on it is simply where the process is.
        here = account is not None and sys.platform == "linux"
        where = "/proc/self/cwd" if here else str(data)
        return Command(
            name=self.name,
            argv=[*argv, "-D", where, *([last] if last else [])],
            log=self._log,
            env={"LC_ALL": "C", "PATH": os.defpath},
            cwd=data,
            account=account,
            stop=(signal.SIGINT, signal.SIGQUIT, signal.SIGKILL),
            on_death=signal.SIGQUIT,  # ends at once, with its processes and its shared memory
            stdin=stdin,
        )

    def _check(self, account: Account | None) -> None:
        """Raise DataDirUnusable when the data cannot be this server's."""
        uid = account.uid if account else os.geteuid()
        if self._data.stat().st_uid != uid:
            raise DataDirUnusable(
                f"{self._data} belongs to another user; probably a bus was started here as root. "
                "Cure: start as root again, or give another folder with --data-dir."
            )
        version = (self._data / "PG_VERSION").read_text().strip()
        if version != _MAJOR:
            raise DataDirUnusable(
                f"{self._data} was made by Postgres {version}, this is {_MAJOR}. Cure: "
                "give another folder with --data-dir, or start the version that made it."
            )

    async def _ready(self, child: Child) -> None:
        """Wait until the server says in its pid-file, as it does to pg_ctl, that it is ready."""
        try:
            async with asyncio.timeout(_READY_WITHIN):
                while _pid_file(self._data)[::7] != [str(child.pid), "ready"]:
                    if child.returncode is not None:
                        raise StartFailed("Postgres", f"ended with {child.returncode}", self._log)
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            raise StartFailed(
                "Postgres", f"did not get ready in {_READY_WITHIN:.0f} s", self._log
            ) from None


def _pid_file(data: Path) -> list[str]:
    """Give the lines of the server's pid-file: the pid first, the state eighth; [] without one."""
    try:
        return [line.strip() for line in (data / "postmaster.pid").read_text().splitlines()]
    except OSError:
        return []


async def _wait_for_orphan(data: Path) -> None:
    """Wait for a server whose supervisor was killed just now; forget one that is long gone.

    Postgres itself forgets a pid that nobody has; it stops before one that a stranger got since.
    """
    lines = _pid_file(data)
    if sys.platform != "linux" or not lines or not lines[0].isdigit():
        return
    pid = int(lines[0])
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_ORPHAN_WITHIN):
            while _works_in(pid, data):  # noqa: ASYNC110 -- a process that is not our child
                await asyncio.sleep(_POLL)
    if _works_in(pid, data):
        raise DataDirInUse(data, pid)
    if os.path.exists(f"/proc/{pid}"):  # noqa: ASYNC240, PTH110 -- /proc never blocks
        (data / "postmaster.pid").unlink(missing_ok=True)


def _works_in(pid: int, data: Path) -> bool:
    """Say whether this process has the data folder as its working folder, as servers have."""
    try:
        return data.samefile(f"/proc/{pid}/cwd")
    except OSError:
        return False
