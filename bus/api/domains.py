"""/v1/domains: the catalogue of domains; each is a topic of the log."""

from typing import Any

from bus.api.call import Answer, Call, answer
from bus.api.problem import Problem
from bus.catalogue import Domain, parse_domain, topic_name
from bus.log.errors import TopicDiffers
from bus.observe.logging import LogEvent, get
from bus.store.errors import Conflict

_log = get()


async def create(call: Call) -> Answer:
    """Make a domain of the caller's organisation, with its topic."""
    request = parse_domain(await call.json_body("application/json"))
    house = call.house
    house.expect_log()
    domain = Domain(
        name=request.name,
        topic=topic_name(house.namespace, request.name),
        organisation=call.who.organisation,
        key_attribute=request.key_attribute,
        retention_days=request.retention_days,
        partitions=request.partitions,
        description=request.description,
        unknown_types=request.unknown_types,
    )

    async def create_topic() -> None:
        await house.topics.create(domain.topic, domain.partitions, domain.retention_days)

    try:
        await house.domains.create(domain, create_topic)
    except Conflict:
        raise Problem(409, "domain-exists", "There is a domain of this name.") from None
    except TopicDiffers as error:
        detail = f"Its topic is there already, with {error.found} partitions: ask for as many."
        raise Problem(409, "topic-differs", detail) from None
    await house.directory.refresh()
    _log.info(LogEvent.DOMAIN_CREATED, domain=domain.name, topic=domain.topic)
    return answer(201, document(domain), {"Location": f"/v1/domains/{domain.name}"})


async def list_all(call: Call) -> Answer:
    """List every domain, by name."""
    call.query()
    domains = call.house.directory.now.domains
    return answer(200, {"items": [document(d) for d in sorted(domains, key=lambda d: d.name)]})


async def get_one(call: Call) -> Answer:
    """Show one domain."""
    directory, name = call.house.directory, call.path["name"]
    domain = directory.now.domains.by_name(name)
    domain = domain or (await directory.refresh()).domains.by_name(name)
    if domain is None:
        raise Problem(404, "no-such-domain", "There is no domain of this name.")
    return answer(200, document(domain))


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
    }
    return {name: value for name, value in shown.items() if value is not None}
