"""How many jobs wait: for operators, who see by it whether the workers keep up."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import bindparam, case, func, select

from models import Job
from models.base import table_of
from models.statement import Statement
from models.store import Store

_JOB = table_of(Job).c

_STATE = case(
    (_JOB.claimed_until > bindparam("now", type_=_JOB.run_at.type), "running"),
    (_JOB.run_at > bindparam("now", type_=_JOB.run_at.type), "later"),
    (_JOB.attempts > 0, "again"),
    else_="due",
).label("state")
_BACKLOG = Statement(
    select(_JOB.kind, _STATE, func.count().label("jobs")).where(_JOB.done_at.is_(None)).group_by(_JOB.kind, _STATE)
)


async def backlog(store: Store, at: datetime) -> Mapping[tuple[str, str], int]:
    """How many jobs aren't done, by kind and state: running, due, due again after a failure, or to be done later.

    Args:
        store: where they are.
        at: the platform's present instant.

    Raises:
        StoreError: the database can't be reached.
    """
    async with store.unfiltered("how many jobs wait") as db:
        return {(row.kind, row.state): row.jobs for row in await db.rows(_BACKLOG, {"now": at})}
