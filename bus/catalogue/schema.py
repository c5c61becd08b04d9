"""One version of a JSON Schema: read strictly, compiled once, and what data it refuses."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import Any, Final

import jsonschema_rs
import orjson
from typing_extensions import override

from bus.document import InvalidDocument, load, pointer
from bus.event import Fault

MEDIA_TYPE: Final = "application/schema+json"

DRAFTS: Final = {
    "https://json-schema.org/draft/2020-12/schema": "2020-12",
    "http://json-schema.org/draft-07/schema": "draft-07",
}
"""What `$schema` may say, an empty fragment after it or not, and its short name."""

_MOST_FAULTS: Final = 20

# Linear in the length of the text: with look-around one pattern keeps a process busy for seconds.
PATTERNS: Final = jsonschema_rs.RegexOptions()

NAMED: Final = frozenset(
    {"$defs", "definitions", "properties", "patternProperties", "dependentSchemas"}
)
"""Keywords that hold schemas by a name, which may be any word."""

OPAQUE: Final = frozenset({"const", "default", "enum", "examples"})
"""Keywords whose value is data, not a schema."""

_NAMING: Final = ("properties", "dependentRequired", "dependentSchemas", "dependencies")
"""Keywords whose value is an object by the names of properties."""

_ELSEWHERE: Final = ("$anchor", "$dynamicAnchor", "$dynamicRef", "$vocabulary")
"""Ways to point that a document with several schemas in it, as AsyncAPI's, cannot follow."""

_SAYS: Final = {
    "additionalProperties": "has a property that the schema does not know",
    "anyOf": "fits none of the schemas that it may fit",
    "const": "is not the value that is asked for",
    "enum": "is none of the values that are allowed",
    "falseSchema": "may not be there",
    "oneOf": "fits none, or more than one, of the schemas that it may fit",
    "unevaluatedProperties": "has a property that the schema does not know",
}


