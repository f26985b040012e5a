"""Subscriptions: what a completed sales order creates, its products, who uses it, and what each edge is charged."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Dated, Day, Instant, Owned, PeriodType, covering, one_of
from models.plan import BillingModel

NEVER = date(9999, 12, 31)
"""Stands where a date that sorts is missing: a pending subscription renews behind all others."""


class SubscriptionStatus(StrEnum):
    """The life of a subscription (Simple API 1.15, `Subscription.status`)."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    HOLD = "HOLD"
    TERMINATED = "TERMINATED"
    REMOVED = "REMOVED"
    UNKNOWN = "UNKNOWN"


class Subscription(Owned, Dated, table=True):
    """A service that an account has, for a period, in a quantity."""

    __tablename__ = "subscription"
    __table_args__ = (
        one_of("status", SubscriptionStatus),
        one_of("billing_model", BillingModel),
        one_of("period_type", PeriodType),
        one_of("billing_period_type", PeriodType),
        *covering("subscription_path", "path", include=("created_at", "name_key", "status", "id")),
        Index("subscription_account_created", "account_id", "created_at", "id"),
        Index("subscription_account_name", "account_id", "name_key", "id"),
        Index("subscription_account_renewal", "account_id", "renewal_key", "id"),
        Index("subscription_created", "created_at", "id"),
        Index("subscription_name", "name_key", "id"),
        Index("subscription_renewal", "renewal_key", "id"),
        Index("subscription_status_renewal", "status", "renewal_key", "id"),
        Index("subscription_product_renewal", "product_id", "renewal_key", "id"),
        Index("subscription_expiration", "expiration_date", "path"),
        Index("subscription_product_path", "product_id", "path"),
        Index("subscription_plan_path", "plan_id", "path"),
        *covering(
            "subscription_summary",
            "path",
            include=("status", "product_id", "quantity", "auto_renew", "renewal_key", "id"),
        ),
        Index("subscription_import_key", "import_key", unique=True),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    name: str
    name_key: str = Field(sa_type=Bytewise)
    status: SubscriptionStatus = Field(sa_type=Bytewise)
    product_id: int = Field(foreign_key="product.id", sa_type=BigId)
    """The product that it was bought for: its first item's."""
    plan_id: int = Field(foreign_key="plan.id", sa_type=BigId)
    quantity: int
    """Seats, or units, of the first item."""
    auto_renew: bool = True
    billing_model: BillingModel = Field(sa_type=Bytewise)
    period_type: PeriodType = Field(sa_type=Bytewise)
    period_duration: int
    billing_period_type: PeriodType = Field(sa_type=Bytewise)
    billing_period_duration: int
    start_date: date | None = Field(default=None, sa_type=Day)
    renewal_date: date | None = Field(default=None, sa_type=Day)
    renewal_key: date = Field(default=NEVER, sa_type=Day, sa_column_kwargs={"server_default": text("'9999-12-31'")})
    """`renewal_date`, or 9999-12-31 while there is none: what sorting by renewal uses."""
    expiration_date: date | None = Field(default=None, sa_type=Day)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    """When it was terminated, as far as that was noted."""
    holder_id: int | None = Field(default=None, sa_type=BigId)
    """The account whose people hold it: only these and those above them release it. No foreign key, as with accounts.

    Null: no person holds it, or nobody noted who.
    """
    vendor_subscription_id: str | None = None
    """The subscription's id at the manufacturer."""
    import_key: str | None = Field(default=None, sa_type=Bytewise)
    attributes: str | None = None


class SubscriptionItem(Owned, table=True):
    """One product of a subscription."""

    __tablename__ = "subscription_item"
    __table_args__ = (
        Index("subscription_item_subscription", "subscription_id", "position", unique=True),
        Index("subscription_item_product", "product_id", "path", "subscription_id"),
        Index("subscription_item_path", "path"),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    subscription_id: int = Field(foreign_key="subscription.id", sa_type=BigId)
    position: int
    """0 for the product that the subscription was bought for."""
    product_id: int = Field(foreign_key="product.id", sa_type=BigId)
    quantity: int
    vendor_subscription_id: str | None = None


class SubscriptionCharge(SQLModel, table=True):
    """What one edge of the vendor chain is charged for an item: the price fixed when it was ordered."""

    __tablename__ = "subscription_charge"
    __table_args__ = (
        one_of("status", SubscriptionStatus),
        Index("subscription_charge_item", "item_id", "seller_path", unique=True),
        Index("subscription_charge_subscription", "subscription_id"),
        *covering(
            "subscription_charge_seller",
            "seller_id",
            "path",
            include=("seller_path", "buyer_id", "status", "currency", "monthly_micros"),
        ),
        *covering(
            "subscription_charge_buyer",
            "buyer_id",
            "path",
            include=("seller_path", "seller_id", "status", "currency", "monthly_micros"),
        ),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    item_id: int = Field(foreign_key="subscription_item.id", sa_type=BigId)
    subscription_id: int = Field(foreign_key="subscription.id", sa_type=BigId)
    path: str = Field(sa_type=Bytewise)
    """Of the account that has the subscription."""
    shard_id: int = Field(sa_type=BigId)
    seller_id: int | None = Field(default=None, sa_type=BigId)
    """Null: the manufacturer."""
    seller_path: str = Field(sa_type=Bytewise)
    buyer_id: int = Field(sa_type=BigId)
    status: SubscriptionStatus = Field(sa_type=Bytewise)
    """Copy of the subscription's status, written wherever that is: sums over charges needn't look it up."""
    currency: str
    unit_micros: int = Field(sa_type=BigId)
    """For one unit and one billing period."""
    monthly_micros: int = Field(sa_type=BigId)
    """For the whole quantity and one month: a yearly amount divided by twelve, rounded half up to the micro."""


class Seat(Owned, table=True):
    """A user who uses a subscription's service. A service user sees the subscriptions in which it has a seat."""

    __tablename__ = "seat"
    __table_args__ = (Index("seat_user", "user_id", "subscription_id"), Index("seat_path", "path"))

    subscription_id: int = Field(primary_key=True, foreign_key="subscription.id", sa_type=BigId)
    user_id: int = Field(primary_key=True, foreign_key="app_user.id", sa_type=BigId)
