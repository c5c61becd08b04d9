"""The table of rules: what the NL GOV profile 1.1 and what it builds on ask of an event.

What CloudEvents itself asks of each attribute is checked before (`bus.event`), for every event.
docs/profile.md shows this table, and says what of the profile no program can see.
"""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from bus.codec.media import Form, form_of
from bus.profile import bsn, extensions
from bus.profile.names import (
    has_valid_number,
    is_reverse_dns,
    is_rightly_versioned,
    names_organisation,
    source_of,
)
from bus.profile.rule import Case, Check, Keyword, Rule, Values

LONGEST_NAME: Final = 20
MOST_EXTENSIONS: Final = 16
"""The profile gives no number. Beside the standard's own attributes that is a header of 2 kB or
so, which every HTTP server takes."""
LARGEST: Final = 65_536
AHEAD_SECONDS: Final = 300
"""How far a clock may be ahead."""


def _must(
    code: str,
    detail: str,
    section: str,
    check: Check | Values,
    *needs: str,
    keyword: Keyword = "MUST",
) -> Rule:
    return Rule(code, keyword, detail, section, check, "reject", frozenset(needs))


def _should(
    code: str,
    detail: str,
    section: str,
    check: Check | Values,
    *needs: str,
    keyword: Keyword = "SHOULD",
) -> Rule:
    return Rule(code, keyword, detail, section, check, "warn", frozenset(needs))


def _long_names(case: Case) -> Iterable[str]:
    return [name for name in case.event.attributes if len(name) > LONGEST_NAME]


def _undescribed_id(case: Case) -> Iterable[str]:
    event = case.event
    if len(event.id) != 36 or "dataschema" in event.attributes:
        return ()
    try:
        UUID(event.id)
    except ValueError:
        return ()
    return ("id",)


def _not_urn(source: str) -> bool:
    return source_of(source) is None


def _unregistered(source: str) -> bool:
    found = source_of(source)
    return found is not None and not found.register


def _bad_number(source: str) -> bool:
    found = source_of(source)
    return found is not None and not has_valid_number(found)


def _no_system(source: str) -> bool:
    found = source_of(source)
    return found is not None and not found.system


def _is_location(case: Case) -> Iterable[str]:
    return ("source",) if case.event.source == case.event.attributes.get("dataref") else ()


def _not_json(case: Case) -> Iterable[str]:
    event = case.event
    if event.data is None or event.datacontenttype == "application/json":
        return ()
    form = None if event.datacontenttype is None else form_of(event.datacontenttype)
    return () if form is Form.JSON else ("datacontenttype",)


def _in_future(case: Case) -> Iterable[str]:
    moment = extensions.moment(case.event, "time")
    return () if moment is None or moment <= case.now + AHEAD_SECONDS else ("time",)


def _many(case: Case) -> Iterable[str]:
    attributes = case.event.attributes
    if len(attributes) <= MOST_EXTENSIONS:
        return ()
    extra = [name for name in attributes if name not in {"subject", "time", "dataschema"}]
    return extra[MOST_EXTENSIONS:][:1]


def _large(case: Case) -> Iterable[str]:
    longest = case.size + len(case.event.data or b"") // 3  # with the data as base64
    return ("data",) if longest > LARGEST else ()


def _by_source(case: Case) -> Iterable[str]:
    return ("partitionkey",) if case.by_source else ()


_NAMES = "NL GOV 1.1, Attribute Naming Convention"
_ID = "NL GOV 1.1, id"
_SOURCE = "NL GOV 1.1, source"
_TYPE = "NL GOV 1.1, type"
_PRIVACY = "NL GOV 1.1, Privacy and Security"
_EXTENSION = "CloudEvents, extension "

