"""Sources: where a field's data comes from, declared once as a function over a *set* of parents.

Every executor reaches the same sources: the dataloaders of `resolvers/context.py` gather the parents of one level
and call `fetch` once. There is no form that takes one parent.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table

from models.path import AFTER_SELF, AFTER_SUBTREE, WIDTH
from models.statement import Row, Statement
from resolvers.errors import InvalidError
from resolvers.listing import Listing
from resolvers.page import COUNT_CAP, SORT_KEY, CountRequest, PageRequest, Slice
from resolvers.privileges import Privilege
from resolvers.scope_pages import scope_count, scope_page
from resolvers.statements import (
    SHAPES,
    BelowPath,
    ByColumn,
    Match,
    RelatedRow,
    Shape,
    counts_of_parents,
    pages_of_parents,
    rows_by_key,
)

if TYPE_CHECKING:
    from resolvers.context import Context

Key = Any
"""What a source needs of a parent: the value of `needs`, or a tuple of the values when there are several."""


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """A field's data for many parents at once.

    Args:
        name: distinct among sources; part of cursors and of statement logs.
        needs: the column of the parent's row that is its key; none for what has no parent.
        fetch: called with the context, distinct keys and the request; gives one result for each key, in their order.
            An exception as a result is the failure of that key alone.
        leading: of a source of rows: the columns with which its rows begin. The request says which follow.
        noun: the table that its rows come from.
        fetch_along: of a source of single rows, which brings rows of other such sources along. Called with the context,
            distinct keys, the columns, of the others each with its columns, and whether the operation asks for nothing
            else. Gives for each key its row and, of each of the others, the row that belongs to it.
    """

    name: str
    needs: tuple[str, ...]
    fetch: "Callable[[Context, Sequence[Key], Any], Awaitable[Sequence[Any]]]"
    leading: tuple[str, ...] = ()
    noun: str = ""
    fetch_along: "Callable[..., Awaitable[Sequence[Sequence[Row | None]]]] | None" = None

    def layout(self, columns: Iterable[str]) -> tuple[str, ...]:
        """The names of what its rows hold, in their order, when these columns are asked for."""
        return tuple(dict.fromkeys((*self.leading, *columns)))


Others = tuple[tuple[Source, tuple[str, ...]], ...]
"""Sources of single rows, each with the columns that are asked of it."""


@dataclass(frozen=True, eq=False, slots=True)
class PageSource:
    """Pages of a list, and how long the list is.

    Args:
        listing: what is listed.
        pages: takes a `PageRequest`, gives a `Slice` for each parent.
        counts: takes a `CountRequest`, gives a number for each parent, one above the cap when there are more.
    """

    listing: Listing
    pages: Source
    counts: Source


def one(table: Table, needs: str, column: str = "id") -> Source:
    """The row that has in `column`, which is unique, what the parent has in `needs`; None where it is not visible."""

    async def fetch(context: "Context", ids: Sequence[Key], columns: tuple[str, ...]) -> list[Row | None]:
        rows = await context.tuples(rows_by_key(table, column, columns), {"keys": list(ids)})
        found = {row[0]: row for row in rows}
        return [found.get(row_id) for row_id in ids]

    async def fetch_along(
        context: "Context",
        ids: Sequence[Key],
        columns: tuple[str, ...],
        others: Others,
        *,
        is_all: bool,
    ) -> list[Sequence[Row | None]]:
        statement, parts = _with_others(table, column, columns, others)
        rows = await context.tuples(statement.alone if is_all else statement, {"keys": list(ids)})
        found = {row[0]: [None if row[start] is None else row[start:end] for start, end in parts] for row in rows}
        return [found.get(row_id) or [None] * len(parts) for row_id in ids]

    return Source(f"{table.name}.{needs}", (needs,), fetch, (column,), table.name, fetch_along)


@lru_cache(SHAPES)
def _with_others(
    table: Table, column: str, columns: tuple[str, ...], others: Others
) -> tuple[Statement, list[tuple[int, int]]]:
    """The statement for a table's rows with those that belong to them, and where in its rows each of them stands."""
    tables = table.metadata.tables
    related = [RelatedRow(tables[each.noun], each.leading[0], each.needs[0], of) for each, of in others]
    widths = [len({column, *columns}), *(len(each.layout(of)) for each, of in others)]
    return rows_by_key(table, column, columns, others=tuple(related)), list(pairwise(accumulate(widths, initial=0)))


