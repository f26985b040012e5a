"""Subscriptions, their items, and what they cost and bring: always relative to the account that looks."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ColumnElement, bindparam, or_, select

from models import (
    Product,
    Seat,
    Subscription,
    SubscriptionCharge,
    SubscriptionHistory,
    SubscriptionHold,
    SubscriptionItem,
    SubscriptionLot,
)
from models.base import table_of
from models.life.subscription import HoldReason
from models.statement import Statement, any_of
from resolvers.accounts import BELOW
from resolvers.listing import (
    Columns,
    Filter,
    Listing,
    Sort,
    at_least,
    at_most,
    before,
    day,
    equals,
    instant,
    one_of,
    storable,
    through,
)
from resolvers.source import Source, one, pages_by, pages_matching, pages_of_scope, several

if TYPE_CHECKING:
    from resolvers.context import Context

SUBSCRIPTION = table_of(Subscription)
ITEM = table_of(SubscriptionItem)
CHARGE = table_of(SubscriptionCharge)
SEAT = table_of(Seat)
PRODUCT = table_of(Product)

_BY_MPN = Statement(select(PRODUCT.c.id).where(any_of(PRODUCT.c.mpn, "mpns", PRODUCT.c.mpn.type)), is_lookup=True)


async def _mpn(context: "Context", mpns: Sequence[str]) -> tuple[str, Any]:
    """The products with these MPNs: looked up first, so that the page can walk the index on products."""
    rows = await context.rows(_BY_MPN, {"mpns": storable(mpns)})
    return "mpn_product", tuple(row.id for row in rows) or None


SUBSCRIPTIONS = Listing(
    table=SUBSCRIPTION,
    sorts={
        "NAME": Sort("name_key"),
        "CREATED_AT": Sort("created_at", instant),
        "RENEWAL_DATE": Sort("renewal_key", day),
    },
    default=("CREATED_AT", True),
    filters={
        "account": one_of("account_id", BigInteger, is_selective=True),
        "auto_renew": equals("auto_renew"),
        "below": BELOW,
        "expires_from": at_least("expiration_date"),
        "expires_to": at_most("expiration_date"),
        "item_product": through(ITEM, "subscription_id", "product_id", of=BigInteger),
        "mpn": Filter(lambda c, _name, _n: c["product_id"] > 0, lambda _name, _value: {}, prepare=_mpn),
        # What `mpn` becomes: not `product`, which may be asked for beside it.
        "mpn_product": one_of("product_id", BigInteger),
        "product": one_of("product_id", BigInteger),
        "renews_from": at_least("renewal_date", "renewal_key"),
        "renews_to": at_most("renewal_date", "renewal_key"),
        "status": one_of("status"),
    },
)


@dataclass(frozen=True, slots=True)
class _UsedBy:
    """Subscriptions in which a user has a seat."""

    key_type: Any = BigInteger
    fenced: bool = True

    def condition(self, c: Columns, key: ColumnElement[Any]) -> ColumnElement[bool]:
        """By the seats' index on users."""
        return c["id"].in_(select(SEAT.c.subscription_id).where(SEAT.c.user_id == key).correlate_except(SEAT))


in_scope = pages_of_scope(SUBSCRIPTIONS)
of_account = pages_by(SUBSCRIPTIONS, "account_id")
of_user = pages_matching("subscription.of.user", SUBSCRIPTIONS, _UsedBy(), "id")
by_id = one(SUBSCRIPTION, "id")
by_subscription_id = one(SUBSCRIPTION, "subscription_id")
items = several(ITEM, "subscription_id", order=("subscription_id", "position"))
by_item_id = one(ITEM, "item_id")

HISTORY = Listing(
    table=table_of(SubscriptionHistory),
    sorts={"AT": Sort("at", instant)},
    default=("AT", True),
    filters={"at_from": at_least("at"), "at_until": before("at"), "reason": one_of("reason")},
    place=None,
)
history = pages_by(HISTORY, "subscription_id")
history_by_id = one(HISTORY.table, "id")
lots = several(table_of(SubscriptionLot), "subscription_id", order=("subscription_id", "bought_at", "id"))

_HOLD = table_of(SubscriptionHold)
_HELD = Statement(
    select(_HOLD.c.subscription_id, _HOLD.c.reason)
    .where(any_of(_HOLD.c.subscription_id, "subscriptions"))
    .order_by(_HOLD.c.subscription_id, _HOLD.c.reason),
    is_lookup=True,
)


async def _reasons(context: "Context", ids: Sequence[int], _request: None) -> list[list[HoldReason]]:
    found: dict[int, list[HoldReason]] = {subscription_id: [] for subscription_id in ids}
    for row in await context.rows(_HELD, {"subscriptions": list(ids)}):
        found[row.subscription_id].append(HoldReason(row.reason))
    return [found[subscription_id] for subscription_id in ids]


hold_reasons = Source("subscription.hold_reasons", ("id",), _reasons)


@dataclass(frozen=True, slots=True)
class Charge:
    """One edge's charge for one item, as far as the looking account is part of the edge.

    Amounts in micros of `currency`: for one unit and billing period, and for the whole quantity and one month.
    """

    item_id: int
    is_cost: bool
    currency: str
    unit_micros: int
    monthly_micros: int


_CHARGES = Statement(
    select(
        CHARGE.c.subscription_id,
        CHARGE.c.item_id,
        CHARGE.c.buyer_id,
        CHARGE.c.currency,
        CHARGE.c.unit_micros,
        CHARGE.c.monthly_micros,
    ).where(
        any_of(CHARGE.c.subscription_id, "subscriptions"),
        or_(
            CHARGE.c.seller_id == bindparam("viewer", type_=BigInteger),
            CHARGE.c.buyer_id == bindparam("viewer", type_=BigInteger),
        ),
    ),
    is_lookup=True,
)


async def _charges(context: "Context", ids: Sequence[int], _request: None) -> list[list[Charge]]:
    viewer = context.caller.account_id
    charges: dict[int, list[Charge]] = defaultdict(list)
    for row in await context.rows(_CHARGES, {"subscriptions": list(ids), "viewer": viewer}):
        charges[row.subscription_id].append(
            Charge(row.item_id, row.buyer_id == viewer, row.currency, row.unit_micros, row.monthly_micros)
        )
    return [charges[subscription_id] for subscription_id in ids]


charges = Source("subscription.charges", ("id",), _charges)
item_charges = Source("subscription_item.charges", ("subscription_id",), _charges)
