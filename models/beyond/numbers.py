"""Numbers of orders: running, unique on the platform, drawn without waiting for anybody."""

from datetime import datetime

from sqlalchemy import bindparam, insert, select

from models.base import table_of
from models.order import Order, OrderNumber, OrderType
from models.statement import Statement
from models.writer import Writer

PREFIXES = {
    OrderType.SALES: "SO",
    OrderType.CHANGE: "CH",
    OrderType.RENEWAL: "RN",
    OrderType.CANCELLATION: "CL",
    OrderType.MIGRATION: "MG",
}
_FIRST = 10_000_001
"""Above what imports and the demo bring, which number from 1 on; where they don't, the next free one is taken."""

_NUMBER, _ORDER = table_of(OrderNumber), table_of(Order)
_DRAW = Statement(
    insert(_NUMBER).values(drawn_at=bindparam("at", type_=_NUMBER.c.drawn_at.type)).returning(_NUMBER.c.id)
)
_TAKEN = Statement(select(_ORDER.c.id).where(_ORDER.c.number == bindparam("number")), is_lookup=True)


async def order_number(writer: Writer, of_type: OrderType, at: datetime) -> str:
    """A number that no order has; one that was drawn in vain stays unused."""
    async with writer.beyond("drawing an order number") as db:
        while True:
            ((drawn,),) = await db.write(_DRAW, {"at": at})
            number = f"{PREFIXES[of_type]}{_FIRST - 1 + drawn}"
            if not await db.rows(_TAKEN, {"number": number}):
                return number
