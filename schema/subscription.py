"""Subscriptions in GraphQL."""

from collections.abc import Iterable
from itertools import groupby

import strawberry

from models import BillingModel, SubscriptionStatus
from models.statement import Row
from resolvers import accounts, products, subscriptions
from resolvers.privileges import Privilege
from resolvers.subscriptions import Charge
from schema.arguments import days, given, ordering
from schema.connection import connection
from schema.field import column, computed, loaded, of_noun, related
from schema.node import Node, global_id, register, row_ids
from schema.reference import AccountRef, PlanRef, ProductRef
from schema.scalars import Date, DateTime
from schema.values import Attribute, DateRange, Money, Period, attributes, money


@strawberry.input(description="Which subscriptions.")
class SubscriptionFilter:
    """Conditions on subscriptions."""

    status: list[SubscriptionStatus] | None = strawberry.field(default=None, description="One of these statuses.")
    product: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Bought for one of these products."
    )
    mpn: list[str] | None = strawberry.field(
        default=None, description="Bought for a product with one of these manufacturer part numbers."
    )
    item_product: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Contains one of these products, be it as an add-on."
    )
    account: list[strawberry.ID] | None = strawberry.field(default=None, description="Of one of these accounts.")
    below: strawberry.ID | None = strawberry.field(
        default=None, description="Of accounts below this one, at any depth; its own not included."
    )
    renews: DateRange | None = strawberry.field(default=None, description="Its next renewal lies in this range.")
    expires: DateRange | None = strawberry.field(default=None, description="It expires in this range.")
    auto_renew: bool | None = strawberry.field(default=None, description="Whether it renews by itself.")

    def values(self) -> dict[str, object]:
        """As the source takes them."""
        return (
            given(
                status=self.status,
                product=row_ids("prd")(self.product) if self.product is not None else None,
                mpn=self.mpn,
                item_product=row_ids("prd")(self.item_product) if self.item_product is not None else None,
                account=row_ids("acc")(self.account) if self.account is not None else None,
                below=row_ids("acc")([self.below])[0] if self.below is not None else None,
                auto_renew=self.auto_renew,
            )
            | days("renews", self.renews)
            | days("expires", self.expires)
        )


SubscriptionOrder = ordering(
    "Subscription",
    NAME="By name, case and accents aside.",
    CREATED_AT="By age.",
    RENEWAL_DATE="By next renewal; those without one last.",
)

SUBSCRIPTIONS = {
    "filter_type": SubscriptionFilter,
    "order_type": SubscriptionOrder,
    "privilege": Privilege.SUBSCRIPTIONS_VIEW,
}


def _sums(charges: Iterable[Charge], *, costs: bool) -> dict[str, int]:
    """Monthly micros by currency, of what is paid (costs) or of what is charged."""
    chosen = sorted((charge for charge in charges if charge.is_cost is costs), key=lambda charge: charge.currency)
    return {
        currency: sum(charge.monthly_micros for charge in group)
        for currency, group in groupby(chosen, key=lambda charge: charge.currency)
    }


def _only(sums: dict[str, int]) -> Money | None:
    """The sum, where all is in one currency."""
    if len(sums) != 1:
        return None
    ((currency, micros),) = sums.items()
    return money(micros, currency)


def _margin(charges: list[Charge]) -> Money | None:
    costs, prices = _sums(charges, costs=True), _sums(charges, costs=False)
    if len(prices) != 1 or costs.keys() != prices.keys():
        return None
    ((currency, price),) = prices.items()
    return money(price - costs[currency], currency)


def _unit(charges: list[Charge], item: Row, *, cost: bool) -> Money | None:
    found = next((charge for charge in charges if charge.item_id == item.id and charge.is_cost is cost), None)
    return money(found.unit_micros, found.currency) if found else None


_F = Privilege.FINANCES_VIEW


