"""What an order that is done makes of its subscription: items, lots, dates, history, and charges on every edge."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, select

from models import (
    BillingModel,
    OrderType,
    Plan,
    PriceType,
    Product,
    Subscription,
    SubscriptionCharge,
    SubscriptionItem,
    SubscriptionLot,
    SubscriptionStatus,
)
from models.base import PeriodType, table_of
from models.beyond import chain, order_charges, service_charges
from models.beyond.chain import Edge
from models.identifier import new_id
from models.life import subscription as life
from models.life.subscription import HoldReason, SubscriptionEvent
from models.plan import RefundPolicy
from models.statement import Row, Statement
from models.subscription_history import QuantityReason
from models.text import fold
from resolvers.act import Act
from resolvers.ordering.amounts import converted, half_up
from resolvers.ordering.periods import Period, Span, later
from resolvers.ordering.refunds import Lot, open_lots, window_until
from resolvers.orders import LINES_OF, ORDER
from resolvers.subscription_moves import (
    ITEMS_OF,
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

_LOT = table_of(SubscriptionLot)
_PLAN, _PRODUCT = table_of(Plan), table_of(Product)
_LOTS = Statement(
    select(*_LOT.c).where(_LOT.c.subscription_id == bindparam("subscription"), _LOT.c.remaining > 0), is_lookup=True
)
_PLANS = Statement(select(*_PLAN.c).where(_PLAN.c.id == bindparam("row_id")), is_lookup=True)
_MONTH = Period(PeriodType.MONTH, 1)


@dataclass(frozen=True, slots=True)
class Work:
    """An order that is being worked off.

    Args:
        order: whole and locked.
        subscription: what it creates or concerns, likewise.
        lines: of the order.
        items: of the subscription.
        plan: under whose terms.
        edges: the chain above the account.
        charges: of the order, on every edge.
    """

    order: Row
    subscription: Row
    lines: Sequence[Row]
    items: Sequence[Row]
    plan: Row
    edges: Sequence[Edge]
    charges: Sequence[Row]

    def item(self, line: Row) -> Row:
        """That of the subscription which a line is about."""
        return next(item for item in self.items if item.product_id == line.product_id)


async def work(act: Act, order: Row, subscription: Row) -> Work:
    """All that there is to know of an order and its subscription, both locked."""
    lines = await act.rows(LINES_OF, {"order": order.id})
    items = await act.rows(ITEMS_OF, {"subscription": subscription.id})
    (plan,) = await act.rows(_PLANS, {"row_id": subscription.plan_id})
    edges = await chain.edges(act.writer, subscription.path)
    return Work(order, subscription, lines, items, plan, edges, await order_charges.of_order(act.writer, order))


async def opened(act: Act, order: Row) -> Subscription:
    """The subscription that a sales order creates, before it is provisioned."""
    lines = await act.rows(LINES_OF, {"order": order.id})
    first = lines[0]
    (plan,) = await act.rows(_PLANS, {"row_id": first.plan_id})
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
        await _take_all(act, done.subscription)
        await terminate(act, done.subscription, QuantityReason.CANCELLATION, by_order_id=done.order.id)
    else:
        await _changed(act, done, numbered)


async def _bought(act: Act, done: Work, numbered: dict[str, Any]) -> None:
    start, end = _term(act, done)
    await move(act, done.subscription, SubscriptionEvent.PROVISIONED, **_dates(start, end), **numbered)
    for line in done.lines:
        item = done.item(line)
        await _add_lot(act, done, item, line, item.quantity)
        await remember(act, item, QuantityReason.PURCHASE, 0, item.quantity, by_order_id=done.order.id)
        await _charge_anew(act, done, item, line)
    await _next(act, done, start, end)


async def _renewed(act: Act, done: Work, numbered: dict[str, Any]) -> None:
    start, end = _term(act, done)
    held = await reasons_of(act, done.subscription.id)
    if HoldReason.UNPAID_RENEWAL in held:
        await set_reasons(act, done.subscription, held, held - {HoldReason.UNPAID_RENEWAL})
    else:
        await move(act, done.subscription, SubscriptionEvent.RENEW)
    await act.change(SUBSCRIPTION, done.subscription, **_dates(start, end), **numbered)
    await _take_all(act, done.subscription)
    for line in done.lines:
        item = done.item(line)
        await _add_lot(act, done, item, line, item.quantity)
        await remember(act, item, QuantityReason.RENEWAL, item.quantity, item.quantity, by_order_id=done.order.id)
        await _charge_anew(act, done, item, line)
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
            await _add_lot(act, done, item, line, more)
        else:
            await _take(act, done, item, -more)
        await _charge_more(act, done, item, line, status)
        if item.position == 0:
            numbered |= {"quantity": line.resulting_quantity}
    await act.change(SUBSCRIPTION, done.subscription, **numbered)
    await act.touch(SUBSCRIPTION, done.subscription)


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


def _instant(value: datetime | str) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


# Lots


async def _add_lot(act: Act, done: Work, item: Row, line: Row, quantity: int) -> None:
    bought_at = _instant(done.order.created_at)
    until = window_until(RefundPolicy(done.plan.refund_policy), bought_at, done.plan.cancellation_hours)
    await act.add(
        SubscriptionLot(
            id=new_id(),
            **place_of(item),
            subscription_id=item.subscription_id,
            item_id=item.id,
            order_line_id=line.id,
            quantity=quantity,
            remaining=quantity,
            bought_at=bought_at,
            window_until=until,
        )
    )


async def _take(act: Act, done: Work, item: Row, quantity: int) -> None:
    """Take units from the lots that can be given back, as was worked out when the order was placed; then from others.

    What was imported has no lots; units beyond them are taken from none.
    """
    at = _instant(done.order.created_at)
    rows = [row for row in await act.rows(_LOTS, {"subscription": item.subscription_id}) if row.item_id == item.id]
    lots = {row.id: _lot(row) for row in rows}
    first = [lot.id for lot in open_lots(list(lots.values()), at)]
    for row in sorted(rows, key=lambda row: (first.index(row.id) if row.id in first else len(rows), -row.id)):
        units = min(row.remaining, quantity)
        quantity -= units
        if units:
            await act.change(_LOT, row, remaining=row.remaining - units)


async def _take_all(act: Act, subscription: Row) -> None:
    for row in await act.rows(_LOTS, {"subscription": subscription.id}):
        await act.change(_LOT, row, remaining=0)


def _lot(row: Row) -> Lot:
    until = None if row.window_until is None else _instant(row.window_until)
    return Lot(row.id, row.remaining, _instant(row.bought_at), until)


# Charges


async def _charge_anew(act: Act, done: Work, item: Row, line: Row) -> None:
    """Charge an active subscription's item on every edge what the order says."""
    by_buyer = {edge.buyer_id: edge for edge in done.edges}
    charges = [
        _charge(
            done, item, by_buyer[row.buyer_id], SubscriptionStatus.ACTIVE, row.currency, row.unit_micros,
            row.extended_micros,
        )
        for row in _recurring(done, line)
    ]  # fmt: skip
    await service_charges.replace(act.writer, item.path, item.id, charges)


