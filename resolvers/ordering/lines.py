"""Lines of orders: which product is meant, and how many there are, are added, and result."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, or_, select

from models import QuantityKind, SubscriptionStatus
from models.beyond.chain import Edge
from models.statement import Row, Statement
from resolvers.act import Act
from resolvers.errors import Candidate, UserErrorCode
from resolvers.ordering import goods
from resolvers.ordering.asked import OrderLineInput, OrderRequest
from resolvers.ordering.goods import Good, Shelf
from resolvers.ordering.periods import Period
from resolvers.ordering.quantities import Limits, bereft, missing, quantities, quantity_refusal
from resolvers.subscriptions import ITEM, SUBSCRIPTION

ITEMS = Statement(
    select(*ITEM.c).where(ITEM.c.subscription_id == bindparam("subscription")).order_by(ITEM.c.position), is_lookup=True
)
OWNED = Statement(
    select(ITEM.c.product_id, ITEM.c.subscription_id)
    .join(SUBSCRIPTION, SUBSCRIPTION.c.id == ITEM.c.subscription_id)
    .where(
        SUBSCRIPTION.c.account_id == bindparam("account"),
        or_(
            *(SUBSCRIPTION.c.status == status.value for status in (SubscriptionStatus.ACTIVE, SubscriptionStatus.HOLD))
        ),
    ),
    is_lookup=True,
)
"""What an account has: products, with the subscriptions that they are of."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line, as it is understood.

    Args:
        product: its row.
        kind: how the quantity was given.
        quantity: as it was given.
        previous: what the subscription has of the product.
        delta: by how much it changes.
        place: in the input, from 0; None: it was added.
        under: its plan and subscription period, where they aren't the order's.
    """

    product: Row
    kind: QuantityKind
    quantity: int
    previous: int
    delta: int
    place: int | None = None
    under: tuple[int, Period] | None = None

    @property
    def resulting(self) -> int:
        """What the subscription has once the order is completed."""
        return self.previous + self.delta

    @property
    def path(self) -> tuple[str, ...]:
        """Where it stands in the input."""
        return ("lines",) if self.place is None else ("lines", str(self.place))


@dataclass(frozen=True, slots=True)
class Bought:
    """What a sales order buys.

    Args:
        lines: of products of one plan and period.
        good: the first line's: whose plan and period are everyone's.
    """

    lines: Sequence[Line]
    good: Good


async def bought(act: Act, account: Row, edge: Edge, given: OrderRequest) -> Bought:
    """The lines of a sales order.

    Raises:
        RefusedError: with all that is wrong with them.
    """
    asked = given.lines or []
    if not asked:
        act.refuse(UserErrorCode.REQUIRED, "It takes at least one line.", "lines")
    place = await goods.shelf(act, edge, asked)
    meant = [goods.chosen(act, place, line, str(at)) for at, line in enumerate(asked)]
    act.check()
    found = [good for good in meant if good is not None]
    first = found[0]
    for at, good in enumerate(found):
        if (good.plan.id, good.period) != (first.plan.id, first.period):
            message = "Lines of one order have one plan and period. Place another order for this one."
            act.fault(UserErrorCode.INVALID, message, "lines", str(at), "plan")
    made = [_line(act, good.product, each, 0, at) for at, (good, each) in enumerate(zip(found, asked, strict=True))]
    lines = [line for line in made if line is not None]
    _refuse_twice(act, lines)
    act.check()
    lines += await _needed(act, account, edge, lines, first, given)
    act.check()
    return Bought(lines, first)


def _line(act: Act, product: Row, asked: OrderLineInput, previous: int, at: int) -> Line | None:
    """A line whose quantity is checked; a fault is noted if it can't be, and None given if there is none."""
    if asked.quantity is None:
        act.fault(UserErrorCode.REQUIRED, "Say how many units.", "lines", str(at), "quantity")
        return None
    wanted = quantities(asked.quantity_kind, asked.quantity, previous)
    refusal = quantity_refusal(wanted, Limits(product.minimum_quantity, product.maximum_quantity))
    if refusal is not None:
        act.fault(refusal.code, refusal.message, "lines", str(at), "quantity")
    return Line(product, asked.quantity_kind, asked.quantity, previous, wanted.delta, at)


def _refuse_twice(act: Act, lines: Iterable[Line]) -> None:
    seen: set[int] = set()
    for line in lines:
        if line.product.id in seen:
            act.fault(UserErrorCode.INVALID, "An earlier line is of the same product. Make it one.", *line.path)
        seen.add(line.product.id)


async def _needed(
    act: Act, account: Row, edge: Edge, lines: Sequence[Line], first: Good, given: OrderRequest
) -> list[Line]:
    """Lines for products that the ordered ones need and that the account doesn't have, if they are to be added."""
    ordered = [line.product.id for line in lines]
    needs = await goods.dependencies(act, ordered)
    owned = {row.product_id for row in await act.rows(OWNED, {"account": account.id})}
    lacking = missing(ordered, owned, needs)
    if not lacking:
        return []
    place = await goods.shelf(act, edge, [], lacking)
    if not given.adds_dependencies:
        names = ", ".join(f"{row.name} ({row.mpn})" for row in place.products.values()) or "others"
        message = f"It needs products that the account doesn't have: {names}. Order them as well."
        act.refuse(UserErrorCode.DEPENDENCY_MISSING, message, "lines")
    return [_added(act, place, product, first) for product in lacking]


