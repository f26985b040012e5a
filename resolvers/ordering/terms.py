"""Under which conditions an order is placed: its subscription, its term, who must agree, and whether it can be."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import bindparam, select

from models import AccountStatus, OrderSchedule, OrderStatus, OrderType, OrderWait, SubscriptionHold, SubscriptionStatus
from models.base import PeriodType, table_of
from models.life.standing import VENDOR_UNAVAILABLE, standing
from models.life.subscription import HoldReason, is_renewable
from models.product import CotermingRequirement, CotermingType
from models.statement import Row, Statement
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.ordering.asked import OrderRequest
from resolvers.ordering.lines import Bought, Line
from resolvers.ordering.periods import (
    Period,
    Span,
    aligned_end,
    coterming_refusal,
    elapsed,
    end_of_month_term,
    end_of_term,
    later,
)
from resolvers.ordering.refusal import Refusal
from resolvers.ordering.vendor import whom_to_ask
from resolvers.orders import ORDER, is_open
from resolvers.privileges import Privilege
from resolvers.subscriptions import SUBSCRIPTION

_HOLD = table_of(SubscriptionHold).c
_OF_ACCOUNT = (SUBSCRIPTION.c.id == bindparam("row_id"), SUBSCRIPTION.c.account_id == bindparam("account"))
_SUBJECT = Statement(select(*SUBSCRIPTION.c).where(*_OF_ACCOUNT).with_for_update(), SUBSCRIPTION.name, is_lookup=True)
_OTHER = Statement(select(*SUBSCRIPTION.c).where(*_OF_ACCOUNT), SUBSCRIPTION.name, is_lookup=True)
_REASONS = Statement(select(_HOLD.reason).where(_HOLD.subscription_id == bindparam("subscription")), is_lookup=True)
_OPEN = Statement(
    select(*(ORDER.c[name] for name in ("id", "number", "status", "waiting_for", "stoppable_until")))
    .where(ORDER.c.subscription_id == bindparam("subscription"), is_open(ORDER.c))
    .order_by(ORDER.c.id),
    is_lookup=True,
)
_STATES = {
    OrderType.CHANGE: {SubscriptionStatus.ACTIVE},
    OrderType.CANCELLATION: {SubscriptionStatus.ACTIVE, SubscriptionStatus.HOLD},
    OrderType.MIGRATION: {SubscriptionStatus.ACTIVE},
    OrderType.RENEWAL: {SubscriptionStatus.ACTIVE, SubscriptionStatus.HOLD},
}
"""In which a subscription must be; other types of orders are about none, or are not placed by anybody."""


def refuse_nonsense(act: Act, given: OrderRequest) -> None:
    """Refuse what doesn't go together, before anything is looked up.

    Raises:
        RefusedError: with all of it.
        ForbiddenError: the caller may not see prices, or not waive the check.
    """
    if not act.caller.may(Privilege.FINANCES_VIEW):
        act.caller.require(Privilege.PRICES_VIEW)
    if given.waives_credit_check:
        act.caller.require(Privilege.ORDERS_WAIVE_CREDIT_CHECK)
    if given.type is not OrderType.SALES and given.type not in _STATES:
        act.fault(UserErrorCode.INVALID, f"Orders of type {given.type.value} aren't placed here.", "type")
    is_sale = given.type is OrderType.SALES
    if is_sale and given.subscription is not None:
        act.fault(UserErrorCode.INVALID, "A sales order makes a subscription of its own.", "subscription")
    if not is_sale and given.subscription is None:
        act.fault(UserErrorCode.REQUIRED, "Say which subscription it is about.", "subscription")
    if not is_sale and (given.align_with is not None or given.aligns_with_month):
        act.fault(UserErrorCode.COTERMING, "Only what is newly bought can be aligned.", "align_with")
    if given.align_with is not None and given.aligns_with_month:
        act.fault(UserErrorCode.COTERMING, "It can end with one of the two.", "aligns_with_month")
    if given.scheduled_on is not None and given.type in (OrderType.SALES, OrderType.RENEWAL):
        message = "Only changes, migrations and cancellations wait for the renewal."
        act.fault(UserErrorCode.INVALID, message, "scheduled_on")
    act.check()


async def subject(act: Act, account: Row, given: OrderRequest) -> Row:
    """The subscription that an order is about, locked.

    Raises:
        RefusedError: the account has no such subscription, it is in no state for it, or another order is open.
    """
    of = {"row_id": given.subscription, "account": account.id}
    rows = await act.rows(_SUBJECT, of)
    if not rows:
        act.refuse(UserErrorCode.NOT_FOUND, "There is no such subscription.", "subscription")
    found = rows[0]
    status = SubscriptionStatus(found.status)
    if status not in _STATES[given.type] or not await _may_renew(act, found, status, given.type):
        act.refuse(UserErrorCode.WRONG_STATE, f"The subscription is {status.value}.", "subscription")
    await refuse_open(act, account, found.id, is_renewal=given.type is OrderType.RENEWAL)
    return found


async def _may_renew(act: Act, subscription: Row, status: SubscriptionStatus, of_type: OrderType) -> bool:
    if of_type is not OrderType.RENEWAL:
        return True
    reasons = await act.rows(_REASONS, {"subscription": subscription.id})
    return is_renewable(status, {HoldReason(row.reason) for row in reasons})


async def lock(act: Act, account: Row, subscription_id: int) -> None:
    """Let nobody else order anything for a subscription until the transaction ends."""
    await act.rows(_SUBJECT, {"row_id": subscription_id, "account": account.id})


async def refuse_open(
    act: Act, account: Row, subscription_id: int, *, besides: int = 0, is_renewal: bool = False
) -> None:
    """Refuse while another order of a subscription, which is locked, is open.

    Args:
        act: what is under way.
        account: which has the subscription.
        subscription_id: the subscription's.
        besides: the order that doesn't count.
        is_renewal: what waits for the renewal doesn't stand in its way.

    Raises:
        RefusedError: one is.
    """
    for order in await act.rows(_OPEN, {"subscription": subscription_id}):
        if order.id == besides or (is_renewal and order.waiting_for == OrderWait.RENEWAL):
            continue
        message = f"Its order {order.number} is open. {await _what_next(act, account, order)}"
        act.refuse(UserErrorCode.OPEN_CHANGE, message, "subscription")


async def _what_next(act: Act, account: Row, order: Row) -> str:
    """What an open order waits for, and what to do about it."""
    if order.status == OrderStatus.CANCELLED:
        return "It was cancelled, and what it had begun is being undone. Try again in a moment."
    if order.status == OrderStatus.PROCESSING:
        return f"It is being worked off: wait for it{', or cancel it' if order.stoppable_until is not None else ''}."
    if order.waiting_for == OrderWait.RENEWAL:
        return "It waits for the renewal. Cancel it, and then order both."
    if order.waiting_for != OrderWait.APPROVAL:
        return "It is about to be worked off: wait for it, or cancel it."
    if len(act.caller.path) < len(account.path):
        return "It waits for approval: approve or reject it first."
    return f"It waits for the vendor's approval. {await whom_to_ask(act, account)} Or cancel it."


def why_not(
    statuses: Sequence[AccountStatus], of_type: OrderType, *, is_more: bool
) -> tuple[UserErrorCode, str] | None:
    """Why the state of an account, or of one above it, doesn't allow an order; None: it does.

    Args:
        statuses: of the whole chain, the account's own last.
        of_type: what the order does.
        is_more: whether the account owes more by it.
    """
    can = standing(statuses[-1], statuses[:-1])
    why = can.renewals if of_type is OrderType.RENEWAL else can.orders if is_more else can.decreases
    if not why:
        return None
    code = UserErrorCode.VENDOR_UNAVAILABLE if why == VENDOR_UNAVAILABLE else UserErrorCode.ACCOUNT_ON_HOLD
    return code, why


async def check_standing(
    act: Act, account: Row, statuses: Sequence[AccountStatus], of_type: OrderType, *, is_more: bool
) -> None:
    """Refuse an order that the state of the account, or of one above it, doesn't allow.

    Raises:
        RefusedError: it doesn't; the message says whom to ask.
    """
    refusal = why_not(statuses, of_type, is_more=is_more)
    if refusal is not None:
        code, why = refusal
        act.refuse(code, f"{why} {await whom_to_ask(act, account)}", "account")


def waiting_for(
    act: Act, account: Row, given: OrderRequest, scheduled_on: OrderSchedule | None = None
) -> OrderWait | None:
    """What an order waits for: the vendor's approval first, then the renewal."""
    if account.requires_approval and act.caller.path == account.path and given.type is not OrderType.RENEWAL:
        return OrderWait.APPROVAL
    return OrderWait.RENEWAL if scheduled_on is not None else None


