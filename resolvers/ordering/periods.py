"""Dates of subscriptions: where periods end, when they renew, what is billed when, and how ends are aligned.

Days are the marketplace's own. A span ends on the first day that no longer belongs to it: the renewal date of a
subscription is both the end of one term and the start of the next, and adjacent spans share no day.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count

from models.base import PeriodType
from models.plan import BillingModel
from models.product import CotermingRequirement, CotermingType
from resolvers.errors import UserErrorCode
from resolvers.ordering.refusal import Refusal

_MONTHS = {PeriodType.MONTH: 1, PeriodType.STATEMENT_DAY: 1, PeriodType.YEAR: 12}


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time: so many days, months, years, or months between statement days.

    Raises:
        ValueError: less than one, or of unknown length.
    """

    type: PeriodType
    duration: int

    def __post_init__(self) -> None:
        if self.type is PeriodType.UNKNOWN or self.duration < 1:
            raise ValueError(f"{self.duration} {self.type} is no length of time.")


@dataclass(frozen=True, slots=True)
class Span:
    """The days from `start` up to but not including `end`.

    Raises:
        ValueError: it ends before it starts.
    """

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"{self.end} lies before {self.start}.")

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end - self.start).days

    def within(self, other: "Span") -> "Span":
        """What of it lies in the other; without days, at that end of the other to which it lies nearer."""
        start = min(max(self.start, other.start), other.end)
        return Span(start, max(start, min(self.end, other.end)))


@dataclass(frozen=True, slots=True)
class Bill:
    """A charge to be made.

    Args:
        due_on: the day on which it is made.
        part: the days that it pays for.
        whole: the billing period for which the price is stated; longer than `part` where a term or lot starts or ends
            inside it.
    """

    due_on: date
    part: Span
    whole: Span


def later(anchor: date, period: Period, times: int = 1) -> date:
    """The day on which the last of so many periods that follow one another from the anchor ends.

    Months are counted from the anchor, not from one end to the next: from 31 January they end on 28 February,
    31 March, 30 April. A day that the month doesn't have is its last, so that 29 February and a year is 28 February
    and four years are 29 February again.
    """
    if period.type is PeriodType.DAY:
        return anchor + timedelta(days=period.duration * times)
    months = anchor.year * 12 + anchor.month - 1 + _MONTHS[period.type] * period.duration * times
    return _in_month(months // 12, months % 12 + 1, anchor.day)


def elapsed(anchor: date, period: Period, on: date) -> int:
    """How many of the periods that follow one another from the anchor have ended by that day.

    Raises:
        ValueError: the day lies before the anchor.
    """
    if on < anchor:
        raise ValueError(f"{on} lies before {anchor}.")
    if period.type is PeriodType.DAY:
        return (on - anchor).days // period.duration
    months = (on.year - anchor.year) * 12 + on.month - anchor.month
    times = months // (_MONTHS[period.type] * period.duration)
    return times if later(anchor, period, times) <= on else times - 1


def period_at(anchor: date, period: Period, on: date) -> Span:
    """That of the periods that follow one another from the anchor in which the day lies."""
    times = elapsed(anchor, period, on)
    return Span(later(anchor, period, times), later(anchor, period, times + 1))


def next_renewal(anchor: date, period: Period, after: date) -> date:
    """The first day after the given one on which a subscription renews whose first full term began at the anchor."""
    return period_at(anchor, period, after).end


def billing_periods(term: Span, billing: Period, statement_day: int | None = None) -> Iterator[tuple[Span, Span]]:
    """The billing periods of a term: what of each lies in the term, and the whole of it.

    Args:
        term: what is billed; a lot that was added later is the days from then to the term's end, within billing periods
            that are counted from the term's start (use `cut`).
        billing: how long they are. They follow one another from the term's start; those between statement days from
            the statement day before it.
        statement_day: the day of the month on which the account's statements are made, its last if it has no such day;
            needed for STATEMENT_DAY.

    Raises:
        ValueError: a statement day is needed, and there is none.
    """
    anchor = term.start if billing.type is not PeriodType.STATEMENT_DAY else _december(term.start, statement_day)
    first = elapsed(anchor, billing, term.start)
    for times in count(first):
        whole = Span(later(anchor, billing, times), later(anchor, billing, times + 1))
        if whole.start >= term.end:
            return
        yield whole.within(term), whole


def bills(model: BillingModel, term: Span, billing: Period, statement_day: int | None = None) -> list[Bill]:
    """Every charge of a term, in order; none where rating is done elsewhere (Simple API 1.15, `billingModel`)."""
    if model is BillingModel.CHARGE_EXTERNAL_RATING:
        return []
    return [
        Bill(_due_on(model, term, part), part, whole) for part, whole in billing_periods(term, billing, statement_day)
    ]


def cut(bill_list: list[Bill], lot: Span) -> list[Bill]:
    """The charges of a lot that was added in the middle of a term: its days of each, due once it was added.

    The lot ends with the term that it joins (co-terming), and only the rest of the running billing period is charged.
    """
    parts = ((bill, bill.part.within(lot)) for bill in bill_list)
    return [Bill(max(bill.due_on, lot.start), part, bill.whole) for bill, part in parts if part.days]


def end_of_term(start: date, period: Period) -> date:
    """The renewal date of a term that isn't aligned with anything."""
    return later(start, period)


def end_of_month_term(start: date, period: Period) -> date:
    """The renewal date of a term whose last day is the last of a month: the longest that isn't longer than the period.

    A month from 15 January ends with January; a year from 15 January ends with the December of that year. A period
    that is too short to reach the end of a month isn't aligned.
    """
    full = later(start, period)
    aligned = full.replace(day=1)
    return aligned if aligned > start else full


def aligned_end(start: date, period: Period, other_end: date) -> date | Refusal:
    """The renewal date of a term that ends together with another subscription.

    A term may be shortened for that, never lengthened.
    """
    full = later(start, period)
    if start < other_end <= full:
        return other_end
    lies = "has ended by then" if other_end <= start else f"ends later than this one can, which is {full}"
    return Refusal(UserErrorCode.COTERMING, f"The subscription to end together with {lies}.")


def coterming_refusal(
    requirement: CotermingRequirement, allowed: CotermingType | None, asked: CotermingType | None
) -> Refusal | None:
    """Whether a product's end may be aligned as asked (Simple API 1.15, `Product.coterming`); None: it may.

    Args:
        requirement: the product's.
        allowed: with what it is aligned; None: with anything.
        asked: with what the order aligns it; None: with nothing.
    """
    if asked is None:
        if requirement is CotermingRequirement.MANDATORY:
            return Refusal(UserErrorCode.COTERMING, "The product's end must be aligned. Say with what.")
        return None
    if requirement is CotermingRequirement.RESTRICTED:
        return Refusal(UserErrorCode.COTERMING, "The product's end can't be aligned.")
    if allowed not in (None, asked):
        return Refusal(UserErrorCode.COTERMING, f"The product's end can be aligned with {allowed} only.")
    return None


def _in_month(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, monthrange(year, month)[1]))


def _december(before: date, day: int | None) -> date:
    """A statement day in a December before: a month that has every day, so that none is lost by counting from it."""
    if day is None or not 1 <= day <= 31:
        raise ValueError(f"{day} is no day on which statements are made.")
    return date(before.year - 1, 12, day)


def _due_on(model: BillingModel, term: Span, part: Span) -> date:
    if model is BillingModel.CHARGE_BEFORE_SUBSCRIPTION_PERIOD:
        return term.start
    return part.end if model is BillingModel.CHARGE_AFTER_BILLING_PERIOD else part.start
