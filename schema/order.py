"""Orders in GraphQL."""

import strawberry

from models import OrderSchedule, OrderStatus, OrderType, OrderWait, PriceType, QuantityKind
from models.statement import Row
from resolvers import accounts, orders, products, subscriptions
from resolvers.context import Context
from resolvers.order_actions import NEEDS, OrderAction, allowed_actions
from resolvers.privileges import Privilege
from schema.arguments import given, instants, ordering
from schema.connection import connection
from schema.enums import describe
from schema.field import column, computed, loaded, of_noun, related, renamed
from schema.node import Node, global_id, register, row_ids
from schema.reference import AccountRef, PlanRef, ProductRef, SubscriptionRef, VendorCardRef
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

describe(
    OrderAction,
    "What can be done with an order.",
    ORDER_APPROVE="Do `orderApprove` to it.",
    ORDER_CANCEL="Do `orderCancel` to it.",
    ORDER_REJECT="Do `orderReject` to it.",
    ORDER_RESUBMIT="Do `orderResubmit` to it.",
    ORDER_UPDATE="Do `orderUpdate` to it.",
)


@strawberry.type(description="What one buyer of the vendor chain pays its seller for a line: fixed at placing.")
class OrderCharge:
    """A row of the charges' table."""

    type: PriceType = renamed("price_type", PriceType, "What is paid for.")
    paid_from: Date | None = column("The first day that is paid for. Null: it is charged once, or billed later.")
    paid_until: Date | None = column("The first day that isn't any more.")
    seller: VendorCardRef | None = related(
        accounts.seller, VendorCardRef, "Who is paid, as a card. Null: the manufacturer, or a vendor out of view."
    )
    buyer: AccountRef | None = related(
        accounts.buyer, AccountRef, "Who pays. As far as it is in view.", privilege=Privilege.ACCOUNTS_VIEW
    )

    @computed("For one unit, and one billing period if it recurs.", needs=("unit_micros", "currency"))
    def unit_price(row: Row) -> Money:
        return money(row.unit_micros, row.currency)

    @computed("For all units that are added, or renewed; likewise.", needs=("extended_micros", "currency"))
    def extended_price(row: Row) -> Money:
        return money(row.extended_micros, row.currency)

    @computed(
        "What the order was charged with. Negative: what it gave back. Zero: it is billed later.",
        needs=("charged_micros", "currency"),
    )
    def charged(row: Row) -> Money:
        return money(row.charged_micros, row.currency)

    @computed(
        "From the currency of the seller's own cost to this one. Null where they are the same.",
        needs=("exchange_rate",),
    )
    def exchange_rate(row: Row) -> Decimal | None:
        return row.exchange_rate  # type: ignore[no-any-return]  # decimal text or null


@strawberry.type(description="One product of an order.")
class OrderLine:
    """A row of the lines' table."""

    position: int = column("From 1, in the order in which they were given.")
    mpn: str = column("The manufacturer's part number, as ordered.")
    name: str = column("The product's name, as ordered.")
    quantity_kind: QuantityKind = column("How `quantity` is meant.")
    quantity: int = column("The change, or what shall be: see `quantityKind`.")
    previous_quantity: int | None = column("What the subscription had when the order was placed. Null: imported.")
    resulting_quantity: int | None = column("What the subscription has once the order is completed, if known.")
    effective_on: Date | None = column("The day on which it takes effect. Null: with the order.")
    product: ProductRef | None = related(
        products.by_product_id, ProductRef, "The product.", privilege=Privilege.CATALOGUE_VIEW
    )
    plan: PlanRef | None = related(
        products.plan, PlanRef, "The terms under which it is ordered.", privilege=Privilege.CATALOGUE_VIEW
    )

    charges: list[OrderCharge] | None = related(
        orders.charges,
        list[OrderCharge],
        "What it costs on the edges of the vendor chain that are in view: never a cost further up.",
        privilege=_F,
    )

    @computed(
        "By how much the quantity changes, if known.",
        needs=("quantity", "quantity_kind", "previous_quantity", "resulting_quantity"),
    )
    def delta(row: Row) -> int | None:
        if row.quantity_kind == QuantityKind.DELTA:
            return row.quantity  # type: ignore[no-any-return]  # a whole number
        known = row.previous_quantity is not None and row.resulting_quantity is not None
        return row.resulting_quantity - row.previous_quantity if known else None

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

    @computed(
        "What the account pays for all the units of the line and one billing period, setting up left out.",
        needs=("extended_micros", "currency"),
        privilege=_F,
    )
    def extended_price(row: Row) -> Money | None:
        return money(row.extended_micros, row.currency)

    @computed(
        "What it pays for setting them up, once. Null: nothing.", needs=("setup_micros", "currency"), privilege=_F
    )
    def setup_price(row: Row) -> Money | None:
        return money(row.setup_micros, row.currency) if row.setup_micros else None

    @computed(
        "What the order charges the account for the line: for the days that fall due by it, and for setting up."
        " Negative: given back. Those of all lines add up to the order's `total`.",
        needs=("charged_micros", "extended_micros", "currency"),
        privilege=_F,
    )
    def charged(row: Row) -> Money | None:
        return money(row.extended_micros if row.charged_micros is None else row.charged_micros, row.currency)

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
    waiting_for: OrderWait | None = column("What it waits for before it is worked off. Null: nothing.")
    auto_renew: bool = column("Whether what a sales order creates renews by itself.")
    credit_check: bool = column("Whether credit was checked; if not, an account above waived it.")
    term_from: Date | None = column("The first day of the term that it pays for. Null: of none, or imported.")
    term_until: Date | None = column("The day on which that term ends.")
    error_message: str | None = column("Why it failed or was rejected, for people. Null unless it was.")
    created_at: DateTime = column("When it was placed.")
    updated_at: DateTime = column("When it was last changed.")
    provisioned_at: DateTime | None = column("When it was completed. Null before.")
    version: int = column("Grows with every change.")
    purchase_order_number: str | None = renamed("po_number", str | None, "The buyer's own number for it.")

    @computed(
        "What it charges the account, taxes left out: what its lines are `charged`. Later periods are billed apart.",
        needs=("total_micros", "currency"),
        privilege=_F,
    )
    def total(row: Row) -> Money | None:
        return money(row.total_micros, row.currency)

    @loaded(
        orders.windows,
        "Of an order that is being processed: the first instant at which it can't be cancelled any more. Later: the"
        " first at which some of what it bought can't be given back. Null: it can't be stopped, nothing of it is left,"
        " or there is no such time.",
        needs=("status", "stoppable_until"),
    )
    def cancellable_until(until: DateTime | None, row: Row) -> DateTime | None:
        if row.status == OrderStatus.CANCELLED:
            return None
        return until if row.stoppable_until is None else row.stoppable_until

    @computed("What the caller may do with it.", needs=NEEDS)
    def allowed_actions(row: Row, context: Context) -> list[OrderAction]:
        return allowed_actions(context.caller, row, context.now)

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
