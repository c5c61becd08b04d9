"""The codec on input of any kind: refused or sound, no crash, no hang."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.fuzzing import SECONDS, fuzz, needs_atheris
from tests.fuzz.wire import CORPUS, one


@pytest.mark.parametrize("file", sorted(CORPUS.iterdir()), ids=lambda file: file.name)
def test_the_corpus(file: Path) -> None:
    """Each input that is kept is refused, or gives events that every form carries."""
    one(file.read_bytes())


@pytest.mark.soak
@needs_atheris
def test_what_atheris_makes_up(tmp_path: Path) -> None:
    """Input that finds new ways through the code, for as long as SOAK_SECONDS says.

    What breaks the codec is written to the folder of the test: keep it in the corpus.
    """
    fuzz("codec", CORPUS, tmp_path)


@pytest.mark.soak
@settings(max_examples=100 * SECONDS, deadline=None)
@given(st.sampled_from(["json", "batch", "http", "kafka"]), st.binary(max_size=2_000))
def test_what_hypothesis_makes_up(binding: str, rest: bytes) -> None:
    """Bytes of any kind, on every platform."""
    one(f"{binding}\n".encode() + rest)
