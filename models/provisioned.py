"""What the simulator of provisioning remembers: each request by its key, so that none takes effect twice."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Instant


class Provisioned(SQLModel, table=True):
    """One request to the simulator, however often it was made."""

    __tablename__ = "provisioned"
    __table_args__ = (Index("provisioned_subscription", "subscription_id"),)

    key: str = Field(primary_key=True, sa_type=Bytewise)
    subscription_id: int = Field(sa_type=BigId)
    action: str
    quantity: int
    attempts: int
    """How often it was asked for."""
    done_at: datetime | None = Field(default=None, sa_type=Instant)
    """When it took effect; null: not yet."""
