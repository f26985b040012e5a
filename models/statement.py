"""A statement that is built once: Core at the top, plain text and an order of parameters when it reaches a driver."""

import re
from collections import namedtuple
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal, Protocol, cast

import orjson
from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    Boolean,
    ColumnElement,
    Delete,
    Dialect,
    Insert,
    Select,
    Text,
    TextClause,
    TextualSelect,
    Update,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import Executable, TableValuedAlias
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import iterate
from sqlalchemy.types import TypeEngine

from models.base import iso
from models.policy.scope import SETTINGS

Engine = Literal["postgresql", "sqlite"]
Row = Any
"""A named tuple of the columns that its statement selects; `row.noun` is the table that it comes from."""

_DIALECTS: dict[Engine, Dialect] = {
    "postgresql": asyncpg.dialect(),  # type: ignore[no-untyped-call]  # so SQLAlchemy has it
    "sqlite": sqlite.dialect(),
}


_DEAR = 10**12
_PLANNED_EACH_TIME = or_(
    bindparam("is_planned_each_time", value=True, type_=Boolean),
    literal_column(f"(SELECT count(*) FROM generate_series(1, {_DEAR})) < 0"),
)
"""Nothing to a planner that knows its first half to be true; otherwise so dear that no such plan is ever kept."""
_PARAMETER = re.compile(r"(\$\d+)::([A-Z]+(?: WITH(?:OUT)? TIME ZONE)?(?:\[\])?)")
"""Behind a sub-query a value is unknown to the planner at all times, so that knowing it never makes a better plan."""
_TARGET = re.compile(r'\b(INSERT INTO |UPDATE |DELETE FROM )("?\w+"?)')


class RowType(Protocol):
    """Makes rows of one statement out of a driver's tuples."""

    def _make(self, values: Sequence[Any]) -> Row: ...


class Statement:
    """A prebuilt statement, its parameters named by `bindparam`.

    Build it once at import, or once for each shape of a query; never for a value.

    PostgreSQL plans a statement each time, knowing its values, or once for each connection, without. To a page over a
    range of paths the values are everything: a plan kept from one scope may be ruinous under another. To look rows up
    by their keys they are nothing, and planning costs more than running. Which of them a statement is has to be
    said; its text then leaves PostgreSQL no other choice (docs/decisions/0008).

    Args:
        source: tables and columns.
        noun: the table whose rows it gives, if they are to be told apart later.
        is_lookup: whatever its values, it is best run in the same way.
        is_long: it reads much to give little, as a sum does: SQLite, which runs in this process, runs it beside others.
        sets_scope: see `alone`.

    Raises:
        TypeError: the source is text, in which anything could stand; PostgreSQL's filter is set by a statement. Or it
            changes rows in more than one place, or names a schema or has text in it while it changes rows.
    """

    def __init__(
        self,
        source: Executable,
        noun: str = "",
        *,
        is_lookup: bool = False,
        is_long: bool = False,
        sets_scope: bool = False,
    ) -> None:
        if not isinstance(source, Executable) or isinstance(source, (TextClause, TextualSelect)):
            raise TypeError(f"a statement is built of tables and columns, not of text: {source!r}")
        self.is_write = isinstance(source, (Insert, Update, Delete))
        """Whether it changes rows of one table."""
        _check_writing(source)
        self.source = source
        self.noun = noun
        self.is_lookup = is_lookup
        self.is_long = is_long
        self.sets_scope = sets_scope
        self._texts: dict[Engine, tuple[str, tuple[str, ...], dict[str, Any]]] = {}

    @cached_property
    def target(self) -> str | None:
        """The table whose rows it changes."""
        return str(self.source.table.name) if self.is_write else None  # type: ignore[attr-defined]  # as it changes rows

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The labels of the selected columns, in their order."""
        return tuple(column.key for column in self.source.exported_columns)  # type: ignore[attr-defined]  # Executable covers statements that give no rows

    @cached_property
    def row(self) -> RowType:
        """The named tuple class of its rows."""
        base = namedtuple("Row", self.columns)  # type: ignore[misc]  # the columns are known when the statement is built, not to mypy
        return cast(RowType, type(self.noun or "Row", (base,), {"__slots__": (), "noun": self.noun}))

    @cached_property
    def alone(self) -> "Statement":
        """The same lookup as the only statement of its response: on PostgreSQL it sets the scope itself.

        So it takes no transaction around it, and is its own snapshot; a reader refuses any that comes before or after.
        """
        assert self.is_lookup  # noqa: S101  # planned for its values, another could come out wrong
        return Statement(self.source, self.noun, is_lookup=True, sets_scope=True)

    def text(self, engine: Engine) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        """The SQL text, the names of its parameters in the order of their places, and the constants among them."""
        found = self._texts.get(engine)
        if found is None:
            source: Any = self.source
            if engine == "postgresql" and isinstance(source, Select) and not self.is_lookup:
                source = source.where(_PLANNED_EACH_TIME)
            if isinstance(source, Insert) and not self.columns:
                source = source.inline()  # or SQLAlchemy would have PostgreSQL return the new row's key unasked
            if engine == "postgresql" and self.sets_scope:
                source = _within_scope(source)
            compiled = source.compile(dialect=_DIALECTS[engine])
            assert isinstance(compiled, SQLCompiler)  # noqa: S101  # a statement, not DDL
            text = str(compiled)
            if engine == "postgresql" and self.is_lookup:
                text = _PARAMETER.sub(r"(SELECT \1::\2)::\2", text)
            if engine == "sqlite":
                # To SQLite CROSS JOIN is an order: first the keys, then for each what belongs to it. Left to itself it
                # may walk the table and look each row up among the keys.
                text = text.replace(f" AS {KEYS} JOIN ", f" AS {KEYS} CROSS JOIN ")
                # What is changed is the table; what is read is the view of that name, behind which the filter stands.
                text = _TARGET.sub(r"\1main.\2", text, count=1) if self.is_write else text
            found = self._texts[engine] = (text, tuple(compiled.positiontup or ()), dict(compiled.params))
        return found

    def bind(self, engine: Engine, parameters: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """The SQL text and its parameters as the engine's driver takes them.

        Raises:
            KeyError: a parameter is missing.
        """
        text, names, constants = self.text(engine)
        values = [parameters[name] if name in parameters else constants[name] for name in names]
        return text, values if engine == "postgresql" else [_for_sqlite(value) for value in values]


SCOPE = "scope_"
"""What the names of the parameters begin with that take the settings of a scope."""


def _within_scope(source: Select[Any]) -> Select[Any]:
    """The rows of a source, behind a row that sets the scope.

    PostgreSQL has to make that row before it begins with the others: they stand in a sub-query that refers to it and,
    for its offset, isn't merged with what is around it. `true` makes the settings end with the statement.
    """
    scope = select(*map(_setting, SETTINGS)).subquery("scope")
    rows: Select[Any] = select(literal_column("found.*")).select_from(source.subquery("found"))
    asked = rows.where(scope.c.lo.is_not(None)).offset(literal_column("0")).lateral("asked")
    return select(literal_column("asked.*")).select_from(scope.join(asked, true()))


def _setting(name: str) -> ColumnElement[str]:
    given: BindParameter[str] = bindparam(SCOPE + name)
    return func.set_config(literal_column(f"'canopy.{name}'"), given, true(), type_=Text).label(name)


def _check_writing(source: Executable) -> None:
    """Refuse what could hide a change from SQLite's authorizer, which is told one table to be changed and read bare."""
    parts = list(iterate(source))  # type: ignore[arg-type]  # every statement is made of parts
    changes = [part for part in parts if isinstance(part, (Insert, Update, Delete))]
    if changes and changes != [source]:
        raise TypeError("a statement changes rows in one place, its beginning")
    for part in parts if changes else ():
        is_text = isinstance(part, TextClause) or getattr(part, "is_literal", False) or getattr(part, "_prefixes", ())
        if is_text or getattr(part, "schema", None):
            raise TypeError(f"a statement that changes rows holds no text and names no schema: {part}")


