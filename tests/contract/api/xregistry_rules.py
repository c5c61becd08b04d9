"""What the xRegistry specification (1.0-rc4: core, message, schema) asks that a program can check.

Of a document in which everything is inlined. Each rule that is broken is told with its place.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

Entity = Mapping[str, Any]

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9\-._~:@]{0,127}")
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_RESOURCES = {"messagegroups": "messages", "schemagroups": "schemas"}
_COMPATIBILITY = {"none", "backward", "forward", "full"}


def faults(document: Entity) -> list[str]:
    """Give every rule that the document breaks."""
    return list(_registry(document))


def _registry(document: Entity) -> Iterator[str]:
    if document["xid"] != "/" or not _ID.fullmatch(document["registryid"]):
        yield "/: registryid or xid"
    if not re.fullmatch(r"1\.0(-rc\d+)?", document["specversion"]):
        yield "/: specversion"
    yield from _common(document, "/")
    for groups, resources in _RESOURCES.items():
        yield from _collection(document, document, groups, "")
        for key, group in document[groups].items():
            xid = f"/{groups}/{key}"
            yield from _identified(document, group, groups, key, xid)
            yield from _common(group, xid)
            yield from _collection(document, group, resources, xid)
            for name, resource in group[resources].items():
                place = f"{xid}/{resources}/{name}"
                yield from _resource(document, resource, resources, name, place)
                yield from _of_its_kind(document, group, resource, place)


def _resource(document: Entity, one: Entity, plural: str, key: str, xid: str) -> Iterator[str]:
    yield from _identified(document, one, plural, key, xid)
    yield from _common(one, xid)
    yield from _collection(document, one, "versions", xid)
    meta, versions = one["meta"], one["versions"]
    yield from _identified(document, meta, plural, key, f"{xid}/meta")
    yield from _common(meta, f"{xid}/meta")
    alternative = meta.get("deprecated", {}).get("alternative", "#/")
    if _at(document, alternative.partition("#")[2].strip("/") or "self") is None:
        yield f"{xid}: deprecated.alternative"
    if one["metaurl"] != meta["self"]:
        yield f"{xid}: metaurl"
    default = versions.get(meta["defaultversionid"])
    if default is None or meta["defaultversionurl"] != default["self"]:
        yield f"{xid}: its default version is none"
        return
    if meta.get("compatibility", "none") not in _COMPATIBILITY:
        yield f"{xid}: compatibility"
    own = {name: value for name, value in one.items() if name in default}
    if own != {**default, "self": one["self"], "xid": xid}:
        yield f"{xid}: it does not show its default version"
    for number, version in versions.items():
        place = f"{xid}/versions/{number}"
        yield from _identified(document, version, plural, key, place)
        yield from _common(version, place)
        if version["versionid"] != number or version["ancestorid"] not in versions:
            yield f"{place}: versionid or ancestorid"
        if version["isdefault"] is not (version is default):
            yield f"{place}: isdefault"
    if not any(each["ancestorid"] == number for number, each in versions.items()):
        yield f"{xid}: no version is the root"


def _of_its_kind(document: Entity, group: Entity, one: Entity, xid: str) -> Iterator[str]:
    if "schemaid" in one:
        formats = {version["format"] for version in one["versions"].values()}
        if len(formats) != 1 or not all(re.fullmatch(r"[^/]+/.+", each) for each in formats):
            yield f"{xid}: format"
        return
    if one["envelope"].lower() != group["envelope"].lower():
        yield f"{xid}: envelope"
    if {"id", "source", "type", "specversion"} - one["envelopemetadata"].keys():
        yield f"{xid}: envelopemetadata"
    schema = one.get("dataschemaxid")
    if schema is not None:
        found = _at(document, schema)
        if found is None or found["format"] != one["dataschemaformat"]:
            yield f"{xid}: dataschemaxid"


def _identified(document: Entity, one: Entity, plural: str, key: str, xid: str) -> Iterator[str]:
    if one[f"{plural.removesuffix('s')}id"] != key or not _ID.fullmatch(key):
        yield f"{xid}: id"
    address, _, place = one["self"].partition("#")
    if one["xid"] != xid or address != document["self"] or _at(document, place) is not one:
        yield f"{xid}: self or xid"


def _common(one: Entity, xid: str) -> Iterator[str]:
    if type(one["epoch"]) is not int or one["epoch"] < 0:
        yield f"{xid}: epoch"
    moments = [datetime.fromisoformat(one[name]) for name in ("createdat", "modifiedat")]
    if any(each.tzinfo is None or each.year < 2000 for each in moments) or moments[0] > moments[1]:
        yield f"{xid}: createdat or modifiedat"
    if not all(_NAME.fullmatch(name) for name in one):
        yield f"{xid}: the name of an attribute"
    if not all(isinstance(text, str) for text in one.get("labels", {}).values()):
        yield f"{xid}: labels"


def _collection(document: Entity, one: Entity, plural: str, xid: str) -> Iterator[str]:
    found = one[plural]
    if one[f"{plural}count"] != len(found):
        yield f"{xid}/{plural}: count"
    if one[f"{plural}url"] != f"{document['self']}#{xid}/{plural}":
        yield f"{xid}/{plural}: url"
    if len({key.casefold() for key in found}) != len(found):
        yield f"{xid}/{plural}: two ids differ in case alone"


def _at(document: Entity, place: str) -> Any:  # noqa: ANN401 - any JSON
    found: Any = document
    for step in place.strip("/").split("/"):
        if not isinstance(found, dict) or step not in found:
            return None
        found = found[step]
    return found
