"""Jobs: work that a transaction leaves to the worker, done at least once and recorded when done."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Instant

_TO_DO = text("done_at IS NULL")


class JobKind(StrEnum):
    """What is to be done. A kind that a worker doesn't know is left to one that does."""

    SEND_MAIL = "SEND_MAIL"
    PROVISION_ORDER = "PROVISION_ORDER"
    RENEW_SUBSCRIPTION = "RENEW_SUBSCRIPTION"
    REMOVE_SUBSCRIPTION = "REMOVE_SUBSCRIPTION"
    BILL_SUBSCRIPTION = "BILL_SUBSCRIPTION"
    FOLLOW_SUBSCRIPTION = "FOLLOW_SUBSCRIPTION"
    CLOSE_PERIOD = "CLOSE_PERIOD"
    PRUNE = "PRUNE"


class Job(SQLModel, table=True):
    """One piece of work. Its key makes it the only one of its kind, however often it is asked for."""

    __tablename__ = "job"
    __table_args__ = (
        Index("job_key", "kind", "key", unique=True),
        Index("job_due", "run_at", "id", postgresql_where=_TO_DO, sqlite_where=_TO_DO),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    kind: str = Field(sa_type=Bytewise)
    key: str = Field(sa_type=Bytewise)
    subject_id: int = Field(sa_type=BigId)
    """The object that it is about."""
    path: str = Field(sa_type=Bytewise)
    """Of the account that the object belongs to."""
    run_at: datetime = Field(sa_type=Instant)
    """Not before."""
    attempts: int = 0
    claimed_by: str | None = None
    claimed_until: datetime | None = Field(default=None, sa_type=Instant)
    """After that another worker may take it: whoever had it has died, or will find that it is too late."""
    last_error: str | None = None
    done_at: datetime | None = Field(default=None, sa_type=Instant)
