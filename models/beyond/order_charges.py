"""What each edge of a vendor chain pays for an order: written when it is placed, and read to work it off."""

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import bindparam, insert, select, update

from models.base import table_of
from models.order_charge import OrderCharge
from models.statement import Row, Statement, any_of
from models.store import StoreError
from models.subscription import SubscriptionCharge, SubscriptionItem
from models.writer import Writer

_CHARGE = table_of(OrderCharge)
_ADD = Statement(
    insert(_CHARGE).values({column.name: bindparam(column.name, type_=column.type) for column in _CHARGE.c})
)
_OF_LINES = Statement(
    select(*_CHARGE.c).where(any_of(_CHARGE.c.line_id, "lines")).order_by(_CHARGE.c.line_id, _CHARGE.c.id),
    is_lookup=True,
)
_OF_ORDER = Statement(
    select(*_CHARGE.c).where(_CHARGE.c.order_id == bindparam("order")).order_by(_CHARGE.c.id), is_lookup=True
)
_PAY_FOR = Statement(
    update(_CHARGE)
    .where(_CHARGE.c.id == bindparam("charge"), _CHARGE.c.order_id == bindparam("order"))
    .values(
        paid_from=bindparam("new_from", type_=_CHARGE.c.paid_from.type),
        paid_until=bindparam("new_until", type_=_CHARGE.c.paid_until.type),
    )
)
_OF_SUBSCRIPTION, _ITEM = table_of(SubscriptionCharge).c, table_of(SubscriptionItem).c
_RUNNING = Statement(
    select(
        _ITEM.product_id,
        _OF_SUBSCRIPTION.seller_id,
        _OF_SUBSCRIPTION.buyer_id,
        _OF_SUBSCRIPTION.currency,
        _OF_SUBSCRIPTION.unit_micros,
    )
    .join(table_of(SubscriptionItem), _ITEM.id == _OF_SUBSCRIPTION.item_id)
    .where(_OF_SUBSCRIPTION.subscription_id == bindparam("subscription"), _OF_SUBSCRIPTION.path == bindparam("path"))
    .order_by(_OF_SUBSCRIPTION.item_id, _OF_SUBSCRIPTION.id),
    is_lookup=True,
)


async def fix(writer: Writer, path: str, charges: Sequence[OrderCharge]) -> None:
    """Write down the charges of an order of the account at a path, the manufacturers' edge first.

    Raises:
        StoreError: the account is out of scope.
    """
    _require(writer, path)
    async with writer.beyond("fixing the prices of an order on every edge") as db:
        for charge in charges:
            await db.write(_ADD, charge.model_dump())


async def pay_for(writer: Writer, order: Row, days: Mapping[int, tuple[date, date]]) -> None:
    """Let charges of an order, by their ids, pay for other days: the first, and the first that they don't pay for.

    Raises:
        StoreError: the order is out of scope.
    """
    _require(writer, order.path)
    async with writer.beyond("letting an order that is submitted again pay for other days") as db:
        for charge, (start, end) in days.items():
            await db.write(_PAY_FOR, {"charge": charge, "order": order.id, "new_from": start, "new_until": end})


async def of_order(writer: Writer, order: Row) -> list[Row]:
    """The charges of an order on every edge, as they were fixed. Costs of those above the scope are not to be shown.

    Raises:
        StoreError: the order is out of scope.
    """
    _require(writer, order.path)
    async with writer.beyond("reading the fixed prices of an order") as db:
        return await db.rows(_OF_ORDER, {"order": order.id})


async def of_lines(writer: Writer, path: str, line_ids: Sequence[int]) -> list[Row]:
    """The same for lines of orders of the account at a path.

    Raises:
        StoreError: the account is out of scope.
    """
    _require(writer, path)
    async with writer.beyond("reading what lots have cost on every edge") as db:
        return await db.rows(_OF_LINES, {"lines": list(line_ids)})


async def running(writer: Writer, path: str, subscription_id: int) -> list[Row]:
    """What a subscription of the account at a path costs on every edge: the product and the charge's columns.

    Raises:
        StoreError: the account is out of scope.
    """
    _require(writer, path)
    async with writer.beyond("reading what a subscription costs on every edge") as db:
        return await db.rows(_RUNNING, {"subscription": subscription_id, "path": path})


def _require(writer: Writer, path: str) -> None:
    if not writer.scope.holds(path):
        raise StoreError(f"{path} is out of scope")
