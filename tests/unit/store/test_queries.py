"""Named SQL: what the loader takes and refuses, and that every file of ours is of that form."""

from importlib import resources

import pytest

from bus.store import queries


def test_a_query_is_found_by_its_name() -> None:
    """A name gives its SQL with the sentence, without the file's comment and the semicolon."""
    text = """
    -- About this file.

-- name: one
-- Gives one.
SELECT 1;

-- name: two
-- Gives two,
-- and no more.
SELECT 2
"""
    assert queries.parse(text) == {
        "one": "-- one\n-- Gives one.\nSELECT 1",
        "two": "-- two\n-- Gives two,\n-- and no more.\nSELECT 2",
    }


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("-- name: one\nSELECT 1", "no sentence"),
        ("-- name: one\n-- Gives one.\n", "no SQL"),
        ("-- name: one\n", "no sentence"),
        ("-- name: One two\n-- Gives one.\nSELECT 1", "lower_case"),
        ("-- name: \n-- Gives one.\nSELECT 1", "lower_case"),
        ("-- name: one\n-- Gives.\nSELECT 1\n-- name: one\n-- Gives.\nSELECT 1", "twice"),
    ],
)
def test_a_query_without_name_sentence_or_sql_is_refused(text: str, complaint: str) -> None:
    """What a reader could not make sense of does not load."""
    with pytest.raises(ValueError, match=complaint):
        queries.parse(text)


def test_queries_cannot_be_changed() -> None:
    """The mapping is shared by all callers, so it is read-only."""
    with pytest.raises(TypeError):
        queries.parse("")["one"] = "SELECT 1"  # type: ignore[index] # that is the point


def test_every_file_of_ours_loads() -> None:
    """Each SQL file of the package has at least one query and keeps the form."""
    folder = resources.files("bus.store").joinpath("sql")
    nouns = [file.name.removesuffix(".sql") for file in folder.iterdir()]
    assert nouns
    assert all(queries.load(noun) for noun in nouns)
