"""Runs what compose runs as containers would: its commands and environment, what the image has."""

import importlib.metadata
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Self
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from bus.embedded.datadir import free_port
from tests.contract.deploy.files import entrypoint, image_environment, locked, seconds, services

PATIENCE = 40.0
"""Seconds until a test gives up waiting, on a machine that is busy."""

_PORTS = {"api": ("BUS_API_PORT", 8080), "dispatch": ("BUS_METRICS_PORT", 9100)}
_PORTS["relay"] = _PORTS["dispatch"]

_INSIDE = Template('''
"""A container's limits: packages that its image lacks, and a file system that is read-only."""

import errno, os, sys

ABSENT = $absent
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Absent:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"the image has no {name}", name=name)


def watch(event, arguments):
    if event != "open" or not isinstance(arguments[0], (str, bytes)):
        return
    path, mode, flags = arguments
    writes = set(mode) & set("wax+") if mode else flags & WRITES
    if writes and not f"{os.fsdecode(path)}/".startswith(("/tmp/", "/dev/")):
        raise OSError(errno.EROFS, "the file system of a container is read-only", path)


sys.meta_path.insert(0, Absent)
sys.addaudithook(watch)
''')


class Composed:
    """The services of the compose file, on the servers of the tests instead of its own."""

    def __init__(
        self, values: dict[str, str], folder: Path, *, kafka: str, database_url: str, namespace: str
    ) -> None:
        self.services = services(values)
        self.ports = {role: free_port() for role in _PORTS}
        self._folder = folder
        self._servers = {
            "BUS_KAFKA_BOOTSTRAP": kafka,
            "BUS_DATABASE_URL": database_url,
            "BUS_API_HOST": "127.0.0.1",
            "BUS_METRICS_HOST": "127.0.0.1",
        }
        # A Kafka and Postgres of compose's own serve one bus; those of the tests serve many.
        self._apart = {"BUS_NAMESPACE": namespace}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        inside = folder / "inside"
        inside.mkdir()
        text = _INSIDE.substitute(absent=repr(_absent()))
        (inside / "sitecustomize.py").write_text(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()

    def environment(self, service: str) -> dict[str, str]:
        """Give all that a container of this service has in its environment."""
        own: dict[str, str] = self.services[service]["environment"]
        servers = {name: value for name, value in self._servers.items() if name in own}
        port = {_PORTS[service][0]: str(self.ports[service])} if service in _PORTS else {}
        return {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": "/nonexistent",
            "PYTHONPATH": str(self._folder / "inside"),
            **image_environment(),
            **own,
            **servers,
            **port,
            **self._apart,
        }

    def run(self, service: str, command: Sequence[str] | None = None) -> str:
        """Run a service's command, or another one, to its end; give what it prints."""
        argv = [*entrypoint(), *(command or self.services[service]["command"])]
        done = self._do(service, argv)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, service: str) -> None:
        """Start a service's command."""
        argv = [*entrypoint(), *self.services[service]["command"]]
        with self._log(service).open("ab") as log:
            self._running[service] = subprocess.Popen(  # noqa: S603 - of the compose file
                argv, cwd="/", env=self.environment(service), stdout=log, stderr=log
            )

    def healthy(self, service: str) -> bool:
        """Run the service's own healthcheck."""
        check = self.services[service]["healthcheck"]
        assert check["test"][0] == "CMD"
        name, port = _PORTS[service]
        assert f":{port}/" in check["test"][-1], name
        argv = [word.replace(f":{port}/", f":{self.ports[service]}/") for word in check["test"][1:]]
        return self._do(service, argv, within=seconds(check["timeout"])).returncode == 0

    def becomes_healthy(self, service: str) -> None:
        """Wait until a service is healthy; show its log if it is not in time."""
        until = time.monotonic() + PATIENCE
        while not self.healthy(service):
            alive = self._running[service].poll() is None
            assert alive, f"{service} ended:\n{self._log(service).read_text()}"
            assert time.monotonic() < until, self._log(service).read_text()

    def ended(self, service: str) -> tuple[int, str]:
        """Wait until a service ends by itself; give its exit code and its log."""
        code = self._running.pop(service).wait(PATIENCE)
        return code, self._log(service).read_text()

    def stop(self, service: str) -> tuple[int, str]:
        """Stop it as compose does; give its exit code (-9 when it took too long) and its log."""
        process = self._running.pop(service)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds(self.services[service]["stop_grace_period"]))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return process.returncode, self._log(service).read_text()

    def _log(self, service: str) -> Path:
        return self._folder / f"{service}.log"

    def _do(
        self, service: str, argv: Sequence[str], within: float = PATIENCE
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - of the compose file
            argv,
            cwd="/",
            env=self.environment(service),
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )


def port_of(address: str) -> int:
    """Give the port of host:port or of a URL."""
    port = urlsplit(address if "//" in address else f"//{address}").port
    assert port is not None
    return port


def stand_in(folder: Path, name: str, script: str) -> None:
    """Put a program in front of the real one of that name."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}")
    path.chmod(0o755)


def shell(script: str, *, cwd: Path, environment: Mapping[str, str]) -> str:
    """Run a script as a reader would paste it; give what it prints."""
    done = subprocess.run(  # noqa: S603 - of our own README
        ["bash", "-euo", "pipefail", "-c", script],  # noqa: S607 - a reader's shell
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _absent() -> set[str]:
    """Name the modules that are installed here and not in the image."""
    there = {*locked("deploy/requirements.lock"), "gemeentebus"}
    return {
        module
        for module, owners in importlib.metadata.packages_distributions().items()
        if not there & {canonicalize_name(owner) for owner in owners}
    }
