"""What each edge of a vendor chain is charged for a subscription's items, from one order to the next."""

from collections.abc import Sequence

from sqlalchemy import Text, bindparam, delete, insert, select

from models.base import table_of
from models.money import LedgerPost
from models.statement import Row, Statement, any_of
from models.store import StoreError
from models.subscription import SubscriptionCharge
from models.writer import Writer

_CHARGE = table_of(SubscriptionCharge)
_ADD = Statement(
    insert(_CHARGE).values({column.name: bindparam(column.name, type_=column.type) for column in _CHARGE.c})
)
_FORGET = Statement(delete(_CHARGE).where(_CHARGE.c.item_id == bindparam("item"), _CHARGE.c.path == bindparam("at")))
_OF_SUBSCRIPTION = Statement(
    select(*_CHARGE.c)
    .where(_CHARGE.c.subscription_id == bindparam("subscription"), _CHARGE.c.path == bindparam("at"))
    .order_by(_CHARGE.c.item_id, _CHARGE.c.seller_path),
    is_lookup=True,
)

_POST = table_of(LedgerPost).c
_POSTED = Statement(select(_POST.key).where(any_of(_POST.key, "keys", Text)).distinct(), is_lookup=True)


async def posted(writer: Writer, subscription: Row, keys: Sequence[str]) -> set[str]:
    """Under which of these keys something was charged for a subscription already.

    Raises:
        StoreError: the subscription is out of scope.
    """
    _require(writer, subscription.path)
    async with writer.beyond("looking what was billed of a term") as db:
        return {row.key for row in await db.rows(_POSTED, {"keys": list(keys)})}


async def of_subscription(writer: Writer, subscription: Row) -> list[Row]:
    """The charges of a subscription's items on every edge. Costs of those above the scope are not to be shown.

    Raises:
        StoreError: the subscription is out of scope.
    """
    _require(writer, subscription.path)
    async with writer.beyond("reading what a subscription costs on every edge") as db:
        return await db.rows(_OF_SUBSCRIPTION, {"subscription": subscription.id, "at": subscription.path})


async def replace(writer: Writer, path: str, item_id: int, charges: Sequence[SubscriptionCharge]) -> None:
    """Charge an item of a subscription of the account at a path as said, and no longer as before.

    Raises:
        StoreError: the account is out of scope, or a charge is for another.
    """
    _require(writer, path)
    if any((charge.path, charge.item_id) != (path, item_id) for charge in charges):
        raise StoreError(f"a charge is not for item {item_id} at {path}")
    async with writer.beyond("charging an item on every edge") as db:
        await db.write(_FORGET, {"item": item_id, "at": path})
        for charge in charges:
            await db.write(_ADD, charge.model_dump())


def _require(writer: Writer, path: str) -> None:
    if not writer.scope.holds(path):
        raise StoreError(f"{path} is out of scope")
