"""The data folder of `bus dev`: one user at a time, its ports, its secrets."""

import base64
import contextlib
import fcntl
import json
import os
import secrets
import shlex
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bus.embedded.errors import DataDirInUse, DataDirUnusable, PortTaken

_LAST_PORT = 65_535


def random_word() -> str:
    """Make a secret that fits into addresses and headers."""
    return secrets.token_urlsafe(24)


def secret(path: Path, make: Callable[[], str] = random_word, given: str | None = None) -> str:
    """Give the secret kept in a file only we can read; made on first use, `given` replaces it."""
    if given is None and path.exists():
        return path.read_text().strip()
    value = given or make()
    write_private(path, value + "\n")
    return value


def secret_key() -> str:
    """Make a key of 32 random bytes, in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read, all or nothing."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 -- a descriptor, for its mode
        file.write(text)
    part.replace(path)


def free_port() -> int:
    """Find a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class DataDir:
    """A data folder that is ours while `locked`; kept between runs."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._ports_file = self.path / "ports.json"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder; the kernel lets go when we die. Raises DataDirInUse, DataDirUnusable."""
        try:
            # Closed to others: it holds events.
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = (self.path / "lock").open("a+")
        except OSError as error:
            raise DataDirUnusable(
                f"{self.path} cannot be used: {error.strerror}. Cure: give a folder of your own "
                "with --data-dir (one used as root before belongs to root)."
            ) from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                pid = file.read().strip()
                raise DataDirInUse(self.path, int(pid) if pid.isdigit() else None) from None
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield

    def port(self, name: str, wanted: int | None = None) -> int:
        """Give the port for `name`: `wanted`, else the last run's if still free, else a free one.

        Raises PortTaken when `wanted` is in use.
        """
        ports = kept_ports(self._ports_file)
        if wanted:
            if not _free(wanted):
                raise PortTaken(name, wanted)
            port = wanted
        else:
            taken = {port for other, port in ports.items() if other != name}
            port = ports.get(name, 0)
            while not port or port in taken or not _free(port):
                port = free_port()
        ports[name] = port
        self._ports_file.write_text(json.dumps(ports, indent=1) + "\n")
        return port

    def secret(
        self, name: str, make: Callable[[], str] = random_word, given: str | None = None
    ) -> str:
        """Give the secret kept under this name; see `secret`."""
        return secret(self.path / name, make, given)

    def write_environment(self, variables: Mapping[str, str]) -> None:
        """Write D/env: lines that let other commands on this machine join (`. D/env`)."""
        lines = [f"export {name}={shlex.quote(text)}\n" for name, text in variables.items()]
        write_private(self.path / "env", "".join(lines))


def kept_ports(path: Path) -> dict[str, int]:
    """Give the ports that this file remembers; what is no port is left out, as if never kept."""
    try:
        kept = json.loads(path.read_text())
    except (OSError, ValueError):  # the first run, or one that was killed while it wrote
        return {}
    if not isinstance(kept, dict):
        return {}
    return {
        str(name): port
        for name, port in kept.items()
        if type(port) is int and 0 < port <= _LAST_PORT
    }


def _free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a connection that lingers after a kill does not keep the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
