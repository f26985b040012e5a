"""Submitting again: what of an order in error still holds, and the term that a sale pays for from then on."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import bindparam, select

from models import OrderType, PriceType, ProductStatus, QuantityKind
from models.base import PeriodType
from models.beyond import order_charges, pricing
from models.beyond.chain import Edge
from models.beyond.pricing import Missing
from models.statement import Row, Statement
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.ordering import charges, goods, terms
from resolvers.ordering.charges import Due
from resolvers.ordering.lines import ITEMS, Line
from resolvers.ordering.periods import Period, Span, later
from resolvers.products import PLAN

OTHER_VENDOR = "The account is supplied by other vendors now. Place a new order."
_OTHER_PRICE = "It costs something else today than when it was placed. Place a new order."
_PLAN = Statement(select(*PLAN.c).where(PLAN.c.id == bindparam("row_id")), is_lookup=True)


def refuse_moved(act: Act, edges: Sequence[Edge], fixed: Sequence[Row]) -> None:
    """Refuse an order whose prices were fixed for other vendors: the account's own, or further up.

    Raises:
        RefusedError: so they were.
    """
    then = {(row.seller_id, row.buyer_id) for row in fixed if row.seller_id is not None}
    if then and then != {(edge.seller_id, edge.buyer_id) for edge in edges if edge.seller_id is not None}:
        act.refuse(UserErrorCode.OUTDATED, OTHER_VENDOR, "order")


async def refuse_changed(act: Act, order: Row, lines: Iterable[Row]) -> None:
    """Refuse what was worked out for other quantities than the order's subscription has by now.

    Raises:
        RefusedError: so it was.
    """
    if order.type == OrderType.SALES:
        return
    before: Counter[int] = Counter()
    for line in lines:
        before[line.product_id] += line.previous_quantity or 0
    now = {item.product_id: item.quantity for item in await act.rows(ITEMS, {"subscription": order.subscription_id})}
    if any(now.get(product, 0) != units for product, units in before.items()):
        message = "The subscription has other quantities by now. Place a new order."
        act.refuse(UserErrorCode.OUTDATED, message, "order")


async def new_term(
    act: Act, order: Row, lines: Sequence[Row], edges: Sequence[Edge], fixed: Sequence[Row]
) -> dict[str, Any]:
    """Let a sale that was placed on another day pay for a term from today on, as long as it costs the same.

    Returns:
        What changes of the order.

    Raises:
        RefusedError: what it buys isn't sold any more, or comes to something else.
    """
    today = act.now.date()
    if order.type != OrderType.SALES or terms.day(order.term_from) == today:
        return {}
    term = _from_today(act, order, lines[0])
    dues = await _dues(act, lines, edges, term)
    ids = {line.position: line.id for line in lines}
    costs = {(ids[(due.line.place or 0) + 1], due.edge.buyer_id, due.type.value): due for due in dues}
    if {_key(row): _cost(row) for row in fixed} != {key: _cost(due) for key, due in costs.items()}:
        act.refuse(UserErrorCode.OUTDATED, _OTHER_PRICE, "order")
    paid = {row.id: (span.start, span.end) for row in fixed if (span := costs[_key(row)].paid) is not None}
    await order_charges.pay_for(act.writer, order, paid)
    return {"term_from": term.start, "term_until": term.end}


def _from_today(act: Act, order: Row, line: Row) -> Span:
    """The term as long as it was to be; one that was to end with another, or with a month, ends when it was to."""
    today, period = act.now.date(), Period(PeriodType(line.period_type), line.period_duration)
    start, end = terms.day(order.term_from), terms.day(order.term_until)
    is_aligned = end != later(start, period)
    return Span(today, end if is_aligned and today < end else later(today, period))


async def _dues(act: Act, lines: Sequence[Row], edges: Sequence[Edge], term: Span) -> list[Due]:
    """What the lines cost every edge today.

    Raises:
        RefusedError: one isn't sold any more.
    """
    first = lines[0]
    bought = await _bought(act, lines)
    (plan,) = await act.rows(_PLAN, {"row_id": first.plan_id})
    period = Period(PeriodType(first.period_type), first.period_duration)
    wanted = charges.wanted(bought, first.plan_id, period, PriceType.RECURRING, PriceType.SETUP)
    found = await pricing.prices(act.writer, edges, wanted, act.now.date())
    if isinstance(found, Missing):
        message = "It isn't offered to the account today. Place a new order for what is."
        act.refuse(UserErrorCode.NOT_OFFERED, message, "order")
    return charges.due(act, bought, found, charges.term(plan, term, term.start))


async def _bought(act: Act, lines: Sequence[Row]) -> list[Line]:
    products = await goods.products_of(act, [line.product_id for line in lines])
    for line in lines:
        product = products.get(line.product_id)
        if product is None or product.status == ProductStatus.RETIRED:
            act.refuse(UserErrorCode.RETIRED, f"{line.name} isn't sold any more. Place a new order.", "order")
    return [
        Line(
            products[line.product_id],
            QuantityKind(line.quantity_kind),
            line.quantity,
            0,
            line.resulting_quantity,
            line.position - 1,
        )
        for line in lines
    ]


def _key(row: Row) -> tuple[int, int, str]:
    return row.line_id, row.buyer_id, row.price_type


def _cost(each: Row | Due) -> tuple[str, int, int, int]:
    return each.currency, each.unit_micros, each.extended_micros, each.charged_micros
