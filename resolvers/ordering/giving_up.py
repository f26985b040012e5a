"""Giving terms up: what each edge of the chain returns, and is still owed, when a subscription is switched to others.

What was charged for days to come is returned by the switch's rules, be it by the orders that bought the units or by
the bills that followed them; what was used and is billed later is charged. From then on those terms cost nothing.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from models import BillingModel, OrderType, PriceType, SwitchPolicy
from models.base import PeriodType
from models.beyond import order_charges, service_charges
from models.beyond.chain import Edge
from models.currency import payable
from models.statement import Row, Statement, any_of
from resolvers.act import Act
from resolvers.ordering import amounts, terms
from resolvers.ordering.charges import STATEMENT_DAY, Due
from resolvers.ordering.giving_back import LOTS, instant_of
from resolvers.ordering.lines import Had, Line
from resolvers.ordering.lot_costs import costs_of
from resolvers.ordering.periods import Bill, Period, Span, bills
from resolvers.ordering.refunds import Charge, share_of
from resolvers.ordering.switches import returned
from resolvers.orders import LINE, ORDER

_SWITCHES = Statement(
    select(LINE.c.id)
    .join(ORDER, ORDER.c.id == LINE.c.order_id)
    .where(any_of(LINE.c.id, "lines"), ORDER.c.type == OrderType.MIGRATION.value),
    is_lookup=True,
)
"""Of some lines of orders those by which something was switched."""


def bill_key(subscription_id: int, term: Span, due_on: date) -> str:
    """Under which a bill of a term is made, once."""
    return f"{subscription_id}:{term.start}:{term.end}:{due_on}"


def post_key(key: str) -> str:
    """Under which the ledger has the bill of a key."""
    return f"bill:{key}"


def bills_of(subscription: Row, term: Span) -> list[Bill]:
    """All charges of a term of a subscription, as it is billed now."""
    billing = Period(PeriodType(subscription.billing_period_type), subscription.billing_period_duration)
    return bills(BillingModel(subscription.billing_model), term, billing, STATEMENT_DAY)


def billed_term(subscription: Row) -> Span | None:
    """The term for which a subscription's bills are made; None: of none, as long as it is what an import brought."""
    end = subscription.renewal_date or subscription.expiration_date
    if subscription.start_date is None or end is None:
        return None
    start = terms.day(subscription.start_date)
    return Span(start, max(start, terms.day(end)))


async def dues(
    act: Act, edges: Sequence[Edge], subscription: Row, has: Had, gone: Sequence[Line], policy: SwitchPolicy
) -> list[Due]:
    """What every edge gives back of the present terms, less what is still owed for them.

    Args:
        act: what is under way.
        edges: the chain of today; what a former vendor was paid isn't given back by another.
        subscription: locked.
        has: what it has.
        gone: a line for each of its items.
        policy: what is returned.
    """
    rows = await act.rows(LOTS, {"subscription": subscription.id})
    line_ids = [row.order_line_id for row in rows if row.order_line_id is not None]
    paid: dict[int, list[Row]] = defaultdict(list)
    for charge in await order_charges.of_lines(act.writer, subscription.path, line_ids):
        paid[charge.line_id].append(charge)
    switched = await _switched(act, line_ids)
    term = billed_term(subscription)
    keys = (
        {bill.due_on: bill_key(subscription.id, term, bill.due_on) for bill in bills_of(subscription, term)}
        if term
        else {}
    )
    done = await service_charges.posted(act.writer, subscription, [post_key(key) for key in keys.values()])
    running = await service_charges.of_subscription(act.writer, subscription)
    past = _Past(
        act.now.date(),
        policy,
        paid,
        bills_of(subscription, term) if term else [],
        {due_on for due_on, key in keys.items() if post_key(key) in done},
    )
    found = []
    for item, line in zip(has.items, gone, strict=True):
        lots = [row for row in rows if row.item_id == item.id]
        costs = [row for row in running if row.item_id == item.id]
        found += _dues(past, edges, line, [_Lot(lot, _is_early(act, lot, switched)) for lot in lots], costs)
    return found


@dataclass(frozen=True, slots=True)
class _Lot:
    """A lot, and whether the window that follows its purchase is still open: a switch opens none."""

    row: Row
    is_early: bool


