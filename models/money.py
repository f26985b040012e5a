"""Money between neighbours in the tree: what a buyer owes its vendor, how it came to that, and on which paper."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Dated, Day, Instant, one_of

DEFAULT_CURRENCY = "USD"
"""In which those sell who never said, where the provider never said either."""


class PaymentTerm(StrEnum):
    """How a buyer pays its vendor."""

    NET = "NET"
    """Later, against an invoice for each month, as far as the credit limit goes."""
    PREPAID = "PREPAID"
    """Before it buys: there is no credit, and an invoice for each day."""


class PostKind(StrEnum):
    """Why what is owed has changed."""

    CHARGE = "CHARGE"
    RENEWAL = "RENEWAL"
    USAGE = "USAGE"
    REFUND = "REFUND"
    REVERSAL = "REVERSAL"
    PAYMENT = "PAYMENT"
    CREDIT = "CREDIT"


class Side(StrEnum):
    """The seller's books: between which of them an amount moves."""

    RECEIVABLE = "RECEIVABLE"
    """What the buyer owes."""
    REVENUE = "REVENUE"
    CASH = "CASH"
    CREDITS = "CREDITS"
    """What was given to the buyer as a credit memo."""


class PaymentKind(StrEnum):
    """How an amount was settled."""

    PAYMENT = "PAYMENT"
    """Money was received."""
    CREDIT_MEMO = "CREDIT_MEMO"
    """The seller lets the buyer owe less."""


class InvoiceStatus(StrEnum):
    """Whether something is left to pay."""

    OPEN = "OPEN"
    PAID = "PAID"
    CREDITED = "CREDITED"
    """Its total isn't positive: it pays for others."""


