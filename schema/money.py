"""Money in GraphQL: what buyers owe their vendors, why, and on which invoices."""

import strawberry

from models import InvoiceStatus, PaymentKind, PaymentTerm, PostKind
from models.statement import Row
from resolvers import accounts, money
from resolvers.privileges import Privilege
from schema.arguments import given, instants, ordering
from schema.connection import connection
from schema.field import column, computed, of_noun, related
from schema.node import Node, global_id, register, row_ids
from schema.reference import AccountRef, VendorCardRef
from schema.scalars import Currency, Date, DateTime
from schema.values import DateTimeRange, Money
from schema.values import money as money_of

_F = Privilege.FINANCES_VIEW


def _between(buyer: list[strawberry.ID] | None, vendor: list[strawberry.ID] | None) -> dict[str, object]:
    """The filters by who owes whom."""
    accounts_of = row_ids("acc")
    return given(
        buyer=accounts_of(buyer) if buyer is not None else None,
        seller=accounts_of(vendor) if vendor is not None else None,
    )


@strawberry.input(description="Which balances.")
class BalanceFilter:
    """Conditions on balances."""

    buyer: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Of one of these accounts, wherever they are now."
    )
    vendor: list[strawberry.ID] | None = strawberry.field(
        default=None, description="With one of these accounts, as far as they are in view."
    )
    currency: list[Currency] | None = strawberry.field(default=None, description="In one of these currencies.")
    terms: list[PaymentTerm] | None = strawberry.field(default=None, description="On one of these terms.")
    is_owed: bool | None = strawberry.field(default=None, description="Whether more than nothing is owed.")
    is_former: bool | None = strawberry.field(default=None, description="Whether the buyer has another vendor by now.")

    def values(self) -> dict[str, object]:
        """As the source takes them."""
        return given(
            currency=self.currency, terms=self.terms, is_owed=self.is_owed, is_former=self.is_former
        ) | _between(self.buyer, self.vendor)


@strawberry.input(description="Which posts.")
class LedgerPostFilter:
    """Conditions on posts."""

    kind: list[PostKind] | None = strawberry.field(default=None, description="For one of these reasons.")
    at: DateTimeRange | None = strawberry.field(default=None, description="In this range.")

    def values(self) -> dict[str, object]:
        """As the source takes them."""
        return given(kind=self.kind) | instants("at", self.at)


@strawberry.input(description="Which invoices.")
class InvoiceFilter:
    """Conditions on invoices."""

    status: list[InvoiceStatus] | None = strawberry.field(default=None, description="One of these statuses.")
    number: list[str] | None = strawberry.field(default=None, description="One of these numbers.")
    created: DateTimeRange | None = strawberry.field(default=None, description="Issued in this range.")
    due_before: Date | None = strawberry.field(default=None, description="Due before this day.")
    buyer: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Received by one of these accounts, wherever they are now."
    )
    vendor: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Issued by one of these accounts, as far as they are in view."
    )

    def values(self) -> dict[str, object]:
        """As the source takes them."""
        return (
            given(status=self.status, number=self.number, due_until=self.due_before)
            | _between(self.buyer, self.vendor)
            | instants("created", self.created)
        )


@strawberry.input(description="Which payments.")
class PaymentFilter:
    """Conditions on payments."""

    kind: list[PaymentKind] | None = strawberry.field(default=None, description="Settled in one of these ways.")
    created: DateTimeRange | None = strawberry.field(default=None, description="Recorded in this range.")
    buyer: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Of one of these accounts, wherever they are now."
    )
    vendor: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Recorded for one of these accounts, as far as they are in view."
    )

    def values(self) -> dict[str, object]:
        """As the source takes them."""
        return given(kind=self.kind) | _between(self.buyer, self.vendor) | instants("created", self.created)


@strawberry.input(description="Which items.")
class InvoiceItemFilter:
    """Conditions on items."""

    kind: list[PostKind] | None = strawberry.field(default=None, description="For one of these reasons.")

    def values(self) -> dict[str, object]:
        """As the source takes them."""
        return given(kind=self.kind)


BALANCES = {"filter_type": BalanceFilter, "order_type": ordering("Balance", CREATED_AT="By age."), "privilege": _F}
ITEMS = {"filter_type": InvoiceItemFilter, "order_type": ordering("InvoiceItem", AT="By time."), "privilege": _F}
LEDGER = {"filter_type": LedgerPostFilter, "order_type": ordering("LedgerPost", AT="By time."), "privilege": _F}
INVOICES = {"filter_type": InvoiceFilter, "order_type": ordering("Invoice", CREATED_AT="By age."), "privilege": _F}
PAYMENTS = {"filter_type": PaymentFilter, "order_type": ordering("Payment", CREATED_AT="By age."), "privilege": _F}


def _vendor(description: str) -> object:
    return related(accounts.seller, VendorCardRef, f"{description} Null: the manufacturers, or a vendor out of view.")


def _buyer(description: str) -> object:
    return related(
        accounts.buyer, AccountRef, f"{description} As far as it is in view.", privilege=Privilege.ACCOUNTS_VIEW
    )


