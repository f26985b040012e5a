"""The catalogue: products with what they cost and bring, plans, and marketplaces."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, and_, bindparam, or_, select

from models import (
    ExchangeRate,
    Manufacturer,
    Marketplace,
    Plan,
    PlanPeriod,
    Price,
    Product,
    ProductDependency,
    ProductTerm,
)
from models.base import Day, table_of
from models.statement import Statement, any_of
from resolvers.listing import Listing, Sort, instant, one_of, through, words
from resolvers.source import Source, one, pages_of_scope, several

if TYPE_CHECKING:
    from models.statement import Row
    from resolvers.context import Context

PRODUCT = table_of(Product)
MANUFACTURER = table_of(Manufacturer)
PLAN = table_of(Plan)
MARKETPLACE = table_of(Marketplace)
PRICE = table_of(Price)
DEPENDENCY = table_of(ProductDependency)

PRODUCTS = Listing(
    table=PRODUCT,
    sorts={"NAME": Sort("name_key"), "MPN": Sort("mpn"), "CREATED_AT": Sort("created_at", instant)},
    default=("NAME", False),
    filters={
        "manufacturer": through(MANUFACTURER, "id", "code", own="manufacturer_id"),
        "mpn": one_of("mpn"),
        "search": words(table_of(ProductTerm), "product_id", own="id"),
        "service": one_of("service_name"),
        "status": one_of("status"),
    },
    place=None,
)
PLANS = Listing(
    table=PLAN,
    sorts={"NAME": Sort("name_key"), "CREATED_AT": Sort("created_at", instant)},
    default=("NAME", False),
    filters={"billing_model": one_of("billing_model"), "code": one_of("code")},
    place=None,
)
MARKETPLACES = Listing(
    table=MARKETPLACE,
    sorts={"NAME": Sort("name_key")},
    default=("NAME", False),
    filters={"country": one_of("country_code"), "currency": one_of("currency")},
    place=None,
)

EXCHANGE_RATES = Listing(
    table=table_of(ExchangeRate),
    sorts={"CREATED_AT": Sort("created_at", instant)},
    default=("CREATED_AT", True),
    filters={"from_currency": one_of("from_currency"), "to_currency": one_of("to_currency")},
    place=None,
)

products = pages_of_scope(PRODUCTS)
exchange_rates = pages_of_scope(EXCHANGE_RATES)
plans = pages_of_scope(PLANS)
marketplaces = pages_of_scope(MARKETPLACES)

by_id = one(PRODUCT, "id")
by_product_id = one(PRODUCT, "product_id")
by_group = one(PRODUCT, "by")
by_former_id = one(PRODUCT, "from_product_id")
manufacturer = one(MANUFACTURER, "manufacturer_id")
manufacturer_by_id = one(MANUFACTURER, "id")
plan_by_id = one(PLAN, "id")
plan = one(PLAN, "plan_id")
former_plan = one(PLAN, "from_plan_id")
marketplace_by_id = one(MARKETPLACE, "id")
marketplace = one(MARKETPLACE, "marketplace_id")
exchange_rate_by_id = one(EXCHANGE_RATES.table, "id")
plan_periods = several(table_of(PlanPeriod), "plan_id", order=("plan_id", "type", "duration"))

_DEPENDENCIES = Statement(
    select(DEPENDENCY.c.product_id, DEPENDENCY.c.depends_on_id)
    .where(any_of(DEPENDENCY.c.product_id, "products"))
    .order_by(DEPENDENCY.c.product_id, DEPENDENCY.c.depends_on_id),
    is_lookup=True,
)


async def _dependencies(context: "Context", ids: Sequence[int], columns: tuple[str, ...]) -> list[list["Row"]]:
    """The products that each product needs beside it, as far as they are offered to the caller."""
    pairs = await context.rows(_DEPENDENCIES, {"products": list(ids)})
    needed = sorted({pair.depends_on_id for pair in pairs})
    found = dict(zip(needed, await by_id.fetch(context, needed, columns), strict=True))
    groups: dict[int, list[Row]] = defaultdict(list)
    for pair in pairs:
        row = found[pair.depends_on_id]
        if row is not None:
            groups[pair.product_id].append(row)
    return [groups[product_id] for product_id in ids]


depends_on = Source("product.depends_on", ("id",), _dependencies, by_id.leading, PRODUCT.name)


@dataclass(frozen=True, slots=True)
class Offer:
    """A product under a plan and period, as the looking account buys and sells it today.

    Amounts in micros for one unit and billing period; None where the account doesn't buy, or doesn't sell, it so.
    """

    product_id: int
    plan_id: int
    period_type: str
    period_duration: int
    type: str
    currency: str
    marketplace_id: int | None
    cost_micros: int | None
    price_micros: int | None


_viewer = bindparam("viewer", type_=BigInteger)
_vendor = bindparam("vendor", type_=BigInteger)
_today = bindparam("today", type_=Day)

_EDGES = Statement(
    select(
        PRICE.c.product_id,
        PRICE.c.plan_id,
        PRICE.c.period_type,
        PRICE.c.period_duration,
        PRICE.c.type,
        PRICE.c.currency,
        PRICE.c.seller_id,
        PRICE.c.buyer_id,
        PRICE.c.marketplace_id,
        PRICE.c.amount_micros,
    )
    .where(
        any_of(PRICE.c.product_id, "products"),
        or_(
            and_(PRICE.c.seller_id == _viewer, PRICE.c.buyer_id.is_(None)),
            and_(PRICE.c.seller_id == _vendor, or_(PRICE.c.buyer_id.is_(None), PRICE.c.buyer_id == _viewer)),
            and_(PRICE.c.seller_id.is_(None), _vendor == 0),
        ),
        # A marketplace in which nobody in view buys is hidden, and what holds there is of no use.
        or_(PRICE.c.marketplace_id.is_(None), PRICE.c.marketplace_id.in_(select(MARKETPLACE.c.id))),
        PRICE.c.valid_from <= _today,
        or_(PRICE.c.valid_until.is_(None), PRICE.c.valid_until > _today),
    )
    # What was agreed with one buyer comes last and so replaces what holds for all.
    .order_by(PRICE.c.product_id, PRICE.c.plan_id, PRICE.c.period_type, PRICE.c.period_duration, PRICE.c.type,
              PRICE.c.currency, PRICE.c.buyer_id.is_not(None), PRICE.c.valid_from, PRICE.c.id)
)  # fmt: skip  # one column a line would hide that this is one order


Terms = tuple[int, int, str, int, str, str]
"""Product, plan, period (type and duration), what is paid for, currency."""
Sides = dict[bool, int]
"""The amounts on both sides of an account: True for what it charges, False for what it pays."""


async def _offers(context: "Context", ids: Sequence[int], _request: None) -> list[list[Offer]]:
    viewer = context.caller.account_id
    vendor = context.scope_parameters()["vendor"]
    parameters = {"products": list(ids), "viewer": viewer, "vendor": vendor, "today": context.today}
    amounts: dict[Terms, dict[int | None, Sides]] = {}
    for row in await context.rows(_EDGES, parameters):
        terms = (row.product_id, row.plan_id, row.period_type, row.period_duration, row.type, row.currency)
        sides = amounts.setdefault(terms, {}).setdefault(row.marketplace_id, {})
        sides[row.seller_id == viewer] = row.amount_micros
    offers: dict[int, list[Offer]] = defaultdict(list)
    for terms, by_marketplace in amounts.items():
        offers[terms[0]] += _by_marketplace(terms, by_marketplace)
    return [offers[product_id] for product_id in ids]


def _by_marketplace(terms: Terms, amounts: dict[int | None, Sides]) -> Iterator[Offer]:
    """One offer for each marketplace that has amounts of its own; those for everywhere fill in the other side."""
    everywhere = amounts.get(None, {})
    for marketplace_id in sorted(amounts, key=lambda each: each or 0):
        sides = everywhere | amounts[marketplace_id]
        yield Offer(*terms, marketplace_id, cost_micros=sides.get(False), price_micros=sides.get(True))


offers = Source("product.offers", ("id",), _offers)
