"""The catalogue as an xRegistry document: message definitions, and the schemas of their data.

Everything is inlined: a Resource shows the attributes of its default Version, its `meta` and its
Versions, and each address is a place in the document.
"""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from bus.catalogue.domain import NEVER, Domain, Domains
from bus.catalogue.event_type import Deprecation, EventType, EventTypes, SchemaVersion, schema_uri

Json = dict[str, Any]

_SPEC: Final = "1.0-rc4"
_LONGEST_ID: Final = 128
_FORMATS: Final = {"2020-12": "JsonSchema/draft/2020-12", "draft-07": "JsonSchema/draft-07"}
_CONTEXT: Final = {
    "specversion": {"type": "string", "value": "1.0", "required": True},
    "id": {"type": "string", "required": True},
    "source": {"type": "uri", "required": True},
}


def xregistry(domains: Domains, types: EventTypes, *, base: str, version: str) -> Json:
    """Give the document: a group of messages and one of schemas for each domain.

    `base` is the address of this bus, `version` that of the catalogue's interface.
    """
    found = sorted(domains, key=lambda domain: domain.name)
    by_domain = {
        domain: sorted(
            (each for each in types if each.domain == domain.name), key=lambda each: each.type
        )
        for domain in found
    }
    registry = f"{base}/v1/registry"
    return {
        "specversion": _SPEC,
        "registryid": "gemeentebus",
        "self": registry,
        "xid": "/",
        "epoch": types.revision,
        "createdat": min((domain.created_at for domain in found), default=NEVER),
        "modifiedat": max((_modified(*each) for each in by_domain.items()), default=NEVER),
        "name": "Gemeentebus",
        "description": "Soorten gebeurtenissen en hun schema's.",
        "labels": {"apiversion": version},
        **_collection(
            "messagegroups",
            registry,
            "",
            {
                _id(domain.name): _messages(domain, each, types.domains, registry, base)
                for domain, each in by_domain.items()
            },
        ),
        **_collection(
            "schemagroups",
            registry,
            "",
            {
                _id(domain.name): _schemas(domain, each, registry, base)
                for domain, each in by_domain.items()
            },
        ),
    }


def _collection(name: str, registry: str, xid: str, found: Json) -> Json:
    """Give the three members of a collection; its address is a place in the document."""
    return {f"{name}url": f"{registry}#{xid}/{name}", f"{name}count": len(found), name: found}


def _id(name: str) -> str:
    """Give the id for a name: itself, or where that is too long one that no other name has."""
    if len(name) <= _LONGEST_ID:
        return name
    return f"{name[: _LONGEST_ID - 17]}~{sha256(name.encode()).hexdigest()[:16]}"


def _modified(domain: Domain, types: list[EventType]) -> datetime:
    own = domain.changed_at or domain.created_at
    return max([own, *(each.changed_at for each in types)])


def _meta(singular: str, each: EventType, xid: str, registry: str, default: str) -> Json:
    """Give what is said of a Resource apart from its Versions."""
    return {
        f"{singular}id": _id(each.type),
        "self": f"{registry}#{xid}/meta",
        "xid": f"{xid}/meta",
        "epoch": each.revision,
        "createdat": each.created_at,
        "modifiedat": each.changed_at,
        "readonly": True,
        "defaultversionid": default,
        "defaultversionurl": f"{registry}#{xid}/versions/{default}",
        "defaultversionsticky": False,
    }


def _resource(xid: str, registry: str, meta: Json, versions: Json) -> Json:
    return {
        **versions[meta["defaultversionid"]],
        "self": f"{registry}#{xid}",
        "xid": xid,
        "metaurl": f"{registry}#{xid}/meta",
        "meta": meta,
        **_collection("versions", registry, xid, versions),
    }


def _group(singular: str, domain: Domain, types: list[EventType], registry: str) -> Json:
    xid = f"/{singular}s/{_id(domain.name)}"
    return {
        f"{singular}id": _id(domain.name),
        "self": f"{registry}#{xid}",
        "xid": xid,
        "epoch": max([domain.revision, *(each.revision for each in types)]),
        "createdat": domain.created_at,
        "modifiedat": _modified(domain, types),
        "name": domain.name,
        "description": domain.description or f"Domein {domain.name}.",
        "labels": {"organisation": domain.organisation},
    }


