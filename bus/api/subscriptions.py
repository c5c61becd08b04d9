"""/v1/subscriptions: what components want to have, and where."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from bus.api.call import Answer, Call, answer
from bus.api.paging import cursor, limit_of, page_answer, place_of
from bus.api.problem import Problem, invalid_parameter
from bus.api.start import starts
from bus.api.wish import (
    added_topics,
    check_wish,
    replacement,
    state_of,
    topics_of,
    without_state,
)
from bus.observe.logging import LogEvent, get
from bus.store.errors import Conflict, NotFound
from bus.store.stored import ListedSubscription
from bus.store.subscriptions import Change, Start
from bus.subscription import (
    Signing,
    SigningKey,
    Subscription,
    SubscriptionRequest,
    load_request,
    merge_patch,
    parse_request,
    write_keys,
)

_log = get()

MERGE_PATCH = "application/merge-patch+json"
_ATTEMPTS = 5
"""A change that somebody else's change overtook is made anew on the newest version."""


async def create(call: Call) -> Answer:
    """Subscribe the caller's organisation. A secret that the bus made is shown here only."""
    request = parse_request(await call.json_body("application/json"))
    consent = await check_wish(call.house, request, organisation=call.who.organisation)
    call.house.expect_log()
    secret = request.signing.key()
    subscription = request.subscription(
        id=str(uuid.uuid4()),
        organisation=call.who.organisation,
        signing=Signing.by(secret),
        consent=consent,
    )
    listed = await call.house.subscriptions.create(
        subscription,
        secret=write_keys([SigningKey(secret)]),
        credential=request.change_secrets(),
        start=starts(call.house.topics, subscription.start),
        topics=topics_of(call.house, subscription),
    )
    _tell(LogEvent.SUBSCRIPTION_CREATED, listed)
    return shown(listed, status=201, secret=request.signing.to_show(secret))


async def list_page(call: Call) -> Answer:
    """List a page: of one's own; or, for an operator who asks for it, of all in short."""
    query = call.query("limit", "after", "organisation")
    limit, after = limit_of(query.get("limit")), place_of(query.get("after"))
    everybody = _asks_for_all(call, query.get("organisation"))
    found = await call.house.subscriptions.page(
        None if everybody else call.who.organisation, after=after, limit=limit + 1
    )
    return page_answer(
        found,
        limit,
        _summary if everybody else _document,
        path="/v1/subscriptions",
        after=lambda last: cursor((last.created_at, last.id)),
        query={"organisation": "all"} if everybody else {},
    )


async def get_one(call: Call) -> Answer:
    """Show one subscription of the caller's organisation."""
    return shown(await own(call))


async def patch(call: Call) -> Answer:
    """Change a subscription by a merge patch (RFC 7396)."""
    change = load_request(await call.json_body(MERGE_PATCH, "application/json"))
    return await _change(
        call, lambda listed: merge_patch(listed.subscription, without_state(change, listed))
    )


async def put(call: Call) -> Answer:
    """Replace a subscription: what is left out gets its default."""
    wanted = load_request(await call.json_body("application/json"))
    return await _change(
        call, lambda listed: replacement(listed.subscription, without_state(wanted, listed))
    )


async def delete(call: Call) -> Answer:
    """Remove a subscription; what is under way may still arrive."""
    listed = await own(call)
    try:
        await call.house.subscriptions.delete(listed.id, organisation=listed.organisation)
    except NotFound:
        raise not_found() from None
    _tell(LogEvent.SUBSCRIPTION_DELETED, listed)
    return Answer(204)


async def own(call: Call) -> ListedSubscription:
    """Give the subscription of the path; another organisation's is as absent as one never made."""
    return await find(call, call.who.organisation)


async def find(call: Call, organisation: str | None) -> ListedSubscription:
    """Give the subscription of the path, of this organisation (None: of any); else 404."""
    try:
        id_ = uuid.UUID(call.path["id"])
        return await call.house.subscriptions.get(id_, organisation=organisation)
    except (ValueError, NotFound):
        raise not_found() from None


