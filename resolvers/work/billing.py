"""Billing: what falls due in the middle of a term is charged along the whole chain on its day, whatever is owed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, or_, select

from models import JobKind, OrderStatus, OrderType, PostKind, SubscriptionLot
from models.base import iso, table_of
from models.beyond import chain, ledger, order_charges, service_charges
from models.beyond.ledger import Amount
from models.currency import payable
from models.statement import Row, Statement
from resolvers.act import Act
from resolvers.ordering import goods
from resolvers.ordering.amounts import prorated
from resolvers.ordering.giving_back import instant_of
from resolvers.ordering.giving_up import bill_key, billed_term, bills_of, post_key
from resolvers.ordering.lot_costs import costs_of
from resolvers.ordering.periods import Bill, Span
from resolvers.orders import ORDER
from resolvers.subscription_actions import RUNNING
from resolvers.subscription_moves import ITEMS_OF, midnight

_LOT = table_of(SubscriptionLot)
_LOTS = Statement(
    select(*_LOT.c).where(_LOT.c.subscription_id == bindparam("subscription"), _LOT.c.remaining > 0), is_lookup=True
)
_SWITCHING = Statement(
    select(ORDER.c.id).where(
        ORDER.c.subscription_id == bindparam("subscription"),
        ORDER.c.type == OrderType.MIGRATION.value,
        or_(*(ORDER.c.status == status.value for status in (OrderStatus.SUBMITTED, OrderStatus.PROCESSING))),
        ORDER.c.term_from.is_not(None),
    ),
    is_lookup=True,
)
_WAIT = timedelta(hours=1)


async def bill_later(act: Act, subscription: Row, term: Span, after: date) -> None:
    """Leave it to the worker to charge what falls due next in a term.

    Args:
        act: what is under way.
        subscription: whose.
        term: the running one.
        after: the day up to which all is charged.
    """
    coming = next((bill for bill in bills_of(subscription, term) if bill.due_on > after), None)
    if coming is None:
        return
    key = bill_key(subscription.id, term, coming.due_on)
    # What falls due as the term ends is charged for what there was, and so before the renewal.
    at = midnight(coming.due_on) - timedelta(seconds=1 if coming.due_on == term.end else 0)
    await act.enqueue(JobKind.BILL_SUBSCRIPTION, subscription.id, subscription.path, key=key, at=at)


async def bill(act: Act, subscription: Row, key: str) -> None:
    """Charge what falls due under the key of a job; done twice it is charged once.

    Args:
        act: what is under way.
        subscription: locked, and before it the accounts above.
        key: as `bill_later` makes it.
    """
    key, _, _ = key.partition("@")
    start, end, due_on = (date.fromisoformat(part) for part in key.split(":")[1:])
    term = Span(start, end)
    if subscription.status not in RUNNING or _is_past(subscription, term) or await _put_off(act, subscription, key):
        return
    due = [each for each in bills_of(subscription, term) if each.due_on == due_on]
    amounts = await _amounts(act, subscription, due)
    await ledger.charge(
        act.writer, amounts, key=post_key(key), kind=PostKind.CHARGE, subscription_id=subscription.id,
        is_checked=False, at=act.now,
    )  # fmt: skip
    await bill_later(act, subscription, term, due_on)


def _is_past(subscription: Row, term: Span) -> bool:
    """Whether the subscription was switched to other terms within a term: what that had cost is settled."""
    now = billed_term(subscription)
    return now is not None and term != now and term.start <= now.start < term.end


async def _put_off(act: Act, subscription: Row, key: str) -> bool:
    """Wait while an order is open that would switch the subscription, and settles what is billed until then."""
    if not await act.rows(_SWITCHING, {"subscription": subscription.id}):
        return False
    at = act.now + _WAIT
    await act.enqueue(JobKind.BILL_SUBSCRIPTION, subscription.id, subscription.path, key=f"{key}@{iso(at)}", at=at)
    return True


async def _amounts(act: Act, subscription: Row, due: Sequence[Bill]) -> list[Amount]:
    """What every edge owes for all items: each lot from the day on which it was bought."""
    items = {item.id: item for item in await act.rows(ITEMS_OF, {"subscription": subscription.id})}
    products = await goods.products_of(act, [item.product_id for item in items.values()])
    edges = {edge.buyer_id: edge for edge in await chain.edges(act.writer, subscription.path)}
    lots = await _lots(act, subscription, items)
    paid = await _paid(act, subscription, lots)
    amounts = []
    for row in await service_charges.of_subscription(act.writer, subscription):
        item = items[row.item_id]
        costs = zip(lots[item.id], costs_of(row, lots[item.id], paid), strict=True)
        micros = sum(
            prorated(micros, Span(max(lot.since, bill.part.start), bill.part.end), bill.whole)
            for lot, micros in costs
            for bill in due
            if lot.since < bill.part.end
        )
        if row.buyer_id in edges:
            name = products[item.product_id].name
            due_micros = payable(micros, row.currency)
            amounts.append(Amount(edges[row.buyer_id], due_micros, row.currency, name, item.quantity, row.unit_micros))
    return amounts


class _Lot(NamedTuple):
    """Units that are there since a day."""

    order_line_id: int | None
    quantity: int
    remaining: int
    since: date


async def _lots(act: Act, subscription: Row, items: dict[int, Row]) -> dict[int, list[_Lot]]:
    """By item, what is left of its lots; what was imported is taken to have been there always."""
    found: dict[int, list[_Lot]] = defaultdict(list)
    for lot in await act.rows(_LOTS, {"subscription": subscription.id}):
        since = instant_of(lot.bought_at).date()
        found[lot.item_id].append(_Lot(lot.order_line_id, lot.quantity, lot.remaining, since))
    for item in items.values():
        others = item.quantity - sum(lot.remaining for lot in found[item.id])
        if others > 0:
            found[item.id].append(_Lot(None, others, others, date.min))
    return found


async def _paid(act: Act, subscription: Row, lots: Mapping[int, Sequence[_Lot]]) -> dict[int, list[Row]]:
    """By order line, what every edge was charged for the lots."""
    lines = sorted({lot.order_line_id for each in lots.values() for lot in each if lot.order_line_id is not None})
    found: dict[int, list[Row]] = defaultdict(list)
    for charge in await order_charges.of_lines(act.writer, subscription.path, lines):
        found[charge.line_id].append(charge)
    return found
