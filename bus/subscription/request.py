"""From a client's JSON to a subscription: every fault named, nothing guessed."""

from collections.abc import Mapping
from typing import Any

from bus.document import InvalidDocument, ModelT, apply_merge_patch, load, validate
from bus.event import Fault
from bus.subscription.filters import check_filters
from bus.subscription.model import Subscription, SubscriptionRequest


class InvalidSubscription(InvalidDocument):
    """A subscription was asked for that cannot be; nothing was stored."""


def parse_request(body: bytes | Mapping[str, Any]) -> SubscriptionRequest:
    """Read what a client sent to make a subscription. Raises InvalidSubscription.

    An `id` in it is ignored, as the Subscriptions API asks.
    """
    document = _load(body)
    document.pop("id", None)
    return _validate(document)


def merge_patch(current: Subscription, patch: bytes | Mapping[str, Any]) -> SubscriptionRequest:
    """Apply a JSON merge patch (RFC 7396) and judge the result like a new request.

    `id`, `organisation`, `start` and `protocol` cannot change. A credential is replaced whole,
    removed by null, and left alone when the patch does not name it. Raises InvalidSubscription.
    """
    changes = _load(patch)
    document = apply_merge_patch(current.document(), changes)
    identity = {"id": current.id, "organisation": current.organisation}
    moved = [name for name in identity if document.pop(name, None) != identity[name]]
    if changes.get("sinkcredential", "") is None:
        document["sinkcredential"] = None  # a removal to the patch, a wish to the request
    request = _validate(document)
    if request.start != current.start:
        moved.append("start")
    if request.protocol != current.protocol:
        moved.append("protocol")
    if request.signing.secret is not None:
        moved.append("signing/secret")
    if moved:
        detail = "this stays as it was when the subscription was made"
        raise InvalidSubscription(Fault(f"/{name}", "immutable", detail) for name in moved)
    return request


def _load(body: bytes | Mapping[str, Any]) -> dict[str, Any]:
    try:
        return load(body)
    except InvalidDocument as error:
        raise InvalidSubscription(error.faults) from None


def _validate(document: dict[str, Any]) -> SubscriptionRequest:
    try:
        return validate_filtered(document, SubscriptionRequest)
    except InvalidDocument as error:
        raise InvalidSubscription(error.faults) from None


def validate_filtered(document: dict[str, Any], model: type[ModelT]) -> ModelT:
    """Make a model that has `filters`. Raises InvalidDocument with every fault, theirs first."""
    faults = check_filters(document.get("filters", []))
    if faults:
        document["filters"] = []  # named already; what else is wrong is still to be found
    try:
        request = validate(document, model)
    except InvalidDocument as error:
        raise InvalidDocument([*faults, *error.faults]) from None
    if faults:
        raise InvalidDocument(faults)
    return request
