"""The number of the present transaction, and of the first that isn't over yet, as columns of a statement."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler


class ThisTransaction(ColumnElement[int]):
    """The number of the transaction that a statement runs in; 0 on SQLite, where they follow one another."""

    inherit_cache = True
    type = BigInteger()


class FirstUnfinished(ColumnElement[int]):
    """The lowest number of a transaction that may still commit; above all others on SQLite."""

    inherit_cache = True
    type = BigInteger()


@compiles(ThisTransaction, "postgresql")
def _this_on_postgresql(_element: ThisTransaction, _compiler: SQLCompiler, **_options: Any) -> str:
    return "pg_current_xact_id()::text::bigint"


@compiles(ThisTransaction, "sqlite")
def _this_on_sqlite(_element: ThisTransaction, _compiler: SQLCompiler, **_options: Any) -> str:
    return "0"


@compiles(FirstUnfinished, "postgresql")
def _first_on_postgresql(_element: FirstUnfinished, _compiler: SQLCompiler, **_options: Any) -> str:
    return "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


@compiles(FirstUnfinished, "sqlite")
def _first_on_sqlite(_element: FirstUnfinished, _compiler: SQLCompiler, **_options: Any) -> str:
    return "1"
