"""Giving units back: from which lots they go, and what each edge of the chain returns of what they had cost."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime

from sqlalchemy import bindparam, select

from models import PriceType, RefundPolicy, SubscriptionLot
from models.base import table_of
from models.beyond import order_charges
from models.beyond.chain import Edge
from models.statement import Row, Statement
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.ordering import terms
from resolvers.ordering.charges import Due
from resolvers.ordering.lines import Had, Line
from resolvers.ordering.periods import Span
from resolvers.ordering.refunds import Charge, Lot, Taken, cancellation, decrease, refund
from resolvers.ordering.refusal import Refusal
from resolvers.products import PLAN

_LOT = table_of(SubscriptionLot)
LOTS = Statement(
    select(*_LOT.c)
    .where(_LOT.c.subscription_id == bindparam("subscription"), _LOT.c.remaining > 0)
    .order_by(_LOT.c.bought_at, _LOT.c.id),
    is_lookup=True,
)
"""The lots of a subscription of which something is left, the oldest first."""
_PLAN = Statement(select(PLAN.c.refund_policy).where(PLAN.c.id == bindparam("plan")), is_lookup=True)
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_UNRECORDED = 0
"""The id of a lot of units of which nobody noted when they were bought, as imports bring them."""


async def dues(
    act: Act, edges: Sequence[Edge], subscription: Row, has: Had, less: Sequence[Line], *, is_end: bool
) -> list[Due]:
    """What every edge gives back for lines that take units away at once.

    Args:
        act: what is under way.
        edges: the chain of today; what a former vendor was paid isn't given back by another.
        subscription: whose units they are, locked.
        has: what it has.
        less: the lines.
        is_end: whether all is given back, or nothing.

    Raises:
        RefusedError: the time has passed for some of the units.
    """
    if not less:
        return []
    ((policy,),) = await act.rows(_PLAN, {"plan": subscription.plan_id})
    rows = await act.rows(LOTS, {"subscription": subscription.id})
    lots = _lots(has, rows, RefundPolicy(policy))
    of_lines = _lots_of(has, lots, less)
    by_line = _all(act, subscription, of_lines, less) if is_end else _some(act, subscription, of_lines, less)
    act.check()
    known = {row.id: row for row in rows}
    line_ids = [row.order_line_id for row in rows if row.order_line_id is not None]
    paid: dict[int, list[Row]] = defaultdict(list)
    for charge in await order_charges.of_lines(act.writer, subscription.path, line_ids):
        paid[charge.line_id].append(charge)
    returning = _Returning(act, edges, RefundPolicy(policy), known, paid)
    return [due for line, taken in by_line for due in returning.of(line, taken)]


def _lots(has: Had, rows: Iterable[Row], policy: RefundPolicy) -> dict[int, list[Lot]]:
    """The lots by item; what no lot accounts for was bought long ago."""
    found: dict[int, list[Lot]] = {item.id: [] for item in has.items}
    for row in rows:
        until = None if row.window_until is None else instant_of(row.window_until)
        found[row.item_id].append(Lot(row.id, row.remaining, instant_of(row.bought_at), until))
    for item in has.items:
        rest = item.quantity - sum(lot.remaining for lot in found[item.id])
        if rest > 0:
            until = None if policy is RefundPolicy.NONE else _LONG_AGO
            found[item.id].append(Lot(_UNRECORDED, rest, _LONG_AGO, until))
    return found


def _lots_of(has: Had, lots: Mapping[int, list[Lot]], less: Sequence[Line]) -> list[list[Lot]]:
    """The lots of each line's item."""
    items = {item.product_id: item.id for item in has.items}
    return [lots[items[line.product.id]] for line in less]


def _all(
    act: Act, subscription: Row, lots: Sequence[list[Lot]], less: Sequence[Line]
) -> list[tuple[Line, list[Taken]]]:
    renews_on = _renews_on(subscription)
    refusal = cancellation([lot for each in lots for lot in each], act.now, renews_on)
    if isinstance(refusal, Refusal):
        hint = " Schedule it for the renewal." if renews_on else ""
        act.refuse(refusal.code, refusal.message + hint, "subscription")
    return [(line, [Taken(lot.id, lot.remaining) for lot in each]) for line, each in zip(less, lots, strict=True)]


def _some(
    act: Act, subscription: Row, lots: Sequence[list[Lot]], less: Sequence[Line]
) -> list[tuple[Line, list[Taken]]]:
    found = []
    for line, of_line in zip(less, lots, strict=True):
        taken = decrease(of_line, -line.delta, act.now, _renews_on(subscription))
        if isinstance(taken, Refusal):
            act.fault(UserErrorCode.OUTSIDE_WINDOW, taken.message, *line.path, "quantity")
        else:
            found.append((line, taken))
    return found


def _renews_on(subscription: Row) -> date | None:
    return terms.day(subscription.renewal_date) if subscription.auto_renew and subscription.renewal_date else None


def instant_of(value: datetime | str) -> datetime:
    """An instant as either engine gives it."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


class _Returning:
    """What is returned, by the charges of the orders by which the lots were bought."""

    def __init__(
        self,
        act: Act,
        edges: Sequence[Edge],
        policy: RefundPolicy,
        lots: Mapping[int, Row],
        paid: Mapping[int, Sequence[Row]],
    ) -> None:
        self._today = act.now.date()
        self._edges = {(edge.seller_id, edge.buyer_id): edge for edge in edges}
        self._policy = policy
        self._lots = lots
        self._paid = paid

    def of(self, line: Line, taken: Sequence[Taken]) -> list[Due]:
        """What every edge gives back for a line."""
        found: dict[tuple[int, PriceType], Due] = {}
        for each in taken:
            lot = self._lots.get(each.lot_id)
            for charge in self._paid[lot.order_line_id] if lot is not None and lot.order_line_id is not None else ():
                edge = self._edges.get((charge.seller_id, charge.buyer_id))
                if edge is not None:
                    due = self._due(line, edge, charge, lot, each.quantity)
                    key = (edge.buyer_id, due.type)
                    found[key] = _sum(found[key], due) if key in found else due
        return list(found.values())

    def _due(self, line: Line, edge: Edge, charge: Row, lot: Row, quantity: int) -> Due:
        back = 0
        if charge.charged_micros > 0:
            paid = None if charge.paid_from is None else Span(terms.day(charge.paid_from), terms.day(charge.paid_until))
            returned = lot.quantity - lot.remaining
            bought = Charge(charge.charged_micros, lot.quantity, returned, paid, charge.currency)
            back = refund(self._policy, bought, quantity, self._today)
        extended = -charge.unit_micros * quantity
        return Due(line, edge, PriceType(charge.price_type), charge.currency, charge.unit_micros, extended, -back, None)


def _sum(one: Due, other: Due) -> Due:
    extended = one.extended_micros + other.extended_micros
    charged = one.charged_micros + other.charged_micros
    return Due(one.line, one.edge, one.type, one.currency, other.unit_micros, extended, charged, None)
