"""What an order that is done makes of its subscription: items, lots, dates, history, and charges on every edge."""

from dataclasses import replace
from datetime import date
from typing import Any

from models import BillingModel, OrderType, Subscription, SubscriptionItem, SubscriptionStatus
from models.base import PeriodType
from models.beyond import service_charges
from models.identifier import new_id
from models.life import subscription as life
from models.life.subscription import HoldReason, SubscriptionEvent
from models.statement import Row
from models.subscription_history import QuantityReason
from models.text import fold
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.ordering.periods import Period, Span, later
from resolvers.orders import LINES_OF, ORDER
from resolvers.subscription_moves import (
    LOCK,
    move,
    place_of,
    reasons_of,
    remember,
    renew_on,
    set_reasons,
    terminate,
)
from resolvers.subscriptions import ITEM, SUBSCRIPTION
from resolvers.work.billing import bill_later
from resolvers.work.holdings import PLAN, Work, add_lot, charge_anew, charge_more, take, take_all, take_item


async def opened(act: Act, order: Row) -> Subscription:
    """The subscription that a sales order creates, before it is provisioned."""
    lines = await act.rows(LINES_OF, {"order": order.id})
    first = lines[0]
    (plan,) = await act.rows(PLAN, {"row_id": first.plan_id})
    subscription = Subscription(
        id=new_id(),
        **place_of(order),
        name=first.name,
        name_key=fold(first.name),
        status=life.after(None, SubscriptionEvent.CREATE),
        product_id=first.product_id,
        plan_id=first.plan_id,
        quantity=first.resulting_quantity,
        auto_renew=bool(order.auto_renew),
        billing_model=BillingModel(plan.billing_model),
        period_type=PeriodType(first.period_type),
        period_duration=first.period_duration,
        billing_period_type=PeriodType(plan.billing_period_type),
        billing_period_duration=plan.billing_period_duration,
        attributes=order.attributes,
        created_at=act.now,
        updated_at=act.now,
    )
    await act.add(subscription)
    for position, line in enumerate(lines):
        item = SubscriptionItem(
            id=new_id(),
            **place_of(order),
            subscription_id=subscription.id,
            position=position,
            product_id=line.product_id,
            quantity=line.resulting_quantity,
        )
        await act.add(item)
    await act.change(ORDER, order, subscription_id=subscription.id)
    return subscription


async def apply(act: Act, done: Work, vendor_subscription_id: str | None = None) -> None:
    """Let an order take effect on its subscription.

    Raises:
        RefusedError: the subscription is in no state for it.
    """
    numbered = {"vendor_subscription_id": vendor_subscription_id} if vendor_subscription_id else {}
    if done.order.type == OrderType.SALES:
        await _bought(act, done, numbered)
    elif done.order.type == OrderType.RENEWAL:
        await _renewed(act, done, numbered)
    elif done.order.type == OrderType.CANCELLATION:
        await take_all(act, done.subscription)
        await terminate(act, done.subscription, QuantityReason.CANCELLATION, by_order_id=done.order.id)
    elif done.order.type == OrderType.MIGRATION:
        await _switched(act, done, numbered)
    else:
        await _changed(act, done, numbered)


async def _bought(act: Act, done: Work, numbered: dict[str, Any]) -> None:
    start, end = _term(act, done)
    await move(act, done.subscription, SubscriptionEvent.PROVISIONED, **_dates(start, end), **numbered)
    for line in done.lines:
        item = done.item(line)
        await add_lot(act, done, item, line, item.quantity)
        await remember(act, item, QuantityReason.PURCHASE, 0, item.quantity, by_order_id=done.order.id)
        await charge_anew(act, done, item, line)
    await _next(act, done, start, end)


async def _renewed(act: Act, done: Work, numbered: dict[str, Any]) -> None:
    start, end = _term(act, done)
    held = await reasons_of(act, done.subscription.id)
    if HoldReason.UNPAID_RENEWAL in held:
        await set_reasons(act, done.subscription, held, held - {HoldReason.UNPAID_RENEWAL})
    else:
        await move(act, done.subscription, SubscriptionEvent.RENEW)
    await act.change(SUBSCRIPTION, done.subscription, **_dates(start, end), **numbered)
    await take_all(act, done.subscription)
    for line in done.lines:
        item = done.item(line)
        await add_lot(act, done, item, line, item.quantity)
        await remember(act, item, QuantityReason.RENEWAL, item.quantity, item.quantity, by_order_id=done.order.id)
        await charge_anew(act, done, item, line)
    await _next(act, done, start, end)


