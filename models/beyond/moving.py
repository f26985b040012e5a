"""Moves of whole subtrees: an account hangs under another vendor, and everything that lies below it comes along.

What an account bought stays where it was sold: its own orders that are done, and its balance with the former vendor.
So does what tells of the past: the change log, events, mail. All else that has a path follows, whatever table it is in.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from typing import Any, get_args

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)
from sqlmodel import SQLModel

from models import path as paths
from models.account import Account
from models.account_transfer import AccountTransfer
from models.base import Day, table_of
from models.beyond import announce
from models.identifier import new_id
from models.job import Job, JobKind
from models.money import Balance
from models.order import Order, OrderStatus
from models.outbox import EventKind, Topic
from models.price import Price
from models.product import Product
from models.statement import Engine, Row, Statement, any_of, many
from models.store import StoreError
from models.subscription import Subscription, SubscriptionCharge, SubscriptionItem, SubscriptionStatus
from models.writer import Beyond, Writer

_LOCK = 1_668_246_390
"""The number by which PostgreSQL knows that somebody moves accounts."""
STAYING = frozenset({"audit", "mail", "outbox"})
"""Tables that tell of what was, where it was."""
_PATHS = ("path", "seller_path", "vendor_path")
_LIVE = (SubscriptionStatus.PENDING, SubscriptionStatus.ACTIVE, SubscriptionStatus.HOLD)
_OPEN = (OrderStatus.SUBMITTED, OrderStatus.PROCESSING)

_ACCOUNT, _ORDER, _PRICE = table_of(Account), table_of(Order), table_of(Price)
_CHARGE, _ITEM, _SUBSCRIPTION = table_of(SubscriptionCharge), table_of(SubscriptionItem), table_of(Subscription)
_PRODUCT = table_of(Product)
_FROM = bindparam("from_path", type_=Text)


def _text(name: str) -> Any:
    return bindparam(name, type_=Text)


def _in_subtree(column: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(column >= _FROM, column < _text("from_end"))


def _is_one_of(column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    return or_(*(column == value.value for value in values))


_ALONE = Statement(
    select(func.pg_advisory_xact_lock(bindparam("number", type_=BigInteger)).label("locked")), is_lookup=True
)
_SUBTREE = Statement(
    select(_ACCOUNT.c.id, _ACCOUNT.c.path).where(_in_subtree(_ACCOUNT.c.path)).order_by(_ACCOUNT.c.id).with_for_update()
)
_OPEN_ORDER = Statement(
    select(_ORDER.c.number)
    .where(_in_subtree(_ORDER.c.path), _is_one_of(_ORDER.c.status, _OPEN), _ORDER.c.scheduled_on.is_(None))
    .limit(1)
)
_HANG = Statement(
    update(_ACCOUNT)
    .where(_ACCOUNT.c.id == bindparam("account_id"))
    .values(
        parent_id=bindparam("vendor_id"),
        version=_ACCOUNT.c.version + 1,
        updated_at=bindparam("at", type_=_ACCOUNT.c.updated_at.type),
    )
)
_NOTE = Statement(
    insert(table_of(AccountTransfer)).values(
        {column.name: bindparam(column.name, type_=column.type) for column in table_of(AccountTransfer).c}
    )
)
_BALANCE = table_of(Balance)
_LEAVE_NAME = Statement(
    update(_BALANCE)
    .where(_BALANCE.c.buyer_id == bindparam("buyer"), _BALANCE.c.path == _FROM)
    .values(buyer_name=bindparam("name", type_=Text))
)
_END_PRICES = Statement(
    update(_PRICE)
    .where(
        _PRICE.c.buyer_id == bindparam("buyer"),
        _PRICE.c.seller_id == bindparam("seller"),
        or_(_PRICE.c.valid_until.is_(None), _PRICE.c.valid_until > bindparam("today", type_=Day)),
    )
    .values(valid_until=bindparam("today", type_=Day))
)
_ITEMS = Statement(
    select(
        _ITEM.c.id,
        _ITEM.c.subscription_id,
        _ITEM.c.path,
        _ITEM.c.shard_id,
        _ITEM.c.product_id,
        _ITEM.c.quantity,
        _SUBSCRIPTION.c.plan_id,
        _SUBSCRIPTION.c.period_type,
        _SUBSCRIPTION.c.period_duration,
        _SUBSCRIPTION.c.billing_period_type,
        _SUBSCRIPTION.c.billing_period_duration,
        _SUBSCRIPTION.c.status,
        _PRODUCT.c.mpn,
    )
    .join(_SUBSCRIPTION, _SUBSCRIPTION.c.id == _ITEM.c.subscription_id)
    .join(_PRODUCT, _PRODUCT.c.id == _ITEM.c.product_id)
    .where(_in_subtree(_ITEM.c.path), _is_one_of(_SUBSCRIPTION.c.status, _LIVE))
    .order_by(_ITEM.c.id)
    .limit(bindparam("most", type_=Integer))
)
_FORGET_CHARGES = Statement(
    delete(_CHARGE).where(any_of(_CHARGE.c.item_id, "items"), not_(_in_subtree(_CHARGE.c.seller_path)))
)


def _given(engine: Engine) -> Select[Any]:
    """Charges as rows: on PostgreSQL out of a list for each column, on SQLite out of one list of them all."""
    if engine == "postgresql":
        lists = [many(column.name, BigInteger if isinstance(column.type, Integer) else Text) for column in _CHARGE.c]
        return select(*func.unnest(*lists).table_valued(*_CHARGE.c.keys()).render_derived().c)
    row = func.json_each(bindparam("rows", type_=Text)).table_valued("value").c.value
    return select(*(func.json_extract(row, f"$[{at}]") for at in range(len(_CHARGE.c))))


_CHARGE_ANEW: dict[Engine, Statement] = {
    engine: Statement(insert(_CHARGE).from_select(_CHARGE.c.keys(), _given(engine))) for engine in get_args(Engine)
}


@dataclass(frozen=True, slots=True)
class Charge:
    """What one edge above a moved account is charged for an item from now on."""

    item_id: int
    subscription_id: int
    path: str
    shard_id: int
    seller_id: int | None
    seller_path: str
    buyer_id: int
    status: str
    currency: str
    unit_micros: int
    monthly_micros: int


async def alone(writer: Writer) -> None:
    """Wait until nobody else moves accounts, and let nobody until the transaction ends."""
    if writer.engine == "postgresql":
        async with writer.beyond("moving accounts one after the other") as db:
            await db.rows(_ALONE, {"number": _LOCK})


async def locked_subtree(writer: Writer, path: str) -> list[Row]:
    """Ids and paths of an account and all below it, which nobody changes until the transaction ends.

    Raises:
        StoreError: the account is out of scope.
    """
    _require(writer, path)
    async with writer.beyond("locking a subtree") as db:
        return await db.rows(_SUBTREE, _bounds(path))


async def has_open_orders(writer: Writer, path: str) -> bool:
    """Whether an order of an account or of one below it is under way, but for what waits for a renewal.

    Raises:
        StoreError: the account is out of scope.
    """
    _require(writer, path)
    async with writer.beyond("looking for open orders in a subtree") as db:
        return bool(await db.rows(_OPEN_ORDER, _bounds(path)))


async def live_items(writer: Writer, path: str, most: int) -> list[Row]:
    """What the running subscriptions of an account and of those below it consist of, so many items at most.

    Raises:
        StoreError: the account is out of scope.
    """
    _require(writer, path)
    async with writer.beyond("reading the services of a subtree") as db:
        return await db.rows(_ITEMS, _bounds(path) | {"most": most})


async def move(writer: Writer, account: Row, vendor: Row, at: datetime) -> str:
    """Hang an account with all below it under another vendor; `alone` and `locked_subtree` came before.

    Args:
        writer: the transaction.
        account: which, with its id, path, name and parent's id.
        vendor: where to, with its id and path.
        at: when.

    Returns:
        The account's new path.

    Raises:
        StoreError: one of them is out of scope, or the vendor lies below the account.
        TakenError: the vendor knows another account by the external id.
    """
    _require(writer, account.path, vendor.path)
    if paths.contains(account.path, vendor.path):
        raise StoreError(f"{account.path} can't hang under {vendor.path}")
    to_path = paths.child(vendor.path, account.id)
    places = _bounds(account.path) | {
        "to_path": to_path,
        "rest_at": len(account.path) + 1,
        "to_shard": paths.shard_id(to_path),
    }
    async with writer.beyond("moving a subtree") as db:
        await db.write(_HANG, {"account_id": account.id, "vendor_id": vendor.id, "at": at})
        for statement in _followers():
            await db.write(statement, places)
        await db.write(_END_PRICES, {"buyer": account.id, "seller": account.parent_id, "today": at.date()})
        for path, name in ((account.path, account.name), (to_path, None)):  # whoever comes back has the balance of then
            await db.write(_LEAVE_NAME, {"buyer": account.id, "from_path": path, "name": name})
        await _note(db, account, to_path, at)
    await announce.event(writer, Topic.ACCOUNT, EventKind.MOVED, account.id, to_path, at, former_path=account.path)
    return to_path


async def recharge(writer: Writer, path: str, items: Sequence[int], charges: Sequence[Charge]) -> None:
    """Replace what is charged above a moved account for items in its subtree.

    Raises:
        StoreError: the account is out of scope, or a charge isn't for what lies below it.
    """
    _require(writer, path)
    if not all(paths.contains(path, charge.path) for charge in charges):
        raise StoreError(f"a charge is for what isn't below {path}")
    async with writer.beyond("replacing the charges above a moved account") as db:
        await db.write(_FORGET_CHARGES, _bounds(path) | {"items": list(items)})
        rows = [asdict(charge) | {"id": new_id()} for charge in charges]
        lists = {name: [row[name] for row in rows] for name in _CHARGE.c.keys()}  # noqa: SIM118  # of columns `in` asks for columns
        all_together = {"rows": list(zip(*lists.values(), strict=True))}
        await db.write(_CHARGE_ANEW[db.engine], all_together | lists)


async def _note(db: Beyond, account: Row, to_path: str, at: datetime) -> None:
    told = {"id": new_id(), "account_id": account.id, "from_path": account.path, "to_path": to_path, "at": at}
    await db.write(_NOTE, told)


@cache
def _followers() -> tuple[Statement, ...]:
    """For every table what lets its paths follow, parents before their children.

    A row that is being added below a parent is seen here, for the parent's update waits until it is committed.
    """
    tables = [table for table in SQLModel.metadata.sorted_tables if table.name not in STAYING]
    return tuple(Statement(_follow(table, column)) for table in tables for column in _PATHS if column in table.c)


def _follow(table: Table, column: str) -> Any:
    c = table.c
    rest = func.substr(c[column], bindparam("rest_at", type_=Integer), type_=Text())
    values: dict[str, Any] = {column: _text("to_path") + rest}
    if "shard_id" in c and (column == "path" or "path" not in c):
        values["shard_id"] = bindparam("to_shard", type_=BigInteger)
    return update(table).where(_in_subtree(c[column]), *_left_behind(table, column)).values(values)


def _left_behind(table: Table, column: str) -> list[ColumnElement[bool]]:
    """What keeps a table's rows of the moved account itself where they are."""
    c = table.c
    if column != "path":
        return []
    if table is _ORDER:
        return [or_(c.path != _FROM, _is_one_of(c.status, _OPEN))]
    if "order_id" in c:
        order = _ORDER.alias("placed").c
        return [or_(c.path != _FROM, select(order.id).where(order.id == c.order_id, order.path != _FROM).exists())]
    if table is _BALANCE:
        return [c.path != _FROM]
    if table is table_of(Job):
        return [or_(c.path != _FROM, c.kind != JobKind.CLOSE_PERIOD.value)]
    return []


def _bounds(path: str) -> dict[str, Any]:
    return {"from_path": path, "from_end": path + paths.AFTER_SUBTREE}


def _require(writer: Writer, *held: str) -> None:
    for path in held:
        if not writer.scope.holds(path):
            raise StoreError(f"{path} is out of scope")
