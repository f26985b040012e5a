"""Summaries: counts and sums over everything in a subtree, worked out by the database for many subtrees at once.

The key of every source here is a path: the subtree that is summed, its own account included. What the reading
connection doesn't show is not counted.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)

from models import SubscriptionStatus
from models.base import Day
from models.statement import Engine, Row, Statement, keys
from resolvers.accounts import ACCOUNT
from resolvers.products import MANUFACTURER, PRODUCT
from resolvers.source import Source
from resolvers.subscriptions import CHARGE, SUBSCRIPTION
from resolvers.users import USER

if TYPE_CHECKING:
    from resolvers.context import Context

PAID_FOR = (SubscriptionStatus.ACTIVE, SubscriptionStatus.HOLD)
"""Subscriptions whose charges count: a held one goes on being billed."""


def _within(table: FromClause, k: FromClause) -> ColumnElement[bool]:
    path = k.c["value"]
    return and_(table.c["path"] >= path, table.c["path"] < path.concat(literal_column("'~'")))


def _seats(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(func.coalesce(func.sum(column), 0), BigInteger).label("seats")


Build = Callable[[FromClause], Select[Any]]
"""Builds a statement over the table `k` of paths; it selects `parent_key` first and groups by it."""


def _grouped(
    name: str, build: Build, parameters: "Callable[[Context, Any], Mapping[str, Any]] | None" = None
) -> Source:
    """A source that gives each path the rows of one grouped statement."""

    @cache
    def statement(engine: Engine) -> Statement:
        return Statement(build(keys("paths", engine, Text)))

    async def fetch(context: "Context", paths: Sequence[str], request: Any) -> list[list[Row]]:
        further = parameters(context, request) if parameters else {}
        groups: dict[str, list[Row]] = defaultdict(list)
        for row in await context.rows(statement(context.engine), {"paths": list(paths), **further}):
            groups[row.parent_key].append(row)
        return [groups[path] for path in paths]

    return Source(f"summary.{name}", ("path",), fetch)


def _count_by(table: Table, *columns: str) -> Build:
    def build(k: FromClause) -> Select[Any]:
        by = [k.c["value"].label("parent_key"), *(table.c[column] for column in columns)]
        return (
            select(*by, func.count().label("n"))
            .select_from(k.join(table, _within(table, k)))
            .group_by(k.c["value"], *by[1:])
            .order_by(*by[1:])
        )

    return build


accounts = _grouped("accounts", _count_by(ACCOUNT, "type", "status"))
users = _grouped("users", _count_by(USER, "kind"))


def _subscriptions(k: FromClause) -> Select[Any]:
    status = SUBSCRIPTION.c.status
    return (
        select(k.c["value"].label("parent_key"), status, func.count().label("n"), _seats(SUBSCRIPTION.c.quantity))
        .select_from(k.join(SUBSCRIPTION, _within(SUBSCRIPTION, k)))
        .group_by(k.c["value"], status)
        .order_by(status)
    )


subscriptions = _grouped("subscriptions", _subscriptions)


def _products(k: FromClause) -> Select[Any]:
    product = SUBSCRIPTION.c.product_id
    return (
        select(k.c["value"].label("parent_key"), product, func.count().label("n"), _seats(SUBSCRIPTION.c.quantity))
        .select_from(k.join(SUBSCRIPTION, _within(SUBSCRIPTION, k)))
        .where(SUBSCRIPTION.c.status == literal_column(f"'{SubscriptionStatus.ACTIVE}'"))
        .group_by(k.c["value"], product)
    )


products = _grouped("products", _products)
"""Active subscriptions and seats by product; for callers to sort and cut."""


def _manufacturers(k: FromClause) -> Select[Any]:
    by_product = _products(k).subquery("s")
    return (
        select(
            by_product.c.parent_key,
            MANUFACTURER.c.id,
            MANUFACTURER.c.code,
            MANUFACTURER.c.name,
            cast(func.sum(by_product.c.n), BigInteger).label("n"),
            _seats(by_product.c.seats),
        )
        .select_from(
            by_product.join(PRODUCT, PRODUCT.c.id == by_product.c.product_id).join(
                MANUFACTURER, MANUFACTURER.c.id == PRODUCT.c.manufacturer_id
            )
        )
        .group_by(by_product.c.parent_key, MANUFACTURER.c.id, MANUFACTURER.c.code, MANUFACTURER.c.name)
        .order_by(MANUFACTURER.c.name)
    )


manufacturers = _grouped("manufacturers", _manufacturers)


def _renewals(k: FromClause) -> Select[Any]:
    s = SUBSCRIPTION.c
    return (
        select(k.c["value"].label("parent_key"), func.count().label("n"), _seats(s.quantity))
        .select_from(k.join(SUBSCRIPTION, _within(SUBSCRIPTION, k)))
        .where(
            s.status == literal_column(f"'{SubscriptionStatus.ACTIVE}'"),
            s.auto_renew.is_(literal_column("true")),
            s.renewal_key >= bindparam("today", type_=Day),
            s.renewal_key <= bindparam("until", type_=Day),
        )
        .group_by(k.c["value"])
    )


renewals = _grouped(
    "renewals", _renewals, lambda context, days: {"today": context.today, "until": context.today + timedelta(days=days)}
)
"""Active subscriptions that renew by themselves within so many days (the request), today included."""


@dataclass(frozen=True, slots=True)
class Money:
    """A month's sums in one currency, relative to the account that looks. Amounts in micros.

    `cost` is what it pays its vendor, `price` what it charges right below; None where there is nothing of the kind.
    """

    currency: str
    cost_micros: int | None
    price_micros: int | None


_PAID: list[ColumnElement[Any]] = [literal_column(f"'{status}'") for status in PAID_FOR]


def _money(k: FromClause) -> Select[Any]:
    viewer = bindparam("viewer", type_=BigInteger)
    sides = [
        select(
            k.c["value"].label("parent_key"),
            CHARGE.c.currency,
            literal_column("1" if is_cost else "0").label("is_cost"),
            cast(func.sum(CHARGE.c.monthly_micros), BigInteger).label("micros"),
        )
        .select_from(
            k.join(
                CHARGE,
                and_(_within(CHARGE, k), CHARGE.c.buyer_id == viewer if is_cost else CHARGE.c.seller_id == viewer),
            ).join(SUBSCRIPTION, SUBSCRIPTION.c.id == CHARGE.c.subscription_id)
        )
        .where(SUBSCRIPTION.c.status.in_(_PAID))
        .group_by(k.c["value"], CHARGE.c.currency)
        for is_cost in (True, False)
    ]
    return sides[0].union_all(sides[1])  # type: ignore[return-value]  # a compound select is as good


_money_rows = _grouped("money.rows", _money, lambda context, _request: {"viewer": context.caller.account_id})


async def _monthly(context: "Context", paths: Sequence[str], _request: None) -> list[list[Money]]:
    return [
        [
            Money(
                currency,
                cost_micros=next((row.micros for row in rows if row.currency == currency and row.is_cost), None),
                price_micros=next((row.micros for row in rows if row.currency == currency and not row.is_cost), None),
            )
            for currency in sorted({row.currency for row in rows})
        ]
        for rows in await _money_rows.fetch(context, paths, None)
    ]


money = Source("summary.money", ("path",), _monthly)
