"""The outbox: what happened, written where it happened, told to listeners once it is committed."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Instant, one_of


class Topic(StrEnum):
    """What kind of object something happened to."""

    ACCOUNT = "ACCOUNT"
    ORDER = "ORDER"
    SUBSCRIPTION = "SUBSCRIPTION"


class EventKind(StrEnum):
    """What happened to it."""

    CREATED = "CREATED"
    CHANGED = "CHANGED"
    MOVED = "MOVED"


class Event(SQLModel, table=True):
    """Something that happened to one object, without saying what it is like now: listeners read that themselves."""

    __tablename__ = "outbox"
    __table_args__ = (
        one_of("topic", Topic),
        one_of("kind", EventKind),
        Index("outbox_order", "transaction_id", "id"),
        Index("outbox_at", "at"),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    transaction_id: int = Field(sa_type=BigId)
    """PostgreSQL: of the transaction that wrote it, for tails that miss no late committer. SQLite: 0."""
    path: str = Field(sa_type=Bytewise)
    """Of the account that the object belongs to."""
    former_path: str | None = Field(default=None, sa_type=Bytewise)
    """Before a move."""
    topic: Topic = Field(sa_type=Bytewise)
    object_id: int = Field(sa_type=BigId)
    kind: EventKind = Field(sa_type=Bytewise)
    at: datetime = Field(sa_type=Instant)
