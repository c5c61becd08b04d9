"""The data folder: one user at a time, ports and secrets that stay."""

import base64
import os
import shlex
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from bus.embedded.datadir import DataDir, free_port, secret, secret_key
from bus.embedded.errors import DataDirInUse, DataDirUnusable, PortTaken


def test_one_at_a_time(tmp_path: Path) -> None:
    """While it is held, another one learns the holder's pid; afterwards it may have it."""
    folder = tmp_path / "new" / "data"
    with DataDir(folder).locked():
        with pytest.raises(DataDirInUse) as caught, DataDir(folder).locked():
            pass
        assert caught.value.pid == os.getpid()
    with DataDir(folder).locked():
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_place_that_cannot_be_a_folder_is_named(tmp_path: Path) -> None:
    """A file where the folder should be: the problem names the path and the cure."""
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(DataDirUnusable, match=r"file[\s\S]*--data-dir"),
        DataDir(tmp_path / "file").locked(),
    ):
        pass


def test_ports_stay(tmp_path: Path) -> None:
    """Each name has a port of its own, the same in later runs."""
    ports = {name: DataDir(tmp_path).port(name) for name in ("kafka", "postgres", "api")}
    assert len(set(ports.values())) == 3
    assert {name: DataDir(tmp_path).port(name) for name in ports} == ports


def test_a_port_that_was_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    """A kept port in use by another program gives way; one that was asked for does not."""
    data = DataDir(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", data.port("api")))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(PortTaken, match=str(taken)):
            data.port("api", taken)
        assert data.port("api") != taken


def test_a_port_that_is_asked_for_is_kept_too(tmp_path: Path) -> None:
    """`--port` once is enough: the next run has it without asking."""
    wanted = free_port()
    assert DataDir(tmp_path).port("api", wanted) == wanted
    assert DataDir(tmp_path).port("api") == wanted


def test_a_damaged_ports_file_is_begun_anew(tmp_path: Path) -> None:
    """A run that was killed while it wrote does not stop the next one."""
    (tmp_path / "ports.json").write_text('{"api": 80')
    assert DataDir(tmp_path).port("api") > 0


def test_a_secret_is_made_once_and_can_be_given(tmp_path: Path) -> None:
    """Without a value it stays; a given one replaces it; only the owner can read the file."""
    path = tmp_path / "token"
    first = secret(path)
    assert len(first) >= 32
    assert secret(path) == first
    assert secret(path, given="chosen") == "chosen"
    assert secret(path) == "chosen"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["token"]


def test_a_key_has_32_bytes() -> None:
    """The key for sealing is base64 of 32 random bytes."""
    assert len(base64.b64decode(secret_key(), validate=True)) == 32
    assert secret_key() != secret_key()


def test_the_environment_file_works_in_a_shell(tmp_path: Path) -> None:
    """A shell that reads D/env exports every variable with its very value."""
    value = "postgresql://u:p'\"$x @h/d"
    DataDir(tmp_path).write_environment({"BUS_DATABASE_URL": value, "BUS_URL": "http://x"})
    script = f". {shlex.quote(str(tmp_path / 'env'))}; printenv BUS_DATABASE_URL"
    shown = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)  # noqa: S603 -- ours
    assert shown.stdout == value + "\n"


@pytest.mark.parametrize(
    "text", ["[1, 2]", "null", '"x"', "{", '{"api": "x", "kafka": 99999999}', '{"kafka": -3}']
)
def test_a_ports_file_of_something_else_is_as_if_it_were_not_there(
    tmp_path: Path, text: str
) -> None:
    """Whatever is in it, there is a port, and it stays."""
    (tmp_path / "ports.json").write_text(text)
    port = DataDir(tmp_path).port("kafka")
    assert DataDir(tmp_path).port("kafka") == port
