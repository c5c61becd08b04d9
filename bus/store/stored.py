"""What the store gives out about subscriptions: frozen values, and how rows become them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import ValidationError

from bus.store.database import Row
from bus.store.errors import BadBody
from bus.store.secrets import Sealer
from bus.subscription import Subscription

State = Literal["active", "paused", "disabled"]
"""Whether a subscription is delivered to: a pause is the subscriber's, `disabled` is the bus's."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What a position that replays does not deliver again: from `until` up to `resume`."""

    until: int
    resume: int


@dataclass(frozen=True, slots=True)
class Position:
    """A position row (design §4): below `next_offset` all is settled but `open`, ascending.

    `last_outcome` is what keeps the lowest open event waiting.
    """

    subscription: UUID
    next_offset: int
    open: tuple[int, ...]
    failing_since: datetime | None
    last_outcome: str | None
    replay: Replay | None = None


@dataclass(frozen=True, slots=True)
class StoredSubscription:
    """One version of a subscription with its secrets opened, as the engine needs it.

    `secret` signs; `credential` is what the subscriber wants to see in the request, if anything.
    Both are the bytes that were given to `Subscriptions`, as they are now, whatever the version.
    """

    id: UUID
    organisation: str
    revision: int
    subscription: Subscription
    secret: bytes = field(repr=False)
    credential: bytes | None = field(default=None, repr=False)
    state: State = "active"


@dataclass(frozen=True, slots=True)
class ListedSubscription:
    """A subscription as it is now, without secrets, as the API shows it."""

    id: UUID
    organisation: str
    revision: int
    subscription: Subscription
    created_at: datetime
    updated_at: datetime
    state: State
    state_reason: str | None
    state_since: datetime


def to_position(row: Row) -> Position:
    """Read the columns of a position."""
    until = row["replay_until"]
    return Position(
        row["subscription"],
        row["next_offset"],
        tuple(row["open"]),
        row["failing_since"],
        row["last_outcome"],
        None if until is None else Replay(until, row["replay_resume"]),
    )


def to_stored(row: Row, sealer: Sealer) -> StoredSubscription:
    """Read the columns of a version and its secrets. Raises BadBody and WrongKey."""
    id_, credential = row["subscription"], row["credential"]
    return StoredSubscription(
        id=id_,
        organisation=row["organisation"],
        revision=row["revision"],
        subscription=to_body(row["body"], id_),
        secret=sealer.unseal(row["signing"], subscription=id_, kind="signing"),
        credential=(
            None
            if credential is None
            else sealer.unseal(credential, subscription=id_, kind="sinkcredential")
        ),
        state=row["state"],
    )


def to_listed(row: Row) -> ListedSubscription:
    """Read the columns of a subscription. Raises BadBody."""
    return ListedSubscription(
        id=row["id"],
        organisation=row["organisation"],
        revision=row["revision"],
        subscription=to_body(row["body"], row["id"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        state=row["state"],
        state_reason=row["state_reason"],
        state_since=row["state_since"],
    )


def to_body(text: str, subscription: UUID) -> Subscription:
    """Read a body. Raises BadBody."""
    try:
        return Subscription.from_json(text)
    except ValidationError as error:
        where = ", ".join("/".join(map(str, fault["loc"])) for fault in error.errors())
        raise BadBody(f"its stored body is not understood: {where}", subscription) from None