def _added(act: Act, place: Shelf, product_id: int, first: Good) -> Line:
    meant = (product_id, first.plan.id, first.period)
    found = [good for good in place.goods if (good.product.id, good.plan.id, good.period) == meant]
    if not found:
        names = ", ".join(row.name for row in place.products.values() if row.id == product_id) or "another product"
        message = f"It needs {names}, which isn't offered under the same plan. Order that by itself first."
        act.refuse(UserErrorCode.DEPENDENCY_MISSING, message, "lines")
    least = max(found[0].product.minimum_quantity, 1)
    return Line(found[0].product, QuantityKind.DELTA, least, 0, least)


# Lines on what there is


@dataclass(frozen=True, slots=True)
class Had:
    """What a subscription has.

    Args:
        subscription: its row.
        items: by position.
        products: by their ids, with the manufacturers' codes.
    """

    subscription: Row
    items: Sequence[Row]
    products: Mapping[int, Row]


async def had(act: Act, subscription: Row) -> Had:
    """What a subscription has."""
    items = await act.rows(ITEMS, {"subscription": subscription.id})
    return Had(subscription, items, await goods.products_of(act, [item.product_id for item in items]))


def changed(act: Act, has: Had, asked: Sequence[OrderLineInput]) -> list[Line]:
    """The lines of a change.

    Raises:
        RefusedError: with all that is wrong with them.
    """
    if not asked:
        act.refuse(UserErrorCode.REQUIRED, "It takes at least one line.", "lines")
    lines: list[Line] = []
    for at, each in enumerate(asked):
        item = _item(act, has, each, at)
        line = None if item is None else _line(act, has.products[item.product_id], each, item.quantity, at)
        lines += [] if line is None else [line]
    _refuse_twice(act, lines)
    act.check()
    return lines


def _item(act: Act, has: Had, asked: OrderLineInput, at: int) -> Row | None:
    """What of the subscription a line means; a fault is noted if there is no such thing."""
    names = (asked.product, asked.mpn)
    found = [
        item
        for item in has.items
        if item.product_id in has.products and _names(has.products[item.product_id], *names, asked.manufacturer)
    ]
    if len(found) == 1:
        return found[0]
    path = ("lines", str(at), "mpn" if asked.product is None else "product")
    if names == (None, None) or None not in names:
        act.fault(UserErrorCode.REQUIRED, "It takes a product or a part number, one of the two.", *path)
    elif found:
        makers = ", ".join(sorted({has.products[item.product_id].manufacturer for item in found}))
        message = f"The subscription has it of {makers}. Say of which."
        act.fault(UserErrorCode.AMBIGUOUS_MPN, message, *path, candidates=_candidates(has, found))
    else:
        act.fault(UserErrorCode.INVALID, "The subscription has no such product. Place a sales order for it.", *path)
    return None


def _candidates(has: Had, items: Sequence[Row]) -> tuple[Candidate, ...]:
    under = has.subscription
    return tuple(
        Candidate(
            product.id, product.mpn, product.manufacturer, under.plan_id, under.period_type, under.period_duration,
            under.billing_period_type, under.billing_period_duration,
        )
        for product in (has.products[item.product_id] for item in items)
    )  # fmt: skip


def _names(product: Row, row_id: int | None, mpn: str | None, manufacturer: str | None) -> bool:
    is_named = product.id == row_id if mpn is None else row_id is None and product.mpn == mpn
    return is_named and manufacturer in (None, product.manufacturer)


def whole(act: Act, has: Had, asked: Sequence[OrderLineInput] | None, *, quantity: int | None) -> list[Line]:
    """A line for each item: of that quantity, or of what there is.

    Raises:
        RefusedError: lines were given.
    """
    if asked:
        act.refuse(UserErrorCode.INVALID, "It is about the whole subscription: leave the lines out.", "lines")
    lines = []
    for item in has.items:
        target = item.quantity if quantity is None else quantity
        product = has.products[item.product_id]
        lines.append(Line(product, QuantityKind.TARGET, target, item.quantity, target - item.quantity))
    return lines


async def refuse_bereft(act: Act, account: Row, subscription: Row) -> None:
    """Refuse to end a subscription that others of the account need.

    Raises:
        RefusedError: some do.
    """
    rows = await act.rows(OWNED, {"account": account.id})
    ended = {row.product_id for row in rows if row.subscription_id == subscription.id}
    kept = {row.product_id for row in rows if row.subscription_id != subscription.id}
    left = bereft(ended, kept, await goods.dependencies(act, kept))
    if left:
        names = ", ".join(row.name for row in (await goods.products_of(act, left)).values()) or "other services"
        message = f"Others need it: {names}. Cancel them first."
        act.refuse(UserErrorCode.DEPENDENCY_MISSING, message, "subscription")
