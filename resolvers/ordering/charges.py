"""What an order costs on every edge of the vendor chain: prices, quantities and periods brought together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from models import BillingModel, OrderCharge, PriceType
from models.base import PeriodType
from models.beyond.chain import Edge
from models.beyond.ledger import Amount
from models.beyond.pricing import EdgePrice, Wanted
from models.currency import payable
from models.identifier import new_id
from models.statement import Row
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.ordering import amounts
from resolvers.ordering.amounts import Counts, Tiers, TooMuchError
from resolvers.ordering.lines import Line
from resolvers.ordering.periods import Bill, Period, Span, bills, cut

STATEMENT_DAY = 1
"""Of the month: statements are made with the invoices, which end with a month."""


class Billed(Protocol):
    """A plan, or a subscription, which has its plan's terms: how it is billed."""

    billing_model: str
    billing_period_type: str
    billing_period_duration: int


@dataclass(frozen=True, slots=True)
class Term:
    """What an order pays for.

    Args:
        whole: the term, from its start.
        paid: what of it is paid for: from the day of the order on.
        due: the charges of the days that are paid for that fall due by the order.
    """

    whole: Span
    paid: Span
    due: Sequence[Bill]


@dataclass(frozen=True, slots=True)
class Due:
    """What one edge is charged for one line.

    Args:
        line: what for.
        edge: who pays whom.
        type: for having it, or for setting it up.
        currency: of the amounts.
        unit_micros: for one unit and billing period; the average where units cost differently.
        extended_micros: for all the units.
        charged_micros: what falls due by the order, as it can be paid.
        paid: the days that this pays for; None: it is charged once, or nothing falls due.
        price_id: None where it doesn't follow from a price of today.
        rate: of exchange, from the currency of the seller's own cost; None where they are the same.
    """

    line: Line
    edge: Edge
    type: PriceType
    currency: str
    unit_micros: int
    extended_micros: int
    charged_micros: int
    paid: Span | None
    price_id: int | None = None
    rate: str | None = None


def term(billed: Billed, whole: Span, today: date) -> Term:
    """What of a term an order of today pays for."""
    billing = Period(PeriodType(billed.billing_period_type), billed.billing_period_duration)
    paid = Span(max(today, whole.start), whole.end).within(whole)
    all_bills = bills(BillingModel(billed.billing_model), whole, billing, STATEMENT_DAY)
    due = [bill for bill in cut(all_bills, paid) if bill.due_on <= paid.start]
    return Term(whole, paid, due)


def wanted(lines: Sequence[Line], plan_id: int, period: Period, *types: PriceType) -> list[Wanted]:
    """What prices are needed: of the lines by their places among them."""
    return [Wanted(at, line.product.id, plan_id, period.type, period.duration, types) for at, line in enumerate(lines)]


def due(
    act: Act, lines: Sequence[Line], prices: Iterable[EdgePrice], of: Term, *, is_renewal: bool = False
) -> list[Due]:
    """What every edge is charged for lines that add units, or are renewed.

    Args:
        act: gets a fault for each line that costs too much.
        lines: those that the prices were found for.
        prices: for every edge.
        of: the term.
        is_renewal: whether what results is paid for anew, not only what is added.

    Raises:
        RefusedError: a line costs more than can be counted.
    """
    units = [line.resulting if is_renewal else line.delta for line in lines]
    found = []
    for price in prices:
        line = lines[price.line]
        try:
            counts = _counts(lines, units, price.line, is_renewal=is_renewal)
            found.append(_due(line, units[price.line], price, of, counts))
        except TooMuchError as error:
            act.fault(UserErrorCode.OUT_OF_RANGE, str(error), *line.path, "quantity")
            act.check()
    return found


def _counts(lines: Sequence[Line], units: Sequence[int], at: int, *, is_renewal: bool) -> Counts:
    line = lines[at]
    same = [number for other, number in zip(lines, units, strict=True) if other.product.unit == line.product.unit]
    of_unit = sum(same) if line.product.unit is not None else None
    return Counts(owned=0 if is_renewal else line.previous, in_order=units[at], of_unit=of_unit)


def _due(line: Line, units: int, price: EdgePrice, of: Term, counts: Counts) -> Due:
    tiers = Tiers.stored(price.model, price.amount_micros, price.tiers)
    cost = amounts.amount(tiers, units, counts)
    charged, paid = payable(cost.extended_micros, price.currency), None
    if price.type is not PriceType.SETUP:
        charged, paid = _now(cost.extended_micros, price.currency, of)
    return Due(
        line, price.edge, price.type, price.currency, cost.unit_micros, cost.extended_micros, charged, paid,
        price.price_id, price.rate,
    )  # fmt: skip


def _now(extended_micros: int, currency: str, of: Term) -> tuple[int, Span | None]:
    """What of an amount for a billing period falls due by the order, and the days that it pays for."""
    charged = amounts.countable(sum(amounts.prorated(extended_micros, bill.part, bill.whole) for bill in of.due))
    return payable(charged, currency), Span(of.due[0].part.start, of.due[-1].part.end) if of.due else None


def renewed(line: Line, edge: Edge, running: Row, of: Term) -> Due:
    """What an edge is charged for a line that is renewed at the price that the subscription has."""
    extended = amounts.countable(running.unit_micros * line.resulting)
    charged, paid = _now(extended, running.currency, of)
    return Due(line, edge, PriceType.RECURRING, running.currency, running.unit_micros, extended, charged, paid)


def ledger_amounts(dues: Iterable[Due]) -> list[Amount]:
    """What the ledger is to charge; nothing, too, so that it knows whose edge is the buyer's own."""
    return [
        Amount(
            each.edge,
            each.charged_micros,
            each.currency,
            each.line.product.name + (", set-up" if each.type is PriceType.SETUP else ""),
            abs(each.line.delta) or each.line.resulting,
            each.unit_micros,
        )
        for each in dues
    ]


def stored_amounts(edges: Sequence[Edge], charges: Iterable[Row], lines: Iterable[Row]) -> list[Amount]:
    """The same of an order that was placed before, from its charges on the edges of its account's chain."""
    by_buyer = {edge.buyer_id: edge for edge in edges}
    of = {line.id: line for line in lines}
    return [
        Amount(
            by_buyer[row.buyer_id],
            row.charged_micros,
            row.currency,
            of[row.line_id].name + (", set-up" if row.price_type == PriceType.SETUP else ""),
            abs(of[row.line_id].quantity),
            row.unit_micros,
        )
        for row in charges
    ]


def rows(dues: Iterable[Due], order_id: int, line_ids: Sequence[int], lines: Sequence[Line]) -> list[OrderCharge]:
    """The charges as they are stored."""
    ids = {id(line): line_id for line, line_id in zip(lines, line_ids, strict=True)}
    return [
        OrderCharge(
            id=new_id(),
            order_id=order_id,
            line_id=ids[id(each.line)],
            seller_id=each.edge.seller_id,
            buyer_id=each.edge.buyer_id,
            price_id=each.price_id,
            price_type=each.type,
            currency=each.currency,
            unit_micros=each.unit_micros,
            extended_micros=each.extended_micros,
            charged_micros=each.charged_micros,
            paid_from=each.paid.start if each.paid else None,
            paid_until=each.paid.end if each.paid else None,
            exchange_rate=each.rate,
        )
        for each in dues
    ]
