"""From a client's JSON to a subscription: every fault named, nothing guessed."""

from collections.abc import Mapping
from typing import Any, Final

from bus.document import InvalidDocument, ModelT, apply_merge_patch, load, validate
from bus.event import Fault
from bus.subscription.credential import SinkTls
from bus.subscription.filters import check_filters
from bus.subscription.model import Subscription, SubscriptionRequest
from bus.subscription.signing import Rotation, Scheme

_BY_CREATION: Final = "this stays as it was when the subscription was made"
_FIXED: Final = {
    "id": _BY_CREATION,
    "organisation": _BY_CREATION,
    "signing": "POST to _rotate-secret gives another secret or scheme",
    "consent": "the sink gives it: POST to _verify asks again",
    "start": _BY_CREATION,
    "protocol": _BY_CREATION,
}
"""What a patch cannot change, and why."""

_PEM: Final = {f"/sinktls/{name}" for name in SinkTls.model_fields}

_SECRETS: Final = ("sinkcredential", "sinktls")
"""What a patch removes by null, while to a request null is a wish."""


class InvalidSubscription(InvalidDocument):
    """A subscription was asked for that cannot be; nothing was stored."""


def load_request(body: bytes | Mapping[str, Any]) -> dict[str, Any]:
    """Read a body as a JSON object, with line breaks in PEM alone. Raises InvalidSubscription."""
    try:
        return load(body, lines=_PEM)
    except InvalidDocument as error:
        raise InvalidSubscription(error.faults) from None


def parse_request(body: bytes | Mapping[str, Any]) -> SubscriptionRequest:
    """Read what a client sent to make a subscription. Raises InvalidSubscription.

    An `id` in it is ignored, as the Subscriptions API asks.
    """
    document = load_request(body)
    document.pop("id", None)
    return _validate(document)


def parse_rotation(body: bytes | Mapping[str, Any], scheme: Scheme) -> Rotation:
    """Read what a client sent to replace a secret; the scheme stays unless it names one.

    Raises InvalidSubscription.
    """
    try:
        return validate({"scheme": scheme, **load_request(body)}, Rotation)
    except InvalidDocument as error:
        raise InvalidSubscription(error.faults) from None


def merge_patch(current: Subscription, patch: bytes | Mapping[str, Any]) -> SubscriptionRequest:
    """Apply a JSON merge patch (RFC 7396) and judge the result like a new request.

    `id`, `organisation`, `start` and `protocol` cannot change, nor do `signing` and `consent` this
    way; but what was read may be sent back. A secret is replaced whole, removed by null, and left
    alone when the patch does not name it. Raises InvalidSubscription.
    """
    changes = load_request(patch)
    known = current.document()
    document = apply_merge_patch(known, changes)
    shown = ("id", "organisation", "signing", "consent")
    moved = [name for name in shown if document.pop(name, None) != known.get(name)]
    document |= {name: None for name in _SECRETS if changes.get(name, "") is None}
    request = _validate(document)
    if request.start != current.start:
        moved.append("start")
    if request.protocol != current.protocol:
        moved.append("protocol")
    if moved:
        raise InvalidSubscription(Fault(f"/{name}", "immutable", _FIXED[name]) for name in moved)
    return request


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
