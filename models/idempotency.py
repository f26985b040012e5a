"""What was answered to operations that may be sent twice."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Instant


class Idempotency(SQLModel, table=True):
    """An operation that someone did under a key of theirs, and what came of it."""

    __tablename__ = "idempotency"
    __table_args__ = (Index("idempotency_created", "created_at"),)

    account_id: int = Field(primary_key=True, sa_type=BigId)
    """The account whose eyes were used."""
    subject: str = Field(primary_key=True, sa_type=Bytewise)
    """Who acted: `user:7`, `client:7`."""
    operation: str = Field(primary_key=True, sa_type=Bytewise)
    key: str = Field(primary_key=True, sa_type=Bytewise)
    input_hash: str = Field(sa_type=Bytewise)
    """SHA-256 of the input, hexadecimal."""
    outcome: str | None = None
    """JSON; null only within the transaction that writes it."""
    created_at: datetime = Field(sa_type=Instant)
