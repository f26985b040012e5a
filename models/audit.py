"""The change log: who did what, on whose behalf, when, and what changed. Rows are added, never changed or removed."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Instant

NOUNS = frozenset(
    {
        "account",
        "account_contact",
        "app_user",
        "balance",
        "exchange_rate",
        "manufacturer",
        "marketplace",
        "order_line",
        "orders",
        "payment",
        "plan",
        "plan_switch",
        "price",
        "price_sheet",
        "product",
        "subscription",
        "subscription_history",
        "subscription_item",
        "subscription_lot",
        "vendor_card",
    }
)
"""The tables of whose rows it tells: whoever reads it is told of others nowhere."""


class Audit(SQLModel, table=True):
    """One object as one operation changed it.

    It stays where it happened: a transfer of the account does not move it.
    """

    __tablename__ = "audit"
    __table_args__ = (
        Index("audit_path", "path", "at", "id"),
        Index("audit_at", "at", "id"),
        Index("audit_object", "object_id", "noun", "at"),
        Index("audit_actor", "actor_user_id", "at"),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    path: str = Field(sa_type=Bytewise)
    """Of the account that the object belonged to."""
    shard_id: int = Field(sa_type=BigId)
    at: datetime = Field(sa_type=Instant)
    operation: str = Field(sa_type=Bytewise)
    """As in GraphQL: `accountUpdate`; or what the system did by itself, such as `renewal`."""
    actor_user_id: int | None = Field(default=None, sa_type=BigId)
    """Who really acted. Null for an API client, and for the system."""
    actor_client_id: int | None = Field(default=None, sa_type=BigId)
    actor_path: str = Field(sa_type=Bytewise)
    """The account to which whoever acted belongs; empty for the system."""
    actor_name: str
    """As it was then. Personal data."""
    acting_path: str | None = Field(default=None, sa_type=Bytewise)
    """The account as which it was done, if that is another."""
    noun: str = Field(sa_type=Bytewise)
    """The table, one of `NOUNS`."""
    object_id: int = Field(sa_type=BigId)
    before: str
    """JSON object: the old values of the columns that changed. Empty for a new object."""
    after: str
    """JSON object: their new values. Empty for a removed object."""
    request_id: str | None = None
