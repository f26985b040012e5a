"""What subscriptions can be switched to today, and what that would cost their accounts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, and_, bindparam, or_, select

from models import PlanPeriod, PriceModel, PriceType, ProductStatus, SubscriptionStatus, SwitchPolicy, SwitchTime
from models import path as paths
from models.base import Day, PeriodType, table_of
from models.beyond.chain import Edge
from models.beyond.pricing import PriceKey, best
from models.statement import Row, Statement, any_of
from resolvers.accounts import ACCOUNT
from resolvers.ordering import amounts, switches, terms
from resolvers.ordering.amounts import Tiers, TooMuchError
from resolvers.plan_switches import SWITCH
from resolvers.products import PLAN, PRICE, PRODUCT
from resolvers.source import Source
from resolvers.subscriptions import CHARGE, ITEM, SUBSCRIPTION

if TYPE_CHECKING:
    from resolvers.context import Context

_PERIOD = table_of(PlanPeriod).c
_SUBSCRIPTIONS = Statement(
    select(
        *(SUBSCRIPTION.c[name] for name in ("id", "account_id", "path", "auto_renew", "renewal_date")),
        ACCOUNT.c.parent_id,
        ACCOUNT.c.marketplace_id,
        SWITCH.c.id.label("switch_id"),
        *(SWITCH.c[name] for name in ("from_product_id", "to_product_id", "to_plan_id", "to_period_type")),
        *(SWITCH.c[name] for name in ("to_period_duration", "billing_policy", "when_effective")),
    )
    .select_from(
        SUBSCRIPTION.join(ACCOUNT, ACCOUNT.c.id == SUBSCRIPTION.c.account_id).join(
            SWITCH,
            and_(
                SWITCH.c.from_plan_id == SUBSCRIPTION.c.plan_id,
                SWITCH.c.from_period_type == SUBSCRIPTION.c.period_type,
                SWITCH.c.from_period_duration == SUBSCRIPTION.c.period_duration,
            ),
        )
    )
    .where(
        any_of(SUBSCRIPTION.c.id, "subscriptions"),
        SUBSCRIPTION.c.status == SubscriptionStatus.ACTIVE.value,
        SWITCH.c.is_active,
    )
    .order_by(SUBSCRIPTION.c.id, SWITCH.c.id),
    is_lookup=True,
)
_ITEMS = Statement(
    select(ITEM.c.subscription_id, ITEM.c.product_id, ITEM.c.quantity)
    .where(any_of(ITEM.c.subscription_id, "subscriptions"))
    .order_by(ITEM.c.subscription_id, ITEM.c.position),
    is_lookup=True,
)
_TERMS = Statement(
    select(_PERIOD.plan_id, _PERIOD.type, _PERIOD.duration)
    .select_from(PLAN.join(table_of(PlanPeriod), _PERIOD.plan_id == PLAN.c.id))
    .where(any_of(PLAN.c.id, "plans"), PLAN.c.is_published, _PERIOD.is_active),
    is_lookup=True,
)
_SOLD = Statement(
    select(PRODUCT.c.id).where(any_of(PRODUCT.c.id, "products"), PRODUCT.c.status == ProductStatus.ACTIVE.value),
    is_lookup=True,
)
_today: Any = bindparam("today", type_=Day)
_PRICES = Statement(
    select(*PRICE.c).where(
        any_of(PRICE.c.product_id, "products"),
        any_of(PRICE.c.seller_path, "sellers", Text),
        or_(PRICE.c.buyer_id.is_(None), any_of(PRICE.c.buyer_id, "buyers")),
        PRICE.c.valid_from <= _today,
        or_(PRICE.c.valid_until.is_(None), PRICE.c.valid_until > _today),
    ),
    is_lookup=True,
)
_CURRENCIES = Statement(
    select(CHARGE.c.seller_path, CHARGE.c.buyer_id, CHARGE.c.currency).where(
        any_of(CHARGE.c.subscription_id, "subscriptions"), any_of(CHARGE.c.buyer_id, "buyers")
    ),
    is_lookup=True,
)


@dataclass(frozen=True, slots=True)
class Upgrade:
    """Something that a subscription can be switched to.

    Args:
        switch_id: the way in which the provider lets it be switched.
        product_id: what its product, or its main one, becomes.
        plan_id: under which plan.
        period_type: with the duration, the subscription period.
        period_duration: see there.
        effective_on: the day of the renewal at which it takes effect; None: at once.
        unit_micros: what one unit then costs its account for a billing period; None: not to be seen.
        extended_micros: what all the units cost.
        currency: of these.
    """

    switch_id: int
    product_id: int
    plan_id: int
    period_type: str
    period_duration: int
    effective_on: date | None
    unit_micros: int | None = None
    extended_micros: int | None = None
    currency: str | None = None


async def _upgrades(context: "Context", ids: Sequence[int], _request: None) -> list[list[Upgrade]]:
    rows = await context.rows(_SUBSCRIPTIONS, {"subscriptions": list(ids)})
    found: dict[int, list[Upgrade]] = {key: [] for key in ids}
    if rows:
        counter = await _counter(context, rows)
        for row in rows:
            upgrade = counter.upgrade(row)
            found[row.id] += [] if upgrade is None else [upgrade]
    return [found[key] for key in ids]


upgrades = Source("subscription.upgrades", ("id",), _upgrades)


@dataclass(frozen=True, slots=True)
class _Counter:
    """What is for sale to the accounts of some subscriptions.

    Args:
        items: by subscription: how many units there are of which product, the main one first.
        products: that can be newly ordered.
        terms: plans and periods that can be.
        edges: by subscription, who sells to its account.
        prices: the best at each edge; None where prices aren't to be seen, and so not what is offered.
    """

    items: Mapping[int, Mapping[int, int]]
    products: set[int]
    terms: set[tuple[int, str, int]]
    edges: Mapping[int, Edge]
    prices: Mapping[tuple[Edge, PriceKey], Row] | None

    def upgrade(self, row: Row) -> Upgrade | None:
        """A switch of a subscription, if it can be switched so today."""
        items = self.items.get(row.id, {})
        waits = switches.waits(SwitchTime(row.when_effective), SwitchPolicy(row.billing_policy))
        before = _before(row, items)
        product = row.to_product_id or before
        term = (row.to_plan_id, row.to_period_type, row.to_period_duration)
        is_sold = product in self.products and term in self.terms
        if before not in items or not is_sold or (waits and not (row.auto_renew and row.renewal_date)):
            return None
        on = terms.day(row.renewal_date) if waits else None
        upgrade = Upgrade(row.switch_id, product, *term, on)
        return upgrade if self.prices is None else self._priced(upgrade, self.edges[row.id], items[before])

    def _priced(self, upgrade: Upgrade, edge: Edge, quantity: int) -> Upgrade | None:
        period = PeriodType(upgrade.period_type)
        key = PriceKey(upgrade.product_id, upgrade.plan_id, period, upgrade.period_duration)
        found = [(self.prices or {}).get((edge, key.of_type(each))) for each in (PriceType.RECURRING, PriceType.SETUP)]
        price = next((row for row in found if row is not None), None)
        if price is None:
            return None
        try:
            tiers = Tiers.stored(PriceModel(price.model), price.amount_micros, price.tiers)
            cost = amounts.amount(tiers, quantity)
        except TooMuchError:
            return None
        return Upgrade(
            upgrade.switch_id, upgrade.product_id, upgrade.plan_id, upgrade.period_type, upgrade.period_duration,
            upgrade.effective_on, cost.unit_micros, cost.extended_micros, price.currency,
        )  # fmt: skip


def _before(row: Row, items: Mapping[int, int]) -> int:
    """The product that a switch changes, or under whose name it is shown."""
    return int(row.from_product_id or next(iter(items), 0))


async def _counter(context: "Context", rows: Sequence[Row]) -> _Counter:
    ids = sorted({row.id for row in rows})
    items: dict[int, dict[int, int]] = defaultdict(dict)
    for item in await context.rows(_ITEMS, {"subscriptions": ids}):
        items[item.subscription_id][item.product_id] = item.quantity
    products = {row.to_product_id or _before(row, items[row.id]) for row in rows}
    sold = {row.id for row in await context.rows(_SOLD, {"products": sorted(products)})}
    plans = sorted({row.to_plan_id for row in rows})
    found = {(row.plan_id, row.type, row.duration) for row in await context.rows(_TERMS, {"plans": plans})}
    if not context.reader.scope.settings()["prices"]:
        return _Counter(items, sold, found, {}, None)
    edges = await _edges(context, rows)
    return _Counter(items, sold, found, edges, await _prices(context, rows, edges, sold))


async def _edges(context: "Context", rows: Iterable[Row]) -> dict[int, Edge]:
    """By subscription who sells to its account; in the currency in which the subscription was sold."""
    by_id = {row.id: row for row in rows}
    parameters = {"subscriptions": sorted(by_id), "buyers": sorted({row.account_id for row in by_id.values()})}
    sold = await context.rows(_CURRENCIES, parameters)
    currencies = {(row.seller_path, row.buyer_id): row.currency for row in sold}
    return {
        key: Edge(
            row.parent_id,
            _above(row.path),
            row.account_id,
            row.path,
            currencies.get((_above(row.path), row.account_id), ""),
        )
        for key, row in by_id.items()
    }


def _above(path: str) -> str:
    return path[: -paths.WIDTH]


async def _prices(
    context: "Context", rows: Iterable[Row], edges: Mapping[int, Edge], products: set[int]
) -> dict[tuple[Edge, PriceKey], Row]:
    parameters = {
        "products": sorted(products),
        "sellers": sorted({edge.seller_path for edge in edges.values()}),
        "buyers": sorted({edge.buyer_id for edge in edges.values()}),
        "today": context.today,
    }
    markets = {row.account_id: row.marketplace_id for row in rows}
    return best(await context.rows(_PRICES, parameters), set(edges.values()), markets)
