"""What filters let through."""

import pytest

from bus.event import Event
from bus.match import compile_filters

MOVED = Event(
    id="1",
    source="urn:nld:oin:00000001823288444000:brp",
    type="nl.brp.persoon-verhuisd",
    attributes={"subject": "verhuizing/7", "urgent": True, "count": 7},
    datacontenttype="application/json",
    data=b'{"gemeente": "0363"}',
)


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        ([], True),
        ([{"exact": {"type": "nl.brp.persoon-verhuisd"}}], True),
        ([{"exact": {"type": "nl.brp.persoon-Verhuisd"}}], False),
        ([{"exact": {"type": "nl.brp.persoon-verhuisd", "count": "8"}}], False),
        ([{"prefix": {"source": "urn:nld:oin:", "type": "nl.brp."}}], True),
        ([{"prefix": {"source": "urn:nld:oin:", "type": "nl.bag."}}], False),
        ([{"suffix": {"type": "-verhuisd"}}], True),
        ([{"suffix": {"type": "-verhuis"}}], False),
        ([{"exact": {"urgent": "true"}}, {"exact": {"count": "7"}}], True),
        ([{"exact": {"urgent": "True"}}], False),
        ([{"exact": {"specversion": "1.0", "datacontenttype": "application/json"}}], True),
        ([{"all": [{"prefix": {"subject": "v"}}, {"suffix": {"subject": "7"}}]}], True),
        ([{"all": [{"prefix": {"subject": "v"}}, {"suffix": {"subject": "8"}}]}], False),
        ([{"any": [{"exact": {"count": "8"}}, {"exact": {"count": "7"}}]}], True),
        ([{"any": [{"exact": {"count": "8"}}, {"exact": {"count": "9"}}]}], False),
        ([{"not": {"exact": {"count": "8"}}}], True),
        ([{"not": {"any": [{"exact": {"count": "7"}}]}}], False),
        ([{"exact": {"count": "7"}}, {"exact": {"count": "8"}}], False),
        ([{"sql": "count = 7 AND urgent AND subject LIKE 'verhuizing/_'"}], True),
        ([{"sql": "'TRUE'"}], False),
        ([{"sql": "count"}], False),
        ([{"sql": "1"}], False),
        ([{"all": [{"sql": "urgent"}, {"exact": {"count": "7"}}]}], True),
    ],
)
def test_filters_compare_canonical_attribute_values(
    filters: list[dict[str, object]], *, passes: bool
) -> None:
    """Every filter must pass; values are compared as strings, case and all."""
    assert compile_filters(filters)(MOVED.get) is passes


@pytest.mark.parametrize("dialect", ["exact", "prefix", "suffix"])
def test_a_missing_attribute_fails_and_its_negation_passes(dialect: str) -> None:
    """What an event does not have cannot match; `not` turns that round, as the standard implies."""
    get = MOVED.get
    assert not compile_filters([{dialect: {"gemeente": "0363"}}])(get)
    assert compile_filters([{"not": {dialect: {"gemeente": "0363"}}}])(get)


def test_a_missing_attribute_fails_sql_and_its_negation() -> None:
    """Not so in sql: an error lets nothing pass, and only `not` around it turns that round."""
    for text in ("gemeente = '0363'", "NOT (gemeente = '0363')", "gemeente <> '0363'"):
        assert not compile_filters([{"sql": text}])(MOVED.get)
        assert compile_filters([{"not": {"sql": text}}])(MOVED.get)
    assert compile_filters([{"sql": "NOT EXISTS gemeente OR gemeente <> '0363'"}])(MOVED.get)


def test_the_data_is_out_of_reach() -> None:
    """A filter that names the data finds nothing there."""
    assert not compile_filters([{"prefix": {"data": "{"}}])(MOVED.get)
    assert not compile_filters([{"sql": "EXISTS data"}])(MOVED.get)


def test_an_unknown_dialect_does_not_compile() -> None:
    """A filter that cannot be judged is refused, not taken for one that lets everything through."""
    with pytest.raises(ValueError, match="cel"):
        compile_filters([{"cel": "true"}])
    with pytest.raises(ValueError, match="character 8"):
        compile_filters([{"sql": "type = 'a"}])
