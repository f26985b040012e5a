"""Prices: what one seller charges one buyer, or all its direct buyers."""

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from models.base import BigId, Bytewise, Dated, Day, PeriodType, one_of


class PriceType(StrEnum):
    """What is paid for."""

    SETUP = "SETUP"
    RECURRING = "RECURRING"
    OVERUSE = "OVERUSE"


class PriceModel(StrEnum):
    """How the amount depends on the quantity (Simple API 1.15, `ProductPrice.model`)."""

    FLAT = "FLAT"
    TIERED = "TIERED"
    VOLUME_SUBSCRIPTION = "VOLUME_SUBSCRIPTION"
    VOLUME_ORDER = "VOLUME_ORDER"
    VOLUME_RESOURCE_AGGREGATED = "VOLUME_RESOURCE_AGGREGATED"


class Price(Dated, table=True):
    """An edge from seller to buyer, or to every account right below the seller where no buyer is named.

    A price is never deleted, only ended: what once was offered stays readable.
    """

    __tablename__ = "price"
    __table_args__ = (
        one_of("period_type", PeriodType),
        one_of("type", PriceType),
        one_of("model", PriceModel),
        CheckConstraint("amount_micros >= 0", name="amount_not_negative"),
        CheckConstraint("(seller_id IS NULL) = (seller_path = '')", name="seller_has_its_path"),
        Index("price_seller", "seller_id", "product_id", "plan_id", "buyer_id"),
        Index("price_product_seller", "product_id", "seller_path"),
        Index("price_plan_seller", "plan_id", "seller_path"),
        Index("price_plan_seller_id", "plan_id", "seller_id"),
        Index("price_seller_path", "seller_path", "created_at", "id"),
        Index("price_buyer", "buyer_id"),
        Index("price_marketplace", "marketplace_id", "seller_path"),
        Index("price_created", "created_at", "id"),
        Index("price_amount", "amount_micros", "id"),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    shard_id: int = Field(sa_type=BigId)
    seller_id: int | None = Field(default=None, foreign_key="account.id", sa_type=BigId)
    """Null: the manufacturer, which charges the provider and is no account. Only the provider's own staff see it."""
    seller_path: str = Field(sa_type=Bytewise)
    """The seller's path; empty for a manufacturer."""
    buyer_id: int | None = Field(default=None, foreign_key="account.id", sa_type=BigId)
    """Null: every account right below the seller (for a manufacturer: the provider)."""
    product_id: int = Field(foreign_key="product.id", sa_type=BigId)
    plan_id: int = Field(foreign_key="plan.id", sa_type=BigId)
    marketplace_id: int | None = Field(default=None, foreign_key="marketplace.id", sa_type=BigId)
    """Null: valid in every marketplace."""
    period_type: PeriodType = Field(sa_type=Bytewise)
    period_duration: int
    """With `period_type`: the subscription period that is priced."""
    type: PriceType = Field(default=PriceType.RECURRING, sa_type=Bytewise)
    model: PriceModel = Field(default=PriceModel.FLAT, sa_type=Bytewise)
    currency: str
    amount_micros: int = Field(sa_type=BigId)
    """For one unit and one billing period."""
    tiers: str | None = None
    """JSON list of [lower limit, amount in micros], ascending, from the second tier up. Null: flat."""
    valid_from: date = Field(sa_type=Day)
    valid_until: date | None = Field(default=None, sa_type=Day)
    """The first day on which it no longer holds. Null: until further notice."""
    sheet_id: int | None = Field(default=None, sa_type=BigId)
    """The `price_sheet` among whose prices it was set; no foreign key, for SQLite adds none under a name to a table.

    Null: set by itself, or imported.
    """
