"""Subscriptions: what a client may ask for, what the store keeps, what the engine works with."""

from bus.subscription.deliveries import DeliveriesQuery
from bus.subscription.delivery import DeliveryOptions, RetryPolicy
from bus.subscription.filters import check_filters, sql_in
from bus.subscription.letters import LetterFilter, LetterId, LettersRequest, parse_letters
from bus.subscription.model import Subscription, SubscriptionRequest, Wanted
from bus.subscription.rehearsal import Backtest, Rehearsal, parse_backtest
from bus.subscription.replay import ReplayRequest, parse_replay
from bus.subscription.request import (
    InvalidSubscription,
    merge_patch,
    parse_request,
    validate_filtered,
)
from bus.subscription.signing import Signing, new_signing_secret, signing_key
from bus.subscription.sink import (
    AccessToken,
    HttpSettings,
    KafkaSettings,
    Plain,
    SinkCredential,
    credential_from_json,
)

__all__ = [
    "AccessToken",
    "Backtest",
    "DeliveriesQuery",
    "DeliveryOptions",
    "HttpSettings",
    "InvalidSubscription",
    "KafkaSettings",
    "LetterFilter",
    "LetterId",
    "LettersRequest",
    "Plain",
    "Rehearsal",
    "ReplayRequest",
    "RetryPolicy",
    "Signing",
    "SinkCredential",
    "Subscription",
    "SubscriptionRequest",
    "Wanted",
    "check_filters",
    "credential_from_json",
    "merge_patch",
    "new_signing_secret",
    "parse_backtest",
    "parse_letters",
    "parse_replay",
    "parse_request",
    "signing_key",
    "sql_in",
    "validate_filtered",
]
