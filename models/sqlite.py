"""The store on SQLite: reading connections whose temporary views shadow the tables, one writer.

A call takes microseconds, so it is made straight on the event loop (storage reference §5); only taking the write
lock, which may wait for another process, goes to a thread.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from models.policy import RULES, SETTINGS, sqlite_views
from models.scope import Scope
from models.statement import Engine, Row, Statement
from models.store import Reader, StoreError, StoreTimeoutError, Unfiltered

log = logging.getLogger("canopy.store")

STATEMENT_SECONDS = 5.0
_READERS = 8
_STEPS_BETWEEN_LOOKS_AT_THE_CLOCK = 100_000

_REFUSED = frozenset(
    {
        sqlite3.SQLITE_ATTACH,
        sqlite3.SQLITE_DETACH,
        sqlite3.SQLITE_PRAGMA,
        sqlite3.SQLITE_CREATE_TEMP_TABLE,
        sqlite3.SQLITE_CREATE_TEMP_TRIGGER,
        sqlite3.SQLITE_CREATE_TEMP_VIEW,
        sqlite3.SQLITE_DROP_TEMP_TABLE,
        sqlite3.SQLITE_DROP_TEMP_TRIGGER,
        sqlite3.SQLITE_DROP_TEMP_VIEW,
        sqlite3.SQLITE_INSERT,
        sqlite3.SQLITE_UPDATE,
        sqlite3.SQLITE_DELETE,
    }
)


class _Connection:
    """A reading connection behind its views. Without a scope every bound is null, so every view is empty."""

    def __init__(self, file: Path) -> None:
        self.settings: dict[str, str | int | None] = dict.fromkeys(SETTINGS)
        self.deadline = float("inf")
        self.driver = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False, cached_statements=1000
        )
        # temp_store first: changing it drops temporary views.
        for pragma in ("temp_store=memory", "cache_size=-65536", "mmap_size=1073741824", "busy_timeout=5000"):
            self.driver.execute(f"PRAGMA {pragma}")
        for name in SETTINGS:
            self.driver.create_function(f"scope_{name}", 0, lambda name=name: self.settings[name], deterministic=True)
        for view in sqlite_views().values():
            self.driver.execute(view)
        # The table-valued function is looked up once before the authorizer is set, which would refuse its creation.
        self.driver.execute("SELECT value FROM json_each('[]')").fetchall()
        self.driver.execute("PRAGMA query_only=1")
        self.driver.set_authorizer(_authorize)
        self.driver.set_progress_handler(lambda: time.monotonic() > self.deadline, _STEPS_BETWEEN_LOOKS_AT_THE_CLOCK)

    def wear(self, scope: Scope | None) -> None:
        """Show the world through the scope; through none, nothing."""
        self.settings.update(scope.settings() if scope else dict.fromkeys(SETTINGS))


def _authorize(action: int, subject: str | None, _column: str | None, database: str | None, source: str | None) -> int:
    """Refuse bare tables and everything that could undo the views.

    `count(*)` on a bare table arrives without a database name, so the rule names what is allowed: reads of the
    views themselves, and reads of tables that one of the views makes.
    """
    if action == sqlite3.SQLITE_READ:
        allowed = database == "temp" or source in RULES or subject == "json_each"
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_DENY if action in _REFUSED else sqlite3.SQLITE_OK


class SqliteReader:
    """See `models.store.Reader`."""

    engine: Engine = "sqlite"
    __slots__ = ("_begun", "_connection", "scope")

    def __init__(self, connection: _Connection, scope: Scope) -> None:
        self._connection = connection
        self._begun = False
        self.scope = scope

    async def rows(self, statement: Statement, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        text, values = statement.bind("sqlite", parameters or {})
        connection = self._connection
        if not self._begun:
            connection.driver.execute("BEGIN")  # deferred: the first SELECT takes the snapshot
            self._begun = True
        connection.deadline = time.monotonic() + STATEMENT_SECONDS
        try:
            return connection.driver.execute(text, values).fetchall()
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                raise StoreTimeoutError(f"a statement took longer than {STATEMENT_SECONDS:g} s") from error
            raise StoreError(str(error)) from error
        except sqlite3.DatabaseError as error:
            raise StoreError(str(error)) from error


class SqliteUnfiltered:
    """See `models.store.Unfiltered`."""

    engine: Engine = "sqlite"

    def __init__(self, driver: sqlite3.Connection) -> None:
        self.driver = driver

    async def rows(self, statement: Statement, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        text, values = statement.bind("sqlite", parameters or {})
        return list(map(statement.row._make, self.driver.execute(text, values)))

    async def execute(self, statement: Statement, parameters: Mapping[str, Any] | None = None) -> None:
        text, values = statement.bind("sqlite", parameters or {})
        self.driver.execute(text, values)

    async def sql(self, text: str) -> list[Sequence[Any]]:
        return self.driver.execute(text).fetchall()


class SqliteStore:
    """See `models.store.Store`."""

    engine: Engine = "sqlite"

    def __init__(self, url: str) -> None:
        self.url = url
        self._file = Path(url.removeprefix("sqlite:///"))
        self._idle: list[_Connection] = []
        self._places = asyncio.Semaphore(_READERS)
        self._idle_unfiltered: list[sqlite3.Connection] = []
        self._writing = asyncio.Lock()

    @asynccontextmanager
    async def reader(self, scope: Scope) -> AsyncIterator[Reader]:
        async with self._places:
            connection = self._idle.pop() if self._idle else _Connection(self._file)
            connection.wear(scope)
            try:
                yield SqliteReader(connection, scope)
            finally:
                connection.wear(None)
                if connection.driver.in_transaction:
                    connection.driver.execute("ROLLBACK")
                self._idle.append(connection)

    @asynccontextmanager
    async def unfiltered(self, reason: str, *, write: bool = False) -> AsyncIterator[Unfiltered]:
        log.debug("unfiltered access: %s", reason)
        driver = self._idle_unfiltered.pop() if self._idle_unfiltered else _unfiltered_connection(self._file)
        async with self._writing if write else nullcontext():
            try:
                if write:
                    await asyncio.to_thread(driver.execute, "BEGIN IMMEDIATE")
                else:
                    driver.execute("BEGIN")
                yield SqliteUnfiltered(driver)
            except BaseException:
                if driver.in_transaction:
                    driver.execute("ROLLBACK")
                raise
            else:
                driver.execute("COMMIT")
            finally:
                self._idle_unfiltered.append(driver)

    async def close(self) -> None:
        for connection in self._idle:
            connection.driver.close()
        for driver in self._idle_unfiltered:
            driver.close()
        self._idle.clear()
        self._idle_unfiltered.clear()


def _unfiltered_connection(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    driver = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "busy_timeout=5000",
        "temp_store=memory",
        "journal_size_limit=67108864",
    ):
        driver.execute(f"PRAGMA {pragma}")
    return driver