def _is_early(act: Act, lot: Row, switched: Set[int | None]) -> bool:
    """Were a lot that a switch made early, too, whoever switches back and forth would pay for the last days alone."""
    is_open = lot.window_until is not None and act.now < instant_of(lot.window_until)
    return is_open and lot.order_line_id not in switched


async def _switched(act: Act, line_ids: Sequence[int]) -> set[int | None]:
    """Those of the lines that are of orders which switched something."""
    return {row.id for row in await act.rows(_SWITCHES, {"lines": list(line_ids)})}


@dataclass(frozen=True, slots=True)
class _Part:
    """Something that an edge is to be given back (negative), or charged."""

    seller_id: int | None
    buyer_id: int
    type: PriceType
    currency: str
    micros: int


@dataclass(frozen=True, slots=True)
class _Past:
    """What was charged for the present terms.

    Args:
        today: the first day of the new terms.
        policy: what is returned.
        paid: by the orders' lines, on every edge.
        bills: of the running term.
        billed: the days whose bills were made.
    """

    today: date
    policy: SwitchPolicy
    paid: Mapping[int, Sequence[Row]]
    bills: Sequence[Bill]
    billed: set[date]

    def parts(self, lot: _Lot, costs: Sequence[tuple[Row, int]]) -> Iterator[_Part]:
        """All about one lot, which costs that much on every edge."""
        charges = self.paid.get(lot.row.order_line_id or 0, ())
        yield from (self._of_order(lot, charge) for charge in charges if charge.charged_micros > 0)
        covered = [terms.day(charge.paid_until) for charge in charges if charge.paid_until is not None]
        since = instant_of(lot.row.bought_at).date()
        for bill in self.bills:
            if bill.part.end > since and bill.part.start >= max(covered, default=bill.part.start):
                part = Span(max(since, bill.part.start), bill.part.end)
                yield from (self._of_bill(lot, cost, micros, bill, part) for cost, micros in costs)

    def _of_order(self, lot: _Lot, charge: Row) -> _Part:
        days = None if charge.paid_from is None else Span(terms.day(charge.paid_from), terms.day(charge.paid_until))
        gone = lot.row.quantity - lot.row.remaining
        bought = Charge(charge.charged_micros, lot.row.quantity, gone, days, charge.currency)
        share = share_of(bought, lot.row.remaining)
        back = returned(self.policy, share, days, self.today, is_early=lot.is_early)
        return _Part(charge.seller_id, charge.buyer_id, PriceType(charge.price_type), charge.currency, -back)

    def _of_bill(self, lot: _Lot, cost: Row, whole: int, bill: Bill, part: Span) -> _Part:
        if bill.due_on in self.billed:
            micros = amounts.prorated(whole, part, bill.whole)
            micros = -returned(self.policy, micros, part, self.today, is_early=lot.is_early)
        else:
            used = Span(part.start, min(max(self.today, part.start), part.end))
            micros = amounts.prorated(whole, used, bill.whole)
        return _Part(cost.seller_id, cost.buyer_id, PriceType.RECURRING, cost.currency, micros)


def _dues(past: _Past, edges: Sequence[Edge], line: Line, lots: Sequence[_Lot], costs: Sequence[Row]) -> list[Due]:
    """The sums for one line, by edge and type of price."""
    by_edge = {(edge.seller_id, edge.buyer_id): edge for edge in edges}
    units = {(cost.seller_id, cost.buyer_id): cost.unit_micros for cost in costs}
    sums: dict[tuple[Edge, PriceType, str], int] = defaultdict(int)
    by_cost = [(cost, costs_of(cost, [lot.row for lot in lots], past.paid)) for cost in costs]
    of_lots = [[(cost, micros[at]) for cost, micros in by_cost] for at in range(len(lots))]
    for part in (part for lot, of_lot in zip(lots, of_lots, strict=True) for part in past.parts(lot, of_lot)):
        edge = by_edge.get((part.seller_id, part.buyer_id))
        if edge is not None:
            sums[edge, part.type, part.currency] += part.micros
    found = []
    for (edge, of_type, currency), micros in sums.items():
        unit = units.get((edge.seller_id, edge.buyer_id), 0) if of_type is PriceType.RECURRING else 0
        found.append(Due(line, edge, of_type, currency, unit, unit * line.delta, payable(micros, currency), None))
    return found
