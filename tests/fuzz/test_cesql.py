"""CESQL on input of any kind: refused or evaluated, no crash, no hang."""

from pathlib import Path

import pytest

from tests.fuzz.expression import CORPUS, one
from tests.fuzz.fuzzing import fuzz, needs_atheris


@pytest.mark.parametrize("file", sorted(CORPUS.iterdir()), ids=lambda file: file.name)
def test_the_corpus(file: Path) -> None:
    """Each expression that is kept ends in a value, a failure or a fault at a character of it."""
    one(file.read_bytes())


@pytest.mark.soak
@needs_atheris
def test_what_atheris_makes_up(tmp_path: Path) -> None:
    """Expressions that find new ways through the code, for as long as SOAK_SECONDS says.

    What breaks it is written to the folder of the test: keep it in the corpus.
    """
    fuzz("cesql", CORPUS, tmp_path)
