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
    Table,
    Text,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    true,
)

from models import SubscriptionStatus
from models.base import Day
from models.statement import Engine, Row, Statement, keys
from resolvers.accounts import ACCOUNT
from resolvers.products import MANUFACTURER, PRODUCT
from resolvers.source import Source
from resolvers.statements import rows_by_key
from resolvers.subscriptions import CHARGE, SUBSCRIPTION
from resolvers.users import USER

if TYPE_CHECKING:
    from resolvers.context import Context

PAID_FOR = (SubscriptionStatus.ACTIVE, SubscriptionStatus.HOLD)
"""Subscriptions whose charges count: a held one goes on being billed."""

Within = Callable[[Table], ColumnElement[bool]]
"""The condition that a row of the table lies in the subtree that is summed."""
Sum = Callable[[Within], Any]
"""Builds the grouped statement for one subtree."""


def _one_path(build: Sum) -> Statement:
    """One subtree, given as parameters, so that the planner knows how large it is."""
    low, high = bindparam("lo", type_=Text), bindparam("hi", type_=Text)
    return Statement(build(lambda table: and_(table.c["path"] >= low, table.c["path"] < high)), is_long=True)


def _many_paths(engine: Engine, build: Sum) -> Statement:
    """Many subtrees, `paths`; each row comes with its `parent_key`."""
    k = keys("paths", engine, Text)
    path = k.c["value"]

    def within(table: Table) -> ColumnElement[bool]:
        return and_(table.c["path"] >= path, table.c["path"] < path.concat(literal_column("'~'")))

    summed = build(within)
    if engine == "postgresql":
        of_one = summed.correlate(k).lateral("s")
        return Statement(select(path.label("parent_key"), *of_one.c).select_from(k.join(of_one, true())))
    # SQLite has no LATERAL; it joins the paths in and groups by them too.
    return Statement(summed.add_columns(path.label("parent_key")).group_by(path), is_long=True)


def _grouped(name: str, build: Sum, parameters: "Callable[[Context, Any], Mapping[str, Any]] | None" = None) -> Source:
    """A source that gives each path the rows of one grouped statement."""
    one_path = cache(lambda: _one_path(build))
    many_paths: Callable[[Engine], Statement] = cache(lambda engine: _many_paths(engine, build))

    async def sums(context: "Context", paths: Sequence[str], request: Any) -> list[list[Row]]:
        given = dict(parameters(context, request)) if parameters else {}
        if len(paths) == 1:
            bounds = {"lo": paths[0], "hi": paths[0] + "~"}
            return [await context.rows(one_path(), given | bounds)]
        groups: dict[str, list[Row]] = defaultdict(list)
        for row in await context.rows(many_paths(context.engine), given | {"paths": list(paths)}):
            groups[row.parent_key].append(row)
        return [groups[path] for path in paths]

    async def fetch(context: "Context", paths: Sequence[str], request: Any) -> list[list[Row]]:
        return await context.once(name, request, paths, lambda missing: sums(context, missing, request))

    return Source(f"summary.{name}", ("path",), fetch)


def _count_by(table: Table, *columns: str) -> Sum:
    by: list[ColumnElement[Any]] = [table.c[column] for column in columns]
    return lambda within: select(*by, func.count().label("n")).where(within(table)).group_by(*by)


def _seats() -> ColumnElement[Any]:
    return cast(func.sum(SUBSCRIPTION.c.quantity), BigInteger).label("seats")


def _subscriptions(within: Within) -> Any:
    by: list[ColumnElement[Any]] = [SUBSCRIPTION.c.status, SUBSCRIPTION.c.product_id]
    return select(*by, func.count().label("n"), _seats()).where(within(SUBSCRIPTION)).group_by(*by)


def _renewals(within: Within) -> Any:
    s = SUBSCRIPTION.c
    return select(func.count().label("n"), func.coalesce(_seats(), 0).label("seats")).where(
        within(SUBSCRIPTION),
        s.status == literal_column(f"'{SubscriptionStatus.ACTIVE}'"),
        s.auto_renew.is_(literal_column("true")),
        s.renewal_key >= bindparam("today", type_=Day),
        s.renewal_key <= bindparam("until", type_=Day),
    )


