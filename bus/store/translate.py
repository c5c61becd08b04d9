"""Turns what asyncpg raises into the store's own errors, no value of a row in the text."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from bus.store.errors import Conflict, NotFound, StatementRefused, StoreError, StoreUnavailable

# SQLSTATE classes, and single states, after which the same statement may well succeed: connection
# lost (08), transaction rolled back by Postgres itself (40), out of disk, memory or connections
# (53), shutdown, start-up, termination and time-outs (57); a standby where the primary was or a
# transaction that idled too long (25), a lock not to be had (55), trouble of the disk (58).
_PASSING_CLASSES = frozenset({"08", "40", "53", "57"})
_PASSING_STATES = frozenset({"25006", "25P03", "25P04", "55P03", "58000", "58030"})

# Classes whose message names only roles, databases, schemas, tables and columns: login, catalogue,
# syntax.
_TELLING_CLASSES = frozenset({"28", "3D", "3F", "42"})

_UNIQUE_VIOLATION = "23505"
_FOREIGN_KEY_VIOLATION = "23503"


@contextmanager
def translated(connection: asyncpg.Connection | None = None) -> Iterator[None]:
    """Raise a StoreError in the place of what asyncpg raises; wrap calls of asyncpg only.

    `connection` is the one in use, if there is one yet: a complaint of asyncpg about a closed
    connection means that Postgres is away, any other that we used asyncpg wrongly.
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        # Its text may quote rows, so it does not become the cause either.
        raise _of_postgres(error) from None
    except OSError as error:  # TimeoutError is one
        raise StoreUnavailable(f"Postgres does not answer: {type(error).__name__}") from error
    except asyncpg.DataError:
        raise StatementRefused("a value does not fit its parameter") from None
    except (asyncpg.TargetServerAttributeNotMatched, asyncpg.OutdatedSchemaCacheError) as error:
        raise StoreUnavailable(f"Postgres is changing: {type(error).__name__}") from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        if connection is not None and is_lost(connection):
            raise StoreUnavailable("the connection to Postgres was lost") from error
        raise StatementRefused(str(error)) from error


def is_lost(connection: asyncpg.Connection) -> bool:
    """Whether a connection in use is closed, or was: its pool then lets go of it at once."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True


def _of_postgres(error: asyncpg.PostgresError) -> StoreError:
    state = error.sqlstate or "unknown"
    what = f"{type(error).__name__} ({state})"
    if state[:2] in _PASSING_CLASSES or state in _PASSING_STATES:
        return StoreUnavailable(what)
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        # A migration ran under an open connection; asyncpg has dropped the stale plan.
        return StoreUnavailable(what)
    if state == _UNIQUE_VIOLATION:
        return Conflict(f"already there: {error.constraint_name}")
    if state == _FOREIGN_KEY_VIOLATION:
        return NotFound(f"refers to something that is not there: {error.constraint_name}")
    if state[:2] in _TELLING_CLASSES:
        return StatementRefused(f"{what}: {error.args[0]}")
    return StatementRefused(what)
