"""Orders in GraphQL."""

import strawberry

from models import OrderSchedule, OrderStatus, OrderType, QuantityKind
from models.statement import Row
from resolvers import accounts, orders, products, subscriptions
from resolvers.privileges import Privilege
from schema.arguments import given, instants, ordering
from schema.connection import connection
from schema.field import column, computed, of_noun, related, renamed
from schema.node import Node, global_id, register, row_ids
from schema.reference import AccountRef, PlanRef, ProductRef, SubscriptionRef
from schema.scalars import Date, DateTime, Decimal
from schema.values import Attribute, DateTimeRange, Money, Period, attributes, money


@strawberry.input(description="Which orders.")
class OrderFilter:
    """Conditions on orders."""

    type: list[OrderType] | None = strawberry.field(default=None, description="One of these types.")
    status: list[OrderStatus] | None = strawberry.field(default=None, description="One of these statuses.")
    number: list[str] | None = strawberry.field(default=None, description="One of these order numbers.")
    purchase_order_number: list[str] | None = strawberry.field(
        default=None, description="One of these purchase-order numbers of the buyer."
    )
    created: DateTimeRange | None = strawberry.field(default=None, description="Placed in this range.")
    account: list[strawberry.ID] | None = strawberry.field(default=None, description="Of one of these accounts.")
    below: strawberry.ID | None = strawberry.field(
        default=None, description="Of accounts below this one, at any depth; its own not included."
    )
    subscription: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Creating or concerning one of these subscriptions."
    )

    def values(self) -> dict[str, object]:
        """As the source takes them."""
        return given(
            type=self.type,
            status=self.status,
            number=self.number,
            po_number=self.purchase_order_number,
            account=row_ids("acc")(self.account) if self.account is not None else None,
            below=row_ids("acc")([self.below])[0] if self.below is not None else None,
            subscription=row_ids("sub")(self.subscription) if self.subscription is not None else None,
        ) | instants("created", self.created)


OrderOrder = ordering("Order", CREATED_AT="By age.", NUMBER="By order number, as text.")

ORDERS = {"filter_type": OrderFilter, "order_type": OrderOrder, "privilege": Privilege.ORDERS_VIEW}

_F = Privilege.FINANCES_VIEW


@strawberry.type(description="One product of an order.")
class OrderLine:
    """A row of the lines' table."""

    position: int = column("From 1, in the order in which they were given.")
    mpn: str = column("The manufacturer's part number, as ordered.")
    name: str = column("The product's name, as ordered.")
    quantity_kind: QuantityKind = column("How `quantity` is meant.")
    quantity: int = column("The change, or what shall be: see `quantityKind`.")
    resulting_quantity: int | None = column("What the subscription has once the order is completed, if known.")
    effective_on: Date | None = column("The day on which it takes effect. Null: with the order.")
    product: ProductRef | None = related(
        products.by_product_id, ProductRef, "The product.", privilege=Privilege.CATALOGUE_VIEW
    )
    plan: PlanRef | None = related(
        products.plan, PlanRef, "The terms under which it is ordered.", privilege=Privilege.CATALOGUE_VIEW
    )

    @computed("For how long it is bought at a time.", needs=("period_type", "period_duration"))
    def subscription_period(row: Row) -> Period:
        return Period(type=row.period_type, duration=row.period_duration)

    @computed(
        "What the account pays its vendor for one unit and billing period.",
        needs=("unit_micros", "currency"),
        privilege=_F,
    )
    def unit_price(row: Row) -> Money | None:
        return money(row.unit_micros, row.currency)

    @computed("Unit price times quantity.", needs=("extended_micros", "currency"), privilege=_F)
    def extended_price(row: Row) -> Money | None:
        return money(row.extended_micros, row.currency)

    @computed(
        "From the currency of the vendor's own cost to the line's. Null where they are the same.",
        needs=("exchange_rate",),
        privilege=_F,
    )
    def exchange_rate(row: Row) -> Decimal | None:
        return row.exchange_rate  # type: ignore[no-any-return]  # decimal text or null


@strawberry.type(description="A purchase or change by an account from its vendor.")
class Order(Node):
    """A row of the orders' table."""

    is_type_of = of_noun("orders")

    id: strawberry.ID = global_id("ord")
    number: str = column("As on paper: two letters for the type and a running number.")
    type: OrderType = column("What it does.")
    status: OrderStatus = column("Where it stands in its life.")
    status_code: str | None = column("The platform's short detail of the status.")
    scheduled_on: OrderSchedule | None = column("When it takes effect; null: at once.")
    error_message: str | None = column("Why it failed, for people. Null unless it did.")
    created_at: DateTime = column("When it was placed.")
    updated_at: DateTime = column("When it was last changed.")
    provisioned_at: DateTime | None = column("When it was completed. Null before.")
    version: int = column("Grows with every change.")
    purchase_order_number: str | None = renamed("po_number", str | None, "The buyer's own number for it.")

    @computed(
        "What the account pays its vendor for it, taxes left out.", needs=("total_micros", "currency"), privilege=_F
    )
    def total(row: Row) -> Money | None:
        return money(row.total_micros, row.currency)

    @computed("Custom attributes, by name.", needs=("attributes",))
    def attributes(row: Row) -> list[Attribute]:
        return attributes(row.attributes)

    account: AccountRef | None = related(
        accounts.by_account_id, AccountRef, "The account that placed it.", privilege=Privilege.ACCOUNTS_VIEW
    )
    subscription: SubscriptionRef | None = related(
        subscriptions.by_subscription_id,
        SubscriptionRef,
        "The subscription that it created or concerns. Null until a sales order is completed.",
        privilege=Privilege.SUBSCRIPTIONS_VIEW,
    )
    lines: list[OrderLine] = related(orders.lines, list[OrderLine], "What is ordered.", nullable=False)


register("ord", "Order", orders.by_id, Privilege.ORDERS_VIEW)


@strawberry.type
class OrderQuery:
    """The orders' part of the root."""

    orders = connection(orders.in_scope, Order, "The orders of all accounts in the caller's scope.", **ORDERS)
