"""How one subscription is renewed, or ends, in the transaction of whoever found that it is time."""

from datetime import date, timedelta

from sqlalchemy import bindparam, select

from models import OrderStatus, OrderType, OrderWait, SubscriptionStatus
from models.life.order import OrderEvent
from models.life.subscription import KEPT_AFTER_TERMINATION, HoldReason, is_renewable
from models.statement import Row, Statement
from models.subscription_history import QuantityReason
from resolvers.accounts import ACCOUNT
from resolvers.act import Act
from resolvers.errors import RefusedError, UserErrorCode
from resolvers.ordering.asked import OrderRequest
from resolvers.ordering.placing import place_order
from resolvers.ordering.progress import call_off, complete_order, locked, start_order
from resolvers.orders import ORDER
from resolvers.subscription_moves import LOCK, midnight, reasons_of, renew_on, set_reasons, terminate
from resolvers.work.completing import apply
from resolvers.work.holdings import work
from resolvers.work.system import anew

_ACCOUNT = Statement(select(*ACCOUNT.c).where(ACCOUNT.c.id == bindparam("row_id")), is_lookup=True)
_WAITING = Statement(
    select(ORDER.c.id)
    .where(
        ORDER.c.subscription_id == bindparam("subscription"),
        ORDER.c.status == OrderStatus.SUBMITTED.value,
        ORDER.c.waiting_for == bindparam("what_for"),
    )
    .order_by(ORDER.c.id),
    is_lookup=True,
)
_TOO_LATE = "The term that it was for ended before it was approved. Place it again."
_WAITED_FOR = timedelta(days=1)
"""How long an order that is under way may keep a subscription from renewing; then it is held as one that isn't paid."""
_TRIED_FOR = KEPT_AFTER_TERMINATION
"""How long a renewal that is not paid is tried again, day by day; then the subscription ends."""


def day(value: date | str | None) -> date | None:
    """A day as either engine gives it."""
    return date.fromisoformat(value) if isinstance(value, str) else value


async def renew(act: Act, subscription: Row) -> None:
    """Renew a subscription that is locked and whose day has come, or end it; what waited for that day comes first."""
    due = day(subscription.renewal_date) or day(subscription.expiration_date)
    if due is None or due > act.now.date() or subscription.status not in _RUNNING:
        return
    reasons = await reasons_of(act, subscription.id)
    await _call_off_unapproved(act, subscription)
    if not subscription.auto_renew:
        await _expire(act, subscription)
        return
    if not is_renewable(SubscriptionStatus(subscription.status), reasons):
        await _try_again(act, subscription, due)
        return
    try:
        async with act.writer.savepoint():
            await _renew(anew(act), subscription)
    except RefusedError as refusal:
        is_open = any(error.code is UserErrorCode.OPEN_CHANGE for error in refusal.errors)
        if is_open and act.now < midnight(due) + _WAITED_FOR:
            await _try_again(anew(act), subscription, due)
        else:
            await fell_through(anew(act), subscription)


async def _call_off_unapproved(act: Act, subscription: Row) -> None:
    """Reject what nobody has approved in the term that it was for: a service doesn't run on unpaid by waiting."""
    about = {"subscription": subscription.id, "what_for": OrderWait.APPROVAL.value}
    for waiting in await act.rows(_WAITING, about):
        order = await locked(act, waiting.id)
        if order is not None:
            await call_off(act, order, OrderEvent.REJECT, error_message=_TOO_LATE)


async def _expire(act: Act, subscription: Row) -> None:
    """End a subscription, if that day has come as well."""
    end = day(subscription.expiration_date)
    if end is not None and end > act.now.date():
        await renew_on(act, subscription.id, subscription.path, end)
    else:
        await terminate(act, subscription, QuantityReason.EXPIRATION)


_RUNNING = {SubscriptionStatus.ACTIVE.value, SubscriptionStatus.HOLD.value}


async def _renew(act: Act, subscription: Row) -> None:
    """Let what waited take effect, and place the order for the next term.

    Raises:
        RefusedError: it can't be placed.
    """
    about = {"subscription": subscription.id, "what_for": OrderWait.RENEWAL.value}
    for waiting in await act.rows(_WAITING, about):
        order = await locked(act, waiting.id)
        if order is not None and await _worked_off(act, order, subscription):
            return
    (account,) = await act.rows(_ACCOUNT, {"row_id": subscription.account_id})
    await place_order(act, account, OrderRequest(type=OrderType.RENEWAL, subscription=subscription.id))


async def _worked_off(act: Act, order: Row, subscription: Row) -> bool:
    """Complete an order that waited for the renewal; whether it ended the subscription."""
    await act.change(ORDER, order, waiting_for=None)
    (order,) = [found for found in [await locked(act, order.id)] if found is not None]
    await start_order(act, order)
    (order,) = [found for found in [await locked(act, order.id)] if found is not None]
    await apply(act, await work(act, order, subscription))
    await complete_order(act, order)
    return bool(order.type == OrderType.CANCELLATION)


async def fell_through(act: Act, subscription: Row) -> None:
    """Hold a subscription whose renewal isn't paid, and try again tomorrow; after 30 days it ends."""
    reasons = await reasons_of(act, subscription.id)
    due = day(subscription.renewal_date) or day(subscription.expiration_date)
    if due is None or subscription.status not in _RUNNING:
        return
    if HoldReason.UNPAID_RENEWAL not in reasons:
        await set_reasons(act, subscription, reasons, reasons | {HoldReason.UNPAID_RENEWAL})
        (subscription,) = await act.rows(LOCK, {"row_id": subscription.id})
    await _try_again(act, subscription, due)


async def _try_again(act: Act, subscription: Row, due: date) -> None:
    if act.now >= midnight(due) + _TRIED_FOR:
        await terminate(act, subscription, QuantityReason.EXPIRATION)
        return
    tomorrow = act.now.date() + timedelta(days=1)
    await renew_on(act, subscription.id, subscription.path, due, again_on=tomorrow)
