"""How many units subscriptions had when, and why. Rows are added, never changed or removed."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field

from models.base import BigId, Bytewise, Instant, Owned, one_of


class QuantityReason(StrEnum):
    """Why a quantity is what it is from then on."""

    PURCHASE = "PURCHASE"
    CHANGE = "CHANGE"
    RENEWAL = "RENEWAL"
    CANCELLATION = "CANCELLATION"
    EXPIRATION = "EXPIRATION"
    MIGRATION = "MIGRATION"


class SubscriptionHistory(Owned, table=True):
    """One item's quantity, from one instant on."""

    __tablename__ = "subscription_history"
    __table_args__ = (
        one_of("reason", QuantityReason),
        Index("subscription_history_subscription", "subscription_id", "at", "id"),
        Index("subscription_history_at", "at", "id"),
        Index("subscription_history_path", "path"),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    subscription_id: int = Field(foreign_key="subscription.id", sa_type=BigId)
    item_id: int = Field(foreign_key="subscription_item.id", sa_type=BigId)
    at: datetime = Field(sa_type=Instant)
    by_order_id: int | None = Field(default=None, foreign_key="orders.id", sa_type=BigId)
    """Null: no order did it."""
    reason: QuantityReason = Field(sa_type=Bytewise)
    quantity_before: int
    quantity_after: int
    from_product_id: int | None = Field(default=None, sa_type=BigId)
    """Which product the item was of until then. Null: it wasn't switched."""
    from_plan_id: int | None = Field(default=None, sa_type=BigId)
    """Under which plan it was until then; likewise."""
