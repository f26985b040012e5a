"""What a buyer can order today: products under plans for periods, found by id or part number."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Text, select

from models import PlanPeriod, ProductStatus
from models.base import PeriodType, table_of
from models.beyond.chain import Edge
from models.beyond.pricing import PriceKey, on_offer
from models.price import PriceType
from models.statement import Row, Statement, any_of
from resolvers.act import Act
from resolvers.errors import Candidate, UserErrorCode
from resolvers.ordering.asked import OrderLineInput
from resolvers.ordering.periods import Period
from resolvers.products import DEPENDENCY, MANUFACTURER, PLAN, PRODUCT
from resolvers.trade_inputs import PeriodInput

_PERIOD = table_of(PlanPeriod).c
_WITH_MAKER = select(*PRODUCT.c, MANUFACTURER.c.code.label("manufacturer")).join(
    MANUFACTURER, MANUFACTURER.c.id == PRODUCT.c.manufacturer_id
)
_BY_ID = Statement(_WITH_MAKER.where(any_of(PRODUCT.c.id, "ids")), is_lookup=True)
_BY_MPN = Statement(_WITH_MAKER.where(any_of(PRODUCT.c.mpn, "mpns", Text)), is_lookup=True)
_PLANS = Statement(select(*PLAN.c).where(any_of(PLAN.c.id, "ids")), is_lookup=True)
_PERIODS = Statement(
    select(_PERIOD.plan_id, _PERIOD.type, _PERIOD.duration).where(any_of(_PERIOD.plan_id, "ids"), _PERIOD.is_active),
    is_lookup=True,
)
_NEEDS = Statement(
    select(DEPENDENCY.c.product_id, DEPENDENCY.c.depends_on_id).where(any_of(DEPENDENCY.c.product_id, "ids")),
    is_lookup=True,
)
_MOST_TOLD = 20
_ASKED = (PriceType.RECURRING, PriceType.SETUP)


@dataclass(frozen=True, slots=True)
class Good:
    """Something that can be ordered.

    Args:
        product: its row, with the `manufacturer`'s code.
        plan: its row.
        period: for how long at a time.
    """

    product: Row
    plan: Row
    period: Period

    @property
    def text(self) -> str:
        """How it is told from others."""
        billing = _text(self.plan.billing_period_type, self.plan.billing_period_duration)
        return (
            f"{self.product.mpn} of {self.product.manufacturer}, plan {self.plan.code}"
            f" for {_text(self.period.type, self.period.duration)}, billed every {billing}"
        )

    @property
    def candidate(self) -> Candidate:
        """The same for programs."""
        plan = self.plan
        return Candidate(
            self.product.id, self.product.mpn, self.product.manufacturer, plan.id, self.period.type.value,
            self.period.duration, plan.billing_period_type, plan.billing_period_duration,
        )  # fmt: skip

    def is_meant_by(self, line: OrderLineInput) -> bool:
        """Whether a line can mean it; one that names no product says by its plan and periods what is meant."""
        is_named = (line.product, line.mpn) == (None, None) or _is_meant(self.product, line)
        return is_named and _fits(self, line)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The products of an order's lines, and the goods that the buyer is offered of them today."""

    products: Mapping[int, Row]
    goods: Sequence[Good]

    def fitting(self, line: OrderLineInput) -> list[Good]:
        """The goods that a line can mean."""
        return [good for good in self.goods if _is_meant(good.product, line) and _fits(good, line)]

    def is_retired(self, line: OrderLineInput) -> bool:
        """Whether all products that a line can mean are retired."""
        meant = [row for row in self.products.values() if _is_meant(row, line)]
        return bool(meant) and all(row.status == ProductStatus.RETIRED for row in meant)


async def shelf(act: Act, edge: Edge, lines: Iterable[OrderLineInput], also: Iterable[int] = ()) -> Shelf:
    """What can be ordered of the products that lines name, and of others by their ids."""
    asked = list(lines)
    ids = {line.product for line in asked if line.product} | set(also)
    rows = await act.rows(_BY_ID, {"ids": sorted(ids)})
    rows += await act.rows(_BY_MPN, {"mpns": sorted({line.mpn for line in asked if line.mpn})})
    products = {row.id: row for row in rows}
    offers = await on_offer(act.writer, edge, products, act.now.date()) if products else set()
    return Shelf(products, await _goods(act, products, offers))


