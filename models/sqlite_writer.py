"""The writer on SQLite: one connection whose temporary triggers stand before the tables, as views before reading."""

import re
import secrets
import sqlite3
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint
from sqlmodel import SQLModel

from models.policy.rules import RULES, UNREADABLE
from models.policy.scope import SETTINGS
from models.policy.sqlite import sqlite_triggers, sqlite_views
from models.policy.writes import WRITES
from models.scope import Scope
from models.statement import Engine, Statement
from models.store import StoreError, StoreTimeoutError
from models.writer import TakenError, TryAgainError, Writer

STATEMENT_SECONDS = 5.0
_STEPS_BETWEEN_LOOKS_AT_THE_CLOCK = 100_000
_NEVER = float("inf")

_ALLOWED = frozenset(
    {
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE,
        sqlite3.SQLITE_TRANSACTION,
        sqlite3.SQLITE_SAVEPOINT,
    }
)
_CHANGES = {
    sqlite3.SQLITE_INSERT: "insert",
    sqlite3.SQLITE_UPDATE: "update",
    sqlite3.SQLITE_DELETE: "delete",
}
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_PRIMARY_CODE = 0xFF
_TAKEN = frozenset({"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_ROWID"})
_EXPRESSION_INDEX = re.compile(r"index '(\w+)'")


class WritingConnection:
    """A connection behind its views and triggers. Without a scope all bounds are null: nothing is seen or changed.

    Whether it is beyond its scope is looked at when a row is read or changed, never only when a statement is prepared:
    prepared statements are kept.
    """

    def __init__(self, file: Path) -> None:
        self.settings: dict[str, str | int | None] = dict.fromkeys(SETTINGS)
        self.is_beyond = False
        self.deadline = _NEVER
        self.target: str | None = None
        """The table that is being changed."""
        self._secret = f"v{secrets.token_hex(16)}_"
        tables = frozenset(RULES) | UNREADABLE
        self._views = tables | {self._secret + table for table in tables}
        self.driver = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=1000,
        )
        for pragma in (
            "temp_store=memory",  # first: changing it drops temporary views
            "cache_size=-65536",
            "busy_timeout=5000",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "recursive_triggers=ON",  # or INSERT OR REPLACE would remove rows behind the triggers' back
        ):
            self.driver.execute(f"PRAGMA {pragma}")
        for name in SETTINGS:
            self.driver.create_function(f"scope_{name}", 0, lambda name=name: self.settings[name], deterministic=True)
        self.driver.create_function("scope_beyond", 0, lambda: int(self.is_beyond), deterministic=True)
        for statement in (*sqlite_views(self._secret, writing=True), *sqlite_triggers(self._secret)):
            self.driver.execute(statement)
        # The table-valued function is looked up once before the authorizer is set, which would refuse its creation.
        self.driver.execute("SELECT value FROM json_each('[]')").fetchall()
        self.driver.set_authorizer(self._authorize)
        self.driver.set_progress_handler(lambda: time.monotonic() > self.deadline, _STEPS_BETWEEN_LOOKS_AT_THE_CLOCK)

    def wear(self, scope: Scope | None) -> None:
        """See and change the world through the scope; through none, nothing."""
        self.settings.update(scope.settings() if scope else dict.fromkeys(SETTINGS))
        self.is_beyond = False
        self.deadline = _NEVER

    def _authorize(
        self, action: int, subject: str | None, column: str | None, database: str | None, source: str | None
    ) -> int:
        if action in _CHANGES:
            allowed = self._may_change(action, subject, column)
        elif action == sqlite3.SQLITE_READ:
            by_filter = source is not None and source.startswith(self._secret)
            is_view = (database == "temp" and subject in self._views) or subject == "json_each"
            allowed = by_filter or is_view or self._may_read_for_change(str(subject), str(column))
        else:
            allowed = action in _ALLOWED
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

    def _may_change(self, action: int, table: str | None, column: str | None) -> bool:
        if table is None or table != self.target:
            return False
        write = WRITES.get(table)
        if self.is_beyond or write is None:
            return self.is_beyond
        is_granted = getattr(write, _CHANGES[action]) is not None
        return is_granted and (action != sqlite3.SQLITE_UPDATE or column in write.columns)

    def _may_read_for_change(self, table: str, column: str) -> bool:
        """Whether a bare column is read because a row is changed: its own table's, or one side of a foreign key."""
        return self.target is not None and (table == self.target or (table, column) in _linked())


