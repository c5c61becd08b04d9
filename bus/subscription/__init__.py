"""Subscriptions: what a client may ask for, what the store keeps, what the engine works with."""

from bus.subscription.consent import Consent
from bus.subscription.credential import (
    AccessToken,
    ClientCredentials,
    Plain,
    RefreshToken,
    SinkCredential,
    SinkSecrets,
    SinkTls,
    client_authorization,
)
from bus.subscription.deliveries import DeliveriesQuery
from bus.subscription.delivery import DeliveryOptions, RetryPolicy
from bus.subscription.filters import check_filters, sql_in
from bus.subscription.letters import LetterFilter, LetterId, LettersRequest, parse_letters
from bus.subscription.model import Subscription, SubscriptionRequest, Wanted
from bus.subscription.rehearsal import Backtest, Rehearsal, parse_backtest
from bus.subscription.replay import ReplayRequest, parse_replay
from bus.subscription.request import (
    InvalidSubscription,
    load_request,
    merge_patch,
    parse_request,
    parse_rotation,
    validate_filtered,
)
from bus.subscription.signing import (
    MOST_KEYS,
    Rotation,
    Scheme,
    Signing,
    SigningKey,
    new_signing_secret,
    private_key,
    public_key,
    read_keys,
    rotate,
    signing_key,
    write_keys,
)
from bus.subscription.sink import HttpSettings, KafkaSettings

__all__ = [
    "MOST_KEYS",
    "AccessToken",
    "Backtest",
    "ClientCredentials",
    "Consent",
    "DeliveriesQuery",
    "DeliveryOptions",
    "HttpSettings",
    "InvalidSubscription",
    "KafkaSettings",
    "LetterFilter",
    "LetterId",
    "LettersRequest",
    "Plain",
    "RefreshToken",
    "Rehearsal",
    "ReplayRequest",
    "RetryPolicy",
    "Rotation",
    "Scheme",
    "Signing",
    "SigningKey",
    "SinkCredential",
    "SinkSecrets",
    "SinkTls",
    "Subscription",
    "SubscriptionRequest",
    "Wanted",
    "check_filters",
    "client_authorization",
    "load_request",
    "merge_patch",
    "new_signing_secret",
    "parse_backtest",
    "parse_letters",
    "parse_replay",
    "parse_request",
    "parse_rotation",
    "private_key",
    "public_key",
    "read_keys",
    "rotate",
    "signing_key",
    "sql_in",
    "validate_filtered",
    "write_keys",
]