accounts = _grouped("accounts", _count_by(ACCOUNT, "type", "status"))
users = _grouped("users", _count_by(USER, "kind"))
subscriptions = _grouped("subscriptions", _subscriptions)
"""By status and product: what the sums by status, by product and by manufacturer are made of."""
renewals = _grouped(
    "renewals", _renewals, lambda context, days: {"today": context.today, "until": context.today + timedelta(days=days)}
)
"""Active subscriptions that renew by themselves within so many days (the request), today included."""


@dataclass(frozen=True, slots=True)
class Group:
    """Subscriptions that have something in common: a status, a product id, a manufacturer's row."""

    by: Any
    count: int
    seats: int


def grouped_by(rows: Sequence[Row], key: Callable[[Row], Any]) -> list[Group]:
    """The groups of `subscriptions` under a key, most seats first."""
    counts: dict[Any, list[int]] = {}
    for row in rows:
        sums = counts.setdefault(key(row), [0, 0])
        sums[0] += row.n
        sums[1] += row.seats
    groups = [Group(by, count, seats) for by, (count, seats) in counts.items()]
    return sorted(groups, key=lambda group: (-group.seats, str(group.by)))


def active(rows: Sequence[Row]) -> list[Row]:
    """Of the rows of `subscriptions` those of active ones."""
    return [row for row in rows if row.status == SubscriptionStatus.ACTIVE]


async def _manufacturers(context: "Context", paths: Sequence[str], _request: None) -> list[list[Group]]:
    """Active subscriptions by manufacturer; a product that is not visible belongs to none."""
    summed = list(map(active, await subscriptions.fetch(context, paths, None)))
    products = sorted({row.product_id for rows in summed for row in rows})
    made_by = {
        row.id: row.manufacturer_id
        for row in await context.rows(rows_by_key(PRODUCT, "id", ("manufacturer_id",)), {"keys": products})
    }
    found = rows_by_key(MANUFACTURER, "id", ("code", "name"))
    makers = {row.id: row for row in await context.rows(found, {"keys": sorted(set(made_by.values()))})}
    return [
        [
            Group(makers[group.by], group.count, group.seats)
            for group in grouped_by(rows, lambda row: made_by.get(row.product_id))
            if group.by in makers
        ]
        for rows in summed
    ]


manufacturers = Source("summary.manufacturers", ("path",), _manufacturers)


@dataclass(frozen=True, slots=True)
class Money:
    """A month's sums in one currency, relative to the account that looks. Amounts in micros.

    `cost` is what it pays its vendor, `price` what it charges right below; None where there is nothing of the kind.
    """

    currency: str
    cost_micros: int | None
    price_micros: int | None


def _monthly(side: str) -> Sum:
    """Sums over the charges of which the viewer is the one side, by currency."""
    c = CHARGE.c
    paid: list[ColumnElement[Any]] = [literal_column(f"'{status}'") for status in PAID_FOR]
    return lambda within: (
        select(c.currency, cast(func.sum(c.monthly_micros), BigInteger).label("micros"))
        .where(within(CHARGE), c[side] == bindparam("viewer", type_=BigInteger), c.status.in_(paid))
        .group_by(c.currency)
    )


def _of_viewer(context: "Context", _request: None) -> Mapping[str, Any]:
    return {"viewer": context.caller.account_id}


_costs = _grouped("costs", _monthly("buyer_id"), _of_viewer)
_prices = _grouped("prices", _monthly("seller_id"), _of_viewer)


async def _money(context: "Context", paths: Sequence[str], _request: None) -> list[list[Money]]:
    sums = []
    for costs, prices in zip(
        await _costs.fetch(context, paths, None), await _prices.fetch(context, paths, None), strict=True
    ):
        cost, price = ({row.currency: row.micros for row in rows} for rows in (costs, prices))
        sums.append([Money(each, cost.get(each), price.get(each)) for each in sorted(cost.keys() | price.keys())])
    return sums


money = Source("summary.money", ("path",), _money)
