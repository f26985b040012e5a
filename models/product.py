"""Products, who makes them, and what they need beside them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Dated, Instant, one_of


class ProductStatus(StrEnum):
    """Whether a product can be newly ordered; running subscriptions go on."""

    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"


class CotermingRequirement(StrEnum):
    """Whether a product's end date must, may or must not be aligned with another's."""

    MANDATORY = "MANDATORY"
    ALLOWED = "ALLOWED"
    RESTRICTED = "RESTRICTED"


class CotermingType(StrEnum):
    """What an aligned end date is aligned with."""

    SUBSCRIPTION = "SUBSCRIPTION"
    END_OF_MONTH = "END_OF_MONTH"


class Manufacturer(SQLModel, table=True):
    """Who makes products: an independent software vendor. Not an account."""

    __tablename__ = "manufacturer"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    code: str = Field(unique=True, sa_type=Bytewise)
    name: str
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    updated_at: datetime | None = Field(default=None, sa_type=Instant)
    """When it was last changed; null: never."""


class Product(Dated, table=True):
    """Something sold, known by its manufacturer's part number (MPN)."""

    __tablename__ = "product"
    __table_args__ = (
        one_of("status", ProductStatus),
        one_of("coterming_requirement", CotermingRequirement),
        one_of("coterming_type", CotermingType),
        Index("product_mpn_manufacturer", "mpn", "manufacturer_id", unique=True),
        Index("product_name", "name_key", "id"),
        Index("product_mpn", "mpn", "id"),
        Index("product_manufacturer", "manufacturer_id", "name_key", "id"),
        Index("product_created", "created_at", "id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    mpn: str = Field(sa_type=Bytewise)
    manufacturer_id: int = Field(foreign_key="manufacturer.id", sa_type=BigId)
    name: str
    name_key: str = Field(sa_type=Bytewise)
    description: str | None = None
    service_name: str | None = Field(default=None, sa_type=Bytewise)
    """The service that the product belongs to, such as 'Microsoft 365'."""
    segment: str | None = None
    unit: str | None = None
    """What one of it is, such as 'License' or '1 Hour'."""
    minimum_quantity: int = 1
    maximum_quantity: int | None = None
    """Null: no upper bound."""
    coterming_requirement: CotermingRequirement = Field(default=CotermingRequirement.ALLOWED, sa_type=Bytewise)
    coterming_type: CotermingType | None = Field(default=None, sa_type=Bytewise)
    status: ProductStatus = Field(default=ProductStatus.ACTIVE, sa_type=Bytewise)


class ProductDependency(SQLModel, table=True):
    """A product that must be present for another to work."""

    __tablename__ = "product_dependency"
    __table_args__ = (Index("product_dependency_product", "product_id", "depends_on_id", unique=True),)

    product_id: int = Field(primary_key=True, foreign_key="product.id", sa_type=BigId)
    depends_on_id: int = Field(primary_key=True, foreign_key="product.id", sa_type=BigId)


class ProductTerm(SQLModel, table=True):
    """One word of a product's name, MPN or service, folded: the index behind text search."""

    __tablename__ = "product_term"
    __table_args__ = (Index("product_term_term", "term", "product_id"),)

    product_id: int = Field(primary_key=True, foreign_key="product.id", sa_type=BigId)
    term: str = Field(primary_key=True, sa_type=Bytewise)
