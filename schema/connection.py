"""Connections: every list that can grow, a page at a time, nothing fetched or counted that isn't asked for.

Source: Relay Cursor Connections Specification.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Generic, TypeVar

import strawberry

from models.statement import Row
from resolvers.cursor import CursorCodec
from resolvers.errors import InvalidError
from resolvers.page import COUNT_CAP, CountRequest, PageRequest, Slice, window
from resolvers.privileges import Privilege
from resolvers.source import Key, PageSource
from schema.enums import Direction
from schema.field import PRIVILEGE, SOURCE, described
from schema.info import Info
from schema.selection import NEEDS, connection_columns

T = TypeVar("T")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """As the Relay specification has it."""

    has_next_page: bool = strawberry.field(
        description="Whether more follow: `first` with `after: endCursor` gets them."
    )
    has_previous_page: bool = strawberry.field(
        description="Whether some come before: `last` with `before: startCursor` gets them."
    )
    start_cursor: str | None = strawberry.field(description="The cursor of the first row; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last row; null on an empty page.")


@strawberry.type(description="A row of a list and its place there.")
class Edge(Generic[T]):
    """One row of a page."""

    cursor: str = strawberry.field(description="Where the row stands; goes into `after` and `before`.")
    node: T = strawberry.field(description="The row itself.")


async def _count(root: "PageOf", info: Info) -> int:
    counted: int = await info.context.load(root.source.counts, root.key, root.count_request)
    return counted


async def _total_count(root: "PageOf", info: Info) -> int:
    return min(await _count(root, info), COUNT_CAP)


async def _is_exact(root: "PageOf", info: Info) -> bool:
    return await _count(root, info) <= COUNT_CAP


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    """Every part is worked out only when it is selected."""

    edges: list[Edge[T]] = strawberry.field(description="The rows with their cursors.")
    nodes: list[T] = strawberry.field(description="The rows alone.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the list.")
    total_count: int = strawberry.field(
        resolver=_total_count,
        description=f"Rows in the whole list under its filter: exact up to {COUNT_CAP:,}, which stands for more.",
    )
    total_count_is_exact: bool = strawberry.field(
        resolver=_is_exact, description=f"Whether `totalCount` is exact: false when there are more than {COUNT_CAP:,}."
    )


@dataclass(slots=True)
class _EdgeOf:
    node: Row
    _slice: Slice
    _cursors: CursorCodec

    @property
    def cursor(self) -> str:
        return self._cursors.encode(self._slice.field, self.node.sort_key, self.node.id)


class PageOf:
    """What stands behind a `Connection`: a slice, if one was needed, and what counting takes."""

    def __init__(self, source: PageSource, key: Key, page: Slice, cursors: CursorCodec, count: CountRequest) -> None:
        self.source = source
        self.key = key
        self.count_request = count
        self._page = page
        self._cursors = cursors

    @property
    def nodes(self) -> Any:
        """The rows."""
        return self._page.rows

    @cached_property
    def edges(self) -> list[_EdgeOf]:
        """The rows with their cursors."""
        return [_EdgeOf(row, self._page, self._cursors) for row in self._page.rows]

    @property
    def page_info(self) -> "PageOf":
        """Itself: the parts of `PageInfo` follow."""
        return self

    @property
    def has_next_page(self) -> bool:
        """See `PageInfo`."""
        return self._page.has_next

    @property
    def has_previous_page(self) -> bool:
        """See `PageInfo`."""
        return self._page.has_previous

    @property
    def start_cursor(self) -> str | None:
        """See `PageInfo`."""
        return self.edges[0].cursor if self.edges else None

    @property
    def end_cursor(self) -> str | None:
        """See `PageInfo`."""
        return self.edges[-1].cursor if self.edges else None


@dataclass(frozen=True, slots=True)
class _Asked:
    """The arguments of a connection as they came: each may be unset."""

    first: Any
    after: Any
    last: Any
    before: Any
    filter: Any
    order_by: Any
    max_depth: Any = None


async def _page(root: Any, info: Info, source: PageSource, privilege: Privilege, asked: _Asked) -> PageOf:
    """The page that was asked for, without rows when only its count is selected.

    Raises:
        ForbiddenError: the caller lacks the privilege for the list.
        InvalidError: arguments that contradict each other, or a cursor of another list.
    """
    context = info.context
    context.caller.require(privilege)
    size, backwards, cursor = window(*map(_given, (asked.first, asked.after, asked.last, asked.before)))
    filters = tuple(sorted(asked.filter.values().items())) if asked.filter else ()
    sort, descending = source.listing.default
    if asked.order_by:
        sort, descending = str(asked.order_by.field), asked.order_by.direction == Direction.DESC
    max_depth = _given(asked.max_depth)
    if max_depth is not None and max_depth < 1:
        raise InvalidError(f"`maxDepth` is {max_depth}; it takes 1 (children only) or more.")
    key = source.pages.key(root) if source.pages.needs else ()
    columns = connection_columns(info)
    page = Slice([], "")
    if columns is None and cursor is not None:
        columns = ()  # no row is wanted, but a cursor that is none shall be refused
    if columns is not None:
        request = PageRequest(columns, filters, sort, descending, size, backwards, cursor, max_depth)
        page = await context.load(source.pages, key, request)
    return PageOf(source, key, page, context.cursors, CountRequest(filters, max_depth))


def _given(value: Any) -> Any:
    """The argument's value; None where it was left out, as where it is null."""
    return None if value is UNSET else value


