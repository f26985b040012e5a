"""The statements behind every list, built once for each shape and kept.

A shape is all that changes the text: table, columns, order, direction, which filters, whether there is a cursor.
Values are parameters. Query texts and their measurements: storage reference §3.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Table,
    Text,
    UnaryExpression,
    and_,
    bindparam,
    func,
    literal_column,
    select,
    true,
    tuple_,
)
from sqlalchemy.sql.operators import custom_op

from models.statement import Engine, Statement, any_of, keys
from resolvers.listing import Columns, Listing
from resolvers.page import COUNT_CAP, SORT_KEY

_SHAPES = 4000
"""Statements kept of each kind; a shape takes a few kilobytes."""

_ZERO: Any = literal_column("0")


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
    """

    columns: tuple[str, ...]
    filters: tuple[tuple[str, int], ...]
    sort: str
    descending: bool
    after_cursor: bool = False
    max_depth: bool = False
    narrowed: bool = True


@lru_cache(_SHAPES)
def scope_page(engine: Engine, listing: Listing, shape: Shape) -> Statement:
    """A page over one range of paths: ids first, from an index, then the rows.

    Parameters: `lo`, `hi` (when narrowed), `vendor`, `max_length`, `cursor_key`, `cursor_id`, `limit`, and the
    filters' own.
    """
    t = listing.table.alias("t")
    is_long = _is_long(listing, shape)
    sort: ColumnElement[Any] = t.c[shape.sort]
    row_id: ColumnElement[Any] = t.c["id"]
    if engine == "sqlite" and shape.narrowed and listing.place is not None:
        # SQLite has no idea how small the range is, and would rather walk the sort order: `+` takes that from it.
        sort = _no_index(sort)
    ids = select(t.c["id"], t.c[shape.sort].label("order_key")).where(
        *_scope_conditions(listing, t.c, shape, is_walked=engine == "sqlite"), *_keyset(t.c, shape)
    )
    if is_long and engine == "postgresql" and listing.place is not None:
        # Where names begin with what is looked for, all hits are at one end of the order: never walk it to find them.
        hits = ids.offset(_ZERO).subquery("h")
        ids, sort, row_id = select(hits), hits.c["order_key"], hits.c["id"]
    ids = ids.order_by(*_order(sort, row_id, shape)).limit(_limit())
    if listing.place is None:
        return Statement(ids.with_only_columns(*_output(t.c, shape)), listing.noun, is_long=is_long)
    a = listing.table.alias("a")
    rows = select(*_output(a.c, shape))
    if engine == "sqlite":
        # IN, for a join makes SQLite read the whole table first, for a Bloom filter over a hundred ids.
        rows = rows.where(a.c["id"].in_(ids.with_only_columns(t.c["id"])))
        return Statement(rows.order_by(*_order(a.c[shape.sort], a.c["id"], shape)), listing.noun, is_long=is_long)
    # OFFSET 0 keeps the planner from turning the look-ups by id into a join that it would misjudge.
    page = ids.subquery("p")
    row = rows.where(a.c["id"] == page.c["id"]).correlate(page).offset(_ZERO).lateral("r")
    order = _order(page.c["order_key"], page.c["id"], shape)
    return Statement(select(*row.c).select_from(page.join(row, true())).order_by(*order), listing.noun)


@lru_cache(_SHAPES)
def scope_count(engine: Engine, listing: Listing, shape: Shape) -> Statement:
    """How many rows such a page could reach, up to one more than the cap: one row, one column."""
    t = listing.table.alias("t")
    some = select(_ZERO).select_from(t).where(*_scope_conditions(listing, t.c, shape)).limit(COUNT_CAP + 1)
    return Statement(select(func.count().label("n")).select_from(some.subquery("s")), is_long=_is_long(listing, shape))


def _is_long(listing: Listing, shape: Shape) -> bool:
    return any(listing.filters[name].gathers for name, _ in shape.filters)


@lru_cache(_SHAPES)
def pages_of_parents(engine: Engine, listing: Listing, match: Match, shape: Shape) -> Statement:
    """The same page for each of many parents, in one statement.

    Parameters: `keys` (the parents'), `cursor_key`, `cursor_id`, `limit`, `max_length` and the filters' own. The
    rows come with their `parent_key`; on PostgreSQL those of a parent in their order, on SQLite in none, but with
    what they are sorted by as a last column, `order_key`.
    """
    k = keys("keys", engine, match.key_type)
    key = k.c["value"]
    t = listing.table.alias("t")
    where = [*_parent_conditions(listing, match, t.c, key, shape), *_keyset(t.c, shape)]
    order = _order(t.c[shape.sort], t.c["id"], shape)
    parent_key = key.label("parent_key")
    if engine == "postgresql":
        rows = select(*_output(t.c, shape)).where(*where).correlate(k)
        if match.fenced:
            fenced = rows.add_columns(t.c[shape.sort].label("fenced_key")).offset(_ZERO).subquery("f")
            rows = select(*(column for column in fenced.c if column.key != "fenced_key"))
            order = _order(fenced.c["fenced_key"], fenced.c["id"], shape)
        page = rows.order_by(*order).limit(_limit()).lateral("p")
        page_of_each = select(parent_key, *page.c).select_from(k.join(page, true()))
        return Statement(page_of_each, listing.noun, is_lookup=_is_lookup(match, shape))
    # SQLite has no LATERAL; a correlated IN with an order and limit of its own does the same.
    ids = select(t.c["id"]).where(*where).order_by(*order).limit(_limit()).correlate(k)
    a = listing.table.alias("a")
    rows = select(parent_key, *_output(a.c, shape), a.c[shape.sort].label("order_key"))
    return Statement(rows.select_from(k.join(a, a.c["id"].in_(ids))), listing.noun)


