"""Which filters are sound, and where an unsound one is at fault."""

from typing import Any

import pytest

from bus.subscription import check_filters


def nested(levels: int) -> dict[str, Any]:
    """Give an expression of this many levels, the innermost an `exact`."""
    expression: dict[str, Any] = {"exact": {"type": "t"}}
    for _ in range(levels - 1):
        expression = {"not": expression}
    return expression


@pytest.mark.parametrize(
    "filters",
    [
        [],
        [{"exact": {"type": "t", "subject": "s"}}, {"prefix": {"a1": "x"}}],
        [{"suffix": {"source": "x" * 2048}}],
        [{"all": [{"any": [{"not": {"exact": {"type": "t"}}}]}]}],
        [nested(8)],
        [{"exact": {"type": "t"}}] * 256,
        [{"sql": "type LIKE 'nl.%' AND (EXISTS subject OR urgent)"}],
        [{"sql": "x" * 4096}],
        [{"not": {"any": [{"sql": "type = 't'"}]}}] * 85,
    ],
)
def test_sound_filters_have_no_fault(filters: list[object]) -> None:
    """The dialects of the standard, nested, within the bounds."""
    assert check_filters(filters) == []


@pytest.mark.parametrize(
    ("filters", "where", "code"),
    [
        ({}, "", "not-an-array"),
        (None, "", "not-an-array"),
        (["x"], "/0", "not-one-dialect"),
        ([{}], "/0", "not-one-dialect"),
        ([{"exact": {"type": "t"}, "prefix": {"type": "t"}}], "/0", "not-one-dialect"),
        ([{"cel": "true"}], "/0/cel", "unknown-dialect"),
        ([{"sql": ["true"]}], "/0/sql", "not-a-string"),
        ([{"sql": ""}], "/0/sql", "syntax"),
        ([{"sql": "type = 't' AND"}], "/0/sql", "syntax"),
        ([{"sql": "type = 99999999999"}], "/0/sql", "out-of-range"),
        ([{"sql": "(" * 40 + "TRUE" + ")" * 40}], "/0/sql", "too-deep"),
        ([{"sql": "-" * 300 + "1"}], "/0/sql", "too-many"),
        ([{"sql": "x" * 4097}], "/0/sql", "too-long"),
        ([{"sql": "NOPE(type)"}], "/0/sql", "unknown-function"),
        ([{"sql": "LEFT(type) = 't'"}], "/0/sql", "unknown-function"),
        ([{"sql": "x" * 2048}] * 3, "/2", "too-many"),
        ([{"Exact": {"type": "t"}}], "/0/Exact", "unknown-dialect"),
        ([{"a/b": 1}], "/0/a~1b", "unknown-dialect"),
        ([{"exact": {}}], "/0/exact", "empty"),
        ([{"exact": "t"}], "/0/exact", "not-an-object"),
        ([{"exact": {f"a{n}": "x" for n in range(257)}}], "/0", "too-many"),
        ([{"prefix": {"type": ""}}], "/0/prefix/type", "empty"),
        ([{"prefix": {"type": "x" * 2049}}], "/0/prefix/type", "too-long"),
        ([{"prefix": {"urgent": True}}], "/0/prefix/urgent", "not-a-string"),
        ([{"suffix": {"": "x"}}], "/0/suffix/", "not-an-attribute"),
        ([{"suffix": {"Type": "x"}}], "/0/suffix/Type", "not-an-attribute"),
        ([{"exact": {"data": "x"}}], "/0/exact/data", "not-an-attribute"),
        ([{"exact": {"data.naam": "x"}}], "/0/exact/data.naam", "not-an-attribute"),
        ([{"all": []}], "/0/all", "empty"),
        ([{"any": {"exact": {"type": "t"}}}], "/0/any", "not-an-array"),
        ([{"any": [{"exact": {"type": "t"}}, 1]}], "/0/any/1", "not-one-dialect"),
        ([{"not": [{"exact": {"type": "t"}}]}], "/0/not", "not-one-dialect"),
        ([{"not": {"all": [{"sql": ""}]}}], "/0/not/all/0/sql", "syntax"),
        ([nested(9)], "/0" + "/not" * 8, "too-deep"),
        ([{"exact": {"type": "t"}}] * 257, "/256", "too-many"),
        ([{"all": [{"exact": {"type": "t"}}] * 300}], "/0/all/255", "too-many"),
    ],
)
def test_a_fault_has_its_pointer_and_code(filters: object, where: str, code: str) -> None:
    """One fault, at the place where it can be mended."""
    faults = check_filters(filters)
    assert [(fault.where, fault.code) for fault in faults] == [(f"/filters{where}", code)]


def test_faults_of_several_filters_are_all_named() -> None:
    """In the order of the text, and from the pointer that the caller gives."""
    filters = [{"exact": {"A": ""}}, {"not": {"sql": "true AND"}}]
    assert [(fault.where, fault.code) for fault in check_filters(filters, "/f")] == [
        ("/f/0/exact/A", "not-an-attribute"),
        ("/f/0/exact/A", "empty"),
        ("/f/1/not/sql", "syntax"),
    ]


def test_a_fault_in_sql_says_at_which_character() -> None:
    """Counted from 1, as editors do; the text itself is not repeated."""
    (fault,) = check_filters([{"sql": "subject = '999990342' AND type = = 't'"}])
    assert fault.detail == "character 34: give an attribute, a value or a function"
    (fault,) = check_filters([{"sql": "type = 't' AND NOPE(type)"}])
    assert fault.detail.startswith("character 16: ")