async def _goods(act: Act, products: Mapping[int, Row], offers: set[PriceKey]) -> list[Good]:
    keys = {(key.product_id, key.plan_id, key.period_type, key.period_duration) for key in offers if key.type in _ASKED}
    ids = sorted({plan for _, plan, _, _ in keys})
    plans = {row.id: row for row in await act.rows(_PLANS, {"ids": ids}) if row.is_published}
    active = {(row.plan_id, row.type, row.duration) for row in await act.rows(_PERIODS, {"ids": ids})}
    return [
        Good(products[product], plans[plan], Period(PeriodType(of_type), duration))
        for product, plan, of_type, duration in sorted(keys)
        if plan in plans and (plan, of_type, duration) in active and products[product].status == ProductStatus.ACTIVE
    ]


async def products_of(act: Act, ids: Iterable[int]) -> dict[int, Row]:
    """Products by their ids, as far as they are visible."""
    return {row.id: row for row in await act.rows(_BY_ID, {"ids": sorted(set(ids))})}


async def dependencies(act: Act, product_ids: Iterable[int]) -> dict[int, set[int]]:
    """What products need beside them, and what those need in turn."""
    found: dict[int, set[int]] = {}
    left = set(product_ids)
    while left:
        found |= {product: set() for product in left}
        for row in await act.rows(_NEEDS, {"ids": sorted(left)}):
            found[row.product_id].add(row.depends_on_id)
        left = set().union(*found.values()) - found.keys()
    return found


def chosen(act: Act, place: Shelf, line: OrderLineInput, at: str) -> Good | None:
    """The one thing that a line means; a fault is noted if there is none, or several."""
    path = ("lines", at, "mpn" if line.product is None else "product")
    if (line.product is None) is (line.mpn is None):
        act.fault(UserErrorCode.REQUIRED, "It takes a product or a part number, one of the two.", *path)
        return None
    fitting = place.fitting(line)
    if len(fitting) == 1:
        return fitting[0]
    if place.is_retired(line):
        act.fault(UserErrorCode.RETIRED, "The product is retired: it can't be ordered any more.", *path)
    elif not fitting:
        act.fault(UserErrorCode.NOT_OFFERED, "Nothing that fits is offered to the account today.", *path)
    elif line.product is None:
        message = f"Say which of these is meant. {told(fitting)}"
        act.fault(UserErrorCode.AMBIGUOUS_MPN, message, *path, candidates=candidates(fitting))
    else:
        message = f"Say under which plan and for which period. {told(fitting)}"
        act.fault(UserErrorCode.REQUIRED, message, *path[:2], "plan", candidates=candidates(fitting))
    return None


def candidates(goods: Sequence[Good]) -> tuple[Candidate, ...]:
    """Goods of which one is to be chosen, for programs."""
    return tuple(good.candidate for good in goods[:_MOST_TOLD])


def told(goods: Sequence[Good]) -> str:
    """The same for people."""
    texts = [good.text for good in goods[:_MOST_TOLD]]
    more = f"; and {len(goods) - _MOST_TOLD} more" if len(goods) > _MOST_TOLD else ""
    return "; ".join(texts) + more + "."


def _is_meant(product: Row, line: OrderLineInput) -> bool:
    is_named = product.id == line.product if line.product is not None else product.mpn == line.mpn
    return is_named and line.manufacturer in (None, product.manufacturer)


def _fits(good: Good, line: OrderLineInput) -> bool:
    plan = good.plan
    return (
        line.plan in (None, plan.id)
        and _is(line.subscription_period, good.period.type, good.period.duration)
        and _is(line.billing_period, plan.billing_period_type, plan.billing_period_duration)
    )


def _is(asked: PeriodInput | None, of_type: str, duration: int) -> bool:
    return asked is None or (asked.type.value, asked.duration) == (str(of_type), duration)


def _text(of_type: str, duration: int) -> str:
    return f"{duration} {str(of_type).lower().replace('_', ' ')}{'s' if duration > 1 else ''}"
