"""The catalogue in GraphQL: products, manufacturers, plans, marketplaces."""

import strawberry

from models import BillingModel, CotermingRequirement, CotermingType, PriceType, ProductStatus, RefundPolicy
from models.base import PeriodType
from models.statement import Row
from resolvers import products
from resolvers.privileges import Privilege
from schema.arguments import given, ordering
from schema.connection import connection
from schema.field import column, computed, loaded, of_noun, related
from schema.node import Node, global_id, register
from schema.reference import PlanRef, ProductRef
from schema.scalars import Currency, Date, DateTime, Decimal
from schema.values import Money, Period, money

_C = Privilege.CATALOGUE_VIEW


@strawberry.type(description="Who makes products: an independent software vendor. Not an account.")
class Manufacturer(Node):
    """A row of the manufacturers' table."""

    is_type_of = of_noun("manufacturer")

    id: strawberry.ID = global_id("man")
    code: str = column("Its short name, unique.")
    name: str = column("Its name.")
    version: int = column("Grows with every change.")


register("man", "Manufacturer", products.manufacturer_by_id, _C)


@strawberry.type(description="A country's storefront and the currency it quotes.")
class Marketplace(Node):
    """A row of the marketplaces' table."""

    is_type_of = of_noun("marketplace")

    id: strawberry.ID = global_id("mkt")
    code: str = column("Its short name, unique.")
    name: str = column("Its name.")
    country_code: str = column("ISO 3166-1 alpha-2.")
    currency: Currency = column("In which it quotes.")
    version: int = column("Grows with every change.")


register("mkt", "Marketplace", products.marketplace_by_id, _C)


@strawberry.input(description="Which marketplaces.")
class MarketplaceFilter:
    """Conditions on marketplaces."""

    country: list[str] | None = strawberry.field(default=None, description="Of one of these countries (ISO 3166-1).")
    currency: list[Currency] | None = strawberry.field(default=None, description="Quoting one of these currencies.")

    def values(self) -> dict[str, object]:
        """As the source takes them."""
        return given(country=self.country, currency=self.currency)


MarketplaceOrder = ordering("Marketplace", NAME="By name, case and accents aside.")


@strawberry.type(description="What one unit of a currency is worth in another, until the day of a later rate.")
class ExchangeRate(Node):
    """A row of the exchange rates' table."""

    is_type_of = of_noun("exchange_rate")

    id: strawberry.ID = global_id("exr")
    from_currency: Currency = column("Of which one unit is worth so much.")
    to_currency: Currency = column("In which that is told.")
    rate: Decimal = column("So much.")
    valid_from: Date = column("The first day on which it holds.")
    created_at: DateTime = column("When it was set.")
    version: int = column("Grows with every change.")


register("exr", "ExchangeRate", products.exchange_rate_by_id, _C)


@strawberry.input(description="Which exchange rates.")
class ExchangeRateFilter:
    """Conditions on exchange rates."""

    from_currency: list[Currency] | None = strawberry.field(default=None, description="Of one of these currencies.")
    to_currency: list[Currency] | None = strawberry.field(default=None, description="In one of these currencies.")

    def values(self) -> dict[str, object]:
        """As the source takes them."""
        return given(from_currency=self.from_currency, to_currency=self.to_currency)


ExchangeRateOrder = ordering("ExchangeRate", CREATED_AT="By the time at which they were set.")


@strawberry.type(description="A length of time for which a plan can be subscribed.")
class PlanPeriod:
    """A row of the plans' periods."""

    type: PeriodType = column("What is counted.")
    duration: int = column("How many of it.")
    is_trial: bool = column("Whether it is for trying out.")
    is_active: bool = column("Whether it can be newly ordered.")


@strawberry.type(description="The terms under which products are sold.")
class Plan(Node):
    """A row of the plans' table."""

    is_type_of = of_noun("plan")

    id: strawberry.ID = global_id("pln")
    code: str = column("Its short name, unique.")
    name: str = column("Its name.")
    short_description: str | None = column("A line about it.")
    long_description: str | None = column("More about it.")
    is_published: bool = column("Whether buyers are shown it.")
    billing_model: BillingModel = column("When it is charged.")
    refund_policy: RefundPolicy = column("What is given back for what is cancelled soon after it was bought.")
    cancellation_hours: int = column("How soon that must be, in hours, where the refund is prorated.")
    created_at: DateTime = column("When it was created.")
    version: int = column("Grows with every change.")

    @computed("How often it is billed.", needs=("billing_period_type", "billing_period_duration"))
    def billing_period(row: Row) -> Period:
        return Period(type=row.billing_period_type, duration=row.billing_period_duration)

    subscription_periods: list[PlanPeriod] = related(
        products.plan_periods, list[PlanPeriod], "For how long it can be subscribed.", nullable=False
    )


register("pln", "Plan", products.plan_by_id, _C)


@strawberry.input(description="Which plans.")
class PlanFilter:
    """Conditions on plans."""

    code: list[str] | None = strawberry.field(default=None, description="One of these codes.")
    billing_model: list[BillingModel] | None = strawberry.field(default=None, description="One of these models.")

    def values(self) -> dict[str, object]:
        """As the source takes them."""
        return given(code=self.code, billing_model=self.billing_model)