def _for_sqlite(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return orjson.dumps([_for_sqlite(item) for item in value]).decode()
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    return value


def many(name: str, of: type[TypeEngine[Any]] | TypeEngine[Any] = BigInteger) -> BindParameter[Any]:
    """A parameter that takes a list: an array on PostgreSQL, JSON text on SQLite."""
    return bindparam(name, type_=ARRAY(of))


class AnyOf(ColumnElement[bool]):
    """`column = any of a list parameter`: one text whatever the length of the list."""

    inherit_cache = False

    def __init__(self, column: ColumnElement[Any], values: BindParameter[Any]) -> None:
        self.column = column
        self.values = values

    def get_children(self, **_options: Any) -> tuple[ColumnElement[Any], ...]:
        """Its parts, for those who look through a condition."""
        return (self.column, self.values)


@compiles(AnyOf, "postgresql")
def _any_of_postgresql(element: AnyOf, compiler: SQLCompiler, **options: Any) -> str:
    return f"{compiler.process(element.column, **options)} = ANY ({compiler.process(element.values, **options)})"


@compiles(AnyOf, "sqlite")
def _any_of_sqlite(element: AnyOf, compiler: SQLCompiler, **options: Any) -> str:
    column, values = compiler.process(element.column, **options), compiler.process(element.values, **options)
    return f"{column} IN (SELECT value FROM json_each({values}))"


def any_of(
    column: ColumnElement[Any], name: str, of: type[TypeEngine[Any]] | TypeEngine[Any] = BigInteger
) -> ColumnElement[bool]:
    """The column equals one of the list that is passed as `name`."""
    return AnyOf(column, many(name, of))


KEYS = "k"
"""The name of the table of keys that a statement starts from."""


def keys(name: str, engine: Engine, of: type[TypeEngine[Any]] = BigInteger) -> TableValuedAlias:
    """A table `k` of one column, `value`: the list that is passed as `name`."""
    if engine == "postgresql":
        return func.unnest(many(name, of)).table_valued("value", name=KEYS).render_derived()
    return func.json_each(bindparam(name, type_=Text)).table_valued("value", name=KEYS)
