"""What can be listed: for each table its orders and filters, as data from which statements are built."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Table, Text, and_, bindparam, select, true
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.elements import KeyedColumnElement

from models.statement import any_of
from models.text import fold, terms
from resolvers.privileges import Privilege

if TYPE_CHECKING:
    from resolvers.context import Context

Columns = ReadOnlyColumnCollection[str, KeyedColumnElement[Any]]
Condition = Callable[[Columns, str, int], ColumnElement[bool]]
"""Columns of the listed table, the parameter's name, and how many values the filter was given."""

_MAX_WORDS = 5


@dataclass(frozen=True, eq=False, slots=True)
class Sort:
    """An order: an indexed column that is never null. The row's id breaks ties."""

    column: str
    parse: Callable[[str], Any] | None = None
    """Turns a cursor's text back into the column's Python type; None where JSON keeps it."""
    privilege: Privilege | None = None
    """Sorting by a column tells of it, so it takes the privilege to see it."""


@dataclass(frozen=True, eq=False, slots=True)
class Filter:
    """A condition on the listed rows.

    Args:
        condition: the SQL, with its parameters named after the filter.
        parameters: the values for those parameters.
        arity: how many conditions a value makes; part of the statement's shape.
        privilege: what it takes to ask (filtering by a hidden column would tell of it).
        column: that a single value is compared with.
        range_of: the column of which it bounds the range.
        is_selective: it lets but a few rows through, which an index finds.
        gathers: what matches is found by another table, so that no order leads to it.
        prepare: turns what was asked for into the value of another filter, with at most one statement.
    """

    condition: Condition
    parameters: Callable[[str, Any], dict[str, Any]]
    arity: Callable[[Any], int] = lambda _value: 1
    privilege: Privilege | None = None
    column: str = ""
    range_of: str = ""
    is_selective: bool = False
    gathers: bool = False
    prepare: "Callable[[Context, Any], Awaitable[tuple[str, Any]]] | None" = None

    @property
    def is_reference(self) -> bool:
        """Whether it leads to what belongs to one other row."""
        return self.column.endswith("_id")


@dataclass(frozen=True, eq=False, slots=True)
class Listing:
    """A table that can be paged through.

    Args:
        table: where its rows are.
        sorts: the orders that it offers.
        default: the order where none is asked for, and whether it descends.
        filters: by the names of `filter` inputs.
        place: the column that holds a path, by which a subtree is one range; None for the catalogue.
        whole_scope: what narrows a page over the whole scope to rows that can be visible, for speed alone.
    """

    table: Table
    sorts: Mapping[str, Sort]
    default: tuple[str, bool]
    filters: Mapping[str, Filter] = field(default_factory=dict)
    place: str | None = "path"
    whole_scope: Callable[[Columns], ColumnElement[bool]] | None = None

    @property
    def noun(self) -> str:
        """The table's name, which its rows carry."""
        return self.table.name


def storable(values: Iterable[Any]) -> list[Any]:
    """The values without texts that no row can hold: PostgreSQL refuses U+0000, even in a parameter."""
    return [value for value in values if not (isinstance(value, str) and "\0" in value)]


def one_of(
    column: str, of: Any = Text, *, privilege: Privilege | None = None, folded: bool = False, is_selective: bool = False
) -> Filter:
    """The column is one of a list of values; `folded` for columns that hold folded text.

    A single value is compared by equality: only then can an index that begins with the column give the order too.
    """

    def condition(c: Columns, name: str, count: int) -> ColumnElement[bool]:
        return c[column] == bindparam(name, type_=c[column].type) if count == 1 else any_of(c[column], name, of)

    def parameters(name: str, values: Sequence[Any]) -> dict[str, Any]:
        kept = storable(map(fold, values) if folded else values)
        return {name: next(iter(kept), None) if len(values) == 1 else kept}

    return Filter(
        condition,
        parameters,
        lambda values: min(len(values), 2) or 2,
        privilege,
        column=column,
        is_selective=is_selective,
    )


def equals(column: str) -> Filter:
    """The column has the value."""
    return Filter(lambda c, name, _n: c[column] == bindparam(name, type_=c[column].type), lambda name, v: {name: v})


def at_least(column: str, key: str = "") -> Filter:
    """The column is the value or later; so is its `key`, if it has a column that it is sorted by in its stead."""

    def condition(c: Columns, name: str, _count: int) -> ColumnElement[bool]:
        return and_(*(c[each] >= bindparam(name, type_=c[each].type) for each in (column, key) if each))

    return Filter(condition, lambda name, value: {name: value}, range_of=key or column)


def at_most(column: str, key: str = "") -> Filter:
    """The column is the value or earlier; its `key` too."""

    def condition(c: Columns, name: str, _count: int) -> ColumnElement[bool]:
        return and_(*(c[each] <= bindparam(name, type_=c[each].type) for each in (column, key) if each))

    return Filter(condition, lambda name, value: {name: value}, range_of=key or column)


def before(column: str) -> Filter:
    """The column is earlier than the value."""
    return Filter(
        lambda c, name, _n: c[column] < bindparam(name, type_=c[column].type),
        lambda name, v: {name: v},
        range_of=column,
    )


def through(
    table: Table,
    key: str,
    column: str,
    *,
    own: str = "id",
    privilege: Privilege | None = None,
    folded: bool = False,
    of: Any = Text,
    is_selective: bool = False,
) -> Filter:
    """Some row of another table, joined by `key`, has one of a list of values in `column`."""
    return Filter(
        condition=lambda c, name, _n: c[own].in_(
            select(table.c[key]).where(any_of(table.c[column], name, of)).correlate_except(table)
        ),
        parameters=lambda name, values: {name: storable(map(fold, values) if folded else values)},
        privilege=privilege,
        is_selective=is_selective,
    )


def words(table: Table, key: str, *, own: str, privilege: Privilege | None = None) -> Filter:
    """Each word of the text begins a word of the row's terms, whatever their case and accents.

    Args:
        table: the term table.
        key: its column that names the row.
        own: the listed table's column that `key` refers to.
        privilege: see `Filter`.
    """

    def condition(c: Columns, name: str, count: int) -> ColumnElement[bool]:
        term = table.c.term
        matches = [
            c[own].in_(
                select(table.c[key]).where(
                    term >= bindparam(f"{name}_{at}", type_=Text), term < bindparam(f"{name}_{at}_end", type_=Text)
                )
            )
            for at in range(count)
        ]
        return and_(true(), *matches)

    def parameters(name: str, text: str) -> dict[str, Any]:
        values = {}
        for at, word in enumerate(search_words(text)):
            values[f"{name}_{at}"] = word
            values[f"{name}_{at}_end"] = word + "\U0010ffff"
        return values

    return Filter(condition, parameters, lambda text: len(search_words(text)), privilege, gathers=True)


def search_words(text: str) -> list[str]:
    """The folded words that are looked for, longest first: the rarest, most often, narrows first."""
    return sorted(terms(text), key=len, reverse=True)[:_MAX_WORDS]


def instant(text: str) -> datetime:
    """A cursor's text as an instant."""
    return datetime.fromisoformat(text)


def day(text: str) -> date:
    """A cursor's text as a date."""
    return date.fromisoformat(text)
