"""Writers: one transaction of one operation, in which nothing outside a scope is seen or changed."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from models.scope import Scope
from models.statement import Engine, Row, Statement
from models.store import NOT_ALONE, OVER, StoreError

log = logging.getLogger("canopy.store")

_Parameters = Mapping[str, Any] | None


class TakenError(StoreError):
    """A row with the same key is there already, whether or not it is visible.

    Args:
        constraint: the name of the unique index or constraint, the same on both engines.
    """

    def __init__(self, constraint: str) -> None:
        super().__init__(f"there is one already by {constraint}")
        self.constraint = constraint


class TryAgainError(StoreError):
    """Somebody else's transaction was in the way; the same again, from the beginning, may succeed."""


class Writer(ABC):
    """A reader that also changes rows: committed when its block ends, rolled back when it raises.

    Statements take turns. One that fails spoils the transaction, as PostgreSQL has it, on SQLite too: every further
    one is refused, and so is the commit, but after the end of a savepoint that was left by the exception.
    """

    engine: Engine

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._turn = asyncio.Lock()
        self._is_over = False
        self._is_spoilt = False
        self._beyond: Beyond | None = None

    async def rows(self, statement: Statement, parameters: _Parameters = None) -> list[Row]:
        """The visible rows of a prebuilt statement, as named tuples: what this transaction changed is seen.

        `SELECT … FOR UPDATE` locks only rows that the scope may change.

        Raises:
            TryAgainError: it waited for a lock for too long, or a deadlock was resolved at its cost.
            StoreTimeoutError: the statement took too long.
            StoreError: the database refused it, or cannot be reached, or the writer's block has ended.
        """
        return await self._run(self, statement, parameters, is_write=False)

    async def write(self, statement: Statement, parameters: _Parameters = None) -> list[Row]:
        """Change rows by a prebuilt INSERT, UPDATE or DELETE; what it returns comes as named tuples.

        Rows that the scope may not change are passed over, as if they weren't there.

        Raises:
            TakenError: of a new or changed row there may be only one.
            StoreError: as `rows`; or a row would have come to lie outside the scope, or a column may not be changed.
        """
        return await self._run(self, statement, parameters, is_write=True)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A block that, when it raises, leaves nothing of what it changed, and the transaction as good as before."""
        await self._command("SAVEPOINT part")
        try:
            yield
            await self._command("RELEASE part")
        except BaseException:
            async with self._turn:
                await self._execute("ROLLBACK TO part")
                await self._execute("RELEASE part")
                self._is_spoilt = False
            raise

    @asynccontextmanager
    async def beyond(self, why: str) -> AsyncIterator["Beyond"]:
        """The same transaction without a filter, for the few functions of `models/beyond` that tests name.

        While the block lasts the writer itself is of no use, so that nothing goes unfiltered by mistake; for the same
        reason there is none within another.

        Args:
            why: what for; it stands in the log.
        """
        log.debug("beyond the scope: %s", why)
        beyond = Beyond(self)
        async with self._turn:
            self._check(self)
            self._beyond = beyond
            try:
                await self._leave_scope()
            except BaseException:
                self._is_spoilt = True
                raise
        try:
            yield beyond
        finally:
            async with self._turn:
                self._beyond = None
                await self._return_to_scope()

    async def commit(self) -> None:
        """Make it last. The store does this at the end of the block.

        Raises:
            StoreError: a statement had failed and nobody went back to before it; nothing is kept.
        """
        async with self._turn:
            self._check(self)
            self._is_over = True
            await self._execute("COMMIT")

    async def _run(
        self, by: "Writer | Beyond", statement: Statement, parameters: _Parameters, *, is_write: bool
    ) -> list[Row]:
        async with self._turn:
            self._check(by)
            if statement.sets_scope:
                raise StoreError(NOT_ALONE)
            if statement.is_write is not is_write:
                raise StoreError("`write` is for what changes rows, `rows` for the rest")
            try:
                return list(map(statement.row._make, await self._fetch(statement, parameters or {})))
            except BaseException:
                self._is_spoilt = True
                raise

    def _check(self, by: "Writer | Beyond") -> None:
        if self._is_over:
            raise StoreError(OVER)
        if self._is_spoilt:
            raise StoreError("a statement of this transaction has failed")
        if by is not (self._beyond or self):
            raise StoreError("used while beyond the scope, or beyond it after that was over")

    async def _command(self, text: str) -> None:
        async with self._turn:
            self._check(self)
            await self._execute(text)

    @abstractmethod
    async def _fetch(self, statement: Statement, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Run a statement; all that goes wrong is a `StoreError`."""

    @abstractmethod
    async def _execute(self, command: str) -> None:
        """Run a command of transactions; all that goes wrong is a `StoreError`."""

    @abstractmethod
    async def _leave_scope(self) -> None:
        """See and change everything from now on."""

    @abstractmethod
    async def _return_to_scope(self) -> None:
        """See and change the scope alone again. Where that can't be, nothing works any more."""


class Beyond:
    """The writer's transaction without a filter, for as long as its block lasts."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.engine = writer.engine

    async def rows(self, statement: Statement, parameters: _Parameters = None) -> list[Row]:
        """As `Writer.rows`, but all rows."""
        return await self._writer._run(self, statement, parameters, is_write=False)

    async def write(self, statement: Statement, parameters: _Parameters = None) -> list[Row]:
        """As `Writer.write`, but any row and column."""
        return await self._writer._run(self, statement, parameters, is_write=True)
