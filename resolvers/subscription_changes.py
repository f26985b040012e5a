"""What people do with subscriptions: change quantities, hold, release, cancel, let renew or not."""

from dataclasses import replace

from sqlalchemy import bindparam, or_, select

from models import OrderSchedule, OrderStatus, OrderType, OrderWait, QuantityKind, SubscriptionStatus
from models.life.subscription import HoldReason
from models.statement import Row, Statement
from resolvers import holds
from resolvers.accounts import ACCOUNT
from resolvers.act import Act
from resolvers.errors import RefusedError, UserErrorCode
from resolvers.inputs import MOST_ATTRIBUTES, Attributes, Input, SubscriptionId, Text500, said, stored
from resolvers.operation import Target, operation
from resolvers.ordering.asked import OrderLineInput, OrderRequest, Units
from resolvers.ordering.placing import place_order
from resolvers.orders import ORDER
from resolvers.privileges import Privilege
from resolvers.subscription_actions import RUNNING
from resolvers.subscription_moves import reasons_of, renew_on, set_reasons
from resolvers.subscriptions import SUBSCRIPTION
from resolvers.trade_inputs import PeriodInput, PlanId, ProductId
from resolvers.work.renewing import day

_SUBSCRIPTION = Target(SUBSCRIPTION, by="subscription")
_ACCOUNT = Target(ACCOUNT, by="account", is_changed=False)
_OF_ORDERS = (
    UserErrorCode.ABOVE_MAXIMUM,
    UserErrorCode.ACCOUNT_ON_HOLD,
    UserErrorCode.BELOW_MINIMUM,
    UserErrorCode.CREDIT_LIMIT,
    UserErrorCode.DEPENDENCY_MISSING,
    UserErrorCode.NOT_OFFERED,
    UserErrorCode.OPEN_CHANGE,
    UserErrorCode.OUTSIDE_WINDOW,
    UserErrorCode.OUT_OF_RANGE,
    UserErrorCode.RETIRED,
    UserErrorCode.VENDOR_UNAVAILABLE,
    UserErrorCode.WRONG_STATE,
)
"""With which the orders that stand behind a change may be refused."""
_WAITING = Statement(
    select(ORDER.c.number)
    .where(
        ORDER.c.subscription_id == bindparam("subscription"),
        or_(*(ORDER.c.status == status.value for status in (OrderStatus.SUBMITTED, OrderStatus.PROCESSING))),
        ORDER.c.waiting_for == OrderWait.RENEWAL.value,
    )
    .order_by(ORDER.c.id)
    .limit(1),
    is_lookup=True,
)
_WHO_HOLDS = {
    HoldReason.ACCOUNT: "its account is on administrative hold",
    HoldReason.UNPAID_RENEWAL: "its renewal is not paid",
}


class SubscriptionQuantitySet(Input):
    """Which subscription gets how many units."""

    subscription: SubscriptionId = said("The subscription.")
    product: ProductId | None = said("Of which of its products. Left out: of the one that it was bought for.", None)
    quantity: Units = said("How many units: see `quantityKind`.")
    quantity_kind: QuantityKind = said(
        "Whether `quantity` is what the subscription shall have, or a change, negative to give back.",
        QuantityKind.TARGET,
    )
    scheduled_on: OrderSchedule | None = said("When it takes effect. Left out: at once.", None)


class SubscriptionUpgrade(Input):
    """Which subscription is switched to what: one of its `upgrades`, named by as much as tells it from the others."""

    subscription: SubscriptionId = said("The subscription.")
    product: ProductId | None = said("The product that its own becomes, or keeps to be.", None)
    plan: PlanId | None = said("Under which plan.", None)
    subscription_period: PeriodInput | None = said("For how long at a time.", None)
    scheduled_on: OrderSchedule | None = said(
        "When it takes effect. Left out: at once, unless the provider lets it be switched at the renewal only.", None
    )


class SubscriptionCancel(Input):
    """Which subscription to cancel."""

    subscription: SubscriptionId = said("The subscription.")
    scheduled_on: OrderSchedule | None = said(
        "When it ends. Left out: at once, which is possible while all its units can be given back.", None
    )


