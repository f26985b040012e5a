"""What every edge of the vendor chain is charged for an order's lines: fixed when the order was placed."""

from datetime import date

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Day, one_of
from models.price import PriceType


class OrderCharge(SQLModel, table=True):
    """What one buyer of the chain pays its seller for one line: the unit price, and what of it falls due by the order.

    An order that gives back has charges below zero.
    """

    __tablename__ = "order_charge"
    __table_args__ = (
        one_of("price_type", PriceType),
        Index("order_charge_order", "order_id"),
        Index("order_charge_line", "line_id", "buyer_id", "price_type", unique=True),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    order_id: int = Field(foreign_key="orders.id", sa_type=BigId)
    line_id: int = Field(foreign_key="order_line.id", sa_type=BigId)
    seller_id: int | None = Field(default=None, sa_type=BigId)
    """Null: the manufacturer."""
    buyer_id: int = Field(sa_type=BigId)
    price_id: int | None = Field(default=None, sa_type=BigId)
    """The price that it follows from. Null: that of the subscription, as for what is given back."""
    price_type: PriceType = Field(sa_type=Bytewise)
    currency: str
    unit_micros: int = Field(sa_type=BigId)
    """For one unit, and one billing period if the price recurs; the average where units cost differently."""
    extended_micros: int = Field(sa_type=BigId)
    """For all the units that the order adds, or for all that are renewed; likewise."""
    charged_micros: int = Field(sa_type=BigId)
    """What the order is charged with: for the days from `paid_from` on; 0 where it is billed later."""
    paid_from: date | None = Field(default=None, sa_type=Day)
    """The first day that is paid for. Null: it is charged once, or nothing is charged now."""
    paid_until: date | None = Field(default=None, sa_type=Day)
    """The first day that isn't any more."""
    exchange_rate: str | None = None
    """Decimal text: from the currency of the seller's own cost to this one. Null where they are the same."""
