"""Every trouble with Postgres becomes an error that says whether to try again, and no value."""

import inspect

import asyncpg
import pytest

from bus.store import errors
from bus.store.errors import (
    Conflict,
    NotFound,
    StatementRefused,
    StoreError,
    StoreUnavailable,
)
from bus.store.translate import translated

SECRET = "999990342"


class Connection:
    """Stands for a connection that is closed or not; asyncpg gives no such object without one."""

    def __init__(self, *, closed: bool) -> None:
        self.closed = closed

    def is_closed(self) -> bool:
        """Say it."""
        return self.closed


def postgres_says(state: str, **fields: str) -> asyncpg.PostgresError:
    """Make the error that asyncpg makes of an answer of Postgres."""
    answer = {"C": state, "M": f"bad value {SECRET}", "D": f"Key (x)=({SECRET})", **fields}
    error = asyncpg.PostgresError.new(answer)
    assert isinstance(error, asyncpg.PostgresError)
    return error


def translation(error: Exception, *, closed: bool = False) -> StoreError:
    """Give what the store raises in the place of an error."""
    with pytest.raises(StoreError) as caught, translated(Connection(closed=closed)):
        raise error
    return caught.value


@pytest.mark.parametrize(
    "state",
    [
        "08003",  # the connection is gone
        "08006",
        "25006",  # read-only: a standby took the address of the primary
        "25P03",  # the transaction idled too long
        "40001",  # serialization
        "40P01",  # deadlock
        "40003",  # nobody knows whether the statement was completed
        "53100",  # disk full
        "53200",  # out of memory
        "53300",  # too many connections
        "55P03",  # lock not available
        "57014",  # cancelled, by statement_timeout for one
        "57P01",  # terminated by an administrator, or shut down
        "57P02",  # another process crashed
        "57P03",  # starting up
        "58030",  # input or output error
    ],
)
def test_passing_trouble_is_worth_another_try(state: str) -> None:
    """What may be over in a moment is StoreUnavailable, told by its SQLSTATE."""
    error = translation(postgres_says(state))
    assert isinstance(error, StoreUnavailable)
    assert error.retriable
    assert state in str(error)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(111, "Connect call failed"),
        ConnectionResetError(),
        TimeoutError(),
        asyncpg.TargetServerAttributeNotMatched("no primary"),
        asyncpg.OutdatedSchemaCacheError("changed"),
        postgres_says(
            "0A000", M="cached plan must not change result type", R="RevalidateCachedQuery"
        ),
    ],
)
def test_trouble_before_or_beside_postgres_is_worth_another_try(error: Exception) -> None:
    """The network, a failover, a migration under way: all StoreUnavailable."""
    assert isinstance(translation(error), StoreUnavailable)


def test_a_closed_connection_is_told_from_a_misused_one() -> None:
    """Asyncpg's one class for both means StoreUnavailable only when the connection is closed."""
    complaint = asyncpg.InterfaceError("connection is closed")
    assert isinstance(translation(complaint, closed=True), StoreUnavailable)
    assert isinstance(translation(complaint, closed=False), StatementRefused)


def test_a_constraint_says_what_is_wrong_by_its_name() -> None:
    """Unique is Conflict, a missing reference NotFound, anything else a refusal; none to retry."""
    unique = translation(postgres_says("23505", n="domain_pkey"))
    missing = translation(postgres_says("23503", n="source_organisation_fkey"))
    check = translation(postgres_says("23514", n="domain_partitions_check"))
    assert (type(unique), type(missing), type(check)) == (Conflict, NotFound, StatementRefused)
    assert "domain_pkey" in str(unique)
    assert "source_organisation_fkey" in str(missing)
    assert not any(error.retriable for error in (unique, missing, check))


@pytest.mark.parametrize("state", ["23505", "23514", "22P02", "57014", "XX000", "ZZZZZ"])
def test_no_error_repeats_a_value(state: str) -> None:
    """Postgres quotes rows in its texts; ours, and what a log makes of them, do not."""
    error = translation(postgres_says(state))
    assert SECRET not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_a_value_that_fits_no_parameter_is_not_repeated() -> None:
    """Asyncpg quotes the value; we do not."""
    error = translation(asyncpg.DataError(f"invalid input for query argument $1: {SECRET}"))
    assert isinstance(error, StatementRefused)
    assert SECRET not in str(error)


@pytest.mark.parametrize("state", ["28P01", "3D000", "42P01"])
def test_a_wrong_set_up_is_told_in_the_words_of_postgres(state: str) -> None:
    """Login, database and table names are what the reader needs, and hold no value."""
    error = translation(postgres_says(state, M='relation "stream" does not exist'))
    assert isinstance(error, StatementRefused)
    assert "stream" in str(error)


def test_the_drawn_tree_is_the_tree() -> None:
    """The docstring of the module names every class, and yes for exactly those to try again."""
    classes = {
        name: each
        for name, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, StoreError)
    }
    drawn = {}
    for line in (errors.__doc__ or "").splitlines():
        name, _, rest = line.lstrip("│├└─ ").partition(" ")
        if name in classes:
            drawn[name] = rest.strip().startswith("yes")
    assert drawn == {name: each.retriable for name, each in classes.items()}
