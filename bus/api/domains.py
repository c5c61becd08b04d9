"""/v1/domains: the catalogue of domains; each is a topic of the log."""

from typing import Any

from bus.api.call import Answer, Call, answer
from bus.api.problem import Problem
from bus.api.subscriptions import MERGE_PATCH
from bus.catalogue import Domain, change_domain, parse_domain, topic_name
from bus.log.errors import TopicDiffers
from bus.observe.logging import LogEvent, get
from bus.store.domains import DomainRevision
from bus.store.errors import Conflict

_log = get()

_ATTEMPTS = 5
"""A change that somebody else's change overtook is made anew on the newest version."""


async def create(call: Call) -> Answer:
    """Make a domain of the caller's organisation, with its topic."""
    request = parse_domain(await call.json_body("application/json"))
    house = call.house
    house.expect_log()
    above = (await house.directory.refresh()).domains.above(request.name)
    if above is not None and above.organisation != call.who.organisation:
        detail = f"Its types belong to {above.name}, which another organisation looks after."
        raise Problem(403, "foreign-domain", detail)
    domain = Domain(
        name=request.name,
        topic=topic_name(house.namespace, request.name),
        organisation=call.who.organisation,
        key_attribute=request.key_attribute,
        retention_days=request.retention_days,
        partitions=request.partitions,
        description=request.description,
        unknown_types=request.unknown_types,
        profile=request.profile,
    )

    async def create_topic() -> None:
        await house.topics.create(domain.topic, domain.partitions, domain.retention_days)

    try:
        made = await house.domains.create(domain, create_topic)
    except Conflict:
        raise Problem(409, "domain-exists", "There is a domain of this name.") from None
    except TopicDiffers as error:
        detail = f"Its topic is there already, with {error.found} partitions: ask for as many."
        raise Problem(409, "topic-differs", detail) from None
    await house.directory.refresh()
    _log.info(LogEvent.DOMAIN_CREATED, domain=made.name, topic=made.topic)
    headers = {"Location": f"/v1/domains/{made.name}", "ETag": _etag(made)}
    return answer(201, document(made), headers)


async def list_all(call: Call) -> Answer:
    """List every domain, by name."""
    call.query()
    domains = call.house.directory.now.domains
    return answer(200, {"items": [document(d) for d in sorted(domains, key=lambda d: d.name)]})


async def get_one(call: Call) -> Answer:
    """Show one domain."""
    directory, name = call.house.directory, call.path["name"]
    domain = directory.now.domains.by_name(name) or await _newest(call)
    return answer(200, document(domain), {"ETag": _etag(domain)})


async def patch(call: Call) -> Answer:
    """Change what can be changed of a domain of the caller's organisation, by a merge patch."""
    change = await call.json_body(MERGE_PATCH, "application/json")
    expected = call.header(b"if-match")
    for _ in range(_ATTEMPTS):
        domain = await _own(call)
        if expected not in {None, "*", _etag(domain)}:
            raise Problem(412, "changed", "It has changed since: read it again.")
        try:
            changed = await _change(call, domain, change)
        except Conflict:
            continue
        await call.house.directory.refresh()
        _log.info(
            LogEvent.DOMAIN_CHANGED,
            domain=domain.name,
            organisation=call.who.organisation,
            revision=changed.revision,
        )
        return answer(200, document(changed), {"ETag": _etag(changed)})
    raise Problem(409, "busy", "Others keep changing it: try again.")


async def history(call: Call) -> Answer:
    """Show how the terms of a domain of the caller's organisation came to be."""
    call.query()
    domain = await _own(call)
    versions = await call.house.domains.history(domain.name)
    return answer(200, {"items": [_version(version) for version in versions]})


def document(domain: Domain) -> dict[str, Any]:
    """Give a domain as the API shows it."""
    shown = {
        "name": domain.name,
        "description": domain.description,
        "topic": domain.topic,
        "organisation": domain.organisation,
        "keyAttribute": domain.key_attribute,
        "retentionDays": domain.retention_days,
        "partitions": domain.partitions,
        "unknownTypes": domain.unknown_types,
        "profile": domain.profile.document(),
    }
    return {name: value for name, value in shown.items() if value is not None}


async def _change(call: Call, domain: Domain, change: bytes) -> Domain:
    terms = change_domain(document(domain), change)
    house = call.house
    if terms.retention_days != domain.retention_days:
        house.expect_log()

    async def change_topic() -> None:
        if terms.retention_days != domain.retention_days:
            await house.topics.keep(domain.topic, terms.retention_days)

    return await house.domains.change(
        domain, terms, by=call.who.organisation, change_topic=change_topic
    )


async def _own(call: Call) -> Domain:
    """Give the newest version of the domain of the path; 403 when another organisation has it."""
    domain = await _newest(call)
    if domain.organisation != call.who.organisation:
        raise Problem(403, "foreign-domain", "Another organisation looks after this domain.")
    return domain


async def _newest(call: Call) -> Domain:
    domain = (await call.house.directory.refresh()).domains.by_name(call.path["name"])
    if domain is None:
        raise Problem(404, "no-such-domain", "There is no domain of this name.")
    return domain


def _version(version: DomainRevision) -> dict[str, Any]:
    return {
        "revision": version.revision,
        "organisation": version.organisation,
        "description": version.description,
        "retentionDays": version.retention_days,
        "unknownTypes": version.unknown_types,
        "profile": version.profile.document(),
        "at": version.at,
    }


def _etag(domain: Domain) -> str:
    return f'"{domain.revision}"'
