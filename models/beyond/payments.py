"""Payments and credit memos: what a seller records, taken off what its buyer owes."""

from datetime import datetime

from sqlalchemy import bindparam, insert

from models.base import table_of
from models.beyond import ledger
from models.beyond.balances import locked_by_id
from models.beyond.invoices import settle
from models.beyond.ledger import Of, Post
from models.money import Payment, PaymentKind, PostKind
from models.statement import Statement
from models.store import StoreError
from models.writer import Writer

_PAYMENT = table_of(Payment)
_ADD = Statement(
    insert(_PAYMENT).values({column.name: bindparam(column.name, type_=column.type) for column in _PAYMENT.c})
)
_KINDS = {PaymentKind.PAYMENT: PostKind.PAYMENT, PaymentKind.CREDIT_MEMO: PostKind.CREDIT}


async def pay(writer: Writer, payment: Payment, *, at: datetime) -> None:
    """Record a payment to a balance, and let it pay for the oldest invoices.

    Raises:
        StoreError: the seller is out of scope.
        ValueError: it is more than `MOST_MICROS`.
    """
    async with writer.beyond("recording a payment") as db:
        found = await locked_by_id(db, [payment.balance_id])
        if not found or not found[0].seller_path or not writer.scope.holds(found[0].seller_path):
            raise StoreError("only a seller records payments to it")
        await db.write(_ADD, payment.model_dump())
        text = payment.reference or payment.reason or ""
        post = Post(_KINDS[payment.kind], -payment.micros, text, of=Of(payment_id=payment.id))
        await ledger.post(db, found[0], [post], key=f"payment:{payment.id}", at=at)
        await settle(db, payment.balance_id, at)
        if not writer.scope.holds(found[0].path):  # whoever records it doesn't see the account to release it
            await ledger.judge_later(db, found[0], f"paid:{payment.id}", at)
