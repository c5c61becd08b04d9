"""Runs atheris, where it is there, for as long as `make soak` is to look for what breaks."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

SECONDS: Final = int(os.environ.get("SOAK_SECONDS", "300"))
"""How long each target is looked at."""

needs_atheris = pytest.mark.skipif(
    find_spec("atheris") is None, reason="atheris is not there for this platform"
)


def fuzz(target: str, corpus: Path, folder: Path) -> None:
    """Let atheris feed a module of this folder; what breaks it is written to `folder`."""
    limits = [f"-max_total_time={SECONDS}", "-timeout=10", "-max_len=8192", "-print_final_stats=1"]
    command = [sys.executable, "-m", f"tests.fuzz.{target}", folder, corpus, *limits]
    result = subprocess.run(  # noqa: S603 - our own module
        [*command, f"-artifact_prefix={folder}/broken-"], capture_output=True, check=False
    )
    output = (result.stdout + result.stderr).decode(errors="replace")
    assert result.returncode == 0, output[-8_000:]
    assert "stat::number_of_executed_units" in output
