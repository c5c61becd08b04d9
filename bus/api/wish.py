"""What a client wants of a subscription, held against the rest of the house."""

from collections.abc import Mapping
from typing import Any

from bus.api.house import House
from bus.api.start import starts
from bus.event import Fault
from bus.store.stored import ListedSubscription
from bus.store.subscriptions import Start
from bus.subscription import (
    HttpSettings,
    InvalidSubscription,
    KafkaSettings,
    Subscription,
    SubscriptionRequest,
    Wanted,
    merge_patch,
)


async def check_wish(
    house: House,
    request: SubscriptionRequest,
    *,
    organisation: str,
    before: Subscription | None = None,
) -> None:
    """Raise InvalidSubscription for domains that are not there and a sink that may not be.

    A sink that stays as it was `before` is not looked up again.
    """
    faults = await unknown_domains(house, request)
    if request.sink is not None and (before is None or before.sink != request.sink):
        refusal = await house.check_sink(request.sink)
        if refusal is not None:
            faults.append(Fault("/sink", "forbidden-sink", refusal))
    settings = request.protocolsettings
    if isinstance(settings, KafkaSettings):
        refusal = house.inboxes.refusal(settings.topicname, organisation)
        if refusal is not None:
            faults.append(Fault("/protocolsettings/topicname", "forbidden-topic", refusal))
    if faults:
        raise InvalidSubscription(faults)


async def unknown_domains(house: House, request: Wanted) -> list[Fault]:
    """Name the domains that are not there."""
    domains = house.directory.now.domains
    if any(domains.by_name(name) is None for name in request.domains):
        domains = (await house.directory.refresh()).domains
    return [
        Fault(f"/domains/{number}", "unknown-domain", "there is no domain of this name")
        for number, name in enumerate(request.domains)
        if domains.by_name(name) is None
    ]


def topics_of(house: House, subscription: Subscription) -> list[str] | None:
    """Give the topics that a subscription names, None for all; its domains have been checked."""
    domains = house.directory.now.domains
    found = [domains.by_name(name) for name in subscription.domains]
    return [domain.topic for domain in found if domain is not None] or None


def state_of(listed: ListedSubscription) -> dict[str, Any]:
    """Give what is shown with the terms, and changes by `_pause` and `_resume` only."""
    shown = {
        "state": listed.state,
        "stateReason": listed.state_reason,
        "stateSince": listed.state_since.isoformat().replace("+00:00", "Z"),
    }
    return {name: value for name, value in shown.items() if value is not None}


def without_state(wanted: Mapping[str, Any], listed: ListedSubscription) -> dict[str, Any]:
    """Give a change without the state, which it may repeat. Raises InvalidSubscription."""
    shown = state_of(listed)
    names = ("state", "stateReason", "stateSince")
    detail = "this changes by _pause and _resume"
    faults = [
        Fault(f"/{name}", "immutable", detail)
        for name in names
        if name in wanted and wanted[name] != shown.get(name)
    ]
    if faults:
        raise InvalidSubscription(faults)
    return {name: value for name, value in wanted.items() if name not in names}


def added_topics(
    house: House, before: Subscription, request: SubscriptionRequest
) -> tuple[list[str], Start] | None:
    """Give the topics that a change adds to a pulled subscription, to begin there at their ends.

    A domain that is made later is none of these: it is read from its first event.
    """
    if not request.pulled or not before.domains:
        return None
    added = [
        domain.topic
        for domain in house.directory.now.domains
        if domain.name not in before.domains
        and (not request.domains or domain.name in request.domains)
    ]
    if not added:
        return None
    house.expect_log()
    return added, starts(house.topics, "latest")


def credential_of(request: SubscriptionRequest) -> bytes | None:
    """Give what the store seals: the credential as `credential_from_json` reads it."""
    credential = request.sinkcredential
    return None if credential is None else credential.model_dump_json().encode()


def replacement(current: Subscription, wanted: Mapping[str, Any]) -> SubscriptionRequest:
    """Judge a PUT: a new request, of which what is fixed at creation must be equal or absent.

    `sinkcredential`, which nobody can read back, stays when it is left out; null removes it.
    """
    missing = [
        Fault(f"/{name}", "required", "this field is required")
        for name in ("protocol", *(["sink"] if wanted.get("protocol") == "HTTP" else []))
        if wanted.get(name) is None
    ]
    if missing:
        raise InvalidSubscription(missing)
    bare = Subscription(
        id=current.id,
        organisation=current.organisation,
        protocol=current.protocol,
        sink=current.sink,
        protocolsettings=(
            current.protocolsettings if current.protocol == "KAFKA" else HttpSettings()
        ),
        start=current.start,
    )
    return merge_patch(bare, wanted)