@strawberry.type(description="One product of a subscription.")
class SubscriptionItem:
    """A row of the items' table."""

    position: int = column("0 for the product that the subscription was bought for.")
    quantity: int = column("Seats, or units.")
    vendor_subscription_id: str | None = column("Its id at the manufacturer.")
    product: ProductRef | None = related(
        products.by_product_id, ProductRef, "The product.", privilege=Privilege.CATALOGUE_VIEW
    )

    @loaded(
        subscriptions.item_charges,
        "What the caller's account pays for one unit and billing period.",
        needs=("id",),
        privilege=_F,
    )
    def unit_cost(charges: list[Charge], item: Row) -> Money | None:
        return _unit(charges, item, cost=True)

    @loaded(
        subscriptions.item_charges,
        "What the caller's account charges for one unit and billing period.",
        needs=("id",),
        privilege=_F,
    )
    def unit_price(charges: list[Charge], item: Row) -> Money | None:
        return _unit(charges, item, cost=False)


@strawberry.type(description="A service that an account has, for a period, in a quantity.")
class Subscription(Node):
    """A row of the subscriptions' table."""

    is_type_of = of_noun("subscription")

    id: strawberry.ID = global_id("sub")
    name: str = column("Its name.")
    status: SubscriptionStatus = column("Where it stands in its life.")
    quantity: int = column("Seats, or units, of the product that it was bought for.")
    auto_renew: bool = column("Whether it renews by itself at its renewal date.")
    billing_model: BillingModel = column("When it is charged.")
    start_date: Date | None = column("The first day of its present period. Null while pending.")
    renewal_date: Date | None = column("When its next period starts. Null while pending and once it has ended.")
    expiration_date: Date | None = column("When it ends if it doesn't renew. Null while pending.")
    vendor_subscription_id: str | None = column("Its id at the manufacturer.")
    created_at: DateTime = column("When it was created.")
    updated_at: DateTime = column("When it was last changed.")
    version: int = column("Grows with every change.")

    @computed("For how long it is bought at a time.", needs=("period_type", "period_duration"))
    def period(row: Row) -> Period:
        return Period(type=row.period_type, duration=row.period_duration)

    @computed("How often it is billed.", needs=("billing_period_type", "billing_period_duration"))
    def billing_period(row: Row) -> Period:
        return Period(type=row.billing_period_type, duration=row.billing_period_duration)

    @computed("Custom attributes, by name.", needs=("attributes",))
    def attributes(row: Row) -> list[Attribute]:
        return attributes(row.attributes)

    account: AccountRef | None = related(
        accounts.by_account_id, AccountRef, "The account that has it.", privilege=Privilege.ACCOUNTS_VIEW
    )
    product: ProductRef | None = related(
        products.by_product_id, ProductRef, "The product that it was bought for.", privilege=Privilege.CATALOGUE_VIEW
    )
    plan: PlanRef | None = related(
        products.plan, PlanRef, "The terms under which it runs.", privilege=Privilege.CATALOGUE_VIEW
    )
    items: list[SubscriptionItem] = related(
        subscriptions.items, list[SubscriptionItem], "Its products, the main one first.", nullable=False
    )

    @loaded(
        subscriptions.charges,
        "What the caller's account pays its vendor for it in a month. Null where there is no charge on record,"
        " or charges in several currencies.",
        privilege=_F,
    )
    def monthly_cost(charges: list[Charge], _row: Row) -> Money | None:
        return _only(_sums(charges, costs=True))

    @loaded(
        subscriptions.charges,
        "What the caller's account charges right below itself for it in a month. Null as `monthlyCost`, and where"
        " the caller's own account has the subscription.",
        privilege=_F,
    )
    def monthly_price(charges: list[Charge], _row: Row) -> Money | None:
        return _only(_sums(charges, costs=False))

    @loaded(
        subscriptions.charges,
        "Monthly price less monthly cost. Null unless both are there, in the same currency.",
        privilege=_F,
    )
    def monthly_margin(charges: list[Charge], _row: Row) -> Money | None:
        return _margin(charges)


register("sub", "Subscription", subscriptions.by_id, Privilege.SUBSCRIPTIONS_VIEW)


@strawberry.type
class SubscriptionQuery:
    """The subscriptions' part of the root."""

    subscriptions = connection(
        subscriptions.in_scope, Subscription, "The subscriptions of all accounts in scope.", **SUBSCRIPTIONS
    )
