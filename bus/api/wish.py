"""What a client wants of a subscription, held against the rest of the house."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from bus.api.house import House
from bus.api.start import starts
from bus.event import Fault
from bus.store.stored import ListedSubscription
from bus.store.subscriptions import Start
from bus.subscription import (
    ClientCredentials,
    Consent,
    HttpSettings,
    InvalidSubscription,
    KafkaSettings,
    RefreshToken,
    SinkSecrets,
    SinkTls,
    Subscription,
    SubscriptionRequest,
    Wanted,
    merge_patch,
)

_NO_CONSENT: Final = {
    "denied": "the sink does not allow this bus to deliver (WebHook-Allowed-Origin or -Rate)",
    "unanswered": "the sink does not answer OPTIONS with WebHook-Allowed-Origin, and with"
    " WebHook-Allowed-Rate when delivery.rate is given",
}


async def check_wish(
    house: House,
    request: SubscriptionRequest,
    *,
    organisation: str,
    before: Subscription | None = None,
) -> Consent | None:
    """Raise InvalidSubscription for what cannot be here; give what the sink says of it.

    That are domains that are not there, addresses that may not be called, a certificate that is
    over, and a sink that does not consent. A sink that stays as it was `before` is neither looked
    up nor asked again.
    """
    faults = await unknown_domains(house, request)
    is_new = before is None or before.sink != request.sink
    if is_new and request.sink is not None:
        faults += await _forbidden(house, "/sink", request.sink)
    faults += await _faults_of_secrets(house, request)
    settings = request.protocolsettings
    if isinstance(settings, KafkaSettings):
        refusal = house.inboxes.refusal(settings.topicname, organisation)
        if refusal is not None:
            faults.append(Fault("/protocolsettings/topicname", "forbidden-topic", refusal))
    if faults:
        raise InvalidSubscription(faults)
    if not is_new:
        return None if before is None else before.consent
    sealed = None if before is None else await house.subscriptions.credential(UUID(before.id))
    return await _consent(house, request, SinkSecrets.from_bytes(request.change_secrets(sealed)))


async def _faults_of_secrets(house: House, request: SubscriptionRequest) -> list[Fault]:
    """Name what is wrong with secrets that are sound by themselves."""
    faults: list[Fault] = []
    match request.sinkcredential:
        case RefreshToken(refreshtokenendpoint=endpoint):
            faults += await _forbidden(house, "/sinkcredential/refreshtokenendpoint", endpoint)
        case ClientCredentials(tokenendpoint=endpoint):
            faults += await _forbidden(house, "/sinkcredential/tokenendpoint", endpoint)
        case _:
            pass
    return faults + ([] if request.sinktls is None else _faults_of_tls(house, request.sinktls))


def _faults_of_tls(house: House, tls: SinkTls) -> list[Fault]:
    if tls.has_expired(datetime.now(UTC)):
        return [Fault("/sinktls/certificate", "expired", "the certificate has expired")]
    refusal = house.check_tls(tls)
    return [] if refusal is None else [Fault("/sinktls/certificate", "unusable", refusal)]


async def _forbidden(house: House, where: str, url: str) -> list[Fault]:
    refusal = await house.check_sink(url)
    return [] if refusal is None else [Fault(where, "forbidden-sink", refusal)]


async def _consent(
    house: House, request: SubscriptionRequest, secrets: SinkSecrets
) -> Consent | None:
    """Ask the sink as the policy says; raise InvalidSubscription for one that is not to be had."""
    policy = house.consent.policy
    if policy == "skipped" or request.sink is None:
        return None
    consent = await house.consent.handshake.ask(
        request.sink, rate=request.delivery.rate, tls=secrets.tls
    )
    if consent.result == "denied" or (policy == "required" and consent.result != "granted"):
        raise InvalidSubscription([Fault("/sink", "no-consent", _NO_CONSENT[consent.result])])
    return consent


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


def replacement(current: Subscription, wanted: Mapping[str, Any]) -> SubscriptionRequest:
    """Judge a PUT: a new request, of which what is fixed at creation must be equal or absent.

    `sinkcredential` and `sinktls`, which nobody can read back, stay when they are left out; null
    removes them.
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
        signing=current.signing,
        consent=current.consent,
    )
    return merge_patch(bare, wanted)
