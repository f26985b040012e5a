"""The statements behind lists over a whole scope: ids first, from an index, then the rows.

Which ids is the hard part. Walking an order until a page is full costs next to nothing where most rows pass the
filters, and everything where the few that do all stand at its other end: names begin with what is looked for, or what
was created first is of one kind. Gathering all that pass and sorting them costs as much as there is of it. No planner
knows which it will be. So, over a wide scope, an order is walked for a bounded way, and what passes is gathered only
if that did not fill the page. Where an index holds the filtered rows in their order, neither question arises.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    Integer,
    Select,
    UnaryExpression,
    bindparam,
    case,
    func,
    select,
    true,
    union_all,
)
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.sql.selectable import FromClause
from sqlalchemy.sql.visitors import iterate

from models.statement import Engine, Statement
from resolvers.listing import Columns, Listing
from resolvers.page import COUNT_CAP
from resolvers.statements import SHAPES, ZERO, Shape, filters_of, in_range, keyset, limit, ordered, output

_WAY = 2_000
"""Rows that are walked past before the rest is gathered."""


@lru_cache(SHAPES)
def scope_page(engine: Engine, listing: Listing, shape: Shape) -> Statement:
    """A page over one range of paths.

    Parameters: `lo`, `hi` (when narrowed), `vendor`, `max_length` (of a path), `cursor_key`, `cursor_id`, `limit`, and
    the filters' own.
    """
    t = listing.table.alias("t")
    if listing.place is None and listing.whole_scope is None:  # short lists, whose rows are small
        rows = select(*output(t.c, shape)).where(*_conditions(engine, listing, t.c, shape), *keyset(t.c, shape))
        return Statement(rows.order_by(*ordered(t.c[shape.sort], t.c["id"], shape)).limit(limit()), listing.noun)
    page: Any = _ids(engine, listing, shape).subquery("p")
    a = listing.table.alias("a")
    rows = select(*output(a.c, shape))
    if engine == "sqlite":
        # IN, for a join makes SQLite read the whole table first, for a Bloom filter over a hundred ids.
        rows = rows.where(a.c["id"].in_(select(page.c["id"])))
        rows = rows.order_by(*ordered(a.c[shape.sort], a.c["id"], shape))
        return Statement(rows, listing.noun, is_long=_is_long(listing, shape))
    # OFFSET 0 keeps the planner from turning the look-ups by id into a join that it would misjudge.
    row = rows.where(a.c["id"] == page.c["id"]).correlate(page).offset(ZERO).lateral("r")
    order = ordered(page.c["order_key"], page.c["id"], shape)
    return Statement(select(*row.c).select_from(page.join(row, true())).order_by(*order), listing.noun)


@lru_cache(SHAPES)
def scope_count(engine: Engine, listing: Listing, shape: Shape) -> Statement:
    """How many rows such a page could reach, up to one more than the cap: one row, one column."""
    t = listing.table.alias("t")
    some = select(ZERO).select_from(t).where(*_conditions(engine, listing, t.c, shape)).limit(COUNT_CAP + 1)
    number = select(func.count().label("n")).select_from(some.subquery("s"))
    return Statement(number, is_long=_is_long(listing, shape))


def _ids(engine: Engine, listing: Listing, shape: Shape) -> Any:
    """The page's ids, each with its `order_key`."""
    chosen = [listing.filters[name] for name, _ in shape.filters]
    if _is_indexed(listing, shape) or any(each.is_selective for each in chosen):
        return _in_order(engine, listing, shape)
    if shape.wide:
        return _walked_or_gathered(engine, listing, shape)
    if any(each.gathers for each in chosen):
        return _gathered(engine, listing, shape).limit(limit())
    return _in_order(engine, listing, shape)


def _in_order(engine: Engine, listing: Listing, shape: Shape) -> Select[Any]:
    """As the planner likes it."""
    t = listing.table.alias("t")
    sort: ColumnElement[Any] = t.c[shape.sort]
    if engine == "sqlite" and shape.narrowed and not shape.wide:
        # SQLite has no idea how small the range is, and would rather walk the sort order: `+` takes that from it.
        sort = _no_index(sort)
    found = select(t.c["id"], t.c[shape.sort].label("order_key"))
    found = found.where(*_conditions(engine, listing, t.c, shape), *keyset(t.c, shape))
    return found.order_by(*ordered(sort, t.c["id"], shape)).limit(limit())


