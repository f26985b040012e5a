"""Amounts: what a quantity costs under a price, for a part of a period, in another period or currency.

All are whole micros (docs/decisions/0001-money-in-micros.md). Where a division leaves a rest, the result is rounded
half up to the micro, away from zero on either side, so that a refund mirrors its charge; once, at the end of: an
average unit price, what is due by a day of a period, a conversion between periods, an exchange. What comes of them is
rounded again when it is charged or returned, once, to what can be paid (`models/currency.py`).
"""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

import orjson

from models.base import MICROS, PeriodType
from models.currency import half_up
from models.price import PriceModel
from resolvers.ordering.periods import Period, Span

MOST = 9_000_000_000 * MICROS
"""The largest amount of one line or charge, as for imports: sums of them still fit into 64 bits."""

_MONTHS = {PeriodType.YEAR: Fraction(12), PeriodType.MONTH: Fraction(1), PeriodType.DAY: Fraction(12, 365)}

_RATE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")


class TooMuchError(ValueError):
    """The amount is larger than `MOST`."""


@dataclass(frozen=True, slots=True)
class Tier:
    """From so many units up, each costs so much."""

    lower_limit: int
    unit_micros: int


@dataclass(frozen=True, slots=True)
class Tiers:
    """How a price depends on the quantity: ascending, the first tier from one unit up.

    Raises:
        ValueError: the first doesn't begin at 1, or they don't ascend.
    """

    model: PriceModel
    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        limits = [tier.lower_limit for tier in self.tiers]
        if limits[:1] != [1] or limits != sorted(set(limits)):
            raise ValueError("Tiers begin at 1 and ascend.")

    @classmethod
    def stored(cls, model: PriceModel, amount_micros: int, tiers: str | None) -> "Tiers":
        """As a row of the table `price` holds them: the first tier's amount, and the others as JSON or None."""
        above = (Tier(limit, micros) for limit, micros in orjson.loads(tiers or "[]"))
        return cls(model, (Tier(1, amount_micros), *above))

    def unit(self, counted: int) -> int:
        """The unit price, in micros, of the tier that so many units reach; the first for less than one."""
        reached = [tier.unit_micros for tier in self.tiers if tier.lower_limit <= counted]
        return reached[-1] if reached else self.tiers[0].unit_micros

    def graduated(self, units: int) -> int:
        """What the first so many units cost together, in micros, each at the price of the tier into which it falls."""
        ends = [tier.lower_limit - 1 for tier in self.tiers[1:]] + [units]
        return sum(
            max(min(end, units) - tier.lower_limit + 1, 0) * tier.unit_micros
            for tier, end in zip(self.tiers, ends, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """What may count toward a tier, beside the line itself.

    Args:
        owned: what the subscription has of the product already; 0 for a sales order, and when it is renewed.
        in_order: all units of the product in the order, the line's own among them; None: only the line's own.
        of_unit: all units with the product's unit of measure, in the order or, at renewal, in the subscription,
            the line's own among them; None: only the line's own.
    """

    owned: int = 0
    in_order: int | None = None
    of_unit: int | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """What a line costs for one billing period, in micros.

    Args:
        unit_micros: for one unit; the average, rounded, where units cost differently.
        extended_micros: for all of them, exact.
    """

    unit_micros: int
    extended_micros: int


def amount(tiers: Tiers, quantity: int, counts: Counts | None = None) -> Amount:
    """What so many further units cost for one billing period.

    * FLAT: the same for each.
    * TIERED: each unit at the price of the tier into which it falls, counted on from what is owned: tiers of 10 from
      1, of 5 from 11 and of 3 from 21 make 30 units 180, and the 5 units after the first 8 make 2 * 10 + 3 * 5
      (CloudBlue, Billing Provider's Guide, "Configuring Tiered Pricing").
    * VOLUME_*: all the units at the price of the tier that is reached, by what the subscription then has, by what the
      order has of the product, or by what there is of the unit of measure (same guide, "Offer with Volume Pricing").

    Args:
        tiers: the price.
        counts: what else counts toward a tier; None: nothing.
        quantity: at least 1. What is given back is worked out from what was charged: see `refunds.py`.

    Raises:
        ValueError: the quantity is less than 1.
        TooMuchError: the amount can't be counted.
    """
    if quantity < 1:
        raise ValueError(f"{quantity} units have no price.")
    counts = counts or Counts()
    if tiers.model is PriceModel.TIERED:
        extended = tiers.graduated(counts.owned + quantity) - tiers.graduated(counts.owned)
        return Amount(half_up(extended, quantity), countable(extended))
    unit = tiers.unit(_counted(tiers.model, quantity, counts))
    return Amount(unit, countable(unit * quantity))


def _counted(model: PriceModel, quantity: int, counts: Counts) -> int:
    if model is PriceModel.VOLUME_SUBSCRIPTION:
        return counts.owned + quantity
    if model is PriceModel.VOLUME_ORDER:
        return quantity if counts.in_order is None else counts.in_order
    if model is PriceModel.VOLUME_RESOURCE_AGGREGATED:
        return quantity if counts.of_unit is None else counts.of_unit
    return 1


def prorated(micros: int, part: Span, whole: Span) -> int:
    """A period's amount for some of its days.

    Worked out as the difference of what is due by the part's end and by its start, so that the parts of a period add up
    to its amount exactly, however it is cut.

    Raises:
        ValueError: the part doesn't lie in the whole, or the whole has no days.
    """
    if not (whole.start <= part.start and part.end <= whole.end and whole.days):
        raise ValueError(f"{part} is no part of {whole}.")
    return _due_by(micros, part.end, whole) - _due_by(micros, part.start, whole)


def _due_by(micros: int, day: date, whole: Span) -> int:
    return half_up(micros * (day - whole.start).days, whole.days)


def converted(micros: int, stated: Period, wanted: Period) -> int:
    """A price for one period as a price for another.

    A year is twelve months; a day is 12/365 of a month, as in docs/import.md.

    Raises:
        ValueError: a period between statement days, whose length nobody knows.
    """
    ratio = _months(wanted) / _months(stated)
    return half_up(micros * ratio.numerator, ratio.denominator)


def _months(period: Period) -> Fraction:
    if period.type not in _MONTHS:
        raise ValueError(f"{period.type} is of no fixed length.")
    return _MONTHS[period.type] * period.duration


def rate(text: str) -> Decimal:
    """An exchange rate as it is kept on a line: how much of the wanted currency one unit of the other is.

    Raises:
        ValueError: no decimal number above zero, or one of more than twelve digits before or after the point.
    """
    if not (_RATE.fullmatch(text) and Decimal(text)):
        raise ValueError(f"{text!r} is no exchange rate.")
    return Decimal(text)


def exchanged(micros: int, at_rate: Decimal) -> int:
    """An amount in another currency.

    Raises:
        TooMuchError: the amount can't be counted.
    """
    numerator, denominator = at_rate.as_integer_ratio()
    return countable(half_up(micros * numerator, denominator))


def countable(micros: int) -> int:
    """The amount, if it can be counted.

    Raises:
        TooMuchError: it can't.
    """
    if abs(micros) > MOST:
        raise TooMuchError(f"More than {MOST // MICROS:,} can't be charged at once.")
    return micros
