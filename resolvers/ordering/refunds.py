"""Giving back: which lots a decrease or a cancellation takes, until when, and how much of the charge is returned.

Each purchase, renewal and addition of units is a lot with a window of its own (domain reference §C.4; Partner Center,
"new commerce cancellation policy": 168 hours). Units leave the latest lot first, since its window closes last.

* PRORATED: within the window, the unused days are returned; later only at the renewal, by not renewing.
* FULL: within 30 days all is returned (perpetual software); later nothing goes.
* NONE: units go at any time, and nothing is returned (Simple API 1.15, billing policy `no_refund`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from models.currency import payable
from models.plan import RefundPolicy
from resolvers.errors import UserErrorCode
from resolvers.ordering.amounts import prorated
from resolvers.ordering.periods import Span
from resolvers.ordering.refusal import Refusal

FULL_REFUND = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Lot:
    """Units that were bought, added or renewed together.

    Args:
        remaining: units that weren't given back.
        window_until: the first instant at which they can't be given back any more; None: they always can.
    """

    id: int
    remaining: int
    bought_at: datetime
    window_until: datetime | None

    def is_open(self, at: datetime) -> bool:
        """Whether its units can be given back at that instant."""
        return self.window_until is None or at < self.window_until


@dataclass(frozen=True, slots=True)
class Taken:
    """So many units of a lot."""

    lot_id: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Charge:
    """What one edge of the vendor chain was charged for units of a lot.

    Args:
        micros: for all the units.
        units: for how many it was; at least 1.
        returned: how many of them were given back before.
        paid: the days that it pays for; None: it was charged once, as a setup fee.
        currency: in which; what is returned can be paid in it.
    """

    micros: int
    units: int
    returned: int
    paid: Span | None
    currency: str


def window_until(policy: RefundPolicy, bought_at: datetime, hours: int) -> datetime | None:
    """The first instant at which a lot can't be given back any more; None: it always can.

    Args:
        policy: the plan's.
        bought_at: when the order was placed, or the subscription renewed.
        hours: the plan's window, for PRORATED.
    """
    if policy is RefundPolicy.NONE:
        return None
    return bought_at + (FULL_REFUND if policy is RefundPolicy.FULL else timedelta(hours=hours))


def open_lots(lots: Sequence[Lot], at: datetime) -> list[Lot]:
    """The lots of which units can be given back at that instant, in the order in which they are taken: latest first."""
    taken_first = sorted(lots, key=lambda lot: (lot.bought_at, lot.id), reverse=True)
    return [lot for lot in taken_first if lot.remaining and lot.is_open(at)]


def decrease(lots: Sequence[Lot], quantity: int, at: datetime, renews_on: date | None) -> list[Taken] | Refusal:
    """What is taken from which lot when so many units are given back.

    Args:
        lots: all of an item.
        quantity: at least 1, at most what the lots have.
        at: when it is asked for.
        renews_on: when the units can go without a window; None: the subscription doesn't renew.

    Raises:
        ValueError: that many aren't there.
    """
    if not 1 <= quantity <= sum(lot.remaining for lot in lots):
        raise ValueError(f"{quantity} units can't be taken from these lots.")
    taken, rest = [], quantity
    for lot in open_lots(lots, at):
        units = min(lot.remaining, rest)
        rest -= units
        taken.append(Taken(lot.id, units))
        if not rest:
            return taken
    return _too_late(quantity, quantity - rest, renews_on)


def cancellation(lots: Sequence[Lot], at: datetime, renews_on: date | None) -> list[Taken] | Refusal:
    """What is taken from which lot when a subscription is cancelled: all, or it is refused while any window is closed.

    Args:
        lots: all of a subscription.
        at: when it is asked for.
        renews_on: when the subscription can end without a window; None: it doesn't renew.
    """
    there = [lot for lot in lots if lot.remaining]
    open_ones = open_lots(there, at)
    if len(open_ones) < len(there):
        units = sum(lot.remaining for lot in there)
        return _too_late(units, sum(lot.remaining for lot in open_ones), renews_on)
    return [Taken(lot.id, lot.remaining) for lot in open_ones]


def _too_late(wanted: int, possible: int, renews_on: date | None) -> Refusal:
    instead = f" All can go at the renewal on {renews_on}." if renews_on else ""
    return Refusal(
        UserErrorCode.OUTSIDE_WINDOW,
        f"Of the {wanted}, {possible} can be given back now; for the others the time has passed.{instead}",
        possible_on=renews_on,
        possible_quantity=possible,
    )


def refund(policy: RefundPolicy, charge: Charge, quantity: int, on: date) -> int:
    """What of a charge is returned for so many of its units, in micros.

    The day on which units are given back is returned with those after it. What is returned of a charge, in however many
    steps, never exceeds it.

    Args:
        policy: the plan's.
        charge: of an edge, for units of the lot from which the units are taken.
        quantity: of the units that the charge paid for and that are still there.
        on: the day on which they are given back.

    Raises:
        ValueError: the charge didn't pay for that many that are still there.
    """
    share = share_of(charge, quantity)
    if policy is RefundPolicy.FULL:
        return share
    if policy is RefundPolicy.NONE or charge.paid is None:
        return 0
    return payable(unused(share, charge.paid, on), charge.currency)


def unused(micros: int, paid: Span, on: date) -> int:
    """What a charge paid for the days from that one on, in micros."""
    return prorated(micros, Span(on, max(on, paid.end)).within(paid), paid)


def share_of(charge: Charge, quantity: int) -> int:
    """The part of the charge that those units bear. The parts of all its units add up to it."""
    returned = charge.returned + quantity
    if quantity < 0 or not 0 <= charge.returned <= returned <= charge.units:
        raise ValueError(f"{quantity} units can't be returned of {charge}.")
    return _borne_by(charge, returned) - _borne_by(charge, charge.returned)


def _borne_by(charge: Charge, units: int) -> int:
    return payable(charge.micros * units, charge.currency, charge.units)
