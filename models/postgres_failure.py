"""What went wrong with PostgreSQL, in the words of the store."""

import asyncpg

from models.store import StoreAwayError, StoreError

FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
"""Whatever a statement may end with that isn't a defect of ours."""

_AWAY = (
    OSError,
    asyncpg.InterfaceError,  # used on a connection that is closed
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)


def failure_of(error: BaseException) -> StoreError:
    """What callers of a store are told of one of `FAILURES`."""
    quieten(error)
    return (StoreAwayError if isinstance(error, _AWAY) else StoreError)(str(error))


def quieten(error: BaseException) -> None:
    """Take out of an error what it says of rows and parameters, for whatever is raised may come to stand in a log."""
    if isinstance(error, asyncpg.PostgresError):
        error.detail = None  # "Failing row contains (…)"
    if isinstance(error, asyncpg.DataError):
        error.args = (str(error).partition(":")[0],)  # "invalid input for query argument $1: …"
