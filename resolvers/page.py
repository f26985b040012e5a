"""Pages: what was asked for, and what came."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.statement import Row
from resolvers.errors import InvalidError

DEFAULT_SIZE = 20
MAX_SIZE = 100
SORT_KEY = "sort_key"
"""The name under which rows of a page hold what the list is sorted by, where their cursors are asked for."""
COUNT_CAP = 10_000
"""Lists are counted this far; a longer one is told to be longer."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One page of a list, as it was asked for; equal requests of one field are answered by one statement.

    Args:
        columns: which columns of the rows are needed.
        filters: names and values, in the order of their names; values hashable.
        sort: the name of the order.
        descending: its direction.
        size: rows at most, 1 to `MAX_SIZE`.
        backwards: the rows before `cursor`, from the end.
        cursor: where to go on; None at the start, or backwards at the end.
        max_depth: for lists of a subtree, how many levels below their parent; None for all.
    """

    columns: tuple[str, ...]
    filters: tuple[tuple[str, Any], ...]
    sort: str
    descending: bool
    size: int = DEFAULT_SIZE
    backwards: bool = False
    cursor: str | None = None
    max_depth: int | None = None


@dataclass(frozen=True, slots=True)
class CountRequest:
    """How many rows a list has under its filters, counted up to the cap."""

    filters: tuple[tuple[str, Any], ...]
    max_depth: int | None = None


@dataclass(slots=True)
class Slice:
    """A page as it came.

    Args:
        rows: at most as many as were asked for, in the list's order.
        field: names list and order for its cursors.
        key_at: where its rows hold what their cursors are made of: the sort key and the id.
        has_previous: whether there are rows before the first.
        has_next: whether there are rows after the last.
    """

    rows: Sequence[Row]
    field: str
    key_at: tuple[int, int] = (0, 1)
    has_previous: bool = False
    has_next: bool = False


def window(
    most: int, first: int | None, after: str | None, last: int | None, before: str | None
) -> tuple[int, bool, str | None]:
    """Size, direction and cursor of a page, from its most rows and the four arguments of a Relay connection.

    Raises:
        InvalidError: both directions at once, or a size that it may not have (0 is allowed and gives no rows).

    Source: Relay Cursor Connections Specification, §4.
    """
    backwards = last is not None
    if backwards and first is not None:
        raise InvalidError("Give `first` to page forwards or `last` to page backwards, not both.")
    if backwards and after is not None:
        raise InvalidError("`last` pages backwards from `before`; `after` belongs to `first`.")
    if not backwards and before is not None:
        raise InvalidError("`before` belongs to `last`, which pages backwards.")
    size = min(DEFAULT_SIZE, most) if first is None and last is None else (last if backwards else first)
    if size is None or not 0 <= size <= most:
        raise InvalidError(f"`{'last' if backwards else 'first'}` is {size}; it takes 0 to {most}.")
    return size, backwards, before if backwards else after
