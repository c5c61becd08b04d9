"""/v1/event-types: the catalogue of what registers tell of."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import Any

from bus.api.call import Answer, Call, answer
from bus.api.house import House
from bus.api.problem import Problem, body_errors
from bus.catalogue import (
    Deprecation,
    Domain,
    EventType,
    EventTypeRequest,
    UnknownDomain,
    parse_event_type,
    schema_uri,
)
from bus.catalogue.domain import DEFAULT_DOMAIN
from bus.catalogue.notices import reserved
from bus.document import InvalidDocument
from bus.event import Fault
from bus.observe.logging import LogEvent, get
from bus.store.errors import Conflict

_log = get()

_ATTEMPTS = 5
"""A change that somebody else's change overtook is made anew on the newest version."""


async def create(call: Call) -> Answer:
    """Register an event type in a domain that the caller looks after."""
    request = parse_event_type(await call.json_body("application/json"))
    snapshot = await call.house.directory.refresh()
    wanted = request.event_type((await _domain(call, request)).name)
    name = request.type.lower()  # two that differ in case alone would be taken for one another
    if any(each.type.lower() == name for each in snapshot.types):
        raise _taken()
    try:
        await call.house.event_types.create(wanted)
    except Conflict:
        raise _taken() from None
    made = await find(call, wanted.type)
    _log.info(LogEvent.EVENT_TYPE_CREATED, type=made.type, domain=made.domain)
    headers = {"Location": f"/v1/event-types/{made.type}", "ETag": etag(made)}
    return answer(201, document(call.house, made), headers)


async def list_all(call: Call) -> Answer:
    """List every event type, or those of a domain, by name."""
    domain = call.query("domain").get("domain")
    types = call.house.directory.now.types
    found = sorted(
        (each for each in types if domain in {None, each.domain}), key=lambda each: each.type
    )
    return answer(200, {"items": [document(call.house, each) for each in found]})


async def get_one(call: Call) -> Answer:
    """Show one event type."""
    found = await known(call)
    return answer(200, document(call.house, found), {"ETag": etag(found)})


async def put(call: Call) -> Answer:
    """Say anew what an event type is; its name and its domain stay."""
    request = parse_event_type(await call.json_body("application/json"))

    async def store(current: EventType) -> None:
        if request.type != current.type:
            raise _fixed("type")
        if request.domain not in {None, current.domain}:
            raise _fixed("domain")
        wanted = replace(request.event_type(current.domain), revision=current.revision)
        await call.house.event_types.replace(wanted)

    changed = await change(call, store)
    _log.info(LogEvent.EVENT_TYPE_CHANGED, type=changed.type, domain=changed.domain)
    return answer(200, document(call.house, changed), {"ETag": etag(changed)})


async def known(call: Call) -> EventType:
    """Give the event type of the path; else 404. It may be a second old."""
    found = call.house.directory.now.types.get(call.path["type"])
    return found or await find(call, call.path["type"])


async def find(call: Call, type_: str) -> EventType:
    """Give an event type as it is now; else 404."""
    found = (await call.house.directory.refresh()).types.get(type_)
    if found is None:
        raise Problem(404, "no-such-event-type", "There is no event type of this name.")
    return found


async def change(call: Call, store: Callable[[EventType], Awaitable[None]]) -> EventType:
    """Let `store` change the type of the path, as its newest version is; give what it then is.

    For who looks after it only, and only if it is still as If-Match says. When somebody else's
    change came between, `store` is called again, with that one.
    """
    expected = call.header(b"if-match")
    for _ in range(_ATTEMPTS):
        current = await find(call, call.path["type"])
        domain = call.house.directory.now.domains.by_name(current.domain)
        expect_owner(call, domain)
        if expected not in {None, "*", etag(current)}:
            raise Problem(412, "changed", "It has changed since: read it again.")
        try:
            await store(current)
        except Conflict:
            continue
        return await find(call, current.type)
    raise Problem(409, "busy", "Others keep changing it: try again.")


def expect_owner(call: Call, domain: Domain | None) -> None:
    """Raise Problem 403 unless the caller is an operator, or its organisation has the domain.

    What the bus tells of itself is nobody's to change.
    """
    if domain is not None and reserved(domain.name):
        raise Problem(403, "reserved", "This is the bus's own: nobody else may change it.")
    owned = domain is not None and domain.organisation == call.who.organisation
    if not owned and "operator" not in call.who.roles:
        detail = "Only an operator, or the organisation that has the domain, may change this."
        raise Problem(403, "not-your-domain", detail)


def etag(event_type: EventType) -> str:
    """Give what tells one state of an event type from another."""
    return f'"{event_type.revision}"'


def document(house: House, event_type: EventType) -> dict[str, Any]:
    """Give an event type as the API shows it, with what its domain says of it."""
    domain = house.directory.now.domains.by_name(event_type.domain)
    shown = {
        "type": event_type.type,
        "domain": event_type.domain,
        "description": event_type.description,
        "timeMeaning": event_type.time_meaning,
        "information": event_type.information,
        "schemaCheck": event_type.schema_check,
        "compatibility": event_type.compatibility,
        "documentation": event_type.documentation,
        "deprecation": event_type.deprecation and _end(event_type.deprecation),
        "organisation": domain and domain.organisation,
        "retentionDays": domain and domain.retention_days,
        "keyAttribute": domain and domain.key_attribute,
        "schemas": [
            {
                "version": each.version,
                "dataschema": schema_uri(house.public_url, event_type.type, each.version),
                "draft": each.schema.draft,
                "createdAt": each.created_at,
            }
            for each in event_type.versions
        ],
    }
    return {name: value for name, value in shown.items() if value is not None}


def _end(deprecation: Deprecation) -> dict[str, Any]:
    shown = asdict(deprecation)
    shown["replacedBy"] = shown.pop("replaced_by")
    return {name: value for name, value in shown.items() if value is not None}


async def _domain(call: Call, request: EventTypeRequest) -> Domain:
    """Give the domain that a new type is to belong to, or belongs to by its name.

    The caller must look after it, and after the domain that has such events now: nobody takes away
    somebody else's.
    """
    domains = call.house.directory.now.domains
    try:
        now = domains.resolve(request.type)
    except UnknownDomain:
        now = None
    wanted = now if request.domain is None else domains.by_name(request.domain)
    if wanted is None:
        name = "type" if request.domain is None else "domain"
        raise InvalidDocument([Fault(f"/{name}", "unknown-domain", "no domain takes it")])
    expect_owner(call, wanted)
    if now is not None and now.name != DEFAULT_DOMAIN:
        expect_owner(call, now)
    return wanted


def _fixed(name: str) -> Problem:
    detail = "This stays as it was registered."
    return Problem(400, "fixed", detail, body_errors([Fault(f"/{name}", "fixed", detail)]))


def _taken() -> Problem:
    return Problem(409, "event-type-exists", "There is an event type of this name.")