async def _next(act: Act, done: Work, start: date, end: date) -> None:
    """What comes by itself: charges within the term, of which the order has made the first, and the renewal."""
    await bill_later(act, done.subscription, Span(start, end), after=start)
    await renew_on(act, done.subscription.id, done.subscription.path, end)


async def _changed(act: Act, done: Work, numbered: dict[str, Any]) -> None:
    status = SubscriptionStatus(done.subscription.status)
    for line in done.lines:
        item = done.item(line)
        more = line.resulting_quantity - item.quantity
        await act.change(ITEM, item, quantity=line.resulting_quantity)
        await remember(
            act, item, QuantityReason.CHANGE, item.quantity, line.resulting_quantity, by_order_id=done.order.id
        )
        if more > 0:
            await add_lot(act, done, item, line, more)
        else:
            await take(act, done, item, -more)
        await charge_more(act, done, item, line, status)
        if item.position == 0:
            numbered |= {"quantity": line.resulting_quantity}
    await act.change(SUBSCRIPTION, done.subscription, **numbered)
    await act.touch(SUBSCRIPTION, done.subscription)


async def _switched(act: Act, done: Work, numbered: dict[str, Any]) -> None:
    """Let every item be what its second line says, under the new terms; at a renewal, which follows, nothing is paid.

    Raises:
        RefusedError: the subscription isn't any more what the order was placed for.
    """
    pairs = list(zip(done.lines[::2], done.lines[1::2], strict=True))
    if not _is_as_ordered(done, pairs):
        message = "The subscription has changed since the order was placed. Place a new order."
        act.refuse(UserErrorCode.WRONG_STATE, message, "subscription")
    is_paid = done.order.term_from is not None
    start, end = _term(act, done)
    dates = _dates(start, end) if is_paid else {}
    await act.change(SUBSCRIPTION, done.subscription, **_new_terms(done, *pairs[0]), **dates, **numbered)
    (subscription,) = await act.rows(LOCK, {"row_id": done.subscription.id})
    before, done = done.subscription, replace(done, subscription=subscription)
    for item, (_, line) in zip(done.items, pairs, strict=True):
        await act.change(ITEM, item, product_id=line.product_id)
        await remember(
            act, item, QuantityReason.MIGRATION, item.quantity, item.quantity, by_order_id=done.order.id,
            from_product_id=item.product_id, from_plan_id=before.plan_id,
        )  # fmt: skip
        if is_paid:
            await take_item(act, item)
            await add_lot(act, done, item, line, item.quantity)
            await charge_anew(act, done, item, line)
        else:
            await service_charges.replace(act.writer, item.path, item.id, [])
    if is_paid:
        await _next(act, done, start, end)


def _is_as_ordered(done: Work, pairs: list[tuple[Row, Row]]) -> bool:
    """Whether the subscription has what the order's first lines say, under the plan that they say."""
    there = [(done.subscription.plan_id, item.product_id, item.quantity) for item in done.items]
    return there == [(line.plan_id, line.product_id, line.previous_quantity) for line, _ in pairs]


def _new_terms(done: Work, before: Row, after: Row) -> dict[str, Any]:
    """What becomes of a subscription, by the lines of its first item; a name that isn't the product's it keeps."""
    named = {"name": after.name, "name_key": fold(after.name)} if done.subscription.name == before.name else {}
    return named | {
        "product_id": after.product_id,
        "plan_id": after.plan_id,
        "period_type": after.period_type,
        "period_duration": after.period_duration,
        "billing_model": done.plan.billing_model,
        "billing_period_type": done.plan.billing_period_type,
        "billing_period_duration": done.plan.billing_period_duration,
    }


# Dates


def _term(act: Act, done: Work) -> tuple[date, date]:
    """First day and end of the term that an order pays for."""
    start = _day(done.order.term_from) or act.now.date()
    return start, _day(done.order.term_until) or later(start, _period(done.subscription))


def _dates(start: date, end: date) -> dict[str, Any]:
    return {"start_date": start, "renewal_date": end, "renewal_key": end, "expiration_date": end}


def _period(subscription: Row) -> Period:
    return Period(PeriodType(subscription.period_type), subscription.period_duration)


def _day(value: date | str | None) -> date | None:
    """A day as either engine gives it."""
    return date.fromisoformat(value) if isinstance(value, str) else value


async def abandon(act: Act, subscription: Row) -> None:
    """End what was being set up for an order that came to nothing; what had begun to provision it stops."""
    await terminate(act, subscription, QuantityReason.CANCELLATION)