class SqliteWriter(Writer):
    """See `models.writer.Writer`. Its statements run on the event loop, and no other writer runs beside it."""

    engine: Engine = "sqlite"

    def __init__(self, connection: WritingConnection, scope: Scope) -> None:
        super().__init__(scope)
        self._connection = connection

    def begin(self) -> None:
        """Take the lock that lets one process write, waiting for it if need be, and wear the scope."""
        self._connection.wear(self.scope)
        self._do("BEGIN IMMEDIATE")

    def end(self) -> None:
        """Let go of the connection; what isn't committed by now is undone."""
        self._is_over = True
        self._connection.wear(None)
        if self._connection.driver.in_transaction:
            self._connection.driver.execute("ROLLBACK")

    async def _fetch(self, statement: Statement, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        text, values = statement.bind("sqlite", parameters)
        # What was prepared beyond, where all columns may be changed, must not be taken for what is prepared within.
        return self._do(text + " -- beyond" if self._connection.is_beyond else text, values, statement.target)

    async def _execute(self, command: str) -> None:
        self._do(command)

    def _do(self, text: str, values: Sequence[Any] = (), target: str | None = None) -> Sequence[Sequence[Any]]:
        connection = self._connection
        connection.deadline = time.monotonic() + STATEMENT_SECONDS
        connection.target = target
        try:
            return connection.driver.execute(text, values).fetchall()
        except (sqlite3.Error, OverflowError) as error:  # a number beyond 64 bits fails before it reaches SQLite
            raise _failure(error) from error
        finally:
            connection.target = None
            connection.deadline = _NEVER

    async def _leave_scope(self) -> None:
        self._connection.is_beyond = True

    async def _return_to_scope(self) -> None:
        self._connection.is_beyond = False


def _failure(error: Exception) -> StoreError:
    """What went wrong, in the words of the store."""
    name = getattr(error, "sqlite_errorname", "")
    if name in _TAKEN:
        return TakenError(_constraint(str(error)))
    if name and error.sqlite_errorcode & _PRIMARY_CODE in _BUSY:  # type: ignore[attr-defined]  # as it has a name
        return TryAgainError(str(error))
    if "interrupted" in str(error):
        return StoreTimeoutError(f"a statement took longer than {STATEMENT_SECONDS:g} s")
    return StoreError(str(error))


def _constraint(message: str) -> str:
    """The name of what SQLite describes by its columns, or by its name where it has expressions."""
    by_name = _EXPRESSION_INDEX.search(message)
    if by_name:
        return by_name[1]
    columns = [column.strip() for column in message.partition(":")[2].split(",")]
    return _unique_names()[frozenset(columns)]


@cache
def _unique_names() -> Mapping[frozenset[str], str]:
    """The names of unique indexes, constraints and primary keys by their columns, written as SQLite does."""
    names = {}
    for table in SQLModel.metadata.tables.values():
        indexes = [each for each in table.indexes if each.unique]
        constraints = [each for each in table.constraints if isinstance(each, (UniqueConstraint, PrimaryKeyConstraint))]
        # Where an index repeats a constraint, PostgreSQL tells of the constraint; so these come last.
        for each in (*indexes, *constraints):
            names[frozenset(f"{table.name}.{column.name}" for column in each.columns)] = str(each.name)
    return names


@cache
def _linked() -> frozenset[tuple[str, str]]:
    """The columns by which foreign keys are checked, on either side, by table and name."""
    keys = [key for table in SQLModel.metadata.tables.values() for key in table.foreign_keys]
    return frozenset((side.table.name, side.name) for key in keys for side in (key.parent, key.column))
