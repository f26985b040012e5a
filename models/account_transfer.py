"""Transfers: which account went from under which vendor to which. Rows are added, never changed or removed."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Instant


class AccountTransfer(SQLModel, table=True):
    """One account that changed its vendor, with all below it. Tells why rows lie where their account no longer is."""

    __tablename__ = "account_transfer"
    __table_args__ = (Index("account_transfer_account", "account_id", "at"),)

    id: int = Field(primary_key=True, sa_type=BigId)
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    from_path: str = Field(sa_type=Bytewise)
    to_path: str = Field(sa_type=Bytewise)
    at: datetime = Field(sa_type=Instant)
