"""The orders that are under way for subscriptions, and what becomes of subscriptions when their term ends."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import and_, select

from models import OrderStatus, OrderType, OrderWait
from models.statement import Row, Statement, any_of
from resolvers import orders
from resolvers.orders import ORDER, is_open
from resolvers.plan_switches import SWITCH
from resolvers.source import Source
from resolvers.subscription_actions import RUNNING
from resolvers.subscriptions import SUBSCRIPTION

if TYPE_CHECKING:
    from resolvers.context import Context

_OPEN = Statement(
    select(ORDER.c.subscription_id, ORDER.c.id, ORDER.c.type, ORDER.c.status, ORDER.c.waiting_for)
    .where(any_of(ORDER.c.subscription_id, "subscriptions"), is_open(ORDER.c))
    .order_by(ORDER.c.subscription_id, ORDER.c.id),
    is_lookup=True,
)
_SWITCHABLE = Statement(
    select(SUBSCRIPTION.c.id)
    .join(
        SWITCH,
        and_(
            SWITCH.c.from_plan_id == SUBSCRIPTION.c.plan_id,
            SWITCH.c.from_period_type == SUBSCRIPTION.c.period_type,
            SWITCH.c.from_period_duration == SUBSCRIPTION.c.period_duration,
        ),
    )
    .where(any_of(SUBSCRIPTION.c.id, "subscriptions"), SWITCH.c.is_active)
    .distinct(),
    is_lookup=True,
)


async def _open(context: "Context", ids: Sequence[int]) -> dict[int, list[Row]]:
    """The open orders of subscriptions, asked for once."""

    async def fetch(keys: Sequence[int]) -> list[list[Row]]:
        found: dict[int, list[Row]] = defaultdict(list)
        for row in await context.rows(_OPEN, {"subscriptions": list(keys)}):
            found[row.subscription_id].append(row)
        return [found[key] for key in keys]

    return dict(zip(ids, await context.once("subscription.open", None, ids, fetch), strict=True))


def _first(rows: Sequence[Row]) -> int | None:
    """The order that is to be told: not what waits for the renewal, if there is another, as while it renews."""
    told = sorted(rows, key=lambda row: (row.waiting_for == OrderWait.RENEWAL, row.id))
    return told[0].id if told else None


async def _open_order(context: "Context", ids: Sequence[int], columns: tuple[str, ...]) -> list[Row | None]:
    first = {key: _first(rows) for key, rows in (await _open(context, ids)).items()}
    order_ids = sorted(order_id for order_id in first.values() if order_id is not None)
    rows = await orders.by_id.fetch(context, order_ids, columns) if order_ids else []
    found = dict(zip(order_ids, rows, strict=True))
    return [found.get(first[key] or 0) for key in ids]


open_order = Source("subscription.open_order", ("id",), _open_order, orders.by_id.leading, ORDER.name)
"""The order beside which nothing else can be ordered for a subscription."""


@dataclass(frozen=True, slots=True)
class Prospects:
    """What can be ordered for a subscription.

    Args:
        is_open: whether an order is open already.
        is_switchable: whether the provider lets such subscriptions be switched to other terms.
    """

    is_open: bool
    is_switchable: bool


async def _prospects(context: "Context", ids: Sequence[int], _request: None) -> list[Prospects]:
    found = await _open(context, ids)
    switchable = {row.id for row in await context.rows(_SWITCHABLE, {"subscriptions": list(ids)})}
    return [Prospects(bool(found[key]), key in switchable) for key in ids]


prospects = Source("subscription.prospects", ("id",), _prospects)


class TermEnd(StrEnum):
    """What becomes of a subscription when its term ends."""

    CHANGE = "CHANGE"
    END = "END"
    RENEWAL = "RENEWAL"
    SWITCH = "SWITCH"


_BY_ORDER = {
    OrderType.CHANGE: TermEnd.CHANGE,
    OrderType.CANCELLATION: TermEnd.END,
    OrderType.MIGRATION: TermEnd.SWITCH,
}


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What becomes of a subscription at the end of its term.

    Args:
        on: the day.
        event: what happens.
        order_id: the order that waits for it; None: it happens by itself.
    """

    on: date
    event: TermEnd
    order_id: int | None


async def _waiting(context: "Context", ids: Sequence[int], _request: None) -> list[Row | None]:
    found = await _open(context, ids)
    return [next((row for row in found[key] if _waits(row)), None) for key in ids]


def _waits(order: Row) -> bool:
    return (order.status, order.waiting_for) == (OrderStatus.SUBMITTED, OrderWait.RENEWAL)


waiting = Source("subscription.waiting", ("id",), _waiting)
"""The order that waits for a subscription's renewal."""


def scheduled(order: Row | None, subscription: Row) -> Scheduled | None:
    """What becomes of a subscription at the end of its term; None: it is in none.

    Args:
        order: that waits for it.
        subscription: with its status, dates, and whether it renews.
    """
    day = subscription.renewal_date or subscription.expiration_date
    if day is None or subscription.status not in RUNNING:
        return None
    on = date.fromisoformat(day) if isinstance(day, str) else day
    if order is not None and OrderType(order.type) in _BY_ORDER:
        return Scheduled(on, _BY_ORDER[OrderType(order.type)], order.id)
    return Scheduled(on, TermEnd.RENEWAL if subscription.auto_renew else TermEnd.END, None)
