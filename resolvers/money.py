"""Money: balances, the ledger, invoices and payments, as sellers and buyers see them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from models import Balance, Invoice, InvoiceItem, LedgerPost, Payment
from models.base import table_of
from models.statement import Row
from resolvers.listing import Listing, Sort, at_least, before, instant, one_of
from resolvers.source import Source, one, pages_by, several
from resolvers.statements import rows_by_key

if TYPE_CHECKING:
    from resolvers.context import Context

BALANCE = table_of(Balance)
INVOICE = table_of(Invoice)
ITEM = table_of(InvoiceItem)
PAYMENT = table_of(Payment)
POST = table_of(LedgerPost)

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
    },
    place=None,
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
    },
    place=None,
)

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