PlanOrder = ordering("Plan", NAME="By name, case and accents aside.", CREATED_AT="By age.")


@strawberry.type(description="A product under a plan and period, as the caller's account buys and sells it today.")
class Offer:
    """Worked out from the price rows on both sides of the caller's account."""

    type: PriceType = strawberry.field(description="What is paid for.")
    currency: Currency = strawberry.field(description="Of its amounts.")

    @computed("The subscription period.", needs=())
    def subscription_period(offer: products.Offer) -> Period:
        return Period(type=PeriodType(offer.period_type), duration=offer.period_duration)

    @computed("What the vendor charges the caller's account for one unit and billing period.", needs=())
    def cost(offer: products.Offer) -> Money | None:
        return None if offer.cost_micros is None else money(offer.cost_micros, offer.currency)

    @computed("What the caller's account charges its direct buyers for it.", needs=())
    def price(offer: products.Offer) -> Money | None:
        return None if offer.price_micros is None else money(offer.price_micros, offer.currency)

    @computed("Price less cost. Null unless there are both.", needs=())
    def margin(offer: products.Offer) -> Money | None:
        if offer.price_micros is None or offer.cost_micros is None:
            return None
        return money(offer.price_micros - offer.cost_micros, offer.currency)

    plan: PlanRef | None = related(products.plan, PlanRef, "The terms.", privilege=_C)
    marketplace: Marketplace | None = related(
        products.marketplace,
        Marketplace,
        "Where it holds. Null: everywhere, but for marketplaces that have an offer of their own.",
        privilege=_C,
    )


@strawberry.type(description="Something sold, known by its manufacturer's part number.")
class Product(Node):
    """A row of the products' table."""

    is_type_of = of_noun("product")

    id: strawberry.ID = global_id("prd")
    mpn: str = column("The manufacturer's part number; unique only together with the manufacturer.")
    name: str = column("Its name.")
    description: str | None = column("What it is.")
    service_name: str | None = column("The service that it belongs to.")
    segment: str | None = column("Whom it is for, such as `Commercial`.")
    unit: str | None = column("What one of it is.")
    minimum_quantity: int = column("The least that can be ordered.")
    maximum_quantity: int | None = column("The most that can be had. Null: no bound.")
    coterming_requirement: CotermingRequirement = column("Whether its end date is aligned with another's.")
    coterming_type: CotermingType | None = column("What it is aligned with.")
    status: ProductStatus = column("Whether it can be newly ordered.")
    created_at: DateTime = column("When it was added.")
    updated_at: DateTime = column("When it was last changed.")
    version: int = column("Grows with every change.")

    manufacturer: Manufacturer | None = related(products.manufacturer, Manufacturer, "Who makes it.")
    depends_on: list[ProductRef] = related(
        products.depends_on, list[ProductRef], "What must be there beside it.", nullable=False
    )

    @loaded(
        products.offers,
        "How the caller's account buys it (`cost`) and sells it (`price`) today, under each plan and period, in the"
        " marketplaces where accounts in view buy.",
        privilege=Privilege.PRICES_VIEW,
    )
    def offers(found: list[products.Offer], _row: Row) -> list[Offer] | None:
        return found  # type: ignore[return-value]  # stands behind the type


register("prd", "Product", products.by_id, _C)


@strawberry.input(description="Which products.")
class ProductFilter:
    """Conditions on products."""

    search: str | None = strawberry.field(
        default=None,
        description="Every word begins a word of the name, the MPN or the service, whatever its case and accents. Of"
        " more than five words the five longest count.",
    )
    mpn: list[str] | None = strawberry.field(default=None, description="One of these manufacturer part numbers.")
    manufacturer: list[str] | None = strawberry.field(
        default=None, description="Of a manufacturer with one of these codes."
    )
    service: list[str] | None = strawberry.field(default=None, description="Of one of these services.")
    status: list[ProductStatus] | None = strawberry.field(default=None, description="One of these statuses.")

    def values(self) -> dict[str, object]:
        """As the source takes them."""
        return given(
            search=self.search,
            mpn=self.mpn,
            manufacturer=self.manufacturer,
            service=self.service,
            status=self.status,
        )


ProductOrder = ordering(
    "Product",
    NAME="By name, case and accents aside.",
    MPN="By manufacturer's part number.",
    CREATED_AT="By age.",
)


@strawberry.type
class ProductQuery:
    """The catalogue's part of the root."""

    plans = connection(
        products.plans,
        Plan,
        "The plans under which they are offered.",
        filter_type=PlanFilter,
        order_type=PlanOrder,
        privilege=_C,
    )
    marketplaces = connection(
        products.marketplaces,
        Marketplace,
        "Where accounts in scope buy.",
        filter_type=MarketplaceFilter,
        order_type=MarketplaceOrder,
        privilege=_C,
    )
    exchange_rates = connection(
        products.exchange_rates,
        ExchangeRate,
        "What currencies are worth in others, also in days to come and gone by.",
        filter_type=ExchangeRateFilter,
        order_type=ExchangeRateOrder,
        privilege=_C,
    )
    # Last: from here on the name `products` is the field, no longer the module.
    products = connection(
        products.products,
        Product,
        "The products that are offered to accounts in scope, or run there.",
        filter_type=ProductFilter,
        order_type=ProductOrder,
        privilege=_C,
    )
