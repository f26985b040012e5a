"""Orders and their lines."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Index, String, true
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Dated, Day, Instant, Owned, PeriodType, covering, one_of


class OrderType(StrEnum):
    """What an order does (Simple API 1.15, `Order.type`)."""

    SALES = "SALES"
    CHANGE = "CHANGE"
    RENEWAL = "RENEWAL"
    CANCELLATION = "CANCELLATION"
    MIGRATION = "MIGRATION"
    UNKNOWN = "UNKNOWN"


class OrderSchedule(StrEnum):
    """When an order takes effect, if not at once."""

    RENEWAL = "RENEWAL"


class OrderWait(StrEnum):
    """What an order waits for before it is worked off."""

    APPROVAL = "APPROVAL"
    """The vendor's."""
    RENEWAL = "RENEWAL"
    """The day on which its subscription renews."""


class OrderStatus(StrEnum):
    """The life of an order (Simple API 1.15, `Order.status`)."""

    SUBMITTED = "SUBMITTED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    ERROR = "ERROR"
    CANCELLED = "CANCELLED"


class QuantityKind(StrEnum):
    """How a line's quantity is meant: as a change, or as what shall be."""

    DELTA = "DELTA"
    TARGET = "TARGET"


class Order(Owned, Dated, table=True):
    """A purchase or change by one account from its vendor."""

    __tablename__ = "orders"
    __table_args__ = (
        one_of("type", OrderType),
        one_of("status", OrderStatus),
        one_of("waiting_for", OrderWait),
        Index("orders_number", "number", unique=True),
        *covering("orders_path", "path", include=("created_at", "type", "status", "id")),
        Index("orders_account_created", "account_id", "created_at", "id"),
        Index("orders_account_number", "account_id", "number", "id"),
        Index("orders_created", "created_at", "id"),
        Index("orders_number_id", "number", "id"),
        Index("orders_status_created", "status", "created_at", "id"),
        Index("orders_po_number", "po_number", "path"),
        Index("orders_subscription", "subscription_id"),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    number: str = Field(sa_type=Bytewise)
    """SO, CH, RN, CL or MG and a running number, as on paper; unique on the platform."""
    type: OrderType = Field(default=OrderType.SALES, sa_type=Bytewise)
    status: OrderStatus = Field(default=OrderStatus.SUBMITTED, sa_type=Bytewise)
    status_code: str | None = None
    """The platform's two-letter detail of the status, such as 'CP'."""
    po_number: str | None = Field(default=None, sa_type=Bytewise)
    provisioned_at: datetime | None = Field(default=None, sa_type=Instant)
    currency: str
    total_micros: int = Field(sa_type=BigId)
    """What the account pays its vendor, taxes left out."""
    subscription_id: int | None = Field(default=None, foreign_key="subscription.id", sa_type=BigId)
    """The subscription that it creates or concerns. Null until a sales order is provisioned."""
    scheduled_on: OrderSchedule | None = Field(default=None, sa_type=String)
    """Null: at once."""
    credit_check: bool = True
    error_message: str | None = None
    attributes: str | None = None
    waiting_for: OrderWait | None = Field(default=None, sa_type=String)
    """Null: nothing, or it isn't submitted any more."""
    submission: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    """How often it was submitted: each time is charged, and worked off, under a key of its own."""
    auto_renew: bool = Field(default=True, sa_column_kwargs={"server_default": true()})
    """Whether what a sales order creates renews by itself."""
    term_from: date | None = Field(default=None, sa_type=Day)
    """The first day of the term that is paid for: one that it begins, or the running one. Null: imported."""
    term_until: date | None = Field(default=None, sa_type=Day)
    """The day on which that term ends and the next begins, aligned if that was asked for."""
    stoppable_until: datetime | None = Field(default=None, sa_type=Instant)
    """Set when it is begun: the first instant at which it can't be called off any more. Null: it can't be."""


class OrderLine(Owned, table=True):
    """One product of an order, its price fixed when it was placed."""

    __tablename__ = "order_line"
    __table_args__ = (
        one_of("quantity_kind", QuantityKind),
        one_of("period_type", PeriodType),
        Index("order_line_order", "order_id", "position", unique=True),
        Index("order_line_path", "path"),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    order_id: int = Field(foreign_key="orders.id", sa_type=BigId)
    position: int
    product_id: int = Field(foreign_key="product.id", sa_type=BigId)
    plan_id: int = Field(foreign_key="plan.id", sa_type=BigId)
    period_type: PeriodType = Field(sa_type=Bytewise)
    period_duration: int
    mpn: str
    """As ordered; the product may be renumbered later."""
    name: str
    quantity_kind: QuantityKind = Field(default=QuantityKind.DELTA, sa_type=Bytewise)
    quantity: int
    """Signed when it is a delta."""
    previous_quantity: int | None = None
    """What the subscription had when the order was placed. Null: imported."""
    resulting_quantity: int | None = None
    """What the subscription has once the order is completed."""
    effective_on: date | None = Field(default=None, sa_type=Day)
    currency: str
    unit_micros: int = Field(sa_type=BigId)
    extended_micros: int = Field(sa_type=BigId)
    """Unit price times quantity, signed as the quantity is."""
    setup_micros: int | None = Field(default=None, sa_type=BigId)
    """What setting it up costs, once. Null: nothing, or imported."""
    charged_micros: int | None = Field(default=None, sa_type=BigId)
    """What of the order's total is for it. Null: imported, and then `extended_micros` is."""
    exchange_rate: str | None = None
    """Decimal text, where the vendor's own cost was in another currency."""


class OrderNumber(SQLModel, table=True):
    """The running numbers of orders: a row for each that was drawn."""

    __tablename__ = "order_number"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    drawn_at: datetime = Field(sa_type=Instant)
