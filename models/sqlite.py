"""The store on SQLite: reading connections whose temporary views shadow the tables, one writer.

A call takes microseconds, so it is made straight on the event loop (storage reference §5); only taking the write
lock, which may wait for another process, goes to a thread.
"""

import asyncio
import logging
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from models.bell import Bell
from models.policy.rules import RULES
from models.policy.scope import SETTINGS
from models.policy.sqlite import sqlite_views
from models.scope import Scope
from models.sqlite_writer import SqliteWriter, WritingConnection
from models.statement import Engine, Row, Statement
from models.store import OVER, Reader, StoreError, StoreTimeoutError, Unfiltered
from models.tail import Position, tail
from models.writer import Writer

log = logging.getLogger("canopy.store")

STATEMENT_SECONDS = 5.0
_READERS = 8
_STEPS_BETWEEN_LOOKS_AT_THE_CLOCK = 100_000
_NEVER = float("inf")

_ALLOWED = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE, sqlite3.SQLITE_TRANSACTION}
)
"""What a reading connection may do besides reading views; that leaves out whatever could undo them."""


class _Connection:
    """A reading connection behind its views. Without a scope every bound is null, so every view is empty."""

    def __init__(self, file: Path) -> None:
        self.settings: dict[str, str | int | None] = dict.fromkeys(SETTINGS)
        self.deadline = _NEVER
        self._secret = f"v{secrets.token_hex(16)}_"
        self._views = frozenset(RULES) | {self._secret + table for table in RULES}
        self.driver = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=1000,
        )
        # temp_store first: changing it drops temporary views.
        for pragma in ("temp_store=memory", "cache_size=-65536", "mmap_size=1073741824", "busy_timeout=5000"):
            self.driver.execute(f"PRAGMA {pragma}")
        for name in SETTINGS:
            self.driver.create_function(f"scope_{name}", 0, lambda name=name: self.settings[name], deterministic=True)
        for view in sqlite_views(self._secret):
            self.driver.execute(view)
        # The table-valued function is looked up once before the authorizer is set, which would refuse its creation.
        self.driver.execute("SELECT value FROM json_each('[]')").fetchall()
        self.driver.execute("PRAGMA query_only=1")
        self.driver.set_authorizer(self._authorize)
        self.driver.set_progress_handler(lambda: time.monotonic() > self.deadline, _STEPS_BETWEEN_LOOKS_AT_THE_CLOCK)

    def wear(self, scope: Scope | None) -> None:
        """Show the world through the scope; through none, nothing."""
        self.settings.update(scope.settings() if scope else dict.fromkeys(SETTINGS))
        # The steps of BEGIN and ROLLBACK count on from use to use, so that the clock is looked at during them too.
        self.deadline = _NEVER

    def _authorize(
        self, action: int, subject: str | None, _column: str | None, database: str | None, source: str | None
    ) -> int:
        """Refuse bare tables and everything that could undo the views.

        `count(*)` on a bare table arrives without a database name, so the rule names what is allowed: reads of the
        views, and reads of tables that a view with a secret name makes.
        """
        if action == sqlite3.SQLITE_READ:
            by_filter = source is not None and source.startswith(self._secret)
            allowed = by_filter or (database == "temp" and subject in self._views) or subject == "json_each"
        else:
            allowed = action in _ALLOWED
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


