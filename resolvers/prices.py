"""Price lists: edges from a seller to its buyers."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, and_, bindparam, or_, select

from models import Account, Price, PriceSheet, Product, VendorCard
from models.base import table_of
from resolvers.listing import Columns, Filter, Listing, Sort, instant, one_of, through
from resolvers.source import one, pages_matching, pages_of_scope

PRICE = table_of(Price)
ACCOUNT = table_of(Account)


def _can_be_visible(c: Columns) -> ColumnElement[bool]:
    """Edges from sellers in the scope, and from the caller's vendor."""
    return or_(
        and_(c["seller_path"] >= bindparam("lo", type_=Text), c["seller_path"] < bindparam("hi", type_=Text)),
        c["seller_id"] == bindparam("vendor", type_=BigInteger),
        and_(c["seller_path"] == "", bindparam("vendor", type_=BigInteger) == 0),
    )


def _still_valid(c: Columns, name: str, _arity: int) -> ColumnElement[bool]:
    until = c["valid_until"]
    day: Any = bindparam(name, type_=until.type)
    return and_(c["valid_from"] <= day, or_(until.is_(None), until > day))


PRICES = Listing(
    table=PRICE,
    sorts={"CREATED_AT": Sort("created_at", instant), "AMOUNT": Sort("amount_micros")},
    default=("CREATED_AT", True),
    filters={
        # These two through the accounts in view: prices are also seen of sellers and for buyers that are not.
        "buyer": through(ACCOUNT, "id", "id", own="buyer_id", of=BigInteger),
        "currency": one_of("currency"),
        "mpn": through(table_of(Product), "id", "mpn", own="product_id"),
        "plan": one_of("plan_id", BigInteger),
        "product": one_of("product_id", BigInteger),
        "seller": through(ACCOUNT, "id", "id", own="seller_id", of=BigInteger),
        "type": one_of("type"),
        "valid_on": Filter(_still_valid, lambda name, value: {name: value}),
    },
    place="seller_path",
    whole_scope=_can_be_visible,
)


@dataclass(frozen=True, slots=True)
class _ChargedTo:
    """What an account's vendor charges it: the edges to it alone and those to all of the vendor's direct buyers."""

    key_type: Any = BigInteger
    fenced: bool = False

    def condition(self, c: Columns, key: ColumnElement[Any]) -> ColumnElement[bool]:
        """By the seller, who is the account's parent."""
        vendor = select(ACCOUNT.c.parent_id).where(ACCOUNT.c.id == key).correlate_except(ACCOUNT).scalar_subquery()
        return and_(c["seller_id"] == vendor, or_(c["buyer_id"].is_(None), c["buyer_id"] == key))


in_scope = pages_of_scope(PRICES)
of_account = pages_matching("price.of.account", PRICES, _ChargedTo(), "id")
by_id = one(PRICE, "id")
sheet_by_id = one(table_of(PriceSheet), "id")
sheet = one(table_of(PriceSheet), "sheet_id")
sheet_seller = one(table_of(VendorCard), "account_id", "account_id")
