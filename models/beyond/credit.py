"""The rule on balances: which accounts must be on credit hold, by what they owe their present vendors."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import bindparam, case, func, select

from models.account import Account
from models.base import table_of
from models.beyond.balances import BALANCE
from models.money import Invoice, InvoiceStatus
from models.statement import Statement, any_of
from models.writer import Writer

_ACCOUNT, _INVOICE = table_of(Account), table_of(Invoice)
_A, _B, _I = _ACCOUNT.c, BALANCE.c, _INVOICE.c
_OVERDUE = (
    select(func.count())
    .where(
        _I.balance_id == _B.id,
        _I.status == InvoiceStatus.OPEN.value,
        _I.due_on < bindparam("today", type_=_I.due_on.type),
    )
    .scalar_subquery()
)
_JUDGE = Statement(
    select(
        _A.id,
        _A.path,
        func.max(case((_B.owed_micros > _B.credit_limit_micros, 1), else_=0)).label("is_over"),
        func.max(_OVERDUE).label("overdue"),
    )
    .select_from(_ACCOUNT.join(BALANCE, (_B.buyer_id == _A.id) & (_B.seller_id == _A.parent_id)))
    .where(any_of(_A.id, "buyers"))
    .group_by(_A.id, _A.path)
    .order_by(func.length(_A.path), _A.path),
    is_lookup=True,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rule says of an account.

    Args:
        account_id: whom it is about.
        path: its path.
        why: why it must be on credit hold, in a sentence for its people; empty if nothing demands it.
    """

    account_id: int
    path: str
    why: str


async def judge(writer: Writer, account_ids: Sequence[int], today: date) -> list[Verdict]:
    """What the rule says of accounts, from the top of the tree down; of the provider, who owes nobody here, nothing.

    An account must be on hold when it owes its vendor more than it may, or an invoice is overdue.
    """
    async with writer.beyond("judging balances") as db:
        rows = await db.rows(_JUDGE, {"buyers": list(account_ids), "today": today})
    return [Verdict(row.id, row.path, _why(bool(row.is_over), row.overdue)) for row in rows]


def _why(is_over: bool, overdue: int) -> str:
    if is_over:
        return "It owes its vendor more than its credit limit."
    return "An invoice of its vendor is overdue." if overdue else ""