@lru_cache(_SHAPES)
def counts_of_parents(engine: Engine, listing: Listing, match: Match, shape: Shape) -> Statement:
    """For each of many parents (`keys`) how many rows its list has, up to one more than the cap."""
    k = keys("keys", engine, match.key_type)
    t = listing.table.alias("t")
    where = _parent_conditions(listing, match, t.c, k.c["value"], shape)
    some = select(_ZERO).select_from(t).where(*where).limit(COUNT_CAP + 1)
    if engine == "postgresql":
        counted = select(func.count().label("n")).select_from(some.correlate(k).subquery("s")).lateral("c")
        count_of_each = select(k.c["value"].label("parent_key"), counted.c["n"]).select_from(k.join(counted, true()))
        return Statement(count_of_each, is_lookup=_is_lookup(match, shape))
    # SQLite correlates a sub-query's own sub-query no deeper than one level, so here the cap is applied afterwards.
    number = select(func.count()).select_from(t).where(*where).correlate(k).scalar_subquery()
    return Statement(select(k.c["value"].label("parent_key"), number.label("n")).select_from(k))


@lru_cache(_SHAPES)
def rows_by_key(table: Table, column: str, columns: tuple[str, ...], order: tuple[str, ...] = ()) -> Statement:
    """The rows whose `column`, which comes first, is one of `keys`, sorted by `order`."""
    selected = [table.c[name] for name in dict.fromkeys((column, *columns))]
    return Statement(
        select(*selected)
        .where(any_of(table.c[column], "keys", table.c[column].type))
        .order_by(*(table.c[name] for name in order)),
        table.name,
        is_lookup=True,
    )


def _is_lookup(match: Match, shape: Shape) -> bool:
    """Whether a parent's rows are found by its key alone, through one index."""
    return not (match.fenced or shape.filters or shape.narrowed or shape.max_depth)


def _scope_conditions(
    listing: Listing, c: Columns, shape: Shape, *, is_walked: bool = False
) -> list[ColumnElement[bool]]:
    conditions = _filters(listing, c, shape, is_walked=is_walked)
    if shape.narrowed and listing.whole_scope is not None:
        conditions.append(listing.whole_scope(c))
    elif shape.narrowed and listing.place is not None:
        conditions.append(_in_range(c[listing.place]))
    return conditions


def _parent_conditions(
    listing: Listing, match: Match, c: Columns, key: ColumnElement[Any], shape: Shape
) -> list[ColumnElement[bool]]:
    conditions = [match.condition(c, key), *_filters(listing, c, shape)]
    if shape.narrowed and listing.place is not None:
        conditions.append(_in_range(c[listing.place]))
    if shape.max_depth:
        conditions.append(func.length(c["path"]) <= func.length(key) + bindparam("max_length", type_=Integer))
    return conditions


def _in_range(place: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(place >= bindparam("lo", type_=Text), place < bindparam("hi", type_=Text))


def _filters(listing: Listing, c: Columns, shape: Shape, *, is_walked: bool = False) -> list[ColumnElement[bool]]:
    """The conditions of the filters; where SQLite is to walk the order, broad ones offer it no index."""
    plain: Any = {name: _no_index(c[name]) for name in c.keys()} if is_walked and not shape.narrowed else c  # noqa: SIM118  # no dict
    chosen = [(listing.filters[name], name, arity) for name, arity in shape.filters]
    return [each.condition(plain if each.is_broad else c, name, arity) for each, name, arity in chosen]


def _no_index(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column behind a `+`, which to SQLite is an expression that no index holds."""
    return UnaryExpression(column, operator=custom_op("+"), type_=column.type)


def _keyset(c: Columns, shape: Shape) -> list[ColumnElement[bool]]:
    if not shape.after_cursor:
        return []
    here = tuple_(c[shape.sort], c["id"])
    there = tuple_(bindparam("cursor_key", type_=c[shape.sort].type), bindparam("cursor_id", type_=BigInteger))
    return [here < there if shape.descending else here > there]


def _order(sort: ColumnElement[Any], row_id: ColumnElement[Any], shape: Shape) -> list[ColumnElement[Any]]:
    return [sort.desc(), row_id.desc()] if shape.descending else [sort.asc(), row_id.asc()]


def _output(c: Columns, shape: Shape) -> list[ColumnElement[Any]]:
    names = dict.fromkeys(("id", *shape.columns))
    return [c[shape.sort].label(SORT_KEY) if name == SORT_KEY else c[name] for name in names]


def _limit() -> Any:
    return bindparam("limit", type_=BigInteger)
