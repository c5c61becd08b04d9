"""`running`, from outside: a process of its own with real servers, which is killed and stopped."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bus.embedded.kafka_probe import serves

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")

_READY_WITHIN = 60.0
_SCRIPT = Path(__file__).with_name("household.py")

Until = Callable[..., None]
Alive = Callable[[int], bool]


class Household:
    """One data folder, and at most one process that runs in it."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self._cache = cache
        self._process: subprocess.Popen[str] | None = None
        self._lines: list[str] = []

    def command(self) -> list[str]:
        """Give the command line for this folder."""
        return [sys.executable, str(_SCRIPT), str(self.folder), str(self._cache)]

    def started(self) -> "Household":
        """Start it unless it runs, and wait until it is ready."""
        if self._process is None or self._process.poll() is not None:
            self._lines = []
            self._process = subprocess.Popen(  # noqa: S603 -- our own script
                self.command(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
            deadline = time.monotonic() + _READY_WITHIN
            while not any(line.startswith("ready ") for line in self._lines):
                assert self._process.poll() is None, self._lines
                assert time.monotonic() < deadline, self._lines
                time.sleep(0.02)
        return self

    @property
    def process(self) -> subprocess.Popen[str]:
        """Give the running process."""
        assert self._process is not None
        return self._process

    @property
    def environment(self) -> dict[str, str]:
        """Give what D/env exports."""
        lines = (self.folder / "env").read_text().splitlines()
        return dict(line.removeprefix("export ").split("=", 1) for line in lines)

    def begins(self, role: str) -> list[int]:
        """Give the pids that a role has had."""
        lines = (self.folder / "begins").read_text().splitlines()
        return [int(line.split()[1]) for line in lines if line.split()[0] == role]

    def server(self, name: str) -> int | None:
        """Give the pid of a server: our child that works in the server's folder."""
        for pid in _children(self.process.pid):
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/cwd").samefile(self.folder / name):
                    return pid
        return None

    def family(self) -> set[int]:
        """Give the pids of everything that it started, and of what those started."""
        found: set[int] = set()
        todo = {self.process.pid}
        while todo:
            new = _children(todo.pop())
            found |= new
            todo |= new
        return found

    def end(self) -> None:
        """End it, whatever state it is in."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=20)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            self._lines.extend(lines)


@pytest.fixture(scope="module")
def household(cache: Path, classpath: tuple[Path, ...]) -> Iterator[Household]:
    """One data folder for this module; its tests may leave it running or not."""
    assert classpath
    with tempfile.TemporaryDirectory(prefix="gemeentebus-dev-") as folder:
        it = Household(Path(folder) / "data", cache)
        try:
            yield it
        finally:
            it.end()


def test_a_signal_during_the_first_start_stops_it(
    household: Household, until: Until, alive: Alive
) -> None:
    """Asked to end while it makes its servers' data, it ends; the next start makes them whole."""
    process = subprocess.Popen(  # noqa: S603 -- our own script
        household.command(), stderr=subprocess.PIPE, text=True
    )
    held = household.folder / "lock"
    until(lambda: held.exists() and held.read_text().strip() == str(process.pid))
    until(lambda: _children(process.pid))
    children = _children(process.pid)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "Stopped" in errors
    assert not any(map(alive, children))
    household.started()


def test_secrets_are_for_us_only(household: Household) -> None:
    """Tokens, keys and passwords are in files that only their owner can read."""
    folder = household.started().folder
    for name in ("token", "secret-key", "env", "postgres-password"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name
    assert household.environment["BUS_TOKEN"] == (folder / "token").read_text().strip()
    assert household.environment["BUS_URL"] == "http://127.0.0.1:1"


def test_a_second_one_on_the_same_folder_says_so(household: Household) -> None:
    """The second process names the first one's pid and ends; the first one is not disturbed."""
    first = household.started().process
    second = subprocess.run(  # noqa: S603 -- our own script
        household.command(), capture_output=True, text=True, timeout=30, check=False
    )
    assert second.returncode == 1
    assert f"process {first.pid}" in second.stderr
    assert "--data-dir" in second.stderr
    assert first.poll() is None


def test_a_role_that_dies_is_started_again(household: Household, until: Until) -> None:
    """A killed role comes back as a new process; the others stay."""
    before = household.started().begins("api")
    others = household.begins("dispatch")
    os.kill(before[-1], signal.SIGKILL)
    until(lambda: len(household.begins("api")) > len(before), what="it was not started again")
    assert household.begins("dispatch") == others


@pytest.mark.parametrize("name", ["kafka", "postgres"])
async def test_a_server_that_dies_is_started_again(
    household: Household, until: Until, name: str, namespace: str
) -> None:
    """After kill -9 of Kafka or Postgres it serves again at the same address, with its data."""
    await _leave_mark(household.started(), namespace)
    victim = household.server(name)
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    until(lambda: household.server(name) not in {None, victim}, what="it was not started again")
    assert await _mark(household, namespace) == namespace


async def test_kill_9_leaves_no_child_and_starts_again(
    household: Household, until: Until, alive: Alive, namespace: str
) -> None:
    """Killed outright, nothing that it started lives on; the next start has ports and data."""
    await _leave_mark(household.started(), namespace)
    addresses, family = household.environment, household.family()
    assert len(family) > 4
    household.process.kill()
    household.process.wait()
    until(lambda: not any(map(alive, family)), seconds=10, what="a child lives on")

    household.started()

    assert household.environment == addresses
    assert await _mark(household, namespace) == namespace


async def test_a_planned_stop_ends_all_in_order(
    household: Household, alive: Alive, namespace: str
) -> None:
    """SIGTERM ends everything within ten seconds, last-started role first; data stays."""
    await _leave_mark(household.started(), namespace)
    family = household.family()
    ends = household.folder / "ends"
    ends.write_text("")
    log = household.folder / "logs" / "postgres.log"
    said = len(log.read_text())
    household.process.terminate()
    assert household.process.wait(timeout=10) == 0
    assert not any(map(alive, family))
    assert ends.read_text().split() == ["api", "dispatch"]
    assert (household.folder / "kafka" / "log" / ".kafka_cleanshutdown").exists()
    assert "fast shutdown" in log.read_text()[said:]

    assert await _mark(household.started(), namespace) == namespace


def _children(pid: int) -> set[int]:
    try:
        return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    except OSError:
        return set()


async def _leave_mark(household: Household, name: str) -> None:
    """Write a row, and a record to a topic of this name."""
    connection = await asyncpg.connect(household.environment["BUS_DATABASE_URL"])
    await connection.execute(f'CREATE TABLE "{name}" AS SELECT 1 AS one')
    await connection.close()
    kafka = household.environment["BUS_KAFKA_BOOTSTRAP"]
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
        await producer.send_and_wait(name, name.encode())


async def _mark(household: Household, name: str) -> str:
    """Read both again, as soon as both servers answer."""
    deadline = time.monotonic() + 30
    while True:
        try:
            connection = await asyncpg.connect(household.environment["BUS_DATABASE_URL"])
            break
        except (OSError, asyncpg.PostgresError):
            assert time.monotonic() < deadline
    assert await connection.fetchval(f'SELECT one FROM "{name}"') == 1  # noqa: S608 -- our name
    await connection.close()
    kafka = household.environment["BUS_KAFKA_BOOTSTRAP"]
    while not await serves(int(kafka.rpartition(":")[2])):
        assert time.monotonic() < deadline
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
    async with consumer:
        consumer.assign([TopicPartition(name, 0)])
        return str((await consumer.getone()).value.decode())
