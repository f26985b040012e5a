"""Marketplaces: where accounts buy, one for each country."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Instant


class Marketplace(SQLModel, table=True):
    """A country's storefront and the currency it quotes."""

    __tablename__ = "marketplace"
    __table_args__ = (Index("marketplace_name", "name_key", "id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    code: str = Field(unique=True, sa_type=Bytewise)
    """Short and lower case, such as 'us' or 'uk'."""
    name: str
    name_key: str = Field(sa_type=Bytewise)
    country_code: str
    """ISO 3166-1 alpha-2."""
    currency: str
    """ISO 4217."""
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    updated_at: datetime | None = Field(default=None, sa_type=Instant)
    """When it was last changed; null: never."""
