"""What an order that is worked off does to what a subscription holds: its lots, and its charges on every edge."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from models import OrderType, Plan, PriceType, Subscription, SubscriptionCharge, SubscriptionLot, SubscriptionStatus
from models.base import PeriodType, table_of
from models.beyond import chain, order_charges, service_charges
from models.beyond.chain import Edge
from models.currency import half_up
from models.identifier import new_id
from models.plan import RefundPolicy
from models.statement import Row, Statement
from resolvers.act import Act
from resolvers.ordering import terms
from resolvers.ordering.amounts import converted
from resolvers.ordering.giving_back import instant_of
from resolvers.ordering.periods import Period
from resolvers.ordering.refunds import Lot, open_lots, window_until
from resolvers.orders import LINES_OF
from resolvers.subscription_moves import ITEMS_OF, midnight, place_of

_LOT, _PLAN = table_of(SubscriptionLot), table_of(Plan)
_LOTS = Statement(
    select(*_LOT.c).where(_LOT.c.subscription_id == bindparam("subscription"), _LOT.c.remaining > 0), is_lookup=True
)
PLAN = Statement(select(*_PLAN.c).where(_PLAN.c.id == bindparam("row_id")), is_lookup=True)
_MONTH = Period(PeriodType.MONTH, 1)


@dataclass(frozen=True, slots=True)
class Work:
    """An order that is being worked off.

    Args:
        order: whole and locked.
        subscription: what it creates or concerns, likewise.
        lines: of the order.
        items: of the subscription.
        plan: under whose terms the order brings it.
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
    is_switch = order.type == OrderType.MIGRATION
    (plan,) = await act.rows(PLAN, {"row_id": lines[-1].plan_id if is_switch else subscription.plan_id})
    edges = await chain.edges(act.writer, subscription.path)
    return Work(order, subscription, lines, items, plan, edges, await order_charges.of_order(act.writer, order))


async def under(act: Act, had: Row | Subscription) -> dict[str, Any]:
    """For a `Task`: the plan of a subscription, or of an order's line, and for how long at a time it is had."""
    (plan,) = await act.rows(PLAN, {"row_id": had.plan_id})
    return {"plan": plan.code, "period": Period(PeriodType(had.period_type), had.period_duration)}


# Lots


def bought_at(order: Row) -> datetime:
    """When what an order buys was bought: as it was placed, or on the day on which it was submitted again."""
    placed = instant_of(order.created_at)
    if order.type != OrderType.SALES or order.term_from is None:
        return placed
    return max(placed, midnight(terms.day(order.term_from)))


async def add_lot(act: Act, done: Work, item: Row, line: Row, quantity: int) -> None:
    """Note that units of an item were bought by a line of the order."""
    at = bought_at(done.order)
    until = window_until(RefundPolicy(done.plan.refund_policy), at, done.plan.cancellation_hours)
    await act.add(
        SubscriptionLot(
            id=new_id(),
            **place_of(item),
            subscription_id=item.subscription_id,
            item_id=item.id,
            order_line_id=line.id,
            quantity=quantity,
            remaining=quantity,
            bought_at=at,
            window_until=until,
        )
    )


async def take(act: Act, done: Work, item: Row, quantity: int) -> None:
    """Take units from the lots that can be given back, as was worked out when the order was placed; then from others.

    What was imported has no lots; units beyond them are taken from none.
    """
    at = instant_of(done.order.created_at)
    rows = [row for row in await act.rows(_LOTS, {"subscription": item.subscription_id}) if row.item_id == item.id]
    lots = {row.id: _lot(row) for row in rows}
    first = [lot.id for lot in open_lots(list(lots.values()), at)]
    for row in sorted(rows, key=lambda row: (first.index(row.id) if row.id in first else len(rows), -row.id)):
        units = min(row.remaining, quantity)
        quantity -= units
        if units:
            await act.change(_LOT, row, remaining=row.remaining - units)


async def take_all(act: Act, subscription: Row) -> None:
    """Leave nothing of any lot."""
    for row in await act.rows(_LOTS, {"subscription": subscription.id}):
        await act.change(_LOT, row, remaining=0)


async def take_item(act: Act, item: Row) -> None:
    """Leave nothing of the lots of one item."""
    for row in await act.rows(_LOTS, {"subscription": item.subscription_id}):
        if row.item_id == item.id:
            await act.change(_LOT, row, remaining=0)


def _lot(row: Row) -> Lot:
    until = None if row.window_until is None else instant_of(row.window_until)
    return Lot(row.id, row.remaining, instant_of(row.bought_at), until)


# Charges


async def charge_anew(act: Act, done: Work, item: Row, line: Row) -> None:
    """Charge an active subscription's item on every edge what the order says; as before if it was imported."""
    if not done.charges:
        return
    by_buyer = {edge.buyer_id: edge for edge in done.edges}
    charges = [
        _charge(
            done, item, by_buyer[row.buyer_id], SubscriptionStatus.ACTIVE, row.currency, row.unit_micros,
            row.extended_micros,
        )
        for row in _recurring(done, line)
    ]  # fmt: skip
    await service_charges.replace(act.writer, item.path, item.id, charges)


async def charge_more(act: Act, done: Work, item: Row, line: Row, status: SubscriptionStatus) -> None:
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
