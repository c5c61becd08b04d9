"""What the catalogue costs per event at the door: known by its type, and its data checked.

Run as `python -m tests.bench.schema [ROUNDS]`: microseconds on one core, of the examples of our
own catalogue.
"""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bus.catalogue import Domain, EventTypes, SchemaVersion
from bus.catalogue.folder import read_folder
from bus.event import Event
from tests.bench.codec import cost

_PER_ROUND = 5_000
_SCHEMAS = Path(__file__).parents[2] / "schemas"
_SMALL, _LARGER = "nl.zaken.zaak-gewijzigd", "nl.bag.verblijfsobject-gewijzigd"


def catalogue() -> tuple[EventTypes, dict[str, Event]]:
    """Give our own catalogue, and of each type an example with data."""
    types, examples = [], {}
    for each in (each for domain in read_folder(_SCHEMAS) for each in domain.types):
        versions = (SchemaVersion(1, datetime.now(UTC), schema) for schema in each.schemas[:1])
        types.append(replace(each.request.event_type("nl"), versions=tuple(versions)))
        examples |= {event.type: event for event in each.examples if event.data}
    return EventTypes(types), examples


def main(rounds: int) -> None:
    """Print a table and a JSON line: the least of all rounds."""
    types, examples = catalogue()
    small, larger = examples[_SMALL], examples[_LARGER]
    wrong = replace_data(small, b'{"zaak": 1}')
    unknown = Event(small.id, small.source, "nl.elders.iets", small.attributes)
    events = {
        "a type that is not registered": unknown,
        "no data": replace_data(small, None),
        f"{len(small.data or b'')} bytes, 4 properties": small,
        f"{len(larger.data or b'')} bytes, 8 properties, 2 arrays": larger,
        "two faults": wrong,
    }
    domain = Domain("nl", "gb.nl", "")
    report: dict[str, float] = {}
    for name, event in events.items():
        check = partial(types.check, event, domain, base="https://bus.example.nl")
        report[name] = round(min(cost(check, _PER_ROUND) for _ in range(rounds)), 2)
        print(f"{name:40}{report[name]:8.2f} µs")
    print(json.dumps({"bench": "schema", "rounds": rounds, "us": report}, ensure_ascii=False))


def replace_data(event: Event, data: bytes | None) -> Event:
    """Give an event with other data."""
    return Event(event.id, event.source, event.type, event.attributes, event.datacontenttype, data)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
