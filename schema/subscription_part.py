"""What subscriptions consist of and what lies ahead of them, in GraphQL: items, lots, history, refunds, the next."""

import strawberry

from models import QuantityReason
from models.statement import Row
from resolvers import orders, products, subscription_refunds, subscriptions
from resolvers.privileges import Privilege
from resolvers.subscription_orders import TermEnd
from resolvers.subscriptions import Charge
from schema.arguments import given, instants, ordering
from schema.enums import describe
from schema.field import column, computed, loaded, of_noun, related, renamed
from schema.node import Node, global_id, register
from schema.reference import OrderRef, PlanRef, ProductRef
from schema.scalars import Date, DateTime
from schema.values import DateTimeRange, Money, money

describe(
    TermEnd,
    "What becomes of a subscription at the end of its term.",
    CHANGE="It renews with other quantities.",
    END="It ends.",
    RENEWAL="It renews as it is.",
    SWITCH="It renews under other terms: see the order's lines.",
)
describe(
    QuantityReason,
    "Why a quantity is what it is.",
    PURCHASE="It was bought.",
    CHANGE="It was changed by an order.",
    RENEWAL="It was renewed.",
    CANCELLATION="It was cancelled.",
    EXPIRATION="It ended, for it wasn't renewed.",
    MIGRATION="It was switched to other terms.",
)

_F = Privilege.FINANCES_VIEW


def _unit(charges: list[Charge], item: Row, *, cost: bool) -> Money | None:
    found = next((charge for charge in charges if charge.item_id == item.id and charge.is_cost is cost), None)
    return money(found.unit_micros, found.currency) if found else None


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


@strawberry.input(description="Which changes of quantities.")
class SubscriptionHistoryFilter:
    """Conditions on the history of a subscription."""

    reason: list[QuantityReason] | None = strawberry.field(default=None, description="For one of these reasons.")
    at: DateTimeRange | None = strawberry.field(default=None, description="In this range.")

    def values(self) -> dict[str, object]:
        """As the source takes them."""
        return given(reason=self.reason) | instants("at", self.at)


HISTORY = {
    "filter_type": SubscriptionHistoryFilter,
    "order_type": ordering("SubscriptionHistory", AT="By time."),
    "privilege": Privilege.SUBSCRIPTIONS_VIEW,
}


@strawberry.type(description="How many units of a product a subscription has from an instant on, and why.")
class SubscriptionHistory(Node):
    """A row of the history's table."""

    is_type_of = of_noun("subscription_history")

    id: strawberry.ID = global_id("sbh")
    at: DateTime = column("From when on.")
    reason: QuantityReason = column("Why.")
    quantity_before: int = column("Units before.")
    quantity_after: int = column("Units from then on.")
    previous_product: ProductRef | None = related(
        products.by_former_id,
        ProductRef,
        "Which product it was until then. Null unless it was switched.",
        privilege=Privilege.CATALOGUE_VIEW,
    )
    previous_plan: PlanRef | None = related(
        products.former_plan,
        PlanRef,
        "Under which plan it was until then. Null unless it was switched.",
        privilege=Privilege.CATALOGUE_VIEW,
    )
    order: OrderRef | None = related(
        orders.by_order_done, OrderRef, "The order that did it. Null: none did.", privilege=Privilege.ORDERS_VIEW
    )
    item: SubscriptionItem | None = related(
        subscriptions.by_item_id, SubscriptionItem, "Which of the subscription's products."
    )


@strawberry.type(description="Units of a subscription that were bought, added or renewed together.")
class SubscriptionLot:
    """A row of the lots' table."""

    quantity: int = column("Units.")
    remaining: int = column("Those that were neither given back nor renewed since.")
    bought_at: DateTime = column("When they were ordered.")
    cancellable_until: DateTime | None = renamed(
        "window_until", DateTime | None, "The first instant at which they can't be given back any more. Null: any time."
    )
    item: SubscriptionItem | None = related(
        subscriptions.by_item_id, SubscriptionItem, "Which of the subscription's products."
    )


@strawberry.type(description="Units of a subscription that can be given back at once.")
class Refundable:
    """Stands in front of `resolvers.subscription_refunds.Refundable`."""

    quantity: int = strawberry.field(description="How many.")
    until: DateTime | None = strawberry.field(
        description="The first instant at which they can't be given back any more. Null: they always can."
    )
    item: SubscriptionItem | None = related(
        subscriptions.by_item_id, SubscriptionItem, "Which of the subscription's products."
    )

    @computed("What the account would get back for all of them today. Null: it isn't known.", needs=(), privilege=_F)
    def amount(units: subscription_refunds.Refundable) -> Money | None:
        return None if units.micros is None or units.currency is None else money(units.micros, units.currency)


@strawberry.type(description="What becomes of a subscription at the end of its term.")
class ScheduledChange:
    """Stands in front of `resolvers.subscription_orders.Scheduled`."""

    on: Date = strawberry.field(description="On which day.")
    event: TermEnd = strawberry.field(description="What happens.")
    order: OrderRef | None = related(
        orders.by_order_id,
        OrderRef,
        "The order that waits for it. Null: it happens by itself.",
        privilege=Privilege.ORDERS_VIEW,
    )


register("sbh", "SubscriptionHistory", subscriptions.history_by_id, Privilege.SUBSCRIPTIONS_VIEW)
