"""Exchange rates: what an amount in one currency is in another, from a day on."""

from datetime import date

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from models.base import BigId, Bytewise, Dated, Day


class ExchangeRate(Dated, table=True):
    """What one unit of a currency is worth in another, until the day from which a later one holds.

    Orders keep the rate by which they were reckoned; to change one here changes nothing that was ordered.
    """

    __tablename__ = "exchange_rate"
    __table_args__ = (
        CheckConstraint("from_currency <> to_currency", name="two_currencies"),
        Index("exchange_rate_created", "created_at", "id"),
        Index("exchange_rate_pair", "from_currency", "to_currency", "valid_from", unique=True),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    from_currency: str = Field(sa_type=Bytewise)
    """ISO 4217."""
    to_currency: str = Field(sa_type=Bytewise)
    """ISO 4217."""
    rate: str
    """A decimal number, as `0.9213`."""
    valid_from: date = Field(sa_type=Day)
