"""Which subscriptions the index finds for an event."""

from typing import Any

import pytest

from bus.match import Index

A, B = "00000000000000000001", "00000000000000000002"
BOTH = frozenset({A, B})
Event = dict[str, str | int | bool]


def found(index: Index[str], attributes: Event, readers: frozenset[str] = BOTH) -> set[str]:
    """Give the matches for an event with these attributes, each of which must come once."""
    keys = index.match(str(attributes["type"]), attributes.get, readers)
    assert len(keys) == len(set(keys))
    return set(keys)


@pytest.mark.parametrize(
    ("conditions", "wanted"),
    [
        ({}, True),
        ({"types": ("t",)}, True),
        ({"types": ("s", "t", "t")}, True),
        ({"types": ("s",)}, False),
        ({"source": "urn:a"}, True),
        ({"source": "urn:"}, False),
        ({"types": ("t",), "source": "urn:a"}, True),
        ({"types": ("t",), "source": "urn:b"}, False),
        ({"filters": [{"exact": {"type": "t"}}]}, True),
        ({"filters": [{"exact": {"type": "s"}}]}, False),
        ({"types": ("s", "t"), "filters": [{"exact": {"type": "t"}}]}, True),
        ({"types": ("s",), "filters": [{"exact": {"type": "t"}}]}, False),
        ({"filters": [{"exact": {"type": "t"}}, {"exact": {"type": "s"}}]}, False),
        ({"filters": [{"all": [{"exact": {"type": "t", "region": "n"}}]}]}, True),
        ({"filters": [{"all": [{"exact": {"type": "t", "region": "z"}}]}]}, False),
        ({"filters": [{"exact": {"region": "n"}}, {"exact": {"subject": "1"}}]}, True),
        ({"filters": [{"exact": {"region": "n"}}, {"exact": {"subject": "2"}}]}, False),
        ({"filters": [{"exact": {"absent": "n"}}]}, False),
        ({"filters": [{"exact": {"count": "7"}}]}, True),
        ({"filters": [{"exact": {"urgent": "true"}}]}, True),
        ({"filters": [{"exact": {"urgent": "1"}}]}, False),
        ({"filters": [{"not": {"exact": {"type": "s"}}}]}, True),
        ({"filters": [{"sql": "type = 't' AND region = 'n'"}]}, True),
        ({"filters": [{"sql": "type = 's' AND region = 'n'"}]}, False),
        ({"filters": [{"sql": "type IN ('s', 't')"}]}, True),
        ({"filters": [{"sql": "type IN ('s', 7)"}]}, False),
        ({"filters": [{"sql": "region IN ('n', 'z')"}]}, True),
        ({"filters": [{"sql": "count IN ('07', 'x')"}]}, True),
        ({"filters": [{"sql": "type LIKE 't%' AND count = '7'"}]}, True),
        ({"filters": [{"sql": "type LIKE 's%'"}]}, False),
        ({"filters": [{"sql": "type = 's' OR region = 'n'"}]}, True),
        ({"filters": [{"sql": "NOT (type = 's')"}]}, True),
        ({"filters": [{"sql": "type <> 's'"}]}, True),
        ({"filters": [{"sql": "absent = 't'"}]}, False),
        ({"filters": [{"prefix": {"type": "t"}}]}, True),
        ({"filters": [{"prefix": {"type": "tt"}}]}, False),
        ({"types": ("t", "tt"), "filters": [{"prefix": {"type": "tt"}}]}, False),
        ({"filters": [{"prefix": {"type": "t"}}, {"all": [{"prefix": {"type": "ts"}}]}]}, False),
        ({"filters": [{"any": [{"exact": {"type": "s"}}, {"prefix": {"source": "u"}}]}]}, True),
    ],
)
def test_types_source_and_filters_must_all_pass(
    conditions: dict[str, Any], *, wanted: bool
) -> None:
    """The index finds a subscription exactly when each of its conditions holds."""
    index: Index[str] = Index()
    index.add("s", organisation=A, **conditions)
    event: Event = {"type": "t", "source": "urn:a", "region": "n", "subject": "1"}
    event |= {"count": 7, "urgent": True}
    assert found(index, event) == ({"s"} if wanted else set())