def _messages(
    domain: Domain, types: list[EventType], homes: Mapping[str, str], registry: str, base: str
) -> Json:
    """Give a group of messages; `homes` says which domain each type is in."""
    group = _group("messagegroup", domain, types, registry)
    found = {_id(each.type): _message(each, homes, registry, base) for each in types}
    return {
        **group,
        "envelope": "CloudEvents/1.0",
        **_collection("messages", registry, group["xid"], found),
    }


def _message_xid(type_: str, domain: str) -> str:
    return f"/messagegroups/{_id(domain)}/messages/{_id(type_)}"


def _message(each: EventType, homes: Mapping[str, str], registry: str, base: str) -> Json:
    xid = _message_xid(each.type, each.domain)
    meta = _meta("message", each, xid, registry, "1")
    if each.deprecation is not None:
        meta["deprecated"] = _deprecated(each.deprecation, homes, registry)
    version = _message_version(each, f"{xid}/versions/1", registry, base)
    return _resource(xid, registry, meta, {"1": version})


def _message_version(each: EventType, xid: str, registry: str, base: str) -> Json:
    context = {
        **_CONTEXT,
        "type": {"type": "string", "value": each.type, "required": True},
        "time": {"type": "timestamp", "description": each.time_meaning},
    }
    message: Json = {
        "messageid": _id(each.type),
        "versionid": "1",
        "self": f"{registry}#{xid}",
        "xid": xid,
        "epoch": each.revision,
        "isdefault": True,
        "createdat": each.created_at,
        "modifiedat": each.changed_at,
        "ancestorid": "1",
        "name": each.type,
        "description": each.description,
        "envelope": "CloudEvents/1.0",
        "envelopemetadata": context,
        "labels": {"information": each.information, "schemacheck": each.schema_check},
    }
    if each.documentation is not None:
        message["documentation"] = each.documentation
    if each.latest is not None:
        context["dataschema"] = {
            "type": "uri",
            "value": schema_uri(base, each.type, each.latest.version),
        }
        message["datacontenttype"] = "application/json"
        message["dataschemaformat"] = _FORMATS[each.latest.schema.draft]
        message["dataschemaxid"] = f"/schemagroups/{_id(each.domain)}/schemas/{_id(each.type)}"
    return message


def _deprecated(end: Deprecation, homes: Mapping[str, str], registry: str) -> Json:
    found = {"effective": f"{end.since}T00:00:00Z"}
    if end.sunset is not None:
        found["removal"] = f"{end.sunset}T00:00:00Z"
    # One that is still to be registered has no address.
    if end.replaced_by is not None and end.replaced_by in homes:
        xid = _message_xid(end.replaced_by, homes[end.replaced_by])
        found["alternative"] = f"{registry}#{xid}"
    return found


def _schemas(domain: Domain, types: list[EventType], registry: str, base: str) -> Json:
    group = _group("schemagroup", domain, types, registry)
    found = {
        _id(each.type): _schema(each, latest, group["xid"], registry, base)
        for each in types
        if (latest := each.latest) is not None
    }
    return {**group, **_collection("schemas", registry, group["xid"], found)}


def _schema(each: EventType, latest: SchemaVersion, group: str, registry: str, base: str) -> Json:
    xid = f"{group}/schemas/{_id(each.type)}"
    versions = {
        str(one.version): _version(each, one, f"{xid}/versions/{one.version}", registry, base)
        for one in each.versions
    }
    meta = _meta("schema", each, xid, registry, str(latest.version))
    return _resource(xid, registry, {**meta, "compatibility": each.compatibility}, versions)


def _version(each: EventType, one: SchemaVersion, xid: str, registry: str, base: str) -> Json:
    return {
        "schemaid": _id(each.type),
        "versionid": str(one.version),
        "self": f"{registry}#{xid}",
        "xid": xid,
        "epoch": 1,
        "isdefault": one == each.latest,
        "createdat": one.created_at,
        "modifiedat": one.created_at,
        "ancestorid": str(max(1, one.version - 1)),
        "name": each.type,
        "contenttype": "application/schema+json",
        "format": _FORMATS[one.schema.draft],
        "schemaurl": schema_uri(base, each.type, one.version),
    }
