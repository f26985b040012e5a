"""The catalogue: rows that lie nowhere in the tree and that only the provider's own staff changes."""

from functools import lru_cache

from sqlalchemy import Table, bindparam, select

from models import path as paths
from models.statement import Row, Statement
from resolvers.act import Act
from resolvers.errors import ForbiddenError


def require_provider(act: Act) -> None:
    """Refuse callers of other accounts, whatever privileges they were given.

    Raises:
        ForbiddenError: the caller isn't of the provider's own staff.
    """
    if paths.parent_id(act.caller.path) is not None:
        raise ForbiddenError("Only the provider's own staff changes the catalogue.")


async def find(act: Act, table: Table, row_id: int) -> Row | None:
    """The row, if the caller sees it."""
    rows = await act.rows(_by_id(table), {"row_id": row_id})
    return rows[0] if rows else None


@lru_cache(20)
def _by_id(table: Table) -> Statement:
    return Statement(select(*table.c).where(table.c.id == bindparam("row_id")), table.name, is_lookup=True)