async def _change(call: Call, wish: Callable[[ListedSubscription], SubscriptionRequest]) -> Answer:
    """Store what `wish` makes of the current version."""

    async def wished(listed: ListedSubscription) -> Version:
        before = listed.subscription
        request = wish(listed)
        consent = await check_wish(
            call.house, request, organisation=listed.organisation, before=before
        )
        version = request.subscription(
            id=before.id,
            organisation=before.organisation,
            signing=before.signing,
            consent=consent,
        )
        added = added_topics(call.house, before, request)
        return Version(version, credential=request.change_secrets, added=added)

    return shown_anew(await store(call, wished))


class Version(NamedTuple):
    """A new version of a subscription, and what becomes of its secrets."""

    subscription: Subscription
    signing: Change | None = None
    credential: Change | None = None
    added: tuple[list[str], Start] | None = None
    """Topics that a pulled subscription did not ask for before, and where it begins there."""


async def store(
    call: Call, make: Callable[[ListedSubscription], Awaitable[Version]]
) -> ListedSubscription:
    """Store what `make` makes of the subscription of the path; 412 unless If-Match agrees.

    When somebody else changed it meanwhile it is made anew, of the newest version.
    """
    expected = call.header(b"if-match")
    for _ in range(_ATTEMPTS):
        listed = await own(call)
        if expected not in {None, "*", _etag(listed)}:
            raise Problem(412, "changed", "It has changed since: read it again.")
        version = await make(listed)
        try:
            changed = await call.house.subscriptions.update(
                version.subscription,
                expected=listed.revision,
                signing=version.signing,
                credential=version.credential,
                added=version.added,
            )
        except Conflict:
            continue
        except NotFound:
            raise not_found() from None
        return changed
    raise Problem(409, "busy", "Others keep changing it: try again.")


def shown_anew(changed: ListedSubscription, *, secret: str | None = None) -> Answer:
    """Tell of a change, and show what it made; `secret` is one that the bus just made."""
    _tell(LogEvent.SUBSCRIPTION_CHANGED, changed)
    return shown(changed, secret=secret)


def shown(listed: ListedSubscription, *, status: int = 200, secret: str | None = None) -> Answer:
    """Answer with a subscription; `secret` is one that the bus just made."""
    document = _document(listed)
    if secret is not None:
        document["signing"]["secret"] = secret
    headers = {"ETag": _etag(listed)}
    if status == 201:
        headers["Location"] = f"/v1/subscriptions/{listed.id}"
    return answer(status, document, headers)


def _asks_for_all(call: Call, organisation: str | None) -> bool:
    own_oin = call.who.organisation
    if organisation not in {None, "all", own_oin}:
        raise invalid_parameter("query", "organisation", "not-allowed", f"give all or {own_oin}")
    if organisation == "all" and "operator" not in call.who.roles:
        raise Problem(403, "missing-role", "Only a token with the role operator sees all.")
    return organisation == "all"


def _document(listed: ListedSubscription) -> dict[str, Any]:
    return {**listed.subscription.document(), **state_of(listed)}


def _summary(listed: ListedSubscription) -> dict[str, Any]:
    """Give what an operator sees of others: neither sinks nor filters, which may name persons."""
    subscription = listed.subscription
    return {
        "id": str(listed.id),
        "organisation": listed.organisation,
        "types": subscription.types,
        "domains": subscription.domains,
        "protocol": subscription.protocol,
        "ordering": subscription.ordering,
        **state_of(listed),
    }


def _etag(listed: ListedSubscription) -> str:
    return f'"{listed.revision}"'


def not_found() -> Problem:
    """Give the 404 of a subscription."""
    return Problem(404, "no-such-subscription", "There is no such subscription here.")


def _tell(event: LogEvent, listed: ListedSubscription) -> None:
    _log.info(event, subscription_id=str(listed.id), organisation=listed.organisation)
