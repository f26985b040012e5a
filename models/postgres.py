"""The store on PostgreSQL: row-level security under a role that owns nothing, asyncpg without a layer above it.

One login, four roles: the login owns the tables and, row-level security being forced, sees no row of them;
`canopy_reader` sees what its connection's scope shows, `canopy_writer` changes what is in it; `canopy_system` sees
and changes everything. Connections take their role when they are opened.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Any

import asyncpg

from models.bell import Bell
from models.postgres_bell import PostgresBell
from models.postgres_failure import FAILURES, failure_of
from models.postgres_writer import SETTINGS as WRITER_SETTINGS
from models.postgres_writer import PostgresWriter
from models.scope import Scope
from models.statement import SCOPE, Engine, Row, Statement
from models.store import NOT_ALONE, OVER, Reader, StoreAwayError, StoreError, StoreTimeoutError, Unfiltered
from models.tail import Position, tail
from models.writer import Writer

log = logging.getLogger("canopy.store")

STATEMENT_SECONDS = 5.0
_READERS = 8
_WRITERS = 4
_SYSTEM = 4
_NOTHING_TO_RESET = ""
"""The server's refusals; the driver's own, such as a number beyond 64 bits; a server that is away."""

_READER_SETTINGS = {
    "role": "canopy_reader",
    "search_path": "public",
    # Each statement's text decides whether its plan is kept: see `models.statement.Statement`.
    "plan_cache_mode": "auto",
    "statement_timeout": f"{STATEMENT_SECONDS:g}s",
    "idle_in_transaction_session_timeout": "10s",
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "repeatable read",
    # Sums over a large subtree are grouped in memory instead of being sorted on disk.
    "work_mem": "32MB",
    "jit": "off",
    "timezone": "UTC",
}
_SYSTEM_SETTINGS = {"role": "canopy_system", "search_path": "public", "jit": "off", "timezone": "UTC"}


class _Connection(asyncpg.Connection):
    """A connection that is given back without a round trip.

    Every use ends its own transaction; a reader may leave that to the next one, which comes at once.
    """

    def get_reset_query(self) -> str:
        return _NOTHING_TO_RESET


class _ReadingConnection(_Connection):
    """See `PostgresReader.end`."""

    async def reset(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109  # asyncpg's signature
        """Nothing: whoever takes it begins by ending what is open."""


_POOLS: dict[str, tuple[int, type[_Connection], dict[str, str]]] = {
    "reader": (_READERS, _ReadingConnection, _READER_SETTINGS),
    "writer": (_WRITERS, _Connection, WRITER_SETTINGS),
    "system": (_SYSTEM, _Connection, _SYSTEM_SETTINGS),
}
"""How many connections of which kind, by what they are for."""


class _Queue:
    """How many readers wait for a connection."""

    waiting = 0


class PostgresReader:
    """See `models.store.Reader`."""

    engine: Engine = "postgresql"
    __slots__ = ("_connection", "_is_alone", "_is_over", "_pool", "_queue", "_turn", "scope")

    def __init__(self, pool: "asyncpg.Pool[Any]", queue: _Queue, scope: Scope) -> None:
        self._pool = pool
        self._queue = queue
        self._connection: Any = None
        self._turn = asyncio.Lock()
        self._is_alone = False
        """One statement was said to be all."""
        self._is_over = False
        self.scope = scope

    async def rows(self, statement: Statement, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        given = {**(parameters or {}), **_settings(self.scope)} if statement.sets_scope else parameters or {}
        text, values = statement.bind("postgresql", given)
        async with self._turn:
            if self._is_over:
                raise StoreError(OVER)
            if self._is_alone or (statement.sets_scope and self._connection is not None):
                raise StoreError(NOT_ALONE)
            try:
                if self._connection is None:
                    self._is_alone = statement.sets_scope
                    await self._begin()
                return await self._connection.fetch(text, *values)  # type: ignore[no-any-return]  # the pool is untyped
            except asyncpg.QueryCanceledError as error:
                raise StoreTimeoutError(f"a statement took longer than {STATEMENT_SECONDS:g} s") from error
            except FAILURES as error:
                raise failure_of(error) from error

    async def _begin(self) -> None:
        """Take a connection, end the snapshot that may be open on it, and open this reader's own if it needs one."""
        self._queue.waiting += 1
        try:
            self._connection = await self._pool.acquire()
        finally:
            self._queue.waiting -= 1
        message = "ROLLBACK;" if self._connection.is_in_transaction() else ""
        message += "" if self._is_alone else _begin(self.scope)
        if message:
            await self._connection.execute(message)

    async def end(self) -> None:
        """End the snapshot, which also takes the scope off the connection. A statement that still runs ends first.

        If another reader waits for the connection, the message with which that begins does both. May be called again
        if it was cancelled.
        """
        self._is_over = True
        async with self._turn:
            connection = self._connection
            if connection is None:
                return
            # What was lost with its connection needs no ending.
            with suppress(*FAILURES):
                # Alone, it ends what it found open and had no time to end.
                is_open = not self._is_alone or connection.is_in_transaction()
                if is_open and not self._is_waited_for():
                    await connection.execute("ROLLBACK")
            self._connection = None
            with suppress(*FAILURES):
                await self._pool.release(connection)  # to its end, even when cancelled meanwhile

    def _is_waited_for(self) -> bool:
        """Whether a reader waits for this very connection, for there is no other."""
        pool = self._pool
        return self._queue.waiting > 0 and pool.get_idle_size() == 0 and pool.get_size() == pool.get_max_size()


