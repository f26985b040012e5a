"""What the lots of an item cost for one billing period: as their orders said, not by an average that was rounded."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from models import PriceType
from models.currency import half_up
from models.statement import Row


class Bought(Protocol):
    """A lot, or units like one."""

    @property
    def order_line_id(self) -> int | None:
        """By which it was bought; None: nobody knows."""

    @property
    def quantity(self) -> int:
        """How many they were."""

    @property
    def remaining(self) -> int:
        """How many weren't given back."""


def costs_of(price: Row, lots: Sequence[Bought], paid: Mapping[int, Sequence[Row]]) -> list[int]:
    """What each lot costs on one edge, in micros for what remains of it.

    Where units cost differently the price is their average. As long as what the orders said comes to that price it is
    exact, and taken; it doesn't after another vendor's price, or after units of one lot were given back.

    Args:
        price: the subscription's charge on the edge.
        lots: all of an item.
        paid: by order line, what every edge was charged.
    """
    ordered = [_ordered(price, lot, paid) for lot in lots]
    average = [price.unit_micros * lot.remaining for lot in lots]
    units = sum(lot.remaining for lot in lots)
    known = [micros for micros in ordered if micros is not None]
    is_that_price = len(known) == len(lots) and abs(sum(known) - sum(average)) <= units * len(lots)
    return known if is_that_price else average


def _ordered(price: Row, lot: Bought, paid: Mapping[int, Sequence[Row]]) -> int | None:
    """The lot's part of what its order said, if that is known."""
    charges = paid.get(lot.order_line_id, ()) if lot.order_line_id is not None else ()
    for charge in charges:
        edge = (charge.seller_id, charge.buyer_id, charge.currency, charge.price_type)
        if edge == (price.seller_id, price.buyer_id, price.currency, PriceType.RECURRING):
            return half_up(charge.extended_micros * lot.remaining, lot.quantity)
    return None