def several(table: Table, column: str, *, order: tuple[str, ...], needs: str = "id") -> Source:
    """All rows that hold the parent's key in `column`: for lists that stay short by their nature."""

    async def fetch(context: "Context", keys: Sequence[Key], columns: tuple[str, ...]) -> list[list[Row]]:
        groups: dict[Key, list[Row]] = defaultdict(list)
        for row in await context.tuples(rows_by_key(table, column, columns, order), {"keys": list(keys)}):
            groups[row[0]].append(row)
        return [groups[key] for key in keys]

    return Source(f"{table.name}.of.{column}", (needs,), fetch, (column,), table.name)


def pages_by(listing: Listing, column: str, needs: str = "id") -> PageSource:
    """Pages of the rows that hold the parent's key in `column`."""
    return pages_matching(f"{listing.noun}.by.{column}", listing, ByColumn(column), needs)


def pages_matching(name: str, listing: Listing, match: Match, needs: str) -> PageSource:
    """Pages of the rows that belong to their parent in the way that `match` says."""

    async def fetch(context: "Context", keys: Sequence[Key], request: PageRequest) -> list[Slice]:
        blank = _blank(pages, request)
        plan = await _plan(context, listing, request, blank.field, of_parents=True)
        if plan is None:
            return [blank] * len(keys)
        statement = pages_of_parents(context.engine, listing, match, plan.shape)
        groups: dict[Key, list[Row]] = defaultdict(list)
        for row in await context.tuples(statement, {**plan.parameters, "keys": list(keys)}):
            groups[row[0]].append(row)
        if context.engine == "sqlite":
            for rows in groups.values():
                rows.sort(key=_BY_ORDER_KEY, reverse=plan.shape.descending)
                rows[:] = [row[:-1] for row in rows]
        return _slices(groups, keys, request, blank)

    async def count(context: "Context", keys: Sequence[Key], request: CountRequest) -> list[int]:
        plan = await _count_plan(context, listing, request, of_parents=True)
        if plan is None:
            return [0] * len(keys)
        statement = counts_of_parents(context.engine, listing, match, plan.shape)
        rows = await context.tuples(statement, {**plan.parameters, "keys": list(keys)})
        counted = {key: n for key, n in rows}  # noqa: C416  # the driver's rows are no pairs to mypy
        return [min(counted.get(key, 0), COUNT_CAP + 1) for key in keys]

    pages = Source(name, (needs,), fetch, ("parent_key", "id"), listing.noun)
    return PageSource(listing, pages, Source(f"{name}.count", (needs,), count))


def pages_below(name: str, listing: Listing) -> PageSource:
    """Pages of the rows that lie strictly below their parent's path; one parent's as those of a scope."""
    several = pages_matching(name, listing, BelowPath(), "path")

    async def fetch(context: "Context", keys: Sequence[Key], request: PageRequest) -> list[Slice]:
        if len(keys) > 1:
            return list(await several.pages.fetch(context, keys, request))
        blank = _blank(several.pages, request)
        plan = await _plan(context, listing, request, blank.field, of_parents=False, below=keys[0])
        if plan is None:
            return [blank]
        rows = await context.tuples(scope_page(context.engine, listing, plan.shape), plan.parameters)
        return [_slice([(keys[0], *row) for row in rows], request, blank)]

    async def count(context: "Context", keys: Sequence[Key], request: CountRequest) -> list[int]:
        if len(keys) > 1:
            return list(await several.counts.fetch(context, keys, request))
        plan = await _count_plan(context, listing, request, of_parents=False, below=keys[0])
        if plan is None:
            return [0]
        ((n,),) = await context.tuples(scope_count(context.engine, listing, plan.shape), plan.parameters)
        return [n]

    pages = replace(several.pages, fetch=fetch)
    return PageSource(listing, pages, replace(several.counts, fetch=count))


