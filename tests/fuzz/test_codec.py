"""The codec on input of any kind: refused or sound, no crash, no hang."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.wire import CORPUS, one

SECONDS = int(os.environ.get("SOAK_SECONDS", "300"))
"""How long `make soak` looks for input that breaks the codec."""


@pytest.mark.parametrize("file", sorted(CORPUS.iterdir()), ids=lambda file: file.name)
def test_the_corpus(file: Path) -> None:
    """Each input that is kept is refused, or gives events that every form carries."""
    one(file.read_bytes())


@pytest.mark.soak
@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not there for this platform")
def test_what_atheris_makes_up(tmp_path: Path) -> None:
    """Input that finds new ways through the code, for as long as SOAK_SECONDS says.

    What breaks the codec is written to the folder of the test: keep it in the corpus.
    """
    limits = [f"-max_total_time={SECONDS}", "-timeout=10", "-max_len=8192", "-print_final_stats=1"]
    command = [sys.executable, "-m", "tests.fuzz.codec", tmp_path, CORPUS, *limits]
    result = subprocess.run(  # noqa: S603 - our own module
        [*command, f"-artifact_prefix={tmp_path}/broken-"], capture_output=True, check=False
    )
    output = (result.stdout + result.stderr).decode(errors="replace")
    assert result.returncode == 0, output[-8_000:]
    assert "stat::number_of_executed_units" in output


@pytest.mark.soak
@settings(max_examples=100 * SECONDS, deadline=None)
@given(st.sampled_from(["json", "batch", "http", "kafka"]), st.binary(max_size=2_000))
def test_what_hypothesis_makes_up(binding: str, rest: bytes) -> None:
    """Bytes of any kind, on every platform."""
    one(f"{binding}\n".encode() + rest)
