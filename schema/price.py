"""Price lists in GraphQL."""

import orjson
import strawberry

from models import PriceModel, PriceSheetKind, PriceType
from models.statement import Row
from resolvers import accounts, prices, products
from resolvers.privileges import Privilege
from schema.arguments import given, ordering
from schema.connection import connection
from schema.field import column, computed, of_noun, related
from schema.node import Node, global_id, register, row_ids
from schema.reference import AccountRef, MarketplaceRef, PlanRef, ProductRef, VendorCardRef
from schema.scalars import Currency, Date, DateTime
from schema.values import Money, Period, money


@strawberry.input(description="Which prices.")
class PriceFilter:
    """Conditions on prices."""

    seller: list[strawberry.ID] | None = strawberry.field(default=None, description="Charged by one of these accounts.")
    buyer: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Agreed with one of these accounts; prices for all direct buyers are left out."
    )
    product: list[strawberry.ID] | None = strawberry.field(default=None, description="For one of these products.")
    mpn: list[str] | None = strawberry.field(default=None, description="For products with one of these MPNs.")
    plan: list[strawberry.ID] | None = strawberry.field(default=None, description="Under one of these plans.")
    type: list[PriceType] | None = strawberry.field(default=None, description="For one of these.")
    currency: list[Currency] | None = strawberry.field(default=None, description="In one of these currencies.")
    valid_on: Date | None = strawberry.field(default=None, description="Holding on this day.")

    def values(self) -> dict[str, object]:
        """As the source takes them."""
        return given(
            seller=row_ids("acc")(self.seller) if self.seller is not None else None,
            buyer=row_ids("acc")(self.buyer) if self.buyer is not None else None,
            product=row_ids("prd")(self.product) if self.product is not None else None,
            mpn=self.mpn,
            plan=row_ids("pln")(self.plan) if self.plan is not None else None,
            type=self.type,
            currency=self.currency,
            valid_on=self.valid_on,
        )


PriceOrder = ordering("Price", CREATED_AT="By age.", AMOUNT="By amount, whatever the currency.")

PRICES = {"filter_type": PriceFilter, "order_type": PriceOrder, "privilege": Privilege.PRICES_VIEW}


@strawberry.type(description="An amount from a quantity up.")
class PriceTier:
    """One step of a tiered price."""

    lower_limit: int = strawberry.field(description="From how many units.")
    amount: Money = strawberry.field(description="For one unit and billing period.")


def _tiers(row: Row) -> list[PriceTier]:
    return [
        PriceTier(lower_limit=lower_limit, amount=money(micros, row.currency))
        for lower_limit, micros in orjson.loads(row.tiers or "[]")
    ]


@strawberry.type(description="That a seller set many prices at once.")
class PriceSheet(Node):
    """A row of the price sheets' table."""

    is_type_of = of_noun("price_sheet")

    id: strawberry.ID = global_id("psh")
    kind: PriceSheetKind = column("How the prices came about.")
    name: str = column("What it is called.")
    price_count: int = column("How many prices were set; those that were the same already are not among them.")
    created_at: DateTime = column("When that was.")
    version: int = column("Always 1: what was set stays on record.")

    seller: VendorCardRef | None = related(prices.sheet_seller, VendorCardRef, "Who charges them, as a card.")


register("psh", "PriceSheet", prices.sheet_by_id, Privilege.PRICES_VIEW)


@strawberry.type(description="What one seller charges one buyer, or all its direct buyers, for a product under a plan.")
class Price(Node):
    """A row of the prices' table."""

    is_type_of = of_noun("price")

    id: strawberry.ID = global_id("prc")
    type: PriceType = column("What is paid for.")
    model: PriceModel = column("How the amount depends on the quantity.")
    valid_from: Date = column("The first day on which it holds.")
    valid_until: Date | None = column("The first day on which it no longer holds. Null: until further notice.")
    created_at: DateTime = column("When it was set.")
    version: int = column("Grows with every change.")

    @computed("For one unit and billing period; in tiers, of the first.", needs=("amount_micros", "currency"))
    def amount(row: Row) -> Money:
        return money(row.amount_micros, row.currency)

    @computed("The tiers above the first, ascending. Empty when flat.", needs=("tiers", "currency"))
    def tiers(row: Row) -> list[PriceTier]:
        return _tiers(row)

    @computed("The subscription period that is priced.", needs=("period_type", "period_duration"))
    def subscription_period(row: Row) -> Period:
        return Period(type=row.period_type, duration=row.period_duration)

    @computed(
        "Whether it holds for every account right below the seller, unless another price is agreed with it.",
        needs=("buyer_id",),
    )
    def is_for_all_buyers(row: Row) -> bool:
        return row.buyer_id is None

    @computed("Whether it holds in every marketplace.", needs=("marketplace_id",))
    def is_for_all_marketplaces(row: Row) -> bool:
        return row.marketplace_id is None

    seller: VendorCardRef | None = related(
        accounts.seller, VendorCardRef, "Who charges it, as a card. Null: the product's manufacturer."
    )
    buyer: AccountRef | None = related(
        accounts.buyer,
        AccountRef,
        "With whom it was agreed, as far as it is in view. Null where `isForAllBuyers`.",
        privilege=Privilege.ACCOUNTS_VIEW,
    )
    product: ProductRef | None = related(
        products.by_product_id, ProductRef, "What is sold.", privilege=Privilege.CATALOGUE_VIEW
    )
    plan: PlanRef | None = related(products.plan, PlanRef, "The terms.", privilege=Privilege.CATALOGUE_VIEW)
    sheet: PriceSheet | None = related(
        prices.sheet, PriceSheet, "The prices among which it was set at once, if it was and the seller's are in view."
    )
    marketplace: MarketplaceRef | None = related(
        products.marketplace,
        MarketplaceRef,
        "Where it holds, if accounts in view buy there. Null where `isForAllMarketplaces`.",
        privilege=Privilege.CATALOGUE_VIEW,
    )


register("prc", "Price", prices.by_id, Privilege.PRICES_VIEW)


@strawberry.type
class PriceQuery:
    """The prices' part of the root."""

    prices = connection(
        prices.in_scope,
        Price,
        "What the caller's vendor charges the caller, and what accounts in scope charge. Never a cost from above.",
        **PRICES,
    )