@strawberry.type(description="What an account owes a vendor, and on which terms.")
class Balance(Node):
    """A row of the balances' table."""

    is_type_of = of_noun("balance")

    id: strawberry.ID = global_id("bal")
    terms: PaymentTerm = column("How it pays.")
    net_days: int = column("Days from an invoice until it is due.")
    currency: Currency = column("In which the vendor sells.")
    created_at: DateTime = column("When it was opened.")
    updated_at: DateTime = column("When it was last changed.")
    version: int = column("Grows with every change.")
    buyer_name: str | None = column(
        "What the buyer was called when it left for another vendor; null while it is there."
    )
    vendor = _vendor("To whom it is owed, as a card.")
    buyer = _buyer("Who owes it.")

    @computed("What is owed. Negative: it was paid in advance.", needs=("owed_micros", "currency"))
    def owed(row: Row) -> Money:
        return money_of(row.owed_micros, row.currency)

    @computed("How much may be owed. Null: any amount.", needs=("credit_limit_micros", "currency"))
    def credit_limit(row: Row) -> Money | None:
        return None if row.credit_limit_micros is None else money_of(row.credit_limit_micros, row.currency)

    @computed(
        "How much more may be owed. Negative: it owes too much. Null: any amount.",
        needs=("credit_limit_micros", "owed_micros", "currency"),
    )
    def available(row: Row) -> Money | None:
        if row.credit_limit_micros is None:
            return None
        return money_of(row.credit_limit_micros - row.owed_micros, row.currency)


@strawberry.type(description="One reason why what an account owes has changed.")
class LedgerPost(Node):
    """A row of the ledger."""

    is_type_of = of_noun("ledger_post")

    id: strawberry.ID = global_id("pst")
    at: DateTime = column("When.")
    kind: PostKind = column("Why.")
    text: str = column("What it is for.")
    quantity: int | None = column("How many units, where it is made of units.")
    vendor = _vendor("To whom it is owed, as a card.")
    buyer = _buyer("Who owes it.")

    @computed("By how much more is owed; negative: by how much less.", needs=("micros", "currency"))
    def amount(row: Row) -> Money:
        return money_of(row.micros, row.currency)

    @computed("For one unit.", needs=("unit_micros", "currency"))
    def unit_price(row: Row) -> Money | None:
        return None if row.unit_micros is None else money_of(row.unit_micros, row.currency)


@strawberry.type(description="One charge on an invoice, or what was given back of one.")
class InvoiceItem(Node):
    """A row of the items' table."""

    is_type_of = of_noun("invoice_item")

    id: strawberry.ID = global_id("ini")
    position: int = column("From 0, in the order of time.")
    at: DateTime = column("When it was charged.")
    kind: PostKind = column("Why.")
    text: str = column("What it is for.")
    quantity: int | None = column("How many units, where it is made of units.")

    @computed("How much.", needs=("micros", "currency"))
    def amount(row: Row) -> Money:
        return money_of(row.micros, row.currency)

    @computed("For one unit.", needs=("unit_micros", "currency"))
    def unit_price(row: Row) -> Money | None:
        return None if row.unit_micros is None else money_of(row.unit_micros, row.currency)


@strawberry.type(description="What an account was charged in a period, as its vendor issued it.")
class Invoice(Node):
    """A row of the invoices' table."""

    is_type_of = of_noun("invoice")

    id: strawberry.ID = global_id("inv")
    number: str = column("Its number.")
    status: InvoiceStatus = column("Whether something is left to pay.")
    period_from: Date = column("The day of its first charge.")
    period_to: Date = column("The first day that is no longer part of it.")
    due_on: Date = column("The last day on which it is paid in time.")
    created_at: DateTime = column("When it was issued.")
    version: int = column("Grows with every change.")
    vendor = _vendor("Who issued it, as a card.")
    buyer = _buyer("Who received it.")
    items = connection(money.items, InvoiceItem, "What it is made of.", **ITEMS)

    @computed("The sum of its items.", needs=("total_micros", "currency"))
    def total(row: Row) -> Money:
        return money_of(row.total_micros, row.currency)

    @computed("What has been paid of it.", needs=("paid_micros", "currency"))
    def paid(row: Row) -> Money:
        return money_of(row.paid_micros, row.currency)


@strawberry.type(description="What a vendor has received from an account, or let it off.")
class Payment(Node):
    """A row of the payments' table."""

    is_type_of = of_noun("payment")

    id: strawberry.ID = global_id("pay")
    kind: PaymentKind = column("How it was settled.")
    received_on: Date = column("The day on which it was received.")
    reference: str | None = column("What names it in the vendor's own books.")
    reason: str | None = column("Why the account was let off.")
    created_at: DateTime = column("When it was recorded.")
    version: int = column("Grows with every change.")
    vendor = _vendor("Who received it, as a card.")
    buyer = _buyer("Who paid.")

    @computed("How much.", needs=("micros", "currency"))
    def amount(row: Row) -> Money:
        return money_of(row.micros, row.currency)


register("bal", "Balance", money.balance_by_id, _F)
register("ini", "InvoiceItem", money.item_by_id, _F)
register("inv", "Invoice", money.invoice_by_id, _F)
register("pay", "Payment", money.payment_by_id, _F)
register("pst", "LedgerPost", money.post_by_id, _F)


@strawberry.type
class MoneyQuery:
    """Money's part of the root."""

    balances = connection(
        money.balances_in_scope,
        Balance,
        "What accounts in the caller's scope are owed, former buyers' debts included, and what its own account owes.",
        **BALANCES,
    )
    invoices = connection(
        money.invoices_in_scope,
        Invoice,
        "The invoices that accounts in the caller's scope issued, and those that its own account received.",
        **INVOICES,
    )
    payments = connection(
        money.payments_in_scope,
        Payment,
        "What accounts in the caller's scope have received or let off, and what its own account has paid.",
        **PAYMENTS,
    )