UNSET: Any = strawberry.UNSET

First = Annotated[
    int | None,
    strawberry.argument(
        description="How many rows at most, from the start or after `after`: 0 to 100, 20 if neither is given."
    ),
]
After = Annotated[
    str | None, strawberry.argument(description="The cursor that the page comes after. Goes with `first`.")
]
Last = Annotated[
    int | None, strawberry.argument(description="How many rows at most, from the end or before `before`: 0 to 100.")
]
Before = Annotated[
    str | None, strawberry.argument(description="The cursor that the page comes before. Goes with `last`.")
]
MaxDepth = Annotated[
    int | None,
    strawberry.argument(description="How many levels down at most: 1 for children only. All levels if left out."),
]


def connection(
    source: PageSource,
    node_type: Any,
    description: str,
    *,
    filter_type: Any,
    order_type: Any,
    privilege: Privilege,
) -> Any:
    """A field that is a list in pages, fetched for all parents of a level at once.

    Args:
        source: gives the pages.
        node_type: the GraphQL type of the rows.
        description: which rows.
        filter_type: the input type for `filter`; its `values()` gives the source's filters.
        order_type: the input type for `orderBy`, of a field and a direction.
        privilege: what it takes to see the list.
    """
    filter_argument: Any = _filter_argument(filter_type)
    order_argument: Any = _order_argument(order_type)

    async def resolve(
        root: Any,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        filter: filter_argument = UNSET,  # noqa: A002  # the argument's public name
        order_by: order_argument = UNSET,
    ) -> Connection[node_type] | None:
        asked = _Asked(first, after, last, before, filter, order_by)
        return await _page(root, info, source, privilege, asked)  # type: ignore[return-value]  # stands behind the type

    return _declared(resolve, source, description, privilege)


def subtree_connection(
    source: PageSource,
    node_type: Any,
    description: str,
    *,
    filter_type: Any,
    order_type: Any,
    privilege: Privilege,
) -> Any:
    """As `connection`, with a bound on how far down the list goes."""
    filter_argument: Any = _filter_argument(filter_type)
    order_argument: Any = _order_argument(order_type)

    async def resolve(
        root: Any,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        max_depth: MaxDepth = UNSET,
        filter: filter_argument = UNSET,  # noqa: A002  # the argument's public name
        order_by: order_argument = UNSET,
    ) -> Connection[node_type] | None:
        asked = _Asked(first, after, last, before, filter, order_by, max_depth)
        return await _page(root, info, source, privilege, asked)  # type: ignore[return-value]  # stands behind the type

    return _declared(resolve, source, description, privilege)


def _filter_argument(filter_type: Any) -> Any:
    return Annotated[filter_type | None, strawberry.argument(description="Which rows: all conditions must hold.")]


def _order_argument(order_type: Any) -> Any:
    return Annotated[order_type | None, strawberry.argument(description="In which order.")]


def _declared(resolve: Any, source: PageSource, description: str, privilege: Privilege) -> Any:
    return strawberry.field(
        resolver=resolve,
        description=described(description, privilege),
        metadata={NEEDS: source.pages.needs, PRIVILEGE: privilege, SOURCE: source},
    )
