"""Subscriptions in GraphQL."""

from collections.abc import Iterable
from itertools import groupby

import strawberry

from models import BillingModel, SubscriptionStatus
from models.life.subscription import HoldReason
from models.statement import Row
from resolvers import (
    accounts,
    products,
    subscription_orders,
    subscription_refunds,
    subscription_upgrades,
    subscriptions,
)
from resolvers.context import Context
from resolvers.privileges import Privilege
from resolvers.subscription_actions import NEEDS, SubscriptionAction, allowed_actions
from resolvers.subscription_orders import Prospects
from resolvers.subscriptions import Charge
from schema.arguments import days, given, ordering
from schema.connection import connection
from schema.enums import describe
from schema.field import column, computed, loaded, of_noun, related
from schema.node import Node, global_id, register, row_ids
from schema.plan_switch import SubscriptionUpgrade
from schema.reference import AccountRef, OrderRef, PlanRef, ProductRef
from schema.scalars import Date, DateTime
from schema.subscription_part import (
    HISTORY,
    Refundable,
    ScheduledChange,
    SubscriptionHistory,
    SubscriptionItem,
    SubscriptionLot,
)
from schema.values import Attribute, DateRange, Money, Period, attributes, money

describe(
    SubscriptionAction,
    "What can be done with a subscription.",
    SUBSCRIPTION_ATTRIBUTES_SET="Do `subscriptionAttributesSet` to it.",
    SUBSCRIPTION_AUTO_RENEW_SET="Do `subscriptionAutoRenewSet` to it.",
    SUBSCRIPTION_CANCEL="Do `subscriptionCancel` to it.",
    SUBSCRIPTION_HOLD="Do `subscriptionHold` to it.",
    SUBSCRIPTION_QUANTITY_SET="Do `subscriptionQuantitySet` to it.",
    SUBSCRIPTION_RELEASE="Do `subscriptionRelease` to it.",
    SUBSCRIPTION_UPGRADE="Do `subscriptionUpgrade` to it.",
)
describe(
    HoldReason,
    "Why a subscription is on hold. Each reason is lifted by what set it, and no other.",
    PERSON="Somebody held it.",
    ACCOUNT="Its account is on administrative hold, or was cancelled.",
    UNPAID_RENEWAL="Its renewal isn't paid.",
)


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


_F = Privilege.FINANCES_VIEW


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

    lots: list[SubscriptionLot] = related(
        subscriptions.lots,
        list[SubscriptionLot],
        "Its units by when they were bought, the oldest first: what can be given back until when. Empty if imported.",
        nullable=False,
    )
    history = connection(subscriptions.history, SubscriptionHistory, "How many units it had when, and why.", **HISTORY)

    @loaded(subscriptions.hold_reasons, "Why it is on hold; empty if it isn't, or nobody noted why.", needs=("id",))
    def hold_reasons(reasons: list[HoldReason], _row: Row) -> list[HoldReason]:
        return reasons

    @loaded(subscription_orders.prospects, "What the caller may do with it, as it stands now.", needs=NEEDS)
    def allowed_actions(prospects: Prospects, row: Row, context: Context) -> list[SubscriptionAction]:
        can = {"is_open": prospects.is_open, "is_switchable": prospects.is_switchable}
        return allowed_actions(context.caller, row, **can)

    open_order: OrderRef | None = related(
        subscription_orders.open_order,
        OrderRef,
        "The order that is open for it: nothing else can be ordered beside it. Null: none is.",
        privilege=Privilege.ORDERS_VIEW,
    )

    @loaded(
        subscription_orders.waiting,
        "What becomes of it at the end of its term. Null while pending and once it has ended.",
        needs=("status", "auto_renew", "renewal_date", "expiration_date"),
    )
    def scheduled_change(order: Row | None, row: Row) -> ScheduledChange | None:
        return subscription_orders.scheduled(order, row)  # type: ignore[return-value]  # stands behind the type

    @loaded(
        subscription_refunds.refundable,
        "Its units that can be given back at once, the earliest bought first. Empty: none can be.",
    )
    def refundable(found: list[subscription_refunds.Refundable], _row: Row) -> list[Refundable]:
        return found  # type: ignore[return-value]  # stands behind the type

    @loaded(
        subscription_upgrades.upgrades,
        "What it can be switched to today, by `subscriptionUpgrade` or an order of type MIGRATION: as far as the"
        " provider lets such subscriptions be switched, and its account's vendor offers it, for an account buys from no"
        " other; should somebody further up not sell it, that is told as it is estimated or ordered. Without the right"
        " to see prices what is offered can't be told, and all is listed that is in view.",
        privilege=Privilege.CATALOGUE_VIEW,
    )
    def upgrades(found: list[subscription_upgrades.Upgrade], _row: Row) -> list[SubscriptionUpgrade] | None:
        return found  # type: ignore[return-value]  # stands behind the type

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
