"""A row of the outbox becomes an event: pure."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from bus.codec import payload
from bus.event import Event, Fault, InvalidEvent, assemble, check

Row = Mapping[str, Any]
"""The columns as `bus.store.outbox.Feed.take` gives them."""

_ATTRIBUTES = ("partitionkey", "time", "subject", "dataref", "datacontenttype")
_COLUMNS = frozenset({"specversion", "id", "source", "type", "data", *_ATTRIBUTES})


def event_of(row: Row) -> Event:
    """Make the event of a row, valid and ready for the log.

    Raises InvalidEvent with every fault, each at the name of its column or extension. An extension
    that is null is left out; one with the name of a column is a fault, for one of two values would
    be lost.
    """
    context: dict[str, object] = {
        "specversion": "1.0",
        "id": row["event_id"],
        "source": row["source"],
        "type": row["type"],
    }
    for name in _ATTRIBUTES:
        value = row[name]
        if value is not None:
            context[name] = value
    faults: list[Fault] = []
    if row["extensions"] is not None:
        faults.extend(_extend(context, row["extensions"]))
    faults.extend(check(context, str))
    data = row["data"]
    if row["too_large"]:
        faults.append(Fault("data", "too-large", "the data is larger than the log can take"))
    elif data is not None:
        data, flaw = payload.settle(row["datacontenttype"], data)
        if flaw is not None:
            faults.append(Fault("data", *flaw))
    if faults:
        raise InvalidEvent(faults)
    return assemble(context, data)


def _extend(context: dict[str, object], text: str) -> Iterator[Fault]:
    """Put the extensions into the context; give what is wrong with them as a whole."""
    try:
        extensions = orjson.loads(text)
    except orjson.JSONDecodeError:  # Postgres keeps numbers of any size
        yield Fault("extensions", "not-readable", "an extension holds a number out of all bounds")
        return
    if not isinstance(extensions, dict):
        yield Fault("extensions", "not-an-object", "extensions are a JSON object")
        return
    for name, value in extensions.items():
        if name in _COLUMNS:
            yield Fault(name, "has-a-column", f"give {name} in its column, not as an extension")
        elif value is not None:
            context[name] = value