class Balance(Dated, table=True):
    """What one buyer owes one seller in one currency, and on which terms. All else here belongs to a balance.

    When a buyer is moved to another vendor, its balance with the old one stays as it is, `path` included.
    """

    __tablename__ = "balance"
    __table_args__ = (
        one_of("terms", PaymentTerm),
        CheckConstraint("credit_limit_micros >= 0", name="credit_limit"),
        CheckConstraint("net_days BETWEEN 0 AND 365", name="net_days"),
        Index("balance_edge", "buyer_id", "seller_path", "currency", unique=True),
        Index("balance_seller", "seller_id", "id"),
        Index("balance_seller_path", "seller_path", "id"),
        Index("balance_path", "path"),
        Index("balance_created", "created_at", "id"),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    seller_id: int | None = Field(default=None, foreign_key="account.id", sa_type=BigId)
    """Null: the manufacturers, to whom the provider owes."""
    seller_path: str = Field(sa_type=Bytewise)
    """Empty for the manufacturers."""
    buyer_id: int = Field(foreign_key="account.id", sa_type=BigId)
    path: str = Field(sa_type=Bytewise)
    """The buyer's, below that seller."""
    shard_id: int = Field(sa_type=BigId)
    currency: str
    """The seller's."""
    owed_micros: int = Field(default=0, sa_type=BigId)
    """The sum of the posts; negative: paid in advance."""
    credit_limit_micros: int | None = Field(default=None, sa_type=BigId)
    """How much may be owed. Null: any amount."""
    terms: PaymentTerm = Field(sa_type=Bytewise)
    net_days: int = 30
    """Days from an invoice until it is due."""
    buyer_name: str | None = None
    """What the buyer was called when it was moved to another vendor, who alone sees it since; null before."""
    closes_on: date | None = Field(default=None, sa_type=Day)
    """The day, at whose start the period ends that the last post falls into. Null before the first post."""


class LedgerPost(SQLModel, table=True):
    """One reason why what is owed has changed. Rows are added, never changed or removed."""

    __tablename__ = "ledger_post"
    __table_args__ = (
        one_of("kind", PostKind),
        Index("ledger_post_key", "key", "balance_id", "position", unique=True),
        Index("ledger_post_balance", "balance_id", "at", "id"),
        Index("ledger_post_buyer", "buyer_id", "at", "id"),
        Index("ledger_post_reverses", "reverses_id"),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    balance_id: int = Field(foreign_key="balance.id", sa_type=BigId)
    seller_id: int | None = Field(default=None, sa_type=BigId)
    buyer_id: int = Field(sa_type=BigId)
    currency: str
    at: datetime = Field(sa_type=Instant)
    kind: PostKind = Field(sa_type=Bytewise)
    key: str = Field(sa_type=Bytewise)
    """Of the event, such as `order:7:charge`: what is done again under it posts nothing again."""
    position: int
    """Among the posts of the event to the balance."""
    micros: int = Field(sa_type=BigId)
    """By how much more is owed."""
    text: str
    """What it is for, as the buyer may read it."""
    quantity: int | None = None
    unit_micros: int | None = Field(default=None, sa_type=BigId)
    order_id: int | None = Field(default=None, sa_type=BigId)
    subscription_id: int | None = Field(default=None, sa_type=BigId)
    payment_id: int | None = Field(default=None, sa_type=BigId)
    reverses_id: int | None = Field(default=None, sa_type=BigId)
    """The post of which this gives back a part, or all."""


class LedgerEntry(SQLModel, table=True):
    """One half of a post: what it moved on one side of the seller's books. The halves of a post sum to zero."""

    __tablename__ = "ledger_entry"
    __table_args__ = (one_of("side", Side),)

    post_id: int = Field(primary_key=True, foreign_key="ledger_post.id", sa_type=BigId)
    side: Side = Field(primary_key=True, sa_type=Bytewise)
    micros: int = Field(sa_type=BigId)


class Payment(Dated, table=True):
    """What a seller has received from a buyer, or let it off."""

    __tablename__ = "payment"
    __table_args__ = (
        one_of("kind", PaymentKind),
        CheckConstraint("micros > 0", name="micros"),
        Index("payment_balance", "balance_id", "id"),
        Index("payment_buyer", "buyer_id", "created_at", "id"),
        Index("payment_created", "created_at", "id"),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    balance_id: int = Field(foreign_key="balance.id", sa_type=BigId)
    seller_id: int | None = Field(default=None, sa_type=BigId)
    buyer_id: int = Field(sa_type=BigId)
    kind: PaymentKind = Field(sa_type=Bytewise)
    currency: str
    micros: int = Field(sa_type=BigId)
    received_on: date = Field(sa_type=Day)
    reference: str | None = None
    """The seller's own, such as a bank's."""
    reason: str | None = None
    """Of a credit memo."""


class Invoice(Dated, table=True):
    """What a buyer was charged in a period, as the seller issued it. But for what is paid it never changes."""

    __tablename__ = "invoice"
    __table_args__ = (
        one_of("status", InvoiceStatus),
        Index("invoice_number", "number", unique=True),
        Index("invoice_period", "balance_id", "period_to", unique=True),
        Index("invoice_buyer", "buyer_id", "created_at", "id"),
        Index("invoice_seller", "seller_id", "created_at", "id"),
        Index("invoice_created", "created_at", "id"),
        Index("invoice_status", "status", "created_at", "id"),
        Index("invoice_due", "due_on", "id"),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    number: str = Field(sa_type=Bytewise)
    balance_id: int = Field(foreign_key="balance.id", sa_type=BigId)
    seller_id: int | None = Field(default=None, sa_type=BigId)
    buyer_id: int = Field(sa_type=BigId)
    currency: str
    period_from: date = Field(sa_type=Day)
    """The day of its first post."""
    period_to: date = Field(sa_type=Day)
    """The first day that is no longer part of it."""
    total_micros: int = Field(sa_type=BigId)
    paid_micros: int = Field(default=0, sa_type=BigId)
    status: InvoiceStatus = Field(sa_type=Bytewise)
    due_on: date = Field(sa_type=Day)


class InvoiceItem(SQLModel, table=True):
    """One post on an invoice."""

    __tablename__ = "invoice_item"
    __table_args__ = (
        Index("invoice_item_invoice", "invoice_id", "position", unique=True),
        Index("invoice_item_post", "post_id", unique=True),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    invoice_id: int = Field(foreign_key="invoice.id", sa_type=BigId)
    position: int
    post_id: int = Field(foreign_key="ledger_post.id", sa_type=BigId)
    at: datetime = Field(sa_type=Instant)
    kind: PostKind = Field(sa_type=Bytewise)
    text: str
    quantity: int | None = None
    unit_micros: int | None = Field(default=None, sa_type=BigId)
    currency: str
    micros: int = Field(sa_type=BigId)
