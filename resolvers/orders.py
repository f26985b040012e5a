"""Orders and their lines."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ColumnElement, and_, bindparam, func, or_, select

from models import Order, OrderCharge, OrderLine, OrderStatus, SubscriptionLot
from models.base import table_of
from models.statement import Statement, any_of
from resolvers.accounts import BELOW
from resolvers.listing import Columns, Listing, Sort, at_least, before, instant, one_of
from resolvers.source import Source, one, pages_by, pages_of_scope, several

if TYPE_CHECKING:
    from resolvers.context import Context

ORDER = table_of(Order)
LINE = table_of(OrderLine)

LOCK = Statement(
    select(*ORDER.c).where(ORDER.c.id == bindparam("row_id")).with_for_update(), ORDER.name, is_lookup=True
)
"""One order, whole and locked."""
LINES_OF = Statement(
    select(*LINE.c).where(LINE.c.order_id == bindparam("order")).order_by(LINE.c.position), LINE.name, is_lookup=True
)
"""The lines of an order, whole."""


def is_open(c: Columns) -> ColumnElement[bool]:
    """Orders that nothing can be ordered beside: not through yet, or called off and still being undone."""
    open_ones = (OrderStatus.SUBMITTED, OrderStatus.PROCESSING)
    undone = and_(c["status"] == OrderStatus.CANCELLED.value, c["stoppable_until"].is_not(None))
    return or_(*(c["status"] == status.value for status in open_ones), undone)


ORDERS = Listing(
    table=ORDER,
    sorts={"CREATED_AT": Sort("created_at", instant), "NUMBER": Sort("number")},
    default=("CREATED_AT", True),
    filters={
        "account": one_of("account_id", BigInteger, is_selective=True),
        "below": BELOW,
        "created_from": at_least("created_at"),
        "created_until": before("created_at"),
        "number": one_of("number", is_selective=True),
        "po_number": one_of("po_number", is_selective=True),
        "status": one_of("status"),
        "subscription": one_of("subscription_id", BigInteger, is_selective=True),
        "type": one_of("type"),
    },
)

in_scope = pages_of_scope(ORDERS)
of_account = pages_by(ORDERS, "account_id")
by_id = one(ORDER, "id")
by_order_id = one(ORDER, "order_id")
by_order_done = one(ORDER, "by_order_id")
lines = several(LINE, "order_id", order=("order_id", "position"))
charges = several(table_of(OrderCharge), "line_id", order=("line_id", "id"))

_LOT = table_of(SubscriptionLot)
_WINDOWS = Statement(
    select(LINE.c.order_id, func.min(_LOT.c.window_until).label("until"))
    .select_from(
        LINE.join(ORDER, ORDER.c.id == LINE.c.order_id).join(
            _LOT, (_LOT.c.subscription_id == ORDER.c.subscription_id) & (_LOT.c.order_line_id == LINE.c.id)
        )
    )
    .where(any_of(LINE.c.order_id, "orders"), _LOT.c.remaining > 0)
    .group_by(LINE.c.order_id),
    is_lookup=True,
)


async def _windows(context: "Context", ids: Sequence[int], _request: None) -> list[Any]:
    found = {row.order_id: row.until for row in await context.rows(_WINDOWS, {"orders": list(ids)})}
    return [found.get(order_id) for order_id in ids]


windows = Source("orders.window", ("id",), _windows)
"""The first instant at which some of what orders bought can't be given back any more."""
