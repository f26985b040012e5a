"""The statements behind lists, built once for each shape and kept; those over a whole scope are in `scope_pages.py`.

A shape is all that changes the text: table, columns, order, direction, which filters, whether there is a cursor.
Values are parameters. Query texts and their measurements: storage reference §3.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Table,
    Text,
    and_,
    bindparam,
    func,
    literal_column,
    select,
    true,
    tuple_,
)

from models.statement import Engine, Statement, any_of, keys
from resolvers.listing import Columns, Listing
from resolvers.page import COUNT_CAP, SORT_KEY

SHAPES = 4000
"""Statements kept of each kind; a shape takes a few kilobytes."""

ZERO: Any = literal_column("0")


class Match(Protocol):
    """How the rows of a list belong to their parents; hashable, as part of a statement's shape."""

    def __hash__(self) -> int: ...

    @property
    def key_type(self) -> Any:
        """The SQL type of a parent's key."""

    @property
    def fenced(self) -> bool:
        """Whether the planner must be kept from walking the sort order instead of the parent's rows."""

    def condition(self, c: Columns, key: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether a row belongs to the parent with that key."""


@dataclass(frozen=True, slots=True)
class ByColumn:
    """The row holds its parent's id in a column."""

    column: str
    key_type: Any = BigInteger
    fenced: bool = False

    def condition(self, c: Columns, key: ColumnElement[Any]) -> ColumnElement[bool]:
        """Equality: one range of an index that starts with the column."""
        return c[self.column] == key


@dataclass(frozen=True, slots=True)
class BelowPath:
    """The row's path lies strictly below its parent's, which is the key."""

    key_type: Any = Text
    # With the path unknown when the statement is planned, a walk of the sort index looks cheap and is ruinous.
    fenced: bool = True

    def condition(self, c: Columns, key: ColumnElement[Any]) -> ColumnElement[bool]:
        """One range of the index on paths."""
        return and_(c["path"] > key, c["path"] < key.concat(literal_column("'~'")))


@dataclass(frozen=True, slots=True)
class Shape:
    """All that decides the text of a page's statement.

    Args:
        columns: what is selected besides the parent's key and the id; `SORT_KEY` is what the page is sorted by.
        filters: names and arities.
        sort: the column sorted by.
        descending: the direction in which rows are fetched.
        after_cursor: whether it starts behind a cursor.
        max_depth: whether the depth is bounded.
        narrowed: whether the range of the scope is part of the statement.
        wide: whether the scope holds so much of the tree that an order may as well be walked.
    """

    columns: tuple[str, ...]
    filters: tuple[tuple[str, int], ...]
    sort: str
    descending: bool
    after_cursor: bool = False
    max_depth: bool = False
    narrowed: bool = True
    wide: bool = False


@lru_cache(SHAPES)
def pages_of_parents(engine: Engine, listing: Listing, match: Match, shape: Shape) -> Statement:
    """The same page for each of many parents, in one statement.

    Parameters: `keys` (the parents'), `cursor_key`, `cursor_id`, `limit`, `max_length` and the filters' own. The
    rows come with their `parent_key`; on PostgreSQL those of a parent in their order, on SQLite in none, but with
    what they are sorted by as a last column, `order_key`.
    """
    k = keys("keys", engine, match.key_type)
    key = k.c["value"]
    t = listing.table.alias("t")
    where = [*_parent_conditions(listing, match, t.c, key, shape), *keyset(t.c, shape)]
    order = ordered(t.c[shape.sort], t.c["id"], shape)
    parent_key = key.label("parent_key")
    if engine == "postgresql":
        rows = select(*output(t.c, shape)).where(*where).correlate(k)
        if match.fenced:
            fenced = rows.add_columns(t.c[shape.sort].label("fenced_key")).offset(ZERO).subquery("f")
            rows = select(*(column for column in fenced.c if column.key != "fenced_key"))
            order = ordered(fenced.c["fenced_key"], fenced.c["id"], shape)
        page = rows.order_by(*order).limit(limit()).lateral("p")
        page_of_each = select(parent_key, *page.c).select_from(k.join(page, true()))
        return Statement(page_of_each, listing.noun, is_lookup=_is_lookup(match, shape))
    # SQLite has no LATERAL; a correlated IN with an order and limit of its own does the same.
    ids = select(t.c["id"]).where(*where).order_by(*order).limit(limit()).correlate(k)
    a = listing.table.alias("a")
    rows = select(parent_key, *output(a.c, shape), a.c[shape.sort].label("order_key"))
    return Statement(rows.select_from(k.join(a, a.c["id"].in_(ids))), listing.noun)


@lru_cache(SHAPES)
def counts_of_parents(engine: Engine, listing: Listing, match: Match, shape: Shape) -> Statement:
    """For each of many parents (`keys`) how many rows its list has, up to one more than the cap."""
    k = keys("keys", engine, match.key_type)
    t = listing.table.alias("t")
    where = _parent_conditions(listing, match, t.c, k.c["value"], shape)
    some = select(ZERO).select_from(t).where(*where).limit(COUNT_CAP + 1)
    if engine == "postgresql":
        counted = select(func.count().label("n")).select_from(some.correlate(k).subquery("s")).lateral("c")
        count_of_each = select(k.c["value"].label("parent_key"), counted.c["n"]).select_from(k.join(counted, true()))
        return Statement(count_of_each, is_lookup=_is_lookup(match, shape))
    # SQLite correlates a sub-query's own sub-query no deeper than one level, so here the cap is applied afterwards.
    number = select(func.count()).select_from(t).where(*where).correlate(k).scalar_subquery()
    return Statement(select(k.c["value"].label("parent_key"), number.label("n")).select_from(k))


@dataclass(frozen=True, slots=True)
class RelatedRow:
    """The row that belongs to each row of another table: it holds in `column`, which is unique, what that `needs`."""

    table: Table
    column: str
    needs: str
    columns: tuple[str, ...]


@lru_cache(SHAPES)
def rows_by_key(
    table: Table,
    column: str,
    columns: tuple[str, ...],
    order: tuple[str, ...] = (),
    others: tuple[RelatedRow, ...] = (),
) -> Statement:
    """The rows whose `column`, which comes first, is one of `keys`, sorted by `order`.

    Behind them the columns of each of the others, `column` first: all null where there is no such row.
    """
    selected: list[ColumnElement[Any]] = [table.c[name] for name in dict.fromkeys((column, *columns))]
    rows: FromClause = table
    for at, each in enumerate(others):
        other = each.table.alias(f"o{at}")
        rows = rows.outerjoin(other, other.c[each.column] == table.c[each.needs])
        selected += [other.c[name].label(f"o{at}_{name}") for name in dict.fromkeys((each.column, *each.columns))]
    return Statement(
        select(*selected)
        .select_from(rows)
        .where(any_of(table.c[column], "keys", table.c[column].type))
        .order_by(*(table.c[name] for name in order)),
        table.name,
        is_lookup=True,
    )


def _is_lookup(match: Match, shape: Shape) -> bool:
    """Whether a parent's rows are found by its key alone, through one index."""
    return not (match.fenced or shape.filters or shape.narrowed or shape.max_depth)


def _parent_conditions(
    listing: Listing, match: Match, c: Columns, key: ColumnElement[Any], shape: Shape
) -> list[ColumnElement[bool]]:
    conditions = [match.condition(c, key), *filters_of(listing, c, shape)]
    if shape.narrowed and listing.place is not None:
        conditions.append(in_range(c[listing.place]))
    if shape.max_depth:
        conditions.append(func.length(c["path"]) <= func.length(key) + bindparam("max_length", type_=Integer))
    return conditions


def in_range(place: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a path lies in the range that the statement is narrowed to."""
    return and_(place >= bindparam("lo", type_=Text), place < bindparam("hi", type_=Text))


def filters_of(listing: Listing, c: Columns, shape: Shape) -> list[ColumnElement[bool]]:
    """The conditions of the filters."""
    return [listing.filters[name].condition(c, name, arity) for name, arity in shape.filters]


def keyset(c: Columns, shape: Shape) -> list[ColumnElement[bool]]:
    """Whether a row comes behind the cursor, if there is one."""
    if not shape.after_cursor:
        return []
    here = tuple_(c[shape.sort], c["id"])
    there = tuple_(bindparam("cursor_key", type_=c[shape.sort].type), bindparam("cursor_id", type_=BigInteger))
    return [here < there if shape.descending else here > there]


def ordered(sort: ColumnElement[Any], row_id: ColumnElement[Any], shape: Shape) -> list[ColumnElement[Any]]:
    """What to sort by, in the direction in which rows are fetched."""
    return [sort.desc(), row_id.desc()] if shape.descending else [sort.asc(), row_id.asc()]


def output(c: Columns, shape: Shape) -> list[ColumnElement[Any]]:
    """The columns of a page's rows: the id, then those that are asked for."""
    names = dict.fromkeys(("id", *shape.columns))
    return [c[shape.sort].label(SORT_KEY) if name == SORT_KEY else c[name] for name in names]


def limit() -> Any:
    """How many rows to fetch of each page."""
    return bindparam("limit", type_=BigInteger)