def test_only_readers_are_found() -> None:
    """A subscription of an organisation that may not read the event's source is passed over."""
    index: Index[str] = Index()
    index.add("a", types=["t"], organisation=A)
    index.add("b", types=["t"], organisation=B)
    index.add("b-any", organisation=B)
    assert found(index, {"type": "t"}) == {"a", "b", "b-any"}
    assert found(index, {"type": "t"}, frozenset({B})) == {"b", "b-any"}
    assert found(index, {"type": "t"}, frozenset()) == set()


def test_adding_again_replaces_and_removing_leaves_nothing() -> None:
    """A changed subscription is found by its new conditions only; a removed one leaves no trace."""
    index: Index[str] = Index()
    index.add("s", types=["t", "u"], filters=[{"exact": {"region": "n"}}], organisation=A)
    index.add("s", types=["u"], organisation=B)
    assert found(index, {"type": "t", "region": "n"}) == set()
    assert found(index, {"type": "u"}) == {"s"}
    assert len(index) == 1
    index.remove("s")
    assert "s" not in index
    assert not index.wants("u")
    assert index._tree == {}


def test_a_subscription_that_does_not_compile_changes_nothing() -> None:
    """The old conditions stay in force when the new ones are refused."""
    index: Index[str] = Index()
    index.add("s", types=["t"], organisation=A)
    with pytest.raises(ValueError, match="cesql"):
        index.add("s", filters=[{"cesql": "true"}], organisation=A)
    assert found(index, {"type": "t"}) == {"s"}


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("type = 't'", {"t"}),
        ("region = 'n' AND type IN ('t', \"t.u\") AND EXISTS subject", {"t", "t.u"}),
        ("type = 't' AND (region = 'n' OR type = 's')", {"t"}),
        ("type IN ('t', 's') AND type IN ('t', 'u')", {"t"}),
        ("type IN ('t', TRUE, 7)", {"t", "true", "7"}),
        ("type LIKE 't\\%'", {"t%"}),
        ("type LIKE 't%'", {"t", "t.u", "t%", "tt", "true"}),
        ("type LIKE 't_u%'", {"t", "t.u", "t%", "tt", "true"}),
        ("type = 't' AND type = 's'", set()),
        ("type = 't' OR type = 's'", None),
        ("type = 't' XOR type = 's'", None),
        ("NOT (type = 't')", None),
        ("type <> 't'", None),
        ("'t' = type", None),
        ("type = 7", None),
        ("type NOT IN ('t')", None),
        ("type IN ('t', region)", None),
        ("LOWER(type) = 't'", None),
    ],
)
def test_types_are_found_in_sql(text: str, types: set[str] | None) -> None:
    """A type that cannot pass is not even looked at; where that is not certain, all are."""
    index: Index[str] = Index()
    index.add("s", filters=[{"sql": text}], organisation=A)
    all_types = {"t", "t.u", "s", "u", "tt", "t%", "7", "true", "x"}
    assert {each for each in all_types if index.wants(each)} == (
        all_types if types is None else types
    )


def test_wants_tells_whether_an_event_needs_to_be_looked_at() -> None:
    """No type is wanted at first, one by a subscription to it, all by one to any."""
    index: Index[str] = Index()
    assert not index.wants("t")
    index.add("t", types=["t"], organisation=A)
    assert (index.wants("t"), index.wants("u")) == (True, False)
    index.add("any", organisation=A)
    assert index.wants("u")
    index.remove("any")
    index.add("prefix", filters=[{"prefix": {"type": "u."}}], organisation=A)
    assert (index.wants("u"), index.wants("u."), index.wants("u.a")) == (False, True, True)
