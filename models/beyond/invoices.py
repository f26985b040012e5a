"""Invoices: what was charged in a period, put on paper once, and paid off from the oldest on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import bindparam, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert  # whose ON CONFLICT is spelled alike on SQLite

from models.base import table_of
from models.beyond.balances import BALANCE, locked_by_id
from models.beyond.ledger import judge_later
from models.identifier import new_id
from models.money import Invoice, InvoiceItem, InvoiceStatus, LedgerPost, PostKind
from models.statement import Row, Statement
from models.writer import Beyond, Writer

_INVOICE, _ITEM, _POST = table_of(Invoice), table_of(InvoiceItem), table_of(LedgerPost)
_I, _P = _INVOICE.c, _POST.c
_SETTLING = (PostKind.PAYMENT.value, PostKind.CREDIT.value)

_TO_INVOICE = Statement(
    select(*_POST.c)
    .where(
        _P.balance_id == bindparam("balance"),
        _P.at < bindparam("until", type_=_P.at.type),
        _P.kind.not_in([literal(kind) for kind in _SETTLING]),
        ~select(_ITEM.c.id).where(_ITEM.c.post_id == _P.id).exists(),
    )
    .order_by(_P.at, _P.id)
)
_BUYER = Statement(select(BALANCE.c.buyer_id).where(BALANCE.c.id == bindparam("balance")), is_lookup=True)
_CLOSED = Statement(
    select(_I.id).where(
        _I.balance_id == bindparam("balance"), _I.period_to == bindparam("on", type_=_I.period_to.type)
    ),
    is_lookup=True,
)
_ISSUED = Statement(select(func.count().label("n")).where(_I.buyer_id == bindparam("buyer")), is_lookup=True)
_OPEN = Statement(
    select(_I.id, _I.total_micros, _I.paid_micros)
    .where(_I.balance_id == bindparam("balance"), _I.status == InvoiceStatus.OPEN.value)
    .order_by(_I.period_to, _I.id)
)
_SETTLED = Statement(
    select(func.coalesce(func.sum(_I.total_micros), 0).label("micros")).where(
        _I.balance_id == bindparam("balance"), _I.status != InvoiceStatus.OPEN.value
    ),
    is_lookup=True,
)
_RECEIVED = Statement(
    select(func.coalesce(func.sum(-_P.micros), 0).label("micros")).where(
        _P.balance_id == bindparam("balance"), _P.kind.in_([literal(kind) for kind in _SETTLING])
    ),
    is_lookup=True,
)
_ADD_INVOICE = Statement(
    insert(_INVOICE).values({column.name: bindparam(column.name, type_=column.type) for column in _INVOICE.c})
)
_ADD_ITEM = Statement(
    insert(_ITEM).values({column.name: bindparam(column.name, type_=column.type) for column in _ITEM.c})
)
_PAY = Statement(
    update(_INVOICE)
    .where(_I.id == bindparam("invoice"))
    .values(
        paid_micros=bindparam("paid"),
        status=bindparam("new_status"),
        version=_I.version + 1,
        updated_at=bindparam("now", type_=_I.updated_at.type),
    )
)


@dataclass(frozen=True, slots=True)
class Issued:
    """An invoice that was just issued.

    Args:
        invoice_id: its id.
        number: its number.
        due_on: the last day on which it is paid in time.
    """

    invoice_id: int
    number: str
    due_on: date


async def buyer_of(writer: Writer, balance_id: int) -> int | None:
    """Whose balance it is; None if there is none."""
    async with writer.beyond("whose balance is it") as db:
        found = await db.rows(_BUYER, {"balance": balance_id})
    return found[0].buyer_id if found else None


async def close(writer: Writer, balance_id: int, period_to: date, *, at: datetime) -> Issued | None:
    """Put all that was charged before a day, and isn't on an invoice yet, on one; done again it does nothing.

    The worker comes back when the invoice is overdue. Only who works for the whole platform closes periods.

    Returns:
        The invoice; None if there was nothing to put on it.
    """
    async with writer.beyond("closing a period") as db:
        found = await locked_by_id(db, [balance_id])
        until = datetime.combine(period_to, datetime.min.time(), UTC)
        is_closed = await db.rows(_CLOSED, {"balance": balance_id, "on": period_to})
        posts = [] if is_closed or not found else await db.rows(_TO_INVOICE, {"balance": balance_id, "until": until})
        if not posts:
            return None
        issued = await _issue(db, found[0], posts, period_to, at)
        await settle(db, balance_id, at)
        overdue_from = datetime.combine(issued.due_on + timedelta(days=1), datetime.min.time(), UTC)
        await judge_later(db, found[0], f"due:{issued.number}", overdue_from)
    return issued


async def _issue(db: Beyond, balance: Row, posts: Sequence[Row], period_to: date, at: datetime) -> Issued:
    invoice_id, due_on = new_id(), period_to + timedelta(days=balance.net_days)
    before = (await db.rows(_ISSUED, {"buyer": balance.buyer_id}))[0].n
    total = sum(post.micros for post in posts)
    number = f"IN{balance.buyer_id}-{before + 1}"
    invoice = {
        "id": invoice_id,
        "number": number,
        "balance_id": balance.id,
        "seller_id": balance.seller_id,
        "buyer_id": balance.buyer_id,
        "currency": balance.currency,
        "period_from": _day(posts[0].at),
        "period_to": period_to,
        "total_micros": total,
        "paid_micros": 0,
        "status": (InvoiceStatus.OPEN if total > 0 else InvoiceStatus.CREDITED).value,
        "due_on": due_on,
        "version": 1,
        "created_at": at,
        "updated_at": at,
    }
    await db.write(_ADD_INVOICE, invoice)
    for position, post in enumerate(posts):
        item = {name: getattr(post, name) for name in ("at", "kind", "text", "quantity", "unit_micros", "currency")}
        item |= {"id": new_id(), "invoice_id": invoice_id, "position": position, "post_id": post.id}
        await db.write(_ADD_ITEM, item | {"micros": post.micros})
    return Issued(invoice_id, number, due_on)


def _day(moment: datetime | str) -> date:
    """The day of a stored instant, in UTC, on either engine."""
    return date.fromisoformat(moment[:10]) if isinstance(moment, str) else moment.astimezone(UTC).date()


async def settle(db: Beyond, balance_id: int, at: datetime) -> None:
    """Let what was received pay for the invoices of a locked balance, the oldest first.

    What was received, less what went into invoices that are settled, is left for those that are open.
    """
    of = {"balance": balance_id}
    left = int((await db.rows(_RECEIVED, of))[0].micros) - int((await db.rows(_SETTLED, of))[0].micros)
    for invoice in await db.rows(_OPEN, of):
        paid = max(0, min(invoice.total_micros, left))
        left -= paid
        if paid != invoice.paid_micros:
            status = InvoiceStatus.PAID if paid == invoice.total_micros else InvoiceStatus.OPEN
            await db.write(_PAY, {"invoice": invoice.id, "paid": paid, "new_status": status.value, "now": at})
