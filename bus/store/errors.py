"""What can go wrong in the store; each class says whether trying again helps.

StoreError
├── StoreUnavailable      yes: Postgres is away, busy, full or refused for now
├── Conflict              no: the name is taken, or the revision has moved on; read and decide anew
├── NotFound              no: there is no such thing, or not for this organisation
├── Fenced                no: another owner has the partition; take it again, if it is still yours
├── SchemaRefused         no: the schema is not the one of this version; see the message
├── Unreadable            no: what is stored cannot be read
│   ├── WrongKey              it was sealed under another key, or for something else
│   └── BadSubscription       the body of one subscription
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
    """Something stored cannot be read."""


class WrongKey(Unreadable):
    """A secret does not open: sealed under another key, or for another subscription or kind."""


class BadSubscription(Unreadable):
    """The stored body of one subscription is not one that this version reads."""

    def __init__(self, subscription: UUID, revision: int) -> None:
        super().__init__(
            f"subscription {subscription}, revision {revision}: its body is unreadable"
        )
        self.subscription = subscription
        self.revision = revision


class StatementRefused(StoreError):
    """Postgres refuses the statement and will do so again."""
