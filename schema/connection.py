"""Connections: every list that can grow, a page at a time, nothing fetched or counted that isn't asked for.

Source: Relay Cursor Connections Specification.
"""

from collections.abc import Callable
from functools import cached_property, partial
from inspect import Parameter
from typing import Annotated, Any, Generic, TypeVar

import strawberry

from models.statement import Row
from resolvers.context import Context
from resolvers.errors import InvalidError
from resolvers.page import COUNT_CAP, SORT_KEY, CountRequest, PageRequest, Slice, window
from resolvers.privileges import Privilege
from resolvers.source import Key, PageSource
from schema.enums import Direction
from schema.execution.declaration import Paged
from schema.field import Requires, declared, described, row_type
from schema.info import Info
from schema.selection import connection_columns

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
    return _told(await _count(root, info))[0]


async def _is_exact(root: "PageOf", info: Info) -> bool:
    return _told(await _count(root, info))[1]


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


class EdgeOf:
    """What stands behind an `Edge`; its cursor is made when it is asked for."""

    __slots__ = ("_cursor", "node")

    def __init__(self, node: Row, cursor: Callable[[], str]) -> None:
        self.node = node
        self._cursor = cursor

    @property
    def cursor(self) -> str:
        """See `Edge`."""
        return self._cursor()


class PageOf:
    """What stands behind a `Connection`: a slice, if one was needed, and what counting takes."""

    def __init__(
        self, source: PageSource, key: Key, count: CountRequest, page: Slice, name: Any, context: Context
    ) -> None:
        self.source = source
        self.key = key
        self.count_request = count
        self._page = page
        self._name = name
        self._context = context

    @cached_property
    def nodes(self) -> list[Row]:
        """The rows."""
        return [self._name(row) for row in self._page.rows]

    @cached_property
    def edges(self) -> list[EdgeOf]:
        """The rows with their cursors."""
        rows = zip(self.nodes, self._page.rows, strict=True)
        return [EdgeOf(node, partial(_cursor, self._context, self._page, row)) for node, row in rows]

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


def _cursor(context: Context, page: Slice, row: Row) -> str:
    sort_at, id_at = page.key_at
    return context.cursors.encode(page.field, row[sort_at], row[id_at])


def _told(counted: int) -> tuple[int, bool]:
    return min(counted, COUNT_CAP), counted <= COUNT_CAP


def _requests(
    source: PageSource, context: Context, asked: dict[str, Any], columns: tuple[str, ...]
) -> tuple[PageRequest, CountRequest]:
    """What the arguments of a connection ask for.

    Raises:
        InvalidError: arguments that contradict each other or are out of range.
    """
    size, backwards, cursor = window(context.most_rows, *_given(asked, "first", "after", "last", "before"))
    chosen, order_by, max_depth = _given(asked, "filter", "order_by", "max_depth")
    filters = tuple(sorted(chosen.values().items())) if chosen else ()
    sort, descending = source.listing.default
    if order_by:
        sort, descending = str(order_by.field), order_by.direction == Direction.DESC
    if max_depth is not None and max_depth < 1:
        raise InvalidError(f"`maxDepth` is {max_depth}; it takes 1 (children only) or more.")
    page = PageRequest(columns, filters, sort, descending, size, backwards, cursor, max_depth)
    return page, CountRequest(filters, max_depth)


def _given(asked: dict[str, Any], *names: str) -> list[Any]:
    """The arguments' values; None where one was left out, as where it is null."""
    return [None if asked.get(name) is UNSET else asked.get(name) for name in names]


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
    has_depth: bool = False,
) -> Any:
    """A field that is a list in pages, fetched for all parents of a level at once.

    Args:
        source: gives the pages.
        node_type: the GraphQL type of the rows.
        description: which rows.
        filter_type: the input type for `filter`; its `values()` gives the source's filters.
        order_type: the input type for `orderBy`, of a field and a direction.
        privilege: what it takes to see the list.
        has_depth: whether the list goes down the tree, so that its depth can be bounded.
    """
    filter_argument = Annotated[
        filter_type | None, strawberry.argument(description="Which rows: all conditions must hold.")
    ]
    order_argument = Annotated[order_type | None, strawberry.argument(description="In which order.")]
    annotations = {"first": First, "after": After, "last": Last, "before": Before}
    annotations |= {"max_depth": MaxDepth} if has_depth else {}
    annotations |= {"filter": filter_argument, "order_by": order_argument}

    async def resolve(root: Any, info: Info, **asked: Any) -> PageOf:
        context = info.context
        needed = connection_columns(info)
        if needed is None and any(_given(asked, "after", "before")):
            needed = ()  # no row is wanted, but a cursor that is none shall be refused
        request, count = _requests(source, context, asked, needed or ())
        key = getattr(root, source.pages.needs[0]) if source.pages.needs else ()
        page = Slice([], "") if needed is None else await context.load(source.pages, key, request)
        name = row_type(source.pages.noun, source.pages.layout(needed or ()))
        return PageOf(source, key, count, page, name, context)

    return declared(
        Paged(
            needs=source.pages.needs,
            check=Requires(privilege),
            pages=source.pages,
            counts=source.counts,
            requests=partial(_requests, source),
            cursor=_cursor,
            cursor_needs=(SORT_KEY,),
            total=_told,
        ),
        resolve,
        Connection[node_type] | None,
        described(description, privilege),
        [
            Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=UNSET)
            for name, annotation in annotations.items()
        ],
    )
