"""Price sheets: prices that a seller set at once."""

from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field

from models.base import BigId, Bytewise, Dated, Owned, one_of


class PriceSheetKind(StrEnum):
    """How the prices came about."""

    FILE = "FILE"
    """From a table of them."""
    MARKUP = "MARKUP"
    """From what the seller pays itself."""


class PriceSheet(Owned, Dated, table=True):
    """That a seller, who owns it, set many prices at once, and how many."""

    __tablename__ = "price_sheet"
    __table_args__ = (one_of("kind", PriceSheetKind), Index("price_sheet_path", "path", "created_at", "id"))

    id: int = Field(primary_key=True, sa_type=BigId)
    kind: PriceSheetKind = Field(sa_type=Bytewise)
    name: str
    price_count: int
    """How many prices it set; those that were the same already are not among them."""