class SubscriptionAutoRenewSet(Input):
    """Which subscription renews by itself, or doesn't."""

    subscription: SubscriptionId = said("The subscription.")
    auto_renew: bool = said("Whether it renews by itself.")


class SubscriptionAttributesSet(Input):
    """What custom attributes a subscription has."""

    subscription: SubscriptionId = said("The subscription.")
    attributes: Attributes = said("All of them, at most 50: what isn't listed is removed.", most=MOST_ATTRIBUTES)


class SubscriptionHold(Input):
    """Which subscription to hold."""

    subscription: SubscriptionId = said("The subscription.")
    reason: Text500 | None = said("Why; it stands in the change log.", None)


class SubscriptionRelease(Input):
    """Which subscription to release."""

    subscription: SubscriptionId = said("The subscription.")
    reason: Text500 | None = said("Why; it stands in the change log.", None)


@operation(
    privilege=Privilege.ORDERS_PLACE,
    gives="subscription",
    target=_SUBSCRIPTION,
    codes=(*_OF_ORDERS, UserErrorCode.INVALID),
    bulk=True,
    also=("order",),
)
async def quantity_set(act: Act, given: SubscriptionQuantitySet) -> None:
    """Change how many units a subscription has: places an order of type CHANGE, which is worked off afterwards.

    Units that are added are charged at today's prices for the rest of the term; what is given back within its time is
    refunded. Takes the privilege to see prices, too.
    """
    line = OrderLineInput(
        product=act.target.product_id if given.product is None else given.product,
        quantity=given.quantity,
        quantity_kind=given.quantity_kind,
    )
    await _place(act, OrderType.CHANGE, given.scheduled_on, [line])


@operation(
    privilege=Privilege.ORDERS_PLACE,
    gives="subscription",
    target=_SUBSCRIPTION,
    codes=(*_OF_ORDERS, UserErrorCode.INVALID, UserErrorCode.REQUIRED),
    bulk=True,
    also=("order",),
)
async def upgrade(act: Act, given: SubscriptionUpgrade) -> None:
    """Switch a subscription to another product, plan or period: places an order of type MIGRATION.

    What the present terms cost is returned as the provider's switch says, and the new ones are charged at today's
    prices. At the renewal neither is done before. Takes the privilege to see prices, too.
    """
    line = OrderLineInput(product=given.product, plan=given.plan, subscription_period=given.subscription_period)
    await _place(act, OrderType.MIGRATION, given.scheduled_on, [line])


@operation(
    privilege=Privilege.ORDERS_PLACE,
    gives="subscription",
    target=_SUBSCRIPTION,
    codes=_OF_ORDERS,
    bulk=True,
    also=("order",),
)
async def cancel(act: Act, given: SubscriptionCancel) -> None:
    """End a subscription: places an order of type CANCELLATION, which is worked off afterwards.

    What was paid is refunded by the rules of the plan. Takes the privilege to see prices, too.
    """
    await _place(act, OrderType.CANCELLATION, given.scheduled_on, [])


async def _place(act: Act, of_type: OrderType, scheduled_on: OrderSchedule | None, lines: list[OrderLineInput]) -> None:
    accounts = await act.rows(_ACCOUNT.statement, {"row_id": act.target.account_id})
    request = OrderRequest(type=of_type, subscription=act.target.id, lines=lines, scheduled_on=scheduled_on)
    try:
        await place_order(act, accounts[0], request)
    except RefusedError as refusal:
        raise RefusedError(*(replace(error, path=_as_given(error.path)) for error in refusal.errors)) from refusal


def _as_given(path: tuple[str, ...]) -> tuple[str, ...]:
    """Where what an order's input calls so stands in the input of an operation on a subscription."""
    if path[:1] == ("lines",):
        return path[2:]
    return () if path == ("account",) else path


