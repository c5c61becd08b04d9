"""What can go wrong in the store; each class says whether trying again helps.

StoreError
├── StoreUnavailable      yes: Postgres is away, busy, full or refused for now
├── Conflict              no: the name is taken, or the revision has moved on; read and decide anew
├── NotFound              no: there is no such thing, or not for this organisation
├── Fenced                no: another owner has the partition; take it again, if it is still yours
├── SchemaRefused         no: the schema is not the one of this version; see the message
├── Unreadable            no: what is stored of one subscription cannot be read
│   ├── WrongKey              a secret was sealed under another key, or for something else
│   └── BadBody               the body is not one that this version reads
└── StatementRefused      no: anything else that Postgres says no to: a bug, or a wrong set-up

A text never holds a value that was sent to Postgres or came back from it, other than names and ids
of our own.
"""

from typing import ClassVar
from uuid import UUID


class StoreError(Exception):
    """The store did not do what was asked."""

    retriable: ClassVar[bool] = False


class StoreUnavailable(StoreError):
    """Postgres did not answer in time or refuses work for now: try again.

    What was asked may have been done: a commit whose answer is lost ends here too.
    """

    retriable = True


class Conflict(StoreError):
    """What is stored contradicts what was asked: a name already taken, a revision that moved on."""


class NotFound(StoreError):
    """There is no such thing, or it belongs to another organisation."""


class Fenced(StoreError):
    """The epoch is not the current one: nothing was written, the partition has another owner."""


class SchemaRefused(StoreError):
    """The schema in the database is not one that this version may use."""


class Unreadable(StoreError):
    """What is stored of one subscription cannot be read; the others are not touched by it."""

    def __init__(self, text: str, subscription: UUID) -> None:
        super().__init__(f"subscription {subscription}: {text}")
        self.subscription = subscription


class WrongKey(Unreadable):
    """A secret does not open: sealed under another key, or for another subscription or kind."""


class BadBody(Unreadable):
    """The body of a subscription is not one that this version reads."""


class StatementRefused(StoreError):
    """Postgres refuses the statement and will do so again."""
