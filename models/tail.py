"""Following the outbox: what was committed since, in an order in which nothing is ever put in between."""

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, bindparam, select, tuple_

from models.base import table_of
from models.outbox import Event
from models.statement import Row, Statement
from models.transaction import FirstUnfinished

if TYPE_CHECKING:
    from models.store import Store

Position = tuple[int, int]
"""The `transaction_id` and `id` of an event."""

_EVENT = table_of(Event).c
# Those of transactions above the first unfinished wait for it: it may yet commit, and has a lower number.
_TAIL = Statement(
    select(*_EVENT)
    .where(
        tuple_(_EVENT.transaction_id, _EVENT.id)
        > tuple_(bindparam("transaction_id", type_=BigInteger), bindparam("id", type_=BigInteger)),
        _EVENT.transaction_id < FirstUnfinished(),
    )
    .order_by(_EVENT.transaction_id, _EVENT.id)
    .limit(bindparam("limit", type_=BigInteger)),
    is_lookup=True,
)


async def tail(store: "Store", after: Position, limit: int) -> list[Row]:
    """See `models.store.Store.tail`."""
    async with store.unfiltered("following the outbox") as db:
        return await db.rows(_TAIL, {"transaction_id": after[0], "id": after[1], "limit": limit})