async def _charge_more(act: Act, done: Work, item: Row, line: Row, status: SubscriptionStatus) -> None:
    """Charge an item of another quantity: units that were added at their own price, the others as before."""
    by_buyer = {row.buyer_id: row for row in _recurring(done, line)}
    charges = []
    for row in await service_charges.of_subscription(act.writer, done.subscription):
        edge = next((each for each in done.edges if each.buyer_id == row.buyer_id), None)
        if row.item_id != item.id or edge is None:
            continue
        added = by_buyer.get(row.buyer_id)
        unit, currency = row.unit_micros, row.currency
        if added is not None and line.resulting_quantity > item.quantity:
            total = unit * item.quantity + added.extended_micros
            unit = half_up(total, line.resulting_quantity) if added.currency == currency else added.unit_micros
            currency = added.currency
        charges.append(_charge(done, item, edge, status, currency, unit, unit * line.resulting_quantity))
    await service_charges.replace(act.writer, item.path, item.id, charges)


def _recurring(done: Work, line: Row) -> list[Row]:
    return [row for row in done.charges if row.line_id == line.id and row.price_type == PriceType.RECURRING]


def _charge(
    done: Work, item: Row, edge: Edge, status: SubscriptionStatus, currency: str, unit: int, total: int
) -> SubscriptionCharge:
    return SubscriptionCharge(
        id=new_id(),
        item_id=item.id,
        subscription_id=item.subscription_id,
        path=item.path,
        shard_id=item.shard_id,
        seller_id=edge.seller_id,
        seller_path=edge.seller_path,
        buyer_id=edge.buyer_id,
        status=status,
        currency=currency,
        unit_micros=unit,
        monthly_micros=converted(total, _billing(done.subscription), _MONTH),
    )


def _billing(subscription: Row) -> Period:
    """How often a subscription is billed; between statement days lie months."""
    kind = PeriodType(subscription.billing_period_type)
    return Period(PeriodType.MONTH if kind is PeriodType.STATEMENT_DAY else kind, subscription.billing_period_duration)


async def abandon(act: Act, subscription: Row) -> None:
    """End what was being set up for an order that came to nothing; what had begun to provision it stops."""
    await terminate(act, subscription, QuantityReason.CANCELLATION)