def waives_from(act: Act, account: Row, *, waives: bool) -> str | None:
    """From whose place on down the credit check is waived, if it is.

    Raises:
        RefusedError: by the buyer itself.
    """
    if waives and len(act.caller.path) >= len(account.path):
        message = "Whoever buys can't waive the check; its vendor can."
        act.refuse(UserErrorCode.OWN_ACCOUNT, message, "waives_credit_check")
    return act.caller.path if waives else None


# Terms


async def first_term(act: Act, account: Row, what: Bought, given: OrderRequest) -> Span:
    """The first term of what is bought, from today.

    Raises:
        RefusedError: it can't be aligned as asked.
    """
    today, period = act.now.date(), what.good.period
    asked = CotermingType.SUBSCRIPTION if given.align_with is not None else None
    asked = CotermingType.END_OF_MONTH if given.aligns_with_month else asked
    for line in what.lines:
        _refuse_coterming(act, line, asked)
    act.check()
    if given.align_with is not None:
        return Span(today, await _end_of_other(act, account, given.align_with, period))
    return Span(today, end_of_month_term(today, period) if given.aligns_with_month else end_of_term(today, period))


def _refuse_coterming(act: Act, line: Line, asked: CotermingType | None) -> None:
    from_product = line.product.coterming_type
    allowed = CotermingType(from_product) if from_product is not None else None
    refusal = coterming_refusal(CotermingRequirement(line.product.coterming_requirement), allowed, asked)
    if refusal is not None:
        act.fault(refusal.code, refusal.message, *line.path)


