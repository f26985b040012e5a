"""Switching a subscription to other terms: what it can be switched to, what is meant, and the lines that this makes."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from models import QuantityKind, SwitchPolicy, SwitchTime
from models.base import PeriodType
from models.beyond.chain import Edge
from models.statement import Row, Statement
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.ordering import goods, switches, terms
from resolvers.ordering.asked import OrderLineInput, OrderRequest
from resolvers.ordering.goods import Good
from resolvers.ordering.lines import OWNED, Had, Line
from resolvers.ordering.periods import Period
from resolvers.ordering.quantities import Limits, Quantities, bereft, missing, quantity_refusal
from resolvers.plan_switches import SWITCH

_FROM = Statement(
    select(*SWITCH.c)
    .where(
        SWITCH.c.from_plan_id == bindparam("plan"),
        SWITCH.c.from_period_type == bindparam("of_type"),
        SWITCH.c.from_period_duration == bindparam("duration"),
        SWITCH.c.is_active,
    )
    .order_by(SWITCH.c.id),
    is_lookup=True,
)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to switch a subscription.

    Args:
        switch: as the provider published it.
        good: what its product, or its main one, becomes: with the plan and the period of all of them.
    """

    switch: Row
    good: Good

    @property
    def policy(self) -> SwitchPolicy:
        """What becomes of what was paid, and of the term."""
        return SwitchPolicy(self.switch.billing_policy)

    @property
    def waits(self) -> bool:
        """Whether it takes effect at the renewal only."""
        return switches.waits(SwitchTime(self.switch.when_effective), self.policy)


@dataclass(frozen=True, slots=True)
class Switch:
    """What is switched.

    Args:
        way: how.
        gone: a line for each item of the subscription, by position: what it was.
        come: likewise: what it becomes.
    """

    way: Way
    gone: Sequence[Line]
    come: Sequence[Line]

    @property
    def lines(self) -> list[Line]:
        """In pairs: what an item was, and what it becomes."""
        return [line for pair in zip(self.gone, self.come, strict=True) for line in pair]

    def is_other(self, at: int) -> bool:
        """Whether an item becomes another product, not only one under other terms."""
        return bool(self.gone[at].product.id != self.come[at].product.id)


async def switched(act: Act, account: Row, edge: Edge, subscription: Row, has: Had, given: OrderRequest) -> Switch:
    """What an order of type MIGRATION is about.

    Raises:
        RefusedError: the subscription can't be switched to it, or it isn't clear to what.
    """
    way = _chosen(act, await _ways(act, edge, subscription, has), given.lines or [])
    under = (subscription.plan_id, terms.period_of(subscription))
    gone, come = [], []
    for item in has.items:
        before = has.products[item.product_id]
        after = way.good.product if item.product_id == way.switch.from_product_id else before
        many = item.quantity
        gone.append(Line(before, QuantityKind.DELTA, -many, many, -many, 0, under))
        come.append(Line(after, QuantityKind.DELTA, many, 0, many, 0))
    found = Switch(way, gone, come)
    _check(act, found)
    await _check_needs(act, account, subscription, found)
    act.check()
    return found


async def _ways(act: Act, edge: Edge, subscription: Row, has: Had) -> list[Way]:
    """How the subscription can be switched: to what is published, and offered to its account today."""
    period = terms.period_of(subscription)
    of = {"plan": subscription.plan_id, "of_type": period.type.value, "duration": period.duration}
    there = {item.product_id for item in has.items}
    rows = [row for row in await act.rows(_FROM, of) if row.from_product_id is None or row.from_product_id in there]
    becomes = {row.id: row.to_product_id or has.items[0].product_id for row in rows}
    place = await goods.shelf(act, edge, [], becomes.values())
    offered = {(good.product.id, good.plan.id, good.period): good for good in place.goods}
    keys = [
        (becomes[row.id], row.to_plan_id, Period(PeriodType(row.to_period_type), row.to_period_duration))
        for row in rows
    ]
    return [Way(row, offered[key]) for row, key in zip(rows, keys, strict=True) if key in offered]


def _chosen(act: Act, ways: Sequence[Way], asked: Sequence[OrderLineInput]) -> Way:
    """The one way that the order's line means.

    Raises:
        RefusedError: there is none, or there are several.
    """
    if len(asked) != 1:
        message = "It takes one line, which names the product, the plan or the period to switch to."
        act.refuse(UserErrorCode.REQUIRED, message, "lines")
    (line,) = asked
    if line.quantity is not None:
        message = "A switch changes no quantity: leave it out, and change that by another order."
        act.refuse(UserErrorCode.INVALID, message, "lines", "0", "quantity")
    fitting = [way for way in ways if way.good.is_meant_by(line)]
    path = ("lines", "0", "mpn" if line.mpn is not None else "product")
    if not fitting:
        message = "The subscription can't be switched to that. What it can be switched to is told by its `upgrades`."
        act.refuse(UserErrorCode.NOT_OFFERED, message, *path)
    if len(fitting) > 1:
        found = [way.good for way in fitting]
        code = UserErrorCode.AMBIGUOUS_MPN if line.mpn is not None else UserErrorCode.REQUIRED
        message = f"Say which of these is meant. {goods.told(found)}"
        act.refuse(code, message, *path, candidates=goods.candidates(found))
    return fitting[0]


def _check(act: Act, found: Switch) -> None:
    """Note what is wrong with products that an item becomes: how many there are, and whether they are there already."""
    kept = {line.product.id for line in found.gone} & {line.product.id for line in found.come}
    for at, line in enumerate(found.come):
        if not found.is_other(at):
            continue
        if line.product.id in kept:
            message = f"The subscription has {line.product.name} already, as another of its products."
            act.fault(UserErrorCode.INVALID, message, *line.path)
        limits = Limits(line.product.minimum_quantity, line.product.maximum_quantity)
        refusal = quantity_refusal(Quantities(0, line.delta), limits)
        if refusal is not None:
            act.fault(refusal.code, f"Of {line.product.name}: {refusal.message} Change the quantity first.", *line.path)


async def _check_needs(act: Act, account: Row, subscription: Row, found: Switch) -> None:
    """Note products that what comes needs, and others that need what goes."""
    rows = await act.rows(OWNED, {"account": account.id})
    elsewhere = {row.product_id for row in rows if row.subscription_id != subscription.id}
    come = {line.product.id for line in found.come}
    kept = elsewhere | come
    lacking = missing(sorted(come), kept, await goods.dependencies(act, come))
    if lacking:
        names = await _names(act, lacking)
        act.fault(UserErrorCode.DEPENDENCY_MISSING, f"It needs others: {names}. Order them first.", "lines", "0")
    gone = {line.product.id for line in found.gone} - come
    left = bereft(gone, kept, await goods.dependencies(act, kept)) if gone else []
    if left:
        names = await _names(act, left)
        act.fault(
            UserErrorCode.DEPENDENCY_MISSING, f"Others need what it has: {names}. Cancel them first.", "lines", "0"
        )


async def _names(act: Act, ids: Sequence[int]) -> str:
    return ", ".join(row.name for row in (await goods.products_of(act, ids)).values()) or "other services"
