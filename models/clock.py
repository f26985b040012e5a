"""The clock of the business: the present, or as far ahead of it as a test or a demonstration has set it."""

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel


class Clock(SQLModel, table=True):
    """One row: how far the platform's clock is ahead of the machine's."""

    __tablename__ = "clock"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"), CheckConstraint("ahead_seconds >= 0", name="ahead"))

    id: int = Field(default=1, primary_key=True)
    ahead_seconds: int = 0