@operation(
    privilege=Privilege.SUBSCRIPTIONS_MANAGE,
    gives="subscription",
    target=_SUBSCRIPTION,
    codes=(UserErrorCode.OPEN_CHANGE, UserErrorCode.WRONG_STATE),
    bulk=True,
)
async def auto_renew_set(act: Act, given: SubscriptionAutoRenewSet) -> None:
    """Let a subscription renew by itself at its renewal date, or end at its expiration date."""
    _require_running(act, act.target)
    if not given.auto_renew:
        await _refuse_waiting(act)
    await act.change(SUBSCRIPTION, act.target, auto_renew=given.auto_renew)
    due = day(act.target.renewal_date)
    if due is not None:
        await renew_on(act, act.target.id, act.target.path, due)


async def _refuse_waiting(act: Act) -> None:
    """Refuse while an order waits for the renewal, which would never come.

    Raises:
        RefusedError: one does.
    """
    for order in await act.rows(_WAITING, {"subscription": act.target.id}):
        message = f"Its order {order.number} waits for the renewal. Cancel that first."
        act.refuse(UserErrorCode.OPEN_CHANGE, message, "auto_renew")


@operation(
    privilege=Privilege.SUBSCRIPTIONS_MANAGE,
    gives="subscription",
    target=_SUBSCRIPTION,
    codes=(UserErrorCode.TOO_LONG,),
    bulk=True,
)
async def attributes_set(act: Act, given: SubscriptionAttributesSet) -> None:
    """Replace the custom attributes of a subscription, in whatever state it is."""
    await act.change(SUBSCRIPTION, act.target, attributes=stored(given.attributes))


@operation(
    privilege=Privilege.SUBSCRIPTIONS_MANAGE,
    gives="subscription",
    target=_SUBSCRIPTION,
    codes=(UserErrorCode.ALREADY_DONE, UserErrorCode.TOO_LONG, UserErrorCode.WRONG_STATE),
    bulk=True,
)
async def hold(act: Act, given: SubscriptionHold) -> None:
    """Put a subscription on hold: nobody uses the service, what is in it is kept, and it goes on costing."""
    _require_running(act, act.target)
    reasons = await reasons_of(act, act.target.id)
    if HoldReason.PERSON in reasons:
        act.refuse(UserErrorCode.ALREADY_DONE, "Somebody holds it already.", "subscription")
    await _note(act, given.reason)
    await set_reasons(act, act.target, reasons, reasons | {HoldReason.PERSON}, holder_id=act.caller.account_id)


@operation(
    privilege=Privilege.SUBSCRIPTIONS_MANAGE,
    gives="subscription",
    target=_SUBSCRIPTION,
    codes=(UserErrorCode.HELD_ABOVE, UserErrorCode.TOO_LONG, UserErrorCode.WRONG_STATE),
    bulk=True,
)
async def release(act: Act, given: SubscriptionRelease) -> None:
    """Release a subscription from the hold that a person put on it; it runs again when nothing else holds it.

    What people of an account above the caller's own hold is refused.
    """
    reasons = await reasons_of(act, act.target.id)
    if act.target.status != SubscriptionStatus.HOLD or (reasons and HoldReason.PERSON not in reasons):
        others = " and ".join(_WHO_HOLDS[each] for each in sorted(reasons) if each in _WHO_HOLDS)
        why = f" It is held because {others}." if others else ""
        message = f"The subscription is {act.target.status}, and no person holds it.{why}"
        act.refuse(UserErrorCode.WRONG_STATE, message, "subscription")
    if not holds.may_release(act.caller.path, act.target):
        message = "An account above yours holds it. Ask your vendor to release it."
        act.refuse(UserErrorCode.HELD_ABOVE, message, "subscription")
    await _note(act, given.reason)
    await set_reasons(act, act.target, reasons, reasons - {HoldReason.PERSON}, holder_id=None)


async def _note(act: Act, reason: str | None) -> None:
    if reason is not None:
        await act.note(SUBSCRIPTION, act.target, {}, {"reason": reason})


def _require_running(act: Act, subscription: Row) -> None:
    if subscription.status not in RUNNING:
        act.refuse(UserErrorCode.WRONG_STATE, f"The subscription is {subscription.status}.", "subscription")
