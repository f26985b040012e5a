"""The store: the only way to the rows, and for all but a short list of callers a filtered one.

`Store.reader(scope)` opens one snapshot of the database through one scope. `Store.unfiltered(reason)` opens a
transaction that sees and may change everything; which modules may call it is held by a test.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol

from models.bell import Bell
from models.scope import Scope
from models.statement import Engine, Row, Statement

if TYPE_CHECKING:
    from models.tail import Position
    from models.writer import Writer

OVER = "the reader was used after its response"
NOT_ALONE = "a statement that was said to be the only one of its response is not"


class StoreError(Exception):
    """The database refused or failed; the message is for the operator."""


class StoreTimeoutError(StoreError):
    """A statement ran longer than the store allows."""


class StoreAwayError(StoreError):
    """The database can't be reached, or went away in the midst of it: the same again, in a moment, may succeed."""


class Reader(Protocol):
    """One snapshot, seen through one scope, for one response."""

    engine: Engine
    scope: Scope

    async def rows(self, statement: Statement, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows of a prebuilt statement as the driver gives them: tuples in the order of its columns.

        Readers take turns: two calls at once on one reader run one after the other, in the same snapshot. A statement
        that is `alone` is PostgreSQL's own snapshot, and all that this reader reads.

        Raises:
            StoreTimeoutError: the statement took too long.
            StoreError: the database refused it, or cannot be reached, or the reader's block has ended; or it is not
                the only statement although it, or one before it, was said to be.
        """


class Unfiltered(Protocol):
    """One transaction without a filter: committed when its block ends, rolled back when it raises."""

    engine: Engine
    driver: Any
    """The driver's own connection (`asyncpg.Connection` or `sqlite3.Connection`), for bulk work."""

    async def rows(self, statement: Statement, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """As `Reader.rows`, but all rows."""

    async def execute(self, statement: Statement, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a prebuilt statement that changes rows."""

    async def sql(self, text: str) -> list[Sequence[Any]]:
        """Run one statement given as text: for migrations, imports and checks, which are written in SQL."""


class Store(Protocol):
    """Opens readers and, for the few who may, unfiltered transactions."""

    engine: Engine
    url: str
    bell: Bell
    """Rings when a writer has committed: at once in its own process, and on PostgreSQL soon in all others."""

    def reader(self, scope: Scope) -> AbstractAsyncContextManager[Reader]:
        """A reader for one response; nothing is sent to the database before its first statement."""

    def writer(self, scope: Scope) -> "AbstractAsyncContextManager[Writer]":
        """One transaction through one scope: committed when the block ends, rolled back when it raises.

        SQLite has one writer at a time, and it holds up this process's others: nothing slow belongs into the block,
        and no other transaction that writes.

        Raises:
            TryAgainError: somebody else's transaction was in the way.
            StoreError: the database can't be reached, or a statement had failed and its error was passed over.
        """

    async def tail(self, after: "Position", limit: int = 500) -> list[Row]:
        """The events of the outbox after a position, in an order in which none is ever put before one that was given.

        Args:
            after: the `transaction_id` and `id` of the last event that is known; (0, 0) for none.
            limit: how many events at most.

        Raises:
            StoreError: the database can't be reached.
        """

    def unfiltered(self, reason: str, *, write: bool = False) -> AbstractAsyncContextManager[Unfiltered]:
        """A transaction without a filter.

        Args:
            reason: what for; it stands in the log.
            write: whether anything will be changed. SQLite takes its write lock at once (`BEGIN IMMEDIATE`).

        Raises:
            StoreError: the database can't be reached, is busy for too long, or refused a statement.
        """

    def state(self) -> Mapping[str, Mapping[str, int]]:
        """How many connections there are: of each pool those `used`, those that are `idle`, and who is `waiting`."""

    async def close(self) -> None:
        """Give back every connection."""


class InvalidDatabaseURLError(ValueError):
    """The setting names no database that Canopy can use."""


def open_store(url: str) -> Store:
    """A store for `sqlite:///path` or `postgresql://user:password@host:port/database`.

    Raises:
        InvalidDatabaseURLError: neither of these.
    """
    from models.postgres import PostgresStore  # each engine's driver is loaded only when it is used
    from models.sqlite import SqliteStore

    return SqliteStore(url) if engine_of(url) == "sqlite" else PostgresStore(url)


def engine_of(url: str) -> Engine:
    """Which engine a database's address is for.

    Raises:
        InvalidDatabaseURLError: for neither.
    """
    if url.startswith("sqlite:///"):
        return "sqlite"
    if url.startswith(("postgresql://", "postgres://")):
        return "postgresql"
    raise InvalidDatabaseURLError(
        f"CANOPY_DATABASE_URL is {url.split('@')[-1]!r}; it takes sqlite:///path/to/file or"
        " postgresql://user:password@host:port/database"
    )
