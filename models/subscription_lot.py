"""Lots: units of a subscription that were bought, added or renewed together, each with a time to give them back."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from models.base import BigId, Instant, Owned


class SubscriptionLot(Owned, table=True):
    """Units of one item. A renewal puts one lot in the place of all that were there."""

    __tablename__ = "subscription_lot"
    __table_args__ = (
        CheckConstraint("remaining BETWEEN 0 AND quantity", name="remaining"),
        Index("subscription_lot_subscription", "subscription_id", "bought_at", "id"),
        Index("subscription_lot_path", "path"),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    subscription_id: int = Field(foreign_key="subscription.id", sa_type=BigId)
    item_id: int = Field(foreign_key="subscription_item.id", sa_type=BigId)
    order_line_id: int | None = Field(default=None, foreign_key="order_line.id", sa_type=BigId)
    """By which they were ordered: its charges are what they cost on every edge."""
    quantity: int
    remaining: int
    """Those that were neither given back nor renewed since."""
    bought_at: datetime = Field(sa_type=Instant)
    window_until: datetime | None = Field(default=None, sa_type=Instant)
    """The first instant at which they can't be given back any more. Null: they always can."""
