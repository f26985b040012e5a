"""What the demo's accounts have owed and paid: invoices of its last months, made of what their subscriptions cost.

It ends on the demo's present day, with one invoice open. In a large tree only the demo's reseller and all below it have
such a past. Nobody in the demo records payments while it is looked at, so its accounts have a year to pay: with less
everybody would be put on credit hold before long.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, bindparam, case, cast, func, insert, literal, select, update

from models import path as paths
from models.account import Account
from models.base import Day, Instant, table_of
from models.currency import smallest
from models.demo.account import CURRENCY
from models.demo.days import PRESENT
from models.demo.tree import RESELLER, key_prefix
from models.money import (
    Balance,
    Invoice,
    InvoiceItem,
    InvoiceStatus,
    LedgerEntry,
    LedgerPost,
    Payment,
    PaymentKind,
    PostKind,
    Side,
)
from models.product import Product
from models.statement import Statement
from models.store import Store
from models.subscription import Subscription, SubscriptionCharge, SubscriptionItem, SubscriptionStatus

MONTHS = 3
NET_DAYS = 365
_WHOLE = 2_000
"""Accounts of a tree all of which have a past."""
_SMALLEST = smallest(CURRENCY)
_PAID_AFTER = timedelta(days=19)
_MEMO_EVERY, _MEMO_SHARE = 9, 20
"""Every so manieth account was let off such a part of what it owed."""

_ACCOUNT, _PRODUCT = table_of(Account).c, table_of(Product).c
_CHARGE, _SUBSCRIPTION, _SOLD = (
    table_of(model).c for model in (SubscriptionCharge, Subscription, SubscriptionItem)
)  # fmt: skip
_BALANCES, _POSTS, _ENTRIES = (table_of(model) for model in (Balance, LedgerPost, LedgerEntry))
_INVOICES, _ITEMS, _PAYMENTS = (table_of(model) for model in (Invoice, InvoiceItem, Payment))
_B, _P, _V, _Y = _BALANCES.c, _POSTS.c, _INVOICES.c, _PAYMENTS.c
_AT, _UNTIL = bindparam("at", type_=Instant), bindparam("until", type_=Day)
_WHEN, _ON = bindparam("paid_at", type_=Instant), bindparam("paid_on", type_=Day)


def _text(column: ColumnElement[Any]) -> ColumnElement[str]:
    return cast(column, Text)


def _due_after(months: Any) -> Any:
    """What is due after so many months of a year, in what can be paid: so that a year's months add up to its price."""
    return (_CHARGE.monthly_micros * months + _SMALLEST // 2) // _SMALLEST * _SMALLEST


_MONTH = bindparam("months", type_=BigInteger)
_OF_MONTH_MICROS = _due_after(_MONTH) - _due_after(_MONTH - 1)
_HAS_A_PAST = Statement(select(_P.id).where(_P.key >= "demo:", _P.key < "demo;").limit(1))
_PATH = Statement(select(_ACCOUNT.path).where(_ACCOUNT.import_key == bindparam("of_key", type_=Text)))

_OWED: dict[Any, Any] = {
    _P.balance_id: _B.id,
    _P.seller_id: _B.seller_id,
    _P.buyer_id: _B.buyer_id,
    _P.currency: _B.currency,
    _P.at: _AT,
    _P.kind: literal(PostKind.CHARGE.value),
    _P.key: literal("demo:") + _text(_CHARGE.item_id) + bindparam("month", type_=Text),
    _P.position: literal(0),
    _P.micros: _OF_MONTH_MICROS,
    _P.text: _PRODUCT.name,
    _P.quantity: _SOLD.quantity,
    _P.subscription_id: _CHARGE.subscription_id,
}
_POST_CHARGES = Statement(
    insert(_POSTS).from_select(
        list(_OWED),
        select(*_OWED.values())
        .select_from(table_of(SubscriptionCharge))
        .join(table_of(SubscriptionItem), _SOLD.id == _CHARGE.item_id)
        .join(table_of(Subscription), _SUBSCRIPTION.id == _CHARGE.subscription_id)
        .join(table_of(Product), _PRODUCT.id == _SOLD.product_id)
        .join(
            _BALANCES,
            (_B.buyer_id == _CHARGE.buyer_id)
            & (_B.seller_path == _CHARGE.seller_path)
            & (_B.currency == _CHARGE.currency),
        )
        .where(
            _CHARGE.path >= bindparam("from_path", type_=Text),
            _CHARGE.path < bindparam("from_end", type_=Text),
            _CHARGE.seller_id.is_not(None),
            _CHARGE.status == SubscriptionStatus.ACTIVE.value,
            _OF_MONTH_MICROS > 0,
            _SUBSCRIPTION.start_date <= bindparam("since", type_=Day),
        )
        .order_by(_CHARGE.path, _CHARGE.item_id, _B.seller_path),
    )
)

_BEFORE = _INVOICES.alias("before").c
_ISSUED = select(func.count(_BEFORE.id)).where(_BEFORE.buyer_id == _B.buyer_id).scalar_subquery()
_ON_PAPER: dict[Any, Any] = {
    _V.number: literal("IN") + _text(_B.buyer_id) + literal("-") + _text(_ISSUED + 1),
    _V.balance_id: _B.id,
    _V.seller_id: _B.seller_id,
    _V.buyer_id: _B.buyer_id,
    _V.currency: _B.currency,
    _V.period_from: bindparam("since", type_=Day),
    _V.period_to: _UNTIL,
    _V.total_micros: func.sum(_P.micros),
    _V.paid_micros: literal(0),
    _V.status: literal(InvoiceStatus.OPEN.value),
    _V.due_on: bindparam("due_on", type_=Day),
    _V.version: literal(1),
    _V.created_at: bindparam("issued_at", type_=Instant),
    _V.updated_at: bindparam("issued_at", type_=Instant),
}
_OF_MONTH = (_P.at == _AT, _P.key >= "demo:", _P.key < "demo;")
_ISSUE = Statement(
    insert(_INVOICES).from_select(
        list(_ON_PAPER),
        select(*_ON_PAPER.values())
        .join(_POSTS, _P.balance_id == _B.id)
        .where(*_OF_MONTH)
        .group_by(_B.id, _B.seller_id, _B.buyer_id, _B.currency, _B.path)
        .order_by(_B.path),
    )
)
_PRINTED = ("at", "kind", "text", "quantity", "unit_micros", "currency", "micros")
_ITEMISE = Statement(
    insert(_ITEMS).from_select(
        ["invoice_id", "post_id", "position", *_PRINTED],
        select(
            _V.id,
            _P.id,
            func.row_number().over(partition_by=_V.id, order_by=_P.id) - 1,
            *(_P[name] for name in _PRINTED),
        )
        .join(_V.id.table, (_V.balance_id == _P.balance_id) & (_V.period_to == _UNTIL))
        .where(*_OF_MONTH),
    )
)

_IS_LET_OFF = _V.buyer_id % _MEMO_EVERY == 0
_LET_OFF = _V.total_micros // (_MEMO_SHARE * _SMALLEST) * _SMALLEST


def _settled(kind: PaymentKind, micros: Any, **more: Any) -> Any:
    values: dict[Any, Any] = {
        _Y.balance_id: _V.balance_id,
        _Y.seller_id: _V.seller_id,
        _Y.buyer_id: _V.buyer_id,
        _Y.kind: literal(kind.value),
        _Y.currency: _V.currency,
        _Y.micros: micros,
        _Y.received_on: _ON,
        _Y.version: literal(1),
        _Y.created_at: _WHEN,
        _Y.updated_at: _WHEN,
    } | {_Y[name]: value for name, value in more.items()}
    return values


def _receive(values: Any, *conditions: ColumnElement[bool]) -> Statement:
    rows = select(*values.values()).where(_V.period_to == _UNTIL, _V.status == InvoiceStatus.OPEN.value, *conditions)
    return Statement(insert(_PAYMENTS).from_select(list(values), rows.order_by(_V.id)))


_PAY = _receive(
    _settled(
        PaymentKind.PAYMENT,
        _V.total_micros - case((_IS_LET_OFF, _LET_OFF), else_=0),
        reference=literal("Transfer for ") + _V.number,
    )
)
_LET_OFF_SOME = _receive(
    _settled(PaymentKind.CREDIT_MEMO, _LET_OFF, reason=literal("Services were down for two days.")),
    _IS_LET_OFF,
    _LET_OFF > 0,
)
_ARE_PAID = Statement(
    update(_INVOICES)
    .where(_V.period_to == _UNTIL, _V.status == InvoiceStatus.OPEN.value)
    .values(paid_micros=_V.total_micros, status=InvoiceStatus.PAID.value, version=2, updated_at=_WHEN)
)
_PAID: dict[Any, Any] = {
    _P.balance_id: _Y.balance_id,
    _P.seller_id: _Y.seller_id,
    _P.buyer_id: _Y.buyer_id,
    _P.currency: _Y.currency,
    _P.at: _Y.created_at,
    _P.kind: case((_Y.kind == PaymentKind.PAYMENT.value, PostKind.PAYMENT.value), else_=PostKind.CREDIT.value),
    _P.key: literal("payment:") + _text(_Y.id),
    _P.position: literal(0),
    _P.micros: -_Y.micros,
    _P.text: func.coalesce(_Y.reference, _Y.reason, ""),
    _P.payment_id: _Y.id,
}
_POST_PAYMENTS = Statement(
    insert(_POSTS).from_select(
        list(_PAID),
        select(*_PAID.values()).where(~select(_P.id).where(_P.payment_id == _Y.id).exists()).order_by(_Y.id),
    )
)
_OTHER_SIDE = case(
    (_P.kind == PostKind.PAYMENT.value, Side.CASH.value),
    (_P.kind == PostKind.CREDIT.value, Side.CREDITS.value),
    else_=Side.REVENUE.value,
)


def _enter(side: Any, micros: Any) -> Statement:
    known = _ENTRIES.alias("known").c
    rows = select(_P.id, side, micros).where(
        ~select(known.post_id).where(known.post_id == _P.id, known.side == side).exists()
    )
    return Statement(insert(_ENTRIES).from_select(["post_id", "side", "micros"], rows))


_ENTER = (_enter(literal(Side.RECEIVABLE.value), _P.micros), _enter(_OTHER_SIDE, -_P.micros))
_SUM = select(func.sum(_P.micros)).where(_P.balance_id == _B.id).scalar_subquery()
_OWE = Statement(
    update(_BALANCES)
    .where(select(_V.id).where(_V.balance_id == _B.id).exists())
    .values(owed_micros=_SUM, closes_on=func.coalesce(_B.closes_on, bindparam("present", type_=Day)))
)
_GRANT_TIME = Statement(update(_BALANCES).where(_B.seller_id.is_not(None)).values(net_days=NET_DAYS))


@dataclass(frozen=True, slots=True)
class _Month:
    """Args: its first day, and the first that is no longer part of it."""

    start: date
    end: date

    def parameters(self) -> dict[str, Any]:
        return {
            "month": f":{self.start:%Y-%m}",
            "months": self.start.month,
            "since": self.start,
            "at": _midnight(self.start),
            "until": self.end,
            "issued_at": _midnight(self.end),
            "due_on": self.end + timedelta(days=NET_DAYS),
            "paid_on": self.end + _PAID_AFTER,
            "paid_at": _midnight(self.end + _PAID_AFTER),
        }


def _months() -> Iterator[_Month]:
    """The last whole months before the demo's present, the oldest first."""
    for before in reversed(range(MONTHS)):
        number = PRESENT.year * 12 + PRESENT.month - 2 - before
        start, end = (date(month // 12, month % 12 + 1, 1) for month in (number, number + 1))
        yield _Month(start, end)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)


async def add_history(store: Store, accounts: int, seed: int) -> None:
    """Give the demo's accounts a past, and time to pay. Done again it changes nothing.

    Args:
        store: holds the demo tree.
        accounts: how many it has.
        seed: which of the trees of that size.
    """
    async with store.unfiltered("demo history", write=True) as session:
        if await session.rows(_HAS_A_PAST):
            return
        number = RESELLER if accounts > _WHOLE else 0
        (top,) = await session.rows(_PATH, {"of_key": f"{key_prefix(accounts, seed)}{number}"})
        place = {"from_path": top.path, "from_end": top.path + paths.AFTER_SUBTREE}
        for month in _months():
            told = month.parameters()
            for statement in (_POST_CHARGES, _ISSUE, _ITEMISE):
                await session.execute(statement, told | place)
            if month.end < PRESENT:
                for statement in (_PAY, _LET_OFF_SOME, _ARE_PAID):
                    await session.execute(statement, told)
        for statement in (_POST_PAYMENTS, *_ENTER, _OWE, _GRANT_TIME):
            await session.execute(statement, {"present": PRESENT})