class Schema:
    """A JSON Schema, equal to another when both say the same as JSON.

    `text` is what was sent. Construct one of what `parse_schema` has taken before.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self.document == other.document

    __hash__ = None  # type: ignore[assignment] # what it holds is mutable

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """The schema as JSON; not to be changed."""
        found: dict[str, Any] = orjson.loads(self.text)
        return found

    @property
    def draft(self) -> str:
        """Give the short name of its draft; 2020-12 when it names none."""
        return DRAFTS[self.document.get("$schema", next(iter(DRAFTS))).removesuffix("#")]

    def faults(self, data: bytes) -> list[Fault]:
        """Say why the schema refuses a JSON text: each fault at a JSON pointer within the data.

        A fault never repeats what is in the data: neither a value nor the name of a property that
        the schema does not itself name. Formats are checked.
        """
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:  # JSON it is: the door has looked
            return [Fault("", "not-readable", "holds a number out of all bounds")]
        if self._validator.is_valid(value):
            return []
        try:
            errors = [*islice(self._validator.iter_errors(value), _MOST_FAULTS)]
        except ValueError:  # an error holds a copy of what is wrong, of 255 levels at most
            return [Fault("", "does-not-fit", "does not fit, nested too deep to say where")]
        return [self._fault(error, value) for error in errors]

    @cached_property
    def _validator(self) -> jsonschema_rs.Validator:
        return compiled(self.document)

    @cached_property
    def _names(self) -> frozenset[str]:
        """Every name of a property that the schema says aloud."""
        return frozenset(_names(self.document))

    def _fault(self, error: jsonschema_rs.ValidationError, value: Any) -> Fault:  # noqa: ANN401 - JSON
        where = ""
        for step in error.instance_path:  # in which a name of digits is a number, too
            named = isinstance(value, dict)
            if named and str(step) not in self._names:
                break  # a name that the publisher chose may be personal: the fault stays above it
            value = value[str(step) if named else step]
            where = pointer(where, step)
        keyword = error.kind.name
        match error.kind:
            case jsonschema_rs.ValidationErrorKind.Required(property=name):
                return Fault(pointer(where, name), "required", "this property is required")
            case jsonschema_rs.ValidationErrorKind.Type(types=types):
                return Fault(where, keyword, f"is not of type {' or '.join(types)}")
            case jsonschema_rs.ValidationErrorKind.Format(format=name):
                return Fault(where, keyword, f"is not a {name}")
            case _:
                return Fault(where, keyword, _SAYS.get(keyword, f"does not keep to {keyword}"))


def compiled(document: Mapping[str, Any]) -> jsonschema_rs.Validator:
    """Compile a schema; nothing outside it is looked up. Raises jsonschema_rs.ValidationError."""
    return jsonschema_rs.validator_for(
        dict(document), validate_formats=True, pattern_options=PATTERNS, offline=True
    )


def parse_schema(body: bytes) -> Schema:
    """Read a schema that a client sends. Raises InvalidDocument with every fault.

    It is an object of draft 2020-12 or draft-07, sound by its draft, and points nowhere but into
    itself, by JSON pointers. Patterns have neither look-around nor back references.
    """
    document = load(body)
    faults = [*_draft_faults(document), *_pointing_faults(document, "")]
    if faults := faults or [*_unsound(document)]:
        raise InvalidDocument(faults)
    return Schema(body.decode())


def _draft_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    draft = document.get("$schema", next(iter(DRAFTS)))
    if not isinstance(draft, str) or draft.removesuffix("#") not in DRAFTS:
        detail = f"give one of {', '.join(DRAFTS)}"
        yield Fault("/$schema", "unknown-draft", detail)


def _pointing_faults(
    value: object, where: str, *, named: bool = False, data: bool = False
) -> Iterator[Fault]:
    """Find what points, or could be pointed at, in another way than by a JSON pointer.

    A $ref within `data`, such as an enum, or as the name of a property is none; but tools take it
    for one.
    """
    match value:
        case dict():
            for name, member in value.items():
                at = pointer(where, name)
                if name == "$ref" and (data or not _is_local(member)):
                    detail = "give # or a JSON pointer into this schema, as #/$defs/naam"
                    yield Fault(at, "not-local", detail)
                elif isinstance(member, str) and (name in _ELSEWHERE or (name == "$id" and where)):
                    yield Fault(at, "not-local", "point with $ref and a JSON pointer instead")
                opaque = data or (name in OPAQUE and not named)
                below = name in NAMED and not named
                yield from _pointing_faults(member, at, named=below, data=opaque)
        case list():
            for number, member in enumerate(value):
                yield from _pointing_faults(member, pointer(where, number), data=data)
        case _:
            pass


def _is_local(reference: object) -> bool:
    return isinstance(reference, str) and (reference == "#" or reference.startswith("#/"))


def _unsound(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Find where a schema does not keep to its draft, or else what does not compile."""
    draft = document.get("$schema", next(iter(DRAFTS)))
    meta = compiled({"$schema": draft, "$ref": draft})
    errors = [*meta.iter_errors(document)]
    if not errors:
        try:
            compiled(document)
        except jsonschema_rs.ValidationError as refusal:
            errors = [refusal]
    for error in errors:
        where = ""
        for step in error.instance_path:
            where = pointer(where, step)
        match error.kind:
            case jsonschema_rs.ValidationErrorKind.Format():
                detail = "give a regular expression without look-around and back references"
            case jsonschema_rs.ValidationErrorKind.Referencing():
                detail = "a $ref leads nowhere"
            case _:
                detail = f"the draft does not allow this ({error.kind.name})"
        yield Fault(where, "not-a-schema", detail)


def _names(value: object) -> Iterator[str]:
    match value:
        case dict():
            for keyword in _NAMING:
                if isinstance(value.get(keyword), dict):
                    yield from value[keyword]
            if isinstance(value.get("required"), list):
                yield from (name for name in value["required"] if isinstance(name, str))
            for member in value.values():
                yield from _names(member)
        case list():
            for member in value:
                yield from _names(member)
        case _:
            pass
