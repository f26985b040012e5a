"""What of subscriptions can be given back at once, until when, and how much is returned for it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from models import OrderCharge, Plan, RefundPolicy, SubscriptionLot
from models.base import table_of
from models.statement import Row, Statement, any_of
from resolvers.accounts import ACCOUNT
from resolvers.ordering import terms
from resolvers.ordering.giving_back import instant_of
from resolvers.ordering.periods import Span
from resolvers.ordering.refunds import Charge, refund
from resolvers.source import Source
from resolvers.subscription_actions import RUNNING
from resolvers.subscriptions import SUBSCRIPTION

if TYPE_CHECKING:
    from resolvers.context import Context

_LOT, _PLAN, _CHARGE = table_of(SubscriptionLot), table_of(Plan), table_of(OrderCharge).c
_LOTS = Statement(
    select(
        *(_LOT.c[name] for name in ("id", "subscription_id", "item_id", "order_line_id", "quantity", "remaining")),
        _LOT.c.window_until,
        _LOT.c.account_id,
        ACCOUNT.c.parent_id,
        _PLAN.c.refund_policy,
    )
    .select_from(
        _LOT.join(SUBSCRIPTION, SUBSCRIPTION.c.id == _LOT.c.subscription_id)
        .join(_PLAN, _PLAN.c.id == SUBSCRIPTION.c.plan_id)
        .join(ACCOUNT, ACCOUNT.c.id == _LOT.c.account_id)
    )
    .where(
        any_of(_LOT.c.subscription_id, "subscriptions"),
        _LOT.c.remaining > 0,
        or_(*(SUBSCRIPTION.c.status == status.value for status in sorted(RUNNING))),
    )
    .order_by(_LOT.c.subscription_id, _LOT.c.bought_at, _LOT.c.id),
    is_lookup=True,
)
_CHARGES = Statement(
    select(
        *(_CHARGE[name] for name in ("line_id", "seller_id", "buyer_id", "charged_micros", "currency")),
        *(_CHARGE[name] for name in ("paid_from", "paid_until")),
    ).where(any_of(_CHARGE.line_id, "lines")),
    is_lookup=True,
)


@dataclass(frozen=True, slots=True)
class Refundable:
    """Units that can be given back at once.

    Args:
        item_id: of which item.
        quantity: how many.
        until: the first instant at which they can't be any more; None: they always can.
        micros: what the account gets back for all of them today; None: it isn't known, or not to be seen.
        currency: of that.
    """

    item_id: int
    quantity: int
    until: datetime | None
    micros: int | None
    currency: str | None


async def _refundable(context: "Context", ids: Sequence[int], _request: None) -> list[list[Refundable]]:
    rows = await context.rows(_LOTS, {"subscriptions": list(ids)})
    lots = [row for row in rows if row.window_until is None or context.now < instant_of(row.window_until)]
    lines = sorted({lot.order_line_id for lot in lots if lot.order_line_id is not None})
    paid: dict[int, list[Row]] = defaultdict(list)
    for charge in await context.rows(_CHARGES, {"lines": lines}) if lines else []:
        paid[charge.line_id].append(charge)
    found: dict[int, list[Refundable]] = {key: [] for key in ids}
    for lot in lots:
        found[lot.subscription_id].append(_of(context, lot, paid.get(lot.order_line_id, ())))
    return [found[key] for key in ids]


refundable = Source("subscription.refundable", ("id",), _refundable)


def _of(context: "Context", lot: Row, charges: Iterable[Row]) -> Refundable:
    """One lot, with what its account's present vendor was paid for it."""
    own = [each for each in charges if (each.seller_id, each.buyer_id) == (lot.parent_id, lot.account_id)]
    until = None if lot.window_until is None else instant_of(lot.window_until)
    if not own:
        return Refundable(lot.item_id, lot.remaining, until, None, None)
    micros = sum(_back(context, lot, charge) for charge in own if charge.charged_micros > 0)
    return Refundable(lot.item_id, lot.remaining, until, micros, own[0].currency)


def _back(context: "Context", lot: Row, charge: Row) -> int:
    paid = None if charge.paid_from is None else Span(terms.day(charge.paid_from), terms.day(charge.paid_until))
    bought = Charge(charge.charged_micros, lot.quantity, lot.quantity - lot.remaining, paid, charge.currency)
    return refund(RefundPolicy(lot.refund_policy), bought, lot.remaining, context.today)
