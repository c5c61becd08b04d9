"""Who gets what the bus tells of itself."""

import json
from typing import Any

import pytest

from bus.catalogue.asking import filters_of
from bus.event import Event
from bus.match import compile_filters
from bus.subscription import Wanted

TYPE = "nl.vng.gemeentebus.subscription-gap"
SOURCE = "urn:nld:oin:00000001823288444000:systeem:gemeentebus"
NOTICE, OTHER = Event("1", SOURCE, TYPE), Event("2", "urn:x", "nl.zaken.zaak-gewijzigd")


def gets(event: Event, **terms: Any) -> bool:  # noqa: ANN401 - of a Wanted
    """Say whether the filters of these terms let an event pass."""
    return compile_filters(filters_of(Wanted.model_validate_json(json.dumps(terms))))(event.get)


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"filters": [{"prefix": {"type": "nl."}}]},
        {"filters": [{"not": {"exact": {"type": "nl.zaken.x"}}}]},
        {"filters": [{"sql": "EXISTS type"}]},
    ],
)
def test_who_asks_for_everything_gets_what_registers_tell(terms: dict[str, Any]) -> None:
    """And no notices."""
    assert (gets(OTHER, **terms), gets(NOTICE, **terms)) == (True, False)


@pytest.mark.parametrize(
    "terms",
    [
        {"types": [TYPE]},
        {"source": SOURCE},
        {"domains": ["nl.vng.gemeentebus"]},
        {"filters": [{"prefix": {"type": "nl.vng.gemeentebus."}}]},
        {"filters": [{"suffix": {"source": ":systeem:gemeentebus"}}]},
        {"filters": [{"any": [{"exact": {"type": TYPE}}, {"prefix": {"type": "nl.zaken."}}]}]},
        {"filters": [{"sql": f"type LIKE '{TYPE}%' OR FALSE"}]},
    ],
)
def test_who_names_them_gets_them(terms: dict[str, Any]) -> None:
    """In types, source, domains or any filter."""
    assert gets(NOTICE, **terms)


def test_who_names_them_to_be_rid_of_them_is() -> None:
    """A filter means what it says."""
    terms: dict[str, Any] = {"filters": [{"not": {"prefix": {"type": "nl.vng.gemeentebus."}}}]}
    assert (gets(OTHER, **terms), gets(NOTICE, **terms)) == (True, False)
