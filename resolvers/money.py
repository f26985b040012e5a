"""Money: balances, the ledger, invoices and payments, as sellers and buyers see them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ColumnElement, Text, and_, bindparam, not_, or_, select

from models import Balance, Invoice, InvoiceItem, LedgerPost, Payment
from models.base import table_of
from models.statement import Row
from resolvers.accounts import ACCOUNT
from resolvers.listing import Columns, Filter, Listing, Sort, at_least, before, instant, one_of, through
from resolvers.source import Source, one, pages_by, pages_of_scope, several
from resolvers.statements import rows_by_key

if TYPE_CHECKING:
    from resolvers.context import Context

BALANCE = table_of(Balance)
INVOICE = table_of(Invoice)
ITEM = table_of(InvoiceItem)
PAYMENT = table_of(Payment)
POST = table_of(LedgerPost)


def _can_be_visible(balance: ColumnElement[Any]) -> ColumnElement[bool]:
    """What sellers in the scope are owed, and what the caller's own account owes."""
    of = BALANCE.c
    seller = and_(of.seller_path >= bindparam("lo", type_=Text), of.seller_path < bindparam("hi", type_=Text))
    own = of.buyer_id == bindparam("account", type_=BigInteger)
    return balance.in_(select(of.id).where(or_(seller, own)).correlate_except(BALANCE))


def _of_balance(c: Columns) -> ColumnElement[bool]:
    return _can_be_visible(c["balance_id"])


def _balance_itself(c: Columns) -> ColumnElement[bool]:
    return _can_be_visible(c["id"])


def _whether(condition: Callable[[Columns], ColumnElement[bool]]) -> Filter:
    """A filter by yes or no."""
    return Filter(lambda c, _name, n: condition(c) if n == 1 else not_(condition(c)), lambda _name, _value: {}, _yes)


def _yes(value: bool) -> int:
    return 1 if value else 2


_SELLER = through(ACCOUNT, "id", "id", own="seller_id", of=BigInteger)
"""Through the accounts in view: what one owes is seen of sellers that are not."""

BALANCES = Listing(
    table=BALANCE,
    sorts={"CREATED_AT": Sort("created_at", instant)},
    default=("CREATED_AT", True),
    filters={
        "buyer": one_of("buyer_id", BigInteger, is_selective=True),
        "currency": one_of("currency"),
        "is_former": _whether(lambda c: c["buyer_name"].is_not(None)),
        "is_owed": _whether(lambda c: c["owed_micros"] > 0),
        "seller": _SELLER,
        "terms": one_of("terms"),
    },
    place=None,
    whole_scope=_balance_itself,
)
POSTS = Listing(
    table=POST,
    sorts={"AT": Sort("at", instant)},
    default=("AT", True),
    filters={"at_from": at_least("at"), "at_until": before("at"), "kind": one_of("kind")},
    place=None,
)
INVOICES = Listing(
    table=INVOICE,
    sorts={"CREATED_AT": Sort("created_at", instant)},
    default=("CREATED_AT", True),
    filters={
        "created_from": at_least("created_at"),
        "created_until": before("created_at"),
        "number": one_of("number", is_selective=True),
        "status": one_of("status"),
        "buyer": one_of("buyer_id", BigInteger, is_selective=True),
        "due_until": before("due_on"),
        "seller": _SELLER,
    },
    place=None,
    whole_scope=_of_balance,
)
ITEMS = Listing(
    table=ITEM,
    sorts={"AT": Sort("at", instant)},
    default=("AT", False),
    filters={"kind": one_of("kind")},
    place=None,
)
PAYMENTS = Listing(
    table=PAYMENT,
    sorts={"CREATED_AT": Sort("created_at", instant)},
    default=("CREATED_AT", True),
    filters={
        "created_from": at_least("created_at"),
        "created_until": before("created_at"),
        "kind": one_of("kind"),
        "buyer": one_of("buyer_id", BigInteger, is_selective=True),
        "seller": _SELLER,
    },
    place=None,
    whole_scope=_of_balance,
)

balances_in_scope = pages_of_scope(BALANCES)
invoices_in_scope = pages_of_scope(INVOICES)
payments_in_scope = pages_of_scope(PAYMENTS)
ledger = pages_by(POSTS, "buyer_id")
invoices_received = pages_by(INVOICES, "buyer_id")
invoices_issued = pages_by(INVOICES, "seller_id")
payments = pages_by(PAYMENTS, "buyer_id")

balance_by_id = one(BALANCE, "id")
invoice_by_id = one(INVOICE, "id")
payment_by_id = one(PAYMENT, "id")
item_by_id = one(ITEM, "id")
post_by_id = one(POST, "id")
balances = several(BALANCE, "buyer_id", order=("id",))
items = pages_by(ITEMS, "invoice_id")


async def _with_vendor(context: "Context", paths: Sequence[str], columns: tuple[str, ...]) -> list[Row | None]:
    """The balance of each account with its present vendor: an older one was left behind at another path.

    Of several currencies it is the one in which the account bought first.
    """
    statement = rows_by_key(BALANCE, "path", columns, ("id",))
    found: dict[str, Row] = {}
    for row in await context.tuples(statement, {"keys": list(paths)}):
        found.setdefault(row[0], row)
    return [found.get(path) for path in paths]


balance = Source("balance.path", ("path",), _with_vendor, ("path",), BALANCE.name)
