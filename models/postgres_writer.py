"""Writers on PostgreSQL: row-level security with checks, under a role that may change what the scope holds."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import asyncpg

from models.postgres_failure import FAILURES, failure_of, quieten
from models.scope import Scope
from models.statement import Engine, Statement
from models.store import StoreError, StoreTimeoutError
from models.writer import TakenError, TryAgainError, Writer

_IN_THE_WAY = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError)

SETTINGS = {
    "role": "canopy_writer",
    "search_path": "public",
    "statement_timeout": "5s",
    "lock_timeout": "4s",
    "idle_in_transaction_session_timeout": "10s",
    "jit": "off",
    "timezone": "UTC",
}
"""Of the connections on which writers work."""


class PostgresWriter(Writer):
    """See `models.writer.Writer`. It sees what others have committed by the time of each statement."""

    engine: Engine = "postgresql"

    def __init__(self, pool: "asyncpg.Pool[Any]", scope: Scope) -> None:
        super().__init__(scope)
        self._pool = pool
        self._connection: Any = None

    async def begin(self) -> None:
        """Take a connection and set the scope on it, until the transaction ends."""
        settings = "".join(f"SET LOCAL canopy.{name} = '{value}';" for name, value in self.scope.settings().items())
        try:
            self._connection = await self._pool.acquire()
            await self._connection.execute(f"BEGIN ISOLATION LEVEL READ COMMITTED;{settings}")
        except FAILURES as error:
            raise _failure(error) from error

    async def end(self) -> None:
        """Give the connection back; what isn't committed by now is undone. What still runs ends first."""
        async with self._turn:
            self._is_over = True
            connection, self._connection = self._connection, None
            if connection is None:
                return
            with suppress(*FAILURES):  # what was lost with its connection needs no undoing
                if connection.is_in_transaction():
                    await connection.execute("ROLLBACK")
            with suppress(*FAILURES):
                await self._pool.release(connection)

    async def _fetch(self, statement: Statement, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        text, values = statement.bind("postgresql", parameters)
        try:
            return await self._connection.fetch(text, *values)  # type: ignore[no-any-return]  # the pool is untyped
        except FAILURES as error:
            raise _failure(error) from error

    async def _execute(self, command: str) -> None:
        try:
            done = await self._connection.execute(command)
        except FAILURES as error:
            raise _failure(error) from error
        if command == "COMMIT" and done != "COMMIT":
            raise StoreError(f"the transaction ended with {done}")

    async def _leave_scope(self) -> None:
        await self._execute("SET LOCAL ROLE canopy_system")

    async def _return_to_scope(self) -> None:
        # A spoilt transaction takes no commands; what ends it, or the savepoint within it, brings the role back.
        if not self._is_spoilt:
            try:
                await self._execute("SET LOCAL ROLE canopy_writer")
            except BaseException:
                self._is_spoilt = True
                raise


def _failure(error: BaseException) -> StoreError:
    """What went wrong, in the words of the store."""
    quieten(error)
    if isinstance(error, asyncpg.UniqueViolationError):
        return TakenError(str(error.constraint_name))
    if isinstance(error, _IN_THE_WAY):
        return TryAgainError(str(error))
    if isinstance(error, asyncpg.QueryCanceledError):
        return StoreTimeoutError(f"a statement took longer than {SETTINGS['statement_timeout']}")
    return failure_of(error)
