"""JSON bodies of our own resources, read strictly: every fault is named with its JSON pointer."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any, Final, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from bus.event import Fault

_DEEPEST: Final = 32
"""Levels of nesting in a body: our deepest resource, a filter eight levels deep, needs 20."""

_FAULTS: Final = {
    "missing": ("required", "this field is required"),
    "extra_forbidden": ("unknown-field", "there is no such field here: check its spelling"),
    "string_type": ("not-a-string", "give a string"),
    "bool_type": ("not-a-boolean", "give true or false"),
    "int_type": ("not-an-integer", "give an integer"),
    "float_type": ("not-a-number", "give a number"),
    "dict_type": ("not-an-object", "give an object"),
    "model_type": ("not-an-object", "give an object"),
    "model_attributes_type": ("not-an-object", "give an object"),
    "date_type": ("not-a-date", "give a date, as 2027-01-31"),
    "date_parsing": ("not-a-date", "give a date, as 2027-01-31"),
    "date_from_datetime_parsing": ("not-a-date", "give a date, as 2027-01-31"),
    "date_from_datetime_inexact": ("not-a-date", "give a date, as 2027-01-31"),
    "tuple_type": ("not-an-array", "give an array"),
    "literal_error": ("not-allowed", "give {expected}"),
    "union_tag_not_found": ("required", "give an object with {discriminator}"),
    "union_tag_invalid": ("not-allowed", "give {discriminator} as one of {expected_tags}"),
    "string_too_short": ("empty", "give at least {min_length} character"),
    "string_too_long": ("too-long", "give at most {max_length} characters"),
    "string_pattern_mismatch": ("malformed", "give text of the form {pattern}"),
    "too_long": ("too-many", "give at most {max_length}"),
    "greater_than_equal": ("out-of-range", "give at least {ge}"),
    "less_than_equal": ("out-of-range", "give at most {le}"),
}
"""pydantic's name → our code, which is part of the API, and a sentence. None shows a value.

What is not here comes from a validator of our own, which gives both.
"""


class InvalidDocument(Exception):
    """A body that its resource cannot take. Trying again does not help.

    `faults` has at most 200: a body of nothing but faults must not make an answer many times its
    size.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(islice(faults, 200))
        super().__init__(", ".join(f"{fault.where}: {fault.code}" for fault in self.faults))


class Model(BaseModel):
    """A part of a document: nothing coerced, nothing unknown taken, no value in an error."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


ModelT = TypeVar("ModelT", bound=Model)


def load(body: bytes | Mapping[str, Any], *, lines: Collection[str] = ()) -> dict[str, Any]:
    """Read a body as a JSON object of moderate depth without control characters.

    Postgres keeps no U+0000 in jsonb, and CloudEvents allows control characters in no attribute, so
    that a filter with one could match nothing. Only the texts at `lines` (JSON pointers) may have
    line breaks. Raises InvalidDocument.
    """
    try:
        document = orjson.loads(body) if isinstance(body, bytes) else dict(body)
    except orjson.JSONDecodeError as error:
        detail = f"the body is not JSON in UTF-8 (line {error.lineno}, column {error.colno})"
        raise InvalidDocument([Fault("", "not-json", detail)]) from None
    if not isinstance(document, dict):
        raise InvalidDocument([Fault("", "not-an-object", "the body must be a JSON object")])
    if faults := list(_unfit(document, "", _DEEPEST, lines)):
        raise InvalidDocument(faults)
    return document


def validate(document: Mapping[str, Any], model: type[ModelT]) -> ModelT:
    """Make a model of a document that `load` gave. Raises InvalidDocument with every fault."""
    try:
        return model.model_validate_json(orjson.dumps(document))
    except ValidationError as error:
        faults = [_fault(each, document) for each in error.errors(include_url=False)]
        raise InvalidDocument(faults) from None  # the cause holds the values, secrets among them


def apply_merge_patch(target: object, patch: object) -> Any:  # noqa: ANN401 - JSON in, JSON out
    """Give `target` changed as RFC 7396 §2 says; neither argument is touched."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, change in patch.items():
        if change is None:
            merged.pop(name, None)
        else:
            merged[name] = apply_merge_patch(merged.get(name), change)
    return merged


def pointer(where: str, step: str | int) -> str:
    """Go one step further along a JSON pointer (RFC 6901)."""
    return f"{where}/{str(step).replace('~', '~0').replace('/', '~1')}"


def _fault(error: ErrorDetails, document: Mapping[str, Any]) -> Fault:
    kind, steps = error["type"], error["loc"]
    where = _where(steps, document)
    if kind == "missing":
        where = pointer(where, steps[-1])
    if kind not in _FAULTS:
        return Fault(where, kind, error["msg"])
    code, detail = _FAULTS[kind]
    return Fault(where, code, detail.format(**error.get("ctx", {})))


def _where(steps: tuple[str | int, ...], document: Any) -> str:  # noqa: ANN401 - any JSON
    """Give the pointer for a place as pydantic says it.

    Among its steps are some that lead nowhere: the tag of a union, and "[key]" for a member's name.
    """
    where = ""
    for step in steps:
        with suppress(LookupError, TypeError):
            document = document[step]
            where = pointer(where, step)
    return where


def _unfit(value: object, where: str, depth: int, lines: Collection[str]) -> Iterator[Fault]:
    match value:
        case str() if not value.isprintable() and any(
            _is_control(char) and not (char in "\r\n" and where in lines) for char in value
        ):
            yield Fault(where, "control-character", "control characters are not allowed")
        case dict() | list() if depth == 0:
            yield Fault(where, "too-deep", f"nested deeper than {_DEEPEST} levels")
        case dict():
            for name, member in value.items():
                yield from _unfit(name, where, depth - 1, ())
                yield from _unfit(member, pointer(where, name), depth - 1, lines)
        case list():
            for place, member in enumerate(value):
                yield from _unfit(member, pointer(where, place), depth - 1, lines)
        case _:
            pass


def _is_control(char: str) -> bool:
    return char < " " or "\x7f" <= char <= "\x9f"