def pages_of_scope(listing: Listing) -> PageSource:
    """Pages over the caller's whole scope: the lists at the root, which have no parent."""
    name = f"{listing.noun}.of.scope"

    async def fetch(context: "Context", keys: Sequence[Key], request: PageRequest) -> list[Slice]:
        blank = _blank(pages, request)
        plan = await _plan(context, listing, request, blank.field, of_parents=False)
        if plan is None:
            return [blank] * len(keys)
        rows = await context.tuples(scope_page(context.engine, listing, plan.shape), plan.parameters)
        return [_slice(rows, request, blank) for _ in keys]

    async def count(context: "Context", keys: Sequence[Key], request: CountRequest) -> list[int]:
        plan = await _count_plan(context, listing, request, of_parents=False)
        if plan is None:
            return [0] * len(keys)
        ((n,),) = await context.tuples(scope_count(context.engine, listing, plan.shape), plan.parameters)
        return [n for _ in keys]

    pages = Source(name, (), fetch, ("id",), listing.noun)
    return PageSource(listing, pages, Source(f"{name}.count", (), count))


_BY_ORDER_KEY = itemgetter(-1, 1)


@dataclass(frozen=True, slots=True)
class _Plan:
    shape: Shape
    parameters: dict[str, Any]


async def _plan(
    context: "Context", listing: Listing, request: PageRequest, field: str, *, of_parents: bool, below: str = ""
) -> _Plan | None:
    """The shape and parameters of a page, over the scope or `below` a path; None when a filter can match nothing."""
    sort = listing.sorts[request.sort]
    _require(context, sort.privilege)
    cursor = context.cursors.decode(field, request.cursor) if request.cursor is not None else None
    filters = await _filters(context, listing, request.filters)
    if filters is None:
        return None
    shape, parameters = filters
    if cursor is not None:
        key, row_id = cursor
        parameters["cursor_key"] = sort.parse(key) if sort.parse else key
        parameters["cursor_id"] = row_id
    wide = not of_parents and _is_wide(context, parameters, below)
    parameters |= _bounds(parameters, request.max_depth, below)
    return _Plan(
        Shape(
            columns=request.columns,
            filters=shape,
            sort=sort.column,
            descending=request.descending != request.backwards,
            after_cursor=request.cursor is not None,
            max_depth=request.max_depth is not None,
            narrowed=bool(below) or _is_narrowed(context, parameters, of_parents=of_parents),
            wide=wide,
        ),
        parameters | {"limit": request.size + 1},
    )


async def _count_plan(
    context: "Context", listing: Listing, request: CountRequest, *, of_parents: bool, below: str = ""
) -> _Plan | None:
    filters = await _filters(context, listing, request.filters)
    if filters is None:
        return None
    shape, parameters = filters
    narrowed = not of_parents or "is_part" in parameters
    has_depth, wide = request.max_depth is not None, not of_parents and _is_wide(context, parameters, below)
    parameters |= _bounds(parameters, request.max_depth, below)
    return _Plan(
        Shape((), shape, "id", descending=False, max_depth=has_depth, narrowed=narrowed, wide=wide), parameters
    )


_DEEPEST = 10_000
"""Levels; no tree has as many, and more characters than that don't fit the database's numbers."""


def _length(levels: int) -> int:
    """How much longer a path may be than its parent's."""
    return min(levels, _DEEPEST) * WIDTH


