"""What the outbox holds: where it ends, and how much has happened since an event that somebody remembers."""

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, bindparam, func, select, tuple_

from models.base import table_of
from models.outbox import Event
from models.statement import Statement
from models.tail import Position
from models.transaction import FirstUnfinished

if TYPE_CHECKING:
    from models.store import Store

BEGINNING: Position = (0, 0)
"""Before the first event."""
_EVENT = table_of(Event).c
_GIVEN = (bindparam("transaction_id", type_=BigInteger), bindparam("id", type_=BigInteger))
# What is not over yet comes later than all that is, so a tail from here on misses nothing.
_END = Statement(
    select(_EVENT.transaction_id, _EVENT.id)
    .where(_EVENT.transaction_id < FirstUnfinished())
    .order_by(_EVENT.transaction_id.desc(), _EVENT.id.desc())
    .limit(1),
    is_lookup=True,
)
_KNOWN = Statement(select(_EVENT.id).where(_EVENT.transaction_id == _GIVEN[0], _EVENT.id == _GIVEN[1]), is_lookup=True)
_SINCE = Statement(
    select(func.count().label("n")).select_from(
        select(_EVENT.id)
        .where(tuple_(_EVENT.transaction_id, _EVENT.id) > tuple_(*_GIVEN))
        .limit(bindparam("most", type_=BigInteger))
        .subquery("since")
    ),
    is_lookup=True,
)


async def end(store: "Store") -> Position:
    """The position of the last event that a tail gives by now; (0, 0) if there is none.

    Raises:
        StoreError: the database can't be reached.
    """
    async with store.unfiltered("the end of the outbox") as db:
        found = await db.rows(_END)
    return (found[0].transaction_id, found[0].id) if found else BEGINNING


async def is_within(store: "Store", position: Position, most: int) -> bool:
    """Whether the event at a position is still there, and at most so many came after it.

    More events than that are kept, so a beginning after which there are fewer is that of all events.

    Raises:
        StoreError: the database can't be reached.
    """
    given = {"transaction_id": position[0], "id": position[1]}
    async with store.unfiltered("what came after an event") as db:
        if position != BEGINNING and not await db.rows(_KNOWN, given):
            return False
        ((n,),) = await db.rows(_SINCE, given | {"most": most + 1})
    return bool(n <= most)