@lru_cache(10_000)
def _begin(scope: Scope) -> str:
    """One message that opens the snapshot and sets the scope. Paths are checked and the rest are numbers."""
    settings = "".join(f"SET LOCAL canopy.{name} = '{value}';" for name, value in scope.settings().items())
    return f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;{settings}"


@lru_cache(10_000)
def _settings(scope: Scope) -> Mapping[str, str]:
    """The parameters of a statement that sets the scope."""
    return {SCOPE + name: str(value) for name, value in scope.settings().items()}


class PostgresUnfiltered:
    """See `models.store.Unfiltered`."""

    engine: Engine = "postgresql"

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    async def rows(self, statement: Statement, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        text, values = statement.bind("postgresql", parameters or {})
        return list(map(statement.row._make, await self.driver.fetch(text, *values)))

    async def execute(self, statement: Statement, parameters: Mapping[str, Any] | None = None) -> None:
        text, values = statement.bind("postgresql", parameters or {})
        await self.driver.execute(text, *values)

    async def sql(self, text: str) -> list[Sequence[Any]]:
        return [tuple(record) for record in await self.driver.fetch(text)]


class PostgresStore:
    """See `models.store.Store`."""

    engine: Engine = "postgresql"

    def __init__(self, url: str) -> None:
        self.url = url
        self._pools: dict[str, asyncpg.Pool[Any]] = {}
        self._opening = asyncio.Lock()
        self._queue = _Queue()
        self.bell: Bell = PostgresBell(url, self._execute)

    async def _pool(self, name: str) -> "asyncpg.Pool[Any]":
        async with self._opening:
            if name not in self._pools:
                try:
                    self._pools[name] = await self._open_pool(name)
                except FAILURES as error:
                    raise StoreAwayError(f"the database can't be reached: {error}") from error
            return self._pools[name]

    async def _open_pool(self, name: str) -> "asyncpg.Pool[Any]":
        size, connection_class, settings = _POOLS[name]
        return await asyncpg.create_pool(
            self.url,
            min_size=1,
            max_size=size,
            connection_class=connection_class,
            server_settings=settings,
            statement_cache_size=1000,
            max_inactive_connection_lifetime=0,
        )

    @asynccontextmanager
    async def reader(self, scope: Scope) -> AsyncIterator[Reader]:
        reader = PostgresReader(self._pools.get("reader") or await self._pool("reader"), self._queue, scope)
        try:
            yield reader
        finally:
            try:
                await reader.end()
            except asyncio.CancelledError:
                # Shielded: it may be cancelled again, and a connection that is never given back is lost. Not before,
                # for a shield takes a task.
                await asyncio.shield(reader.end())
                raise

    @asynccontextmanager
    async def writer(self, scope: Scope) -> AsyncIterator[Writer]:
        writer = PostgresWriter(self._pools.get("writer") or await self._pool("writer"), scope)
        try:
            await writer.begin()
            yield writer
            # Shielded, as is the end: what has been sent is committed, whoever still waits to hear of it.
            await asyncio.shield(self._commit(writer))
        finally:
            await asyncio.shield(writer.end())

    async def _commit(self, writer: PostgresWriter) -> None:
        await writer.commit()
        self.bell.ring()

    async def _execute(self, command: str) -> None:
        pool = self._pools.get("system") or await self._pool("system")
        async with pool.acquire() as connection:
            await connection.execute(command)

    async def tail(self, after: Position, limit: int = 500) -> list[Row]:
        return await tail(self, after, limit)

    @asynccontextmanager
    async def unfiltered(self, reason: str, *, write: bool = False) -> AsyncIterator[Unfiltered]:
        log.debug("unfiltered access: %s", reason)
        try:
            pool = self._pools.get("system") or await self._pool("system")
            async with pool.acquire() as connection, connection.transaction(readonly=not write):
                yield PostgresUnfiltered(connection)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError) as error:
            raise failure_of(error) from error

    def state(self) -> Mapping[str, Mapping[str, int]]:
        return {
            name: {
                "used": pool.get_size() - pool.get_idle_size(),
                "idle": pool.get_idle_size(),
                "waiting": self._queue.waiting if name == "reader" else 0,
            }
            for name, pool in self._pools.items()
        }

    async def close(self) -> None:
        await self.bell.close()
        for pool in self._pools.values():
            await pool.close()
        self._pools.clear()