async def _filters(
    context: "Context", listing: Listing, asked: tuple[tuple[str, Hashable], ...]
) -> tuple[tuple[tuple[str, int], ...], dict[str, Any]] | None:
    """The filters' shape and all parameters; the range starts as the whole scope and `below` makes it smaller.

    Refuses before it looks anything up, so that a refusal doesn't depend on what is there.
    """
    for name, value in asked:
        _require(context, listing.filters[name].privilege)
        if listing.filters[name].arity(value) == 0:
            raise InvalidError(f"`{name}` has no letter or digit to look for.")
    shape: list[tuple[str, int]] = []
    parameters: dict[str, Any] = context.scope_parameters()
    for name, value in asked:
        chosen = listing.filters[name]
        if chosen.prepare is not None:
            name, value = await chosen.prepare(context, value)  # a prepared filter is another filter
            if value is None:
                return None
            if name == "range":
                parameters["lo"], parameters["hi"] = value
                parameters["is_part"] = True
                continue
            chosen = listing.filters[name]
        shape.append((name, chosen.arity(value)))
        parameters |= chosen.parameters(name, value)
    return tuple(shape), parameters


def _is_narrowed(context: "Context", parameters: dict[str, Any], *, of_parents: bool) -> bool:
    """Whether the range is part of the statement: where `below` made it smaller, and where it helps.

    The rows of parents are few already. SQLite keeps no histogram, so over a large scope it must be told to walk the
    order.
    """
    if of_parents or "is_part" in parameters:
        return "is_part" in parameters
    return context.engine == "postgresql" or not context.caller.is_wide


def _is_wide(context: "Context", parameters: dict[str, Any], below: str) -> bool:
    return context.caller.is_wide and below in {"", context.caller.path} and "is_part" not in parameters


def _bounds(parameters: dict[str, Any], max_depth: int | None, below: str) -> dict[str, Any]:
    """The range below a path, as far as it is in the range that there is already, and how long paths may be."""
    bounds: dict[str, Any] = {}
    if below:
        bounds["lo"] = max(parameters["lo"], below + AFTER_SELF)
        bounds["hi"] = min(parameters["hi"], below + AFTER_SUBTREE)
    if max_depth is not None:
        bounds["max_length"] = len(below) + _length(max_depth)
    return bounds


def _require(context: "Context", privilege: Privilege | None) -> None:
    if privilege is not None:
        context.caller.require(privilege)


def _blank(pages: Source, request: PageRequest) -> Slice:
    """A page without rows."""
    layout = pages.layout(request.columns)
    sort_at = layout.index(SORT_KEY) if SORT_KEY in request.columns else -1
    field = f"{pages.name} {request.sort} {'desc' if request.descending else 'asc'}"
    return Slice((), field, (sort_at, layout.index("id")))


def _slices(groups: Mapping[Key, list[Row]], keys: Sequence[Key], request: PageRequest, blank: Slice) -> list[Slice]:
    """Of each parent its page; all in one go, for there may be many, most of them short."""
    if request.backwards or request.cursor is not None:
        return [_slice(groups.get(key, ()), request, blank) for key in keys]
    size, field, key_at = request.size, blank.field, blank.key_at
    return [
        blank
        if rows is None
        else Slice(rows, field, key_at)
        if len(rows) <= size
        else Slice(rows[:size], field, key_at, has_next=True)
        for rows in map(groups.get, keys)
    ]


def _slice(rows: Sequence[Row], request: PageRequest, blank: Slice) -> Slice:
    """Cut the row that was fetched to see whether there are more, and put the page into the list's order."""
    more, is_later = len(rows) > request.size, request.cursor is not None
    page = rows[: request.size]
    if request.backwards:
        return replace(blank, rows=page[::-1], has_previous=more, has_next=is_later)
    return replace(blank, rows=page, has_previous=is_later, has_next=more)
