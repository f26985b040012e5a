"""Orders and their lines."""

from sqlalchemy import BigInteger

from models import Order, OrderLine
from models.base import table_of
from resolvers.accounts import BELOW
from resolvers.listing import Listing, Sort, at_least, before, instant, one_of
from resolvers.source import one, pages_by, pages_of_scope, several

ORDER = table_of(Order)

ORDERS = Listing(
    table=ORDER,
    sorts={"CREATED_AT": Sort("created_at", instant), "NUMBER": Sort("number")},
    default=("CREATED_AT", True),
    filters={
        "account": one_of("account_id", BigInteger),
        "below": BELOW,
        "created_from": at_least("created_at"),
        "created_until": before("created_at"),
        "number": one_of("number"),
        "po_number": one_of("po_number"),
        "status": one_of("status", is_broad=True),
        "subscription": one_of("subscription_id", BigInteger),
        "type": one_of("type", is_broad=True),
    },
)

in_scope = pages_of_scope(ORDERS)
of_account = pages_by(ORDERS, "account_id")
by_id = one(ORDER, "id")
lines = several(table_of(OrderLine), "order_id", order=("order_id", "position"))