RULES: Final = (
    _should("name-too-long", "an attribute's name should have at most 20 characters", _NAMES,
            _long_names, keyword="SHOULD NOT"),
    # A MUST, but only for a random id: that a UUID is one cannot be told from the event.
    Rule("id-undescribed", "MUST", "say in a dataschema that a random id is no more than that",
         _ID, _undescribed_id, "warn"),
    _should("source-not-urn-nld", "a source should be a URN of the form urn:nld:…", _SOURCE,
            Values("source", _not_urn)),
    _should("source-unregistered", "name the organisation by its oin, kvknr or eidas number",
            _SOURCE, Values("source", _unregistered)),
    _should("source-number-invalid", "the number of the organisation is none of its register",
            _SOURCE, Values("source", _bad_number)),
    _should("source-without-system", "after the organisation, name its source system", _SOURCE,
            Values("source", _no_system)),
    _must("source-is-location", "a source must not say where the data is; that is for dataref",
          _SOURCE, _is_location, keyword="MUST NOT"),
    _must("type-not-reverse-dns", "give a reversed domain name, as nl.brp.persoon-verhuisd", _TYPE,
          Values("type", lambda type_: not is_reverse_dns(type_))),
    _must("type-version", "a type has one version number at most, which begins with v", _TYPE,
          Values("type", lambda type_: not is_rightly_versioned(type_))),
    _should("type-names-organisation", "name the register or domain, not an organisation", _TYPE,
            Values("type", names_organisation), keyword="SHOULD NOT"),
    _should("data-not-json", "data should be JSON", "NL GOV 1.1, datacontenttype", _not_json),
    _should("time-in-future", "time should be when the event was logged, which has been",
            "NL GOV 1.1, time", _in_future),
    _must("sequence-not-integer", "with sequencetype Integer, give an integer of 32 bits",
          "NL GOV 1.1, Sequence", extensions.bad_sequence, "sequencetype"),
    _should("extensions-not-minimal", "keep extensions few: 16 at most",
            "NL GOV 1.1, Extension Context Attributes", _many),
    _should("larger-than-64-kib", "not everybody takes an event of more than 64 KiB",
            "NL GOV 1.1, Size Limits", _large),
    _should("ordered-by-source", "give a partitionkey: without, all of a source waits in one line",
            "This bus: order", _by_source),
    _must("extension-incomplete", "another attribute of this extension requires this one",
          f"{_EXTENSION}of that attribute", extensions.missing, *extensions.NEEDS),
    _should("traceparent-malformed", "give a traceparent of W3C Trace Context: others ignore it",
            f"{_EXTENSION}distributedtracing", extensions.bad_traceparent, "traceparent"),
    _should("authtype-unknown", "give one of the kinds of principal that the extension lists",
            f"{_EXTENSION}authcontext", extensions.unknown_principal, "authtype"),
    _should("authclaims-not-json", "claims are JSON in a string", f"{_EXTENSION}authcontext",
            extensions.bad_claims, "authclaims"),
    _should("expired-before-time", "an event should not expire before its time",
            f"{_EXTENSION}expirytime", extensions.expired_before, "expirytime"),
    _must("deprecation-inconsistent", "deprecated is true, and the sunset not before its beginning",
          f"{_EXTENSION}deprecation", extensions.bad_deprecation, *extensions.DEPRECATION),
    _must("classification-not-met", "this bus cannot promise what this classification asks",
          f"{_EXTENSION}dataclassification", extensions.unmet_classification,
          "dataclassification", "dataregulation", "datacategory"),
    # SHOULD NOT in the profile; but a number of a person is never logged by anyone's leave (AVG).
    Rule(bsn.IN_SUBJECT, "SHOULD NOT", "this may hold the BSN of a person", _PRIVACY,
         None, "reject"),
    Rule(bsn.NAMED, "SHOULD NOT", "this may hold a BSN: it is named so", _PRIVACY,
         None, "reject"),
    Rule(bsn.SUSPECTED, "SHOULD NOT", "this may hold a BSN; if not, let it be allowed here",
         _PRIVACY, None, "warn"),
)  # fmt: skip
