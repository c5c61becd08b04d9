"""The bus's own event types for the catalogue, made of the table of notices."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from bus.catalogue.event_type import EventType
from bus.catalogue.notices import DOMAIN, TYPES, NoticeType
from bus.catalogue.schema import Schema

_TIME: Final = "Moment waarop de bus het heeft vastgesteld."


def own_types() -> Iterator[tuple[EventType, Schema]]:
    """Give each type with the schema of its data, as this version of the bus publishes it."""
    for notice in TYPES.values():
        event_type = EventType(
            type=notice.name,
            domain=DOMAIN,
            description=notice.description,
            time_meaning=_TIME,
            information="poor",
        )
        yield event_type, _schema(notice)


def _schema(notice: NoticeType) -> Schema:
    _, found = msgspec.json.schema_components((notice.data,))
    (form,) = found.values()
    document: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **form,
        "title": notice.name,
        "description": notice.description,
    }
    return Schema(msgspec.json.encode(document).decode())
