"""A JSON Schema as a part of an AsyncAPI document, whose dialect is a superset of draft-07."""

from typing import Any

from bus.catalogue.schema import NAMED, OPAQUE, Schema


def embedded(schema: Schema, at: str) -> dict[str, Any]:
    """Give a schema as it stands at a reference of the document, such as `#/components/schemas/x`.

    Its own references lead to the same places as before. Tuples are written as draft-07 does.
    """
    document = {
        name: value for name, value in schema.document.items() if name not in {"$schema", "$id"}
    }
    moved: dict[str, Any] = _moved(document, at, tuples=schema.draft == "2020-12")
    return moved


def _moved(value: Any, at: str, *, tuples: bool, named: bool = False) -> Any:  # noqa: ANN401 - JSON
    match value:
        case dict() if named:
            return {name: _moved(each, at, tuples=tuples) for name, each in value.items()}
        case dict():
            return {
                _keyword(name, value, tuples=tuples): (
                    at + each.removeprefix("#")
                    if name == "$ref"
                    else each
                    if name in OPAQUE
                    else _moved(each, at, tuples=tuples, named=name in NAMED)
                )
                for name, each in value.items()
            }
        case list():
            return [_moved(each, at, tuples=tuples) for each in value]
        case _:
            return value


def _keyword(name: str, beside: dict[str, Any], *, tuples: bool) -> str:
    """Give the name that a keyword has in draft-07."""
    if tuples and name == "prefixItems":
        return "items"
    if tuples and name == "items" and "prefixItems" in beside:
        return "additionalItems"
    return name