async def _end_of_other(act: Act, account: Row, other_id: int, period: Period) -> date:
    rows = await act.rows(_OTHER, {"row_id": other_id, "account": account.id})
    if not rows or rows[0].renewal_date is None:
        act.refuse(UserErrorCode.NOT_FOUND, "There is no such subscription.", "align_with")
    end = aligned_end(act.now.date(), period, day(rows[0].renewal_date))
    if isinstance(end, Refusal):
        act.refuse(end.code, end.message, "align_with")
    return end


def running_term(act: Act, subscription: Row) -> Span:
    """The term that a subscription is in.

    Raises:
        RefusedError: it isn't in any today.
    """
    end, today = subscription.renewal_date or subscription.expiration_date, act.now.date()
    if end is None or day(end) <= today:
        act.refuse(UserErrorCode.WRONG_STATE, "Its term has ended: it is about to renew or to expire.", "subscription")
    last = day(end)
    start = later(last, period_of(subscription), -1)
    if subscription.start_date is not None:
        start = max(start, day(subscription.start_date))
    return Span(min(start, today), last)


def next_term(act: Act, subscription: Row) -> Span:
    """The term that the renewal of a subscription begins.

    Raises:
        RefusedError: it doesn't renew, or not yet.
    """
    if subscription.renewal_date is None:
        act.refuse(UserErrorCode.WRONG_STATE, "It doesn't renew.", "subscription")
    start, period = day(subscription.renewal_date), period_of(subscription)
    if start > act.now.date():
        act.refuse(UserErrorCode.OUTSIDE_WINDOW, f"It renews on {start}, not before.", "subscription")
    anchor = day(subscription.start_date) if subscription.start_date is not None else start
    times = elapsed(anchor, period, start) if anchor <= start else 0
    if anchor > start or later(anchor, period, times) != start:  # the term before was aligned
        return Span(start, later(start, period))
    return Span(start, later(anchor, period, times + 1))


def renewal_day(act: Act, subscription: Row) -> date:
    """The day for which a change can be scheduled.

    Raises:
        RefusedError: the subscription doesn't renew.
    """
    if subscription.renewal_date is None or not subscription.auto_renew:
        act.refuse(UserErrorCode.WRONG_STATE, "It doesn't renew: there is no renewal to wait for.", "scheduled_on")
    return day(subscription.renewal_date)


def period_of(subscription: Row) -> Period:
    """For how long a subscription runs at a time."""
    return Period(PeriodType(subscription.period_type), subscription.period_duration)


def day(value: date | str) -> date:
    """A day as either engine gives it."""
    return date.fromisoformat(value) if isinstance(value, str) else value
