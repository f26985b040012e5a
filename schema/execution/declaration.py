"""What a field declares about where its value comes from: all that an executor needs to know of a schema.

A schema attaches one declaration to each of its fields, in the field's metadata under `DECLARATION`. The plans of this
package and the resolvers that graphql-core calls are two readings of the same declarations.

A *row* is a tuple; its source tells the names of what it holds. A *value* is any other object that stands behind an
object type; its attributes are its fields.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

DECLARATION = "declaration"
CURSORS = {"cursor", "startCursor", "endCursor"}
"""The fields of a connection's parts for which a row's cursor is made."""

Context = Any
"""The schema's own context: handed to sources, checks and functions, never looked into."""


class BatchSource(Protocol):
    """A function over a set of parents.

    `fetch(context, keys, request)` gets distinct keys and gives one result for each, in their order: for a source of
    rows a row, None or a list of rows. An exception as a result is the failure of that key alone; an exception raised
    is the failure of all. The request of a source of rows is the tuple of columns that are asked for.
    """

    @property
    def name(self) -> str:
        """Distinct among sources."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The one field of the parent that is its key; none where there is no parent."""

    @property
    def fetch(self) -> Callable[[Context, Sequence[Any], Any], Awaitable[Sequence[Any]]]:
        """See above."""

    @property
    def fetch_along(self) -> Callable[..., Awaitable[Sequence[Sequence[Any]]]] | None:
        """Another way to fetch, for sources of single rows; None where there is none.

        `fetch_along(context, keys, columns, others, is_all=...)` gets other sources, each with the columns that are
        asked of it, all of which offer this too and need a column of these rows. It gives for each key a sequence: its
        row, and of each of the others the row that belongs to that. `is_all` says that nothing else is fetched.
        """

    def layout(self, columns: Iterable[str]) -> tuple[str, ...]:
        """The names of what its rows hold, in their order, when these columns are asked for."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Declaration:
    """What all kinds have in common.

    Args:
        needs: the names of what the field is made of, in its parent's row or value.
        check: raises when the caller may not have the field; called with the context.
    """

    needs: tuple[str, ...] = ()
    check: Callable[[Context], None] | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Column(Declaration):
    """One value of the row as it is."""

    name: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Prefixed(Declaration):
    """One value of the row behind a constant text: a global id."""

    prefix: str
    name: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Computed(Declaration):
    """A function of the row; where it `takes_context`, a function of the context gives that function.

    So what depends on the caller alone is worked out once for all rows of a level.
    """

    function: Callable[..., Any]
    takes_context: bool

    def bound(self, context: Context) -> Callable[[Any], Any]:
        """The function of the row."""
        function: Callable[[Any], Any] = self.function(context) if self.takes_context else self.function
        return function


@dataclass(frozen=True, eq=False, kw_only=True)
class Related(Declaration):
    """Another row, or a list of rows, from a source of rows."""

    source: BatchSource


@dataclass(frozen=True, eq=False, kw_only=True)
class Loaded(Declaration):
    """A function of what a source has for the row, of the row, perhaps of the context, and of the field's arguments.

    Args:
        request: makes the source's request of the field's arguments.
    """

    source: BatchSource
    request: Callable[..., Hashable]
    function: Callable[..., Any]
    takes_context: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class Reference:
    """A row elsewhere: of which type, from which source, under which key."""

    type_name: str
    source: BatchSource
    key: Any


@dataclass(frozen=True, eq=False, kw_only=True)
class Lookup(Declaration):
    """A function of the context and the field's arguments that gives a `Reference`, a list of them, or None."""

    function: Callable[..., Any]


class PageLike(Protocol):
    """A page as its source gives it."""

    rows: Sequence[Any]
    has_previous: bool
    has_next: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class Paged(Declaration):
    """A Relay connection.

    Args:
        pages: gives a page for each parent.
        counts: gives a number for each parent.
        requests: makes the requests for a page and for a count of the context, the field's arguments and the columns
            that are needed; raises for arguments that make no sense.
        cursor: the cursor of a row of a page.
        cursor_needs: the columns that it takes besides those with which the rows begin.
        total: the count as it is told, and whether it is exact.
    """

    pages: BatchSource
    counts: BatchSource
    requests: Callable[[Context, dict[str, Any], tuple[str, ...]], tuple[Hashable, Hashable]]
    cursor: Callable[[Context, Any, Any], str]
    cursor_needs: tuple[str, ...] = ()
    total: Callable[[int], tuple[int, bool]]