def _gathered(engine: Engine, listing: Listing, shape: Shape) -> Select[Any]:
    """All that passes the filters, by whatever index finds it, then sorted; without its limit."""
    t = listing.table.alias("g")
    found = select(t.c["id"], t.c[shape.sort].label("order_key")).where(*_conditions(engine, listing, t.c, shape))
    if engine == "postgresql":
        hits = found.where(*keyset(t.c, shape)).offset(ZERO).subquery("h")
        return select(hits).order_by(*ordered(hits.c["order_key"], hits.c["id"], shape))
    hidden: Any = {shape.sort: _no_index(t.c[shape.sort]), "id": _no_index(t.c["id"])}
    return found.where(*keyset(hidden, shape)).order_by(*ordered(hidden[shape.sort], hidden["id"], shape))


def _walked_or_gathered(engine: Engine, listing: Listing, shape: Shape) -> Any:
    """What passes within the first part of the order; if that is too little, what is gathered instead."""
    t = listing.table.alias("t")
    leading = _leading(listing, shape)
    further = replace(shape, filters=tuple(each for each in shape.filters if each not in leading))
    names = {"id", shape.sort} | _columns_of(t, _conditions(engine, listing, t.c, further))
    way = select(*(t.c[name] for name in sorted(names))).where(
        *filters_of(listing, t.c, replace(shape, filters=leading)), *keyset(t.c, shape)
    )
    w = way.order_by(*ordered(t.c[shape.sort], t.c["id"], shape)).limit(_WAY).subquery("w")
    met = select(w.c["id"], w.c[shape.sort].label("order_key")).where(*_conditions(engine, listing, w.c, further))
    walked = met.order_by(*ordered(w.c[shape.sort], w.c["id"], shape)).limit(limit()).cte("walked")
    is_full = select(func.count(walked.c["id"])).scalar_subquery() >= limit()
    # A limit of nought is looked at before anything else; a condition might be looked at for each row.
    instead = _gathered(engine, listing, shape).limit(case((is_full, 0), else_=limit())).subquery("gathered")
    return union_all(select(walked).where(is_full), select(instead))


def _columns_of(t: FromClause, conditions: list[ColumnElement[bool]]) -> set[str]:
    """The columns of a table that conditions look at."""
    parts = (part for condition in conditions for part in iterate(condition))
    return {part.name for part in parts if isinstance(part, ColumnClause) and part.table is t}


def _leading(listing: Listing, shape: Shape) -> tuple[tuple[str, int], ...]:
    """The filters behind which an index holds the rows in the page's order: equal in its first columns, then sorted."""
    indexes = ([column.name for column in index.columns] for index in listing.table.indexes)
    starts = [names[: names.index(shape.sort)] for names in indexes if shape.sort in names]
    # A reference leads to fewer rows than a status.
    chosen = sorted(shape.filters, key=lambda each: not listing.filters[each[0]].is_reference)
    equal = {listing.filters[each[0]].column: each for each in chosen if each[1] == 1}
    usable = (start for start in starts if equal.keys() >= set(start))
    served = max(usable, key=lambda start: (len(start), start[:1] == list(equal)[:1]), default=[])
    bounds = tuple(each for each in shape.filters if listing.filters[each[0]].range_of == shape.sort)
    return (*(equal[column] for column in served), *bounds)


def _is_indexed(listing: Listing, shape: Shape) -> bool:
    """Whether an index holds the rows that pass in the order of the page: all of them, or those of one reference."""
    leading = _leading(listing, shape)
    is_all = len(leading) == len(shape.filters) and not shape.max_depth
    return is_all or any(listing.filters[name].is_reference for name, _ in leading)


def _is_long(listing: Listing, shape: Shape) -> bool:
    """Whether much may have to be read for little."""
    chosen = [listing.filters[name] for name, _ in shape.filters]
    if any(each.is_selective for each in chosen):
        return False
    return any(each.gathers for each in chosen) or (shape.wide and not _is_indexed(listing, shape))


def _conditions(engine: Engine, listing: Listing, c: Columns, shape: Shape) -> list[ColumnElement[bool]]:
    conditions = filters_of(listing, c, shape)
    if shape.max_depth:
        conditions.append(func.length(c["path"]) <= bindparam("max_length", type_=Integer))
    if shape.narrowed and listing.whole_scope is not None:
        conditions.append(listing.whole_scope(c))
    elif shape.narrowed and listing.place is not None:
        place = c[listing.place]
        conditions.append(in_range(_no_index(place) if engine == "sqlite" and shape.wide else place))
    return conditions


def _no_index(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column behind a `+`, which to SQLite is an expression that no index holds."""
    return UnaryExpression(column, operator=custom_op("+"), type_=column.type)
