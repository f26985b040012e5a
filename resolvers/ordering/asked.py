"""What an order is asked for with."""

from typing import Annotated

from pydantic import Field as Bounds

from models import OrderSchedule, OrderType, QuantityKind
from resolvers.inputs import MOST_ATTRIBUTES, AccountId, Attributes, Input, SubscriptionId, Text100, said
from resolvers.trade_inputs import Code, Mpn, PeriodInput, PlanId, ProductId

MOST_LINES = 50
_MOST_UNITS = 1_000_000_000

Units = Annotated[int, Bounds(ge=-_MOST_UNITS, le=_MOST_UNITS)]


class OrderLineInput(Input):
    """One product of an order, by its id or by its part number.

    Where the plan and the periods are left out, there must be only one that fits. The one line of an order of type
    MIGRATION names what the subscription is switched to, by any of these.
    """

    product: ProductId | None = said("The product.", None)
    mpn: Mpn | None = said("Or the manufacturer's part number; one of the two.", None)
    manufacturer: Code | None = said("Of that manufacturer, by its code.", None)
    plan: PlanId | None = said("Under which terms.", None)
    subscription_period: PeriodInput | None = said("For how long at a time.", None)
    billing_period: PeriodInput | None = said("Billed how often.", None)
    quantity: Units | None = said(
        "How many units: see `quantityKind`. Left out in an order of type MIGRATION alone, which changes no quantity.",
        None,
    )
    quantity_kind: QuantityKind = said(
        "Whether `quantity` is a change, negative to give back, or what the subscription shall have.",
        QuantityKind.DELTA,
    )


class OrderRequest(Input):
    """What is ordered."""

    account: AccountId | None = said("Who buys: the caller's own account, or one below. Left out: the own.", None)
    type: OrderType = said("What the order does.", OrderType.SALES)
    subscription: SubscriptionId | None = said(
        "Which subscription is changed, switched, renewed or cancelled; for a sales order none.", None
    )
    lines: list[OrderLineInput] = said(
        "What is bought or changed, at most 50: for a sales order products of one plan and subscription period, which"
        " make one subscription; for a change products of the subscription; for a migration the one thing that it is"
        " switched to, of those that the subscription's `upgrades` tell. A cancellation, which ends everything, takes"
        " none.",
        None,
        most=MOST_LINES,
    )
    purchase_order_number: Text100 | None = said("The buyer's own number for it.", None)
    attributes: Attributes = said("Custom attributes, at most 50.", None, most=MOST_ATTRIBUTES)
    scheduled_on: OrderSchedule | None = said(
        "When a change, a migration or a cancellation takes effect. Left out: at once, or for a migration when the"
        " provider says. At the renewal nothing is charged before.",
        None,
    )
    align_with: SubscriptionId | None = said(
        "Let the first term of what is bought end together with this subscription of the same account.", None
    )
    aligns_with_month: bool = said("Let the first term of what is bought end with a month.", False)
    auto_renew: bool = said("Whether what is bought renews by itself.", True)
    adds_dependencies: bool = said(
        "Whether products that the ordered ones need, and that are missing, are added in their least quantity.", False
    )
    waives_credit_check: bool = said(
        "Let it through whatever is owed to the caller's account and to those between it and the buyer. For accounts"
        " above the buyer, with the privilege `orders:waive-credit-check`.",
        False,
    )
