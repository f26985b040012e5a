"""Why subscriptions don't run."""

from sqlalchemy import Index
from sqlmodel import Field

from models.base import BigId, Bytewise, Owned, one_of
from models.life.subscription import HoldReason


class SubscriptionHold(Owned, table=True):
    """A reason for which a subscription is on hold: it is released with its last.

    The reason ACCOUNT also stays with a subscription that its account's cancellation terminated, and with no other
    that is terminated: by it the account's reactivation knows which to revive.
    """

    __tablename__ = "subscription_hold"
    __table_args__ = (one_of("reason", HoldReason), Index("subscription_hold_path", "path"))

    subscription_id: int = Field(primary_key=True, foreign_key="subscription.id", sa_type=BigId)
    reason: HoldReason = Field(primary_key=True, sa_type=Bytewise)
