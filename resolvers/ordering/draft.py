"""Drafts: what an order comes to, before anything of it is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import bindparam, select

from models import OrderSchedule, OrderType, OrderWait, PriceType, ProductStatus, SubscriptionCharge, SubscriptionItem
from models.base import table_of
from models.beyond import order_charges, pricing
from models.beyond.chain import Edge
from models.beyond.pricing import EdgePrice, Missing, Wanted
from models.statement import Row, Statement
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.ordering import charges, giving_back, giving_up, lines, terms
from resolvers.ordering.asked import OrderRequest
from resolvers.ordering.charges import Due, Term
from resolvers.ordering.lines import Had, Line
from resolvers.ordering.periods import Period, Span, later
from resolvers.ordering.switches import new_term
from resolvers.ordering.switching import Switch, switched

_CHARGE, _ITEM = table_of(SubscriptionCharge).c, table_of(SubscriptionItem).c
_RUNNING = Statement(
    select(_ITEM.product_id, _CHARGE.unit_micros, _CHARGE.currency)
    .join(table_of(SubscriptionItem), _ITEM.id == _CHARGE.item_id)
    .where(_CHARGE.subscription_id == bindparam("subscription"), _CHARGE.buyer_id == bindparam("account")),
    is_lookup=True,
)


@dataclass(frozen=True, slots=True)
class Draft:
    """What an order comes to.

    Args:
        type: what it does.
        edges: the chain, the buyer's own edge last.
        lines: what is bought, changed, renewed or given back.
        plan_id: under which terms.
        period: for how long at a time.
        dues: what every edge is charged; of those above the caller nothing may be told.
        term: the term that is paid for; None: nothing is paid for now.
        effective_on: the day on which it takes effect; None: at once.
        waiting_for: what it waits for.
        scheduled_on: when it takes effect; None: at once.
        running: by product, what one unit costs the account now, and in which currency.
        quoted: what lines for which nothing is charged by the order would cost the account today.
    """

    type: OrderType
    edges: Sequence[Edge]
    lines: Sequence[Line]
    plan_id: int
    period: Period
    dues: Sequence[Due]
    term: Span | None
    effective_on: date | None
    waiting_for: OrderWait | None
    scheduled_on: OrderSchedule | None
    running: Mapping[int, tuple[int, str]]
    quoted: Sequence[Due] = ()

    @property
    def own(self) -> list[Due]:
        """What the account itself is charged."""
        return [due for due in self.dues if due.edge is self.edges[-1]]

    @property
    def currency(self) -> str:
        """In which the account pays its vendor for it."""
        return next((due.currency for due in self.own), self.edges[-1].currency)

    @property
    def total_micros(self) -> int:
        """What the account is charged by it."""
        return sum(due.charged_micros for due in self.own)

    def setup(self, line: Line) -> int:
        """What setting a line up costs the account; nothing where it is given back."""
        asked = (due for due in self.own if due.line is line and due.type is PriceType.SETUP)
        return sum(max(due.extended_micros, 0) for due in asked)

    def charged(self, line: Line) -> int:
        """What the account is charged for a line by the order."""
        return sum(due.charged_micros for due in self.own if due.line is line)

    def price(self, line: Line) -> tuple[int, int, str, str | None]:
        """Of a line for the account: unit price, extended price, currency, rate of exchange."""
        of_line = [due for due in (*self.own, *self.quoted) if due.line is line]
        for due in sorted(of_line, key=lambda due: due.type is not PriceType.RECURRING):
            return due.unit_micros, due.extended_micros, due.currency, due.rate
        unit, currency = self.running.get(line.product.id, (0, self.currency))
        return unit, unit * line.delta, currency, None


async def drafted(act: Act, account: Row, edges: Sequence[Edge], given: OrderRequest) -> Draft:
    """What an order would be.

    Raises:
        RefusedError: nothing, with the reasons.
    """
    if given.type is OrderType.SALES:
        return await _sale(act, account, edges, given)
    subscription = await terms.subject(act, account, given)
    has = await lines.had(act, subscription)
    running = await _running(act, account, subscription)
    if given.type is OrderType.MIGRATION:
        return await _switch(act, account, edges, given, subscription, has, running)
    waits = terms.waiting_for(act, account, given, given.scheduled_on)
    effective_on, dues, term = None, [], None
    if given.type is OrderType.RENEWAL:
        found = lines.whole(act, has, given.lines, quantity=None)
        term = terms.next_term(act, subscription)
        effective_on = term.start
        dues = await _renewal_dues(act, edges, found, subscription, term)
    else:
        is_end = given.type is OrderType.CANCELLATION
        found = lines.whole(act, has, given.lines, quantity=0) if is_end else lines.changed(act, has, given.lines or [])
        if is_end:
            await lines.refuse_bereft(act, account, subscription)
        if given.scheduled_on is not None:
            effective_on = terms.renewal_day(act, subscription)
        else:
            more = [line for line in found if line.delta > 0]
            less = [line for line in found if line.delta < 0]
            if not is_end:
                term = terms.running_term(act, subscription)
                dues = await _more(act, edges, more, subscription, term)
            dues += await giving_back.dues(act, edges, subscription, has, less, is_end=is_end)
    return Draft(
        given.type, edges, found, subscription.plan_id, terms.period_of(subscription), dues, term, effective_on, waits,
        given.scheduled_on, running,
    )  # fmt: skip


async def _switch(
    act: Act,
    account: Row,
    edges: Sequence[Edge],
    given: OrderRequest,
    subscription: Row,
    has: Had,
    running: Mapping[int, tuple[int, str]],
) -> Draft:
    """What switching a subscription comes to: at once, or when it renews."""
    switch = await switched(act, account, edges[-1], subscription, has, given)
    plan, period = switch.way.good.plan, switch.way.good.period
    scheduled = OrderSchedule.RENEWAL if switch.way.waits else given.scheduled_on
    today, effective_on, dues = act.now.date(), None, []
    if scheduled is not None:
        effective_on = terms.renewal_day(act, subscription)
        new = Span(effective_on, later(effective_on, period))
    else:
        new = new_term(switch.way.policy, today, terms.running_term(act, subscription), period)
    costs = await _switch_dues(act, edges, switch, charges.term(plan, new, new.start))
    if scheduled is None:
        dues = [*await giving_up.dues(act, edges, subscription, has, switch.gone, switch.way.policy), *costs]
    return Draft(
        given.type, edges, switch.lines, plan.id, period, dues, new if scheduled is None else None, effective_on,
        terms.waiting_for(act, account, given, scheduled), scheduled, running,
        [due for due in costs if due.edge is edges[-1]] if scheduled is not None else (),
    )  # fmt: skip


async def _switch_dues(act: Act, edges: Sequence[Edge], switch: Switch, term: Term) -> list[Due]:
    """What is charged for the terms to which a subscription is switched; setting up, for other products alone."""
    plan, period = switch.way.good.plan, switch.way.good.period
    prices = await _prices(act, edges, switch.come, charges.wanted(switch.come, plan.id, period, *_NEW))
    asked = [each for each in prices if each.type is PriceType.RECURRING or switch.is_other(each.line)]
    return charges.due(act, switch.come, asked, term, is_renewal=True)


async def _sale(act: Act, account: Row, edges: Sequence[Edge], given: OrderRequest) -> Draft:
    what = await lines.bought(act, account, edges[-1], given)
    term = await terms.first_term(act, account, what, given)
    plan, period = what.good.plan, what.good.period
    prices = await _prices(act, edges, what.lines, charges.wanted(what.lines, plan.id, period, *_NEW))
    dues = charges.due(act, what.lines, prices, charges.term(plan, term, term.start))
    waits = terms.waiting_for(act, account, given)
    return Draft(given.type, edges, what.lines, plan.id, period, dues, term, None, waits, None, {})


_NEW = (PriceType.RECURRING, PriceType.SETUP)


async def _more(act: Act, edges: Sequence[Edge], more: Sequence[Line], subscription: Row, term: Span) -> list[Due]:
    """What is charged for units that are added to a subscription in the middle of its term."""
    for line in more:
        if line.product.status == ProductStatus.RETIRED:
            act.fault(UserErrorCode.RETIRED, "The product is retired: none can be added.", *line.path)
    act.check()
    if not more:
        return []
    wanted = charges.wanted(more, subscription.plan_id, terms.period_of(subscription), *_NEW)
    prices = await _prices(act, edges, more, wanted)
    return charges.due(act, more, prices, charges.term(subscription, term, act.now.date()))


async def _renewal_dues(
    act: Act, edges: Sequence[Edge], renewed: Sequence[Line], subscription: Row, term: Span
) -> list[Due]:
    """What is charged for the next term: the prices of today, or where there are none any more, those that it has."""
    wanted = charges.wanted(renewed, subscription.plan_id, terms.period_of(subscription), PriceType.RECURRING)
    asked = await pricing.prices(act.writer, edges, wanted, act.now.date())
    gone = set(asked.lines) if isinstance(asked, Missing) else set()
    left = [each for each in wanted if each.line not in gone]
    found = await _prices(act, edges, renewed, left) if isinstance(asked, Missing) and left else asked
    of = charges.term(subscription, term, term.start)
    dues = charges.due(act, renewed, [] if isinstance(found, Missing) else found, of, is_renewal=True)
    if gone:
        fixed = await order_charges.running(act.writer, subscription.path, subscription.id)
        dues += [due for at in sorted(gone) for due in _as_it_was(act, edges, renewed[at], fixed, of)]
    return dues


def _as_it_was(act: Act, edges: Sequence[Edge], line: Line, fixed: Sequence[Row], of: Term) -> list[Due]:
    """What a line costs on every edge at the prices that its subscription has.

    Raises:
        RefusedError: an edge has none, since the account has another vendor now.
    """
    by_edge = {(row.seller_id, row.buyer_id): row for row in fixed if row.product_id == line.product.id}
    charged = [(edge, by_edge.get((edge.seller_id, edge.buyer_id))) for edge in edges]
    if any(row is None and edge.seller_id is not None for edge, row in charged):
        act.refuse(UserErrorCode.NOT_OFFERED, f"{line.product.name} isn't offered to the account today.", *line.path)
    return [charges.renewed(line, edge, row, of) for edge, row in charged if row is not None]


async def _prices(act: Act, edges: Sequence[Edge], of: Sequence[Line], wanted: Sequence[Wanted]) -> Sequence[EdgePrice]:
    """The prices of today on every edge.

    Raises:
        RefusedError: somebody in the chain doesn't sell it; never who.
    """
    found = await pricing.prices(act.writer, edges, wanted, act.now.date())
    if isinstance(found, Missing):
        for at in found.lines:
            act.fault(UserErrorCode.NOT_OFFERED, "It isn't offered to the account today.", *of[at].path)
        act.check()
        return []
    return found


async def _running(act: Act, account: Row, subscription: Row) -> dict[int, tuple[int, str]]:
    """By product, what one unit of a subscription costs the account."""
    rows = await act.rows(_RUNNING, {"subscription": subscription.id, "account": account.id})
    return {row.product_id: (row.unit_micros, row.currency) for row in rows}