class SqliteReader:
    """See `models.store.Reader`. Statements run on the event loop but for long ones, which others need not wait for."""

    engine: Engine = "sqlite"
    __slots__ = ("_begun", "_connection", "_long", "scope")

    def __init__(self, connection: _Connection, scope: Scope) -> None:
        self._connection: _Connection | None = connection
        self._begun = False
        self._long: asyncio.Future[list[Row]] | None = None
        """The long statement that runs in a thread."""
        self.scope = scope

    async def rows(self, statement: Statement, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        text, values = statement.bind("sqlite", parameters or {})
        while self._long is not None:
            await asyncio.wait({self._long})
        connection = self._connection
        if connection is None:
            raise StoreError(OVER)
        connection.deadline = time.monotonic() + STATEMENT_SECONDS
        try:
            if not self._begun:
                connection.driver.execute("BEGIN")  # deferred: the first SELECT takes the snapshot
                self._begun = True
            if statement.is_long:
                return await self._beside_others(connection, text, values)
            return connection.driver.execute(text, values).fetchall()
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                raise StoreTimeoutError(f"a statement took longer than {STATEMENT_SECONDS:g} s") from error
            raise StoreError(str(error)) from error
        except (sqlite3.Error, OverflowError) as error:  # a number beyond 64 bits fails before it reaches SQLite
            raise StoreError(str(error)) from error

    async def _beside_others(self, connection: _Connection, text: str, values: Sequence[Any]) -> list[Row]:
        """Run a statement in a thread; a short one would lose more by it than others gain."""
        self._long = asyncio.ensure_future(
            asyncio.to_thread(lambda: connection.driver.execute(text, values).fetchall())
        )
        try:
            return await asyncio.shield(self._long)
        finally:
            await self._end_long(connection)

    async def _end_long(self, connection: _Connection) -> None:
        """Nobody waits for it any more, or it is done."""
        if self._long is not None:
            if not self._long.done():
                connection.deadline = 0.0  # for one that has not begun yet, which an interrupt would not reach
                connection.driver.interrupt()
                await _settled(self._long)
            self._long = None

    async def end(self) -> None:
        """Let go of the connection: by the next statement it may show another scope."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._end_long(connection)


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
        self._reading = 0
        """Readers, those that wait for a place among them."""
        self._idle_unfiltered: list[sqlite3.Connection] = []
        self._writing = asyncio.Lock()
        self._writer: WritingConnection | None = None
        self.bell = Bell()

    @asynccontextmanager
    async def reader(self, scope: Scope) -> AsyncIterator[Reader]:
        self._reading += 1
        try:
            async with self._places:
                connection = self._idle.pop() if self._idle else self._connect()
                connection.wear(scope)
                reader = SqliteReader(connection, scope)
                try:
                    yield reader
                finally:
                    await reader.end()
                    connection.wear(None)
                    if connection.driver.in_transaction:
                        connection.driver.execute("ROLLBACK")
                    self._idle.append(connection)
        finally:
            self._reading -= 1

    @asynccontextmanager
    async def writer(self, scope: Scope) -> AsyncIterator[Writer]:
        async with self._writing:
            writer = SqliteWriter(self._writing_connection(), scope)
            try:
                await _to_the_end(asyncio.to_thread(writer.begin))
                yield writer
                await writer.commit()
                self.bell.ring()
            finally:
                writer.end()

    async def tail(self, after: Position, limit: int = 500) -> list[Row]:
        return await tail(self, after, limit)

    @asynccontextmanager
    async def unfiltered(self, reason: str, *, write: bool = False) -> AsyncIterator[Unfiltered]:
        log.debug("unfiltered access: %s", reason)
        async with self._writing if write else nullcontext():
            driver = self._idle_unfiltered.pop() if self._idle_unfiltered else _unfiltered_connection(self._file)
            try:
                driver.execute(f"PRAGMA query_only = {int(not write)}")
                if write:
                    await _to_the_end(asyncio.to_thread(driver.execute, "BEGIN IMMEDIATE"))
                else:
                    driver.execute("BEGIN")
                yield SqliteUnfiltered(driver)
                driver.execute("COMMIT")
            except sqlite3.Error as error:
                raise StoreError(str(error)) from error
            finally:
                if driver.in_transaction:
                    driver.execute("ROLLBACK")
                self._idle_unfiltered.append(driver)

    def _connect(self) -> _Connection:
        try:
            return _Connection(self._file)
        except sqlite3.Error as error:
            raise StoreError(f"{self._file} can't be opened: {error}") from error

    def _writing_connection(self) -> WritingConnection:
        if self._writer is None:
            try:
                self._writer = WritingConnection(self._file)
            except sqlite3.Error as error:
                raise StoreError(f"{self._file} can't be opened: {error}") from error
        return self._writer

    def state(self) -> Mapping[str, Mapping[str, int]]:
        return {
            "reader": {
                "used": min(self._reading, _READERS),
                "idle": len(self._idle),
                "waiting": max(self._reading - _READERS, 0),
            },
            "writer": {"used": int(self._writing.locked()), "idle": int(not self._writing.locked()), "waiting": 0},
        }

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.driver.close()
            self._writer = None
        for connection in self._idle:
            connection.driver.close()
        for driver in self._idle_unfiltered:
            driver.close()
        self._idle.clear()
        self._idle_unfiltered.clear()


async def _to_the_end(work: Coroutine[Any, Any, object]) -> None:
    """Wait for work in a thread even when cancelled meanwhile: a lock that it takes must be there to be let go."""
    task = asyncio.ensure_future(work)
    await _settled(task)
    await task


async def _settled(work: "asyncio.Future[Any]") -> None:
    """Wait until work in a thread has come to its end, however often cancelled meanwhile.

    Raises:
        CancelledError: then, if it was.
    """
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def _unfiltered_connection(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    driver = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "busy_timeout=5000",
        # On disk, unlike a reader's: an import sorts more than memory holds.
        "temp_store=file",
        "journal_size_limit=67108864",
    ):
        driver.execute(f"PRAGMA {pragma}")
    return driver
