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
lines = several(table_of(OrderLine), "order_id", order=("order_id", "position"))
