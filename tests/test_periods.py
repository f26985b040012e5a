"""Dates of subscriptions: where periods end, when they renew, what is billed when, and how ends are aligned."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.base import PeriodType
from models.plan import BillingModel
from models.product import CotermingRequirement, CotermingType
from resolvers.errors import UserErrorCode
from resolvers.ordering.periods import (
    Bill,
    Period,
    Span,
    aligned_end,
    billing_periods,
    bills,
    coterming_refusal,
    cut,
    elapsed,
    end_of_month_term,
    end_of_term,
    later,
    next_renewal,
    period_at,
)
from resolvers.ordering.refusal import Refusal

MONTH, QUARTER, YEAR = Period(PeriodType.MONTH, 1), Period(PeriodType.MONTH, 3), Period(PeriodType.YEAR, 1)
STATEMENT = Period(PeriodType.STATEMENT_DAY, 1)
BEFORE, AFTER = BillingModel.CHARGE_BEFORE_BILLING_PERIOD, BillingModel.CHARGE_AFTER_BILLING_PERIOD

days = st.dates(date(2000, 1, 1), date(2100, 12, 31))
periods = st.builds(
    Period, st.sampled_from([PeriodType.DAY, PeriodType.MONTH, PeriodType.YEAR]), st.integers(1, 36)
).filter(lambda period: period.type is not PeriodType.YEAR or period.duration <= 5)


def span(start: str, end: str) -> Span:
    return Span(date.fromisoformat(start), date.fromisoformat(end))


@pytest.mark.parametrize(
    ("anchor", "period", "times", "expected"),
    [
        ("2026-01-15", MONTH, 1, "2026-02-15"),
        ("2026-01-31", MONTH, 1, "2026-02-28"),
        ("2026-01-31", MONTH, 2, "2026-03-31"),
        ("2026-01-31", MONTH, 3, "2026-04-30"),
        ("2024-01-31", MONTH, 1, "2024-02-29"),
        ("2026-12-31", MONTH, 2, "2027-02-28"),
        ("2024-02-29", YEAR, 1, "2025-02-28"),
        ("2024-02-29", YEAR, 4, "2028-02-29"),
        ("2025-02-28", YEAR, 3, "2028-02-28"),
        ("2026-11-30", QUARTER, 1, "2027-02-28"),
        ("2026-01-31", STATEMENT, 1, "2026-02-28"),
        ("2026-02-28", Period(PeriodType.DAY, 30), 1, "2026-03-30"),
        ("2026-01-15", Period(PeriodType.YEAR, 3), 0, "2026-01-15"),
    ],
)
def test_a_period_ends_on_the_same_day_of_a_later_month_or_on_its_last(
    anchor: str, period: Period, times: int, expected: str
) -> None:
    assert later(date.fromisoformat(anchor), period, times) == date.fromisoformat(expected)


@given(days, periods, st.integers(0, 60))
def test_counting_periods_undoes_adding_them(anchor: date, period: Period, times: int) -> None:
    end = later(anchor, period, times)

    assert elapsed(anchor, period, end) == times
    if times:
        assert elapsed(anchor, period, end - timedelta(days=1)) == times - 1


@given(days, periods, st.integers(0, 5_000))
def test_every_day_lies_in_one_period_and_periods_leave_no_gap(anchor: date, period: Period, ahead: int) -> None:
    on = anchor + timedelta(days=ahead)
    found = period_at(anchor, period, on)

    assert found.start <= on < found.end
    assert period_at(anchor, period, found.end).start == found.end
    assert next_renewal(anchor, period, on) == found.end


def test_the_day_of_a_renewal_belongs_to_the_next_term() -> None:
    assert next_renewal(date(2026, 1, 31), MONTH, date(2026, 2, 27)) == date(2026, 2, 28)
    assert next_renewal(date(2026, 1, 31), MONTH, date(2026, 2, 28)) == date(2026, 3, 31)


def test_nothing_has_elapsed_before_the_beginning() -> None:
    with pytest.raises(ValueError, match="before"):
        elapsed(date(2026, 1, 2), MONTH, date(2026, 1, 1))


@pytest.mark.parametrize(("of_type", "duration"), [(PeriodType.UNKNOWN, 1), (PeriodType.MONTH, 0)])
def test_a_length_that_nobody_knows_is_no_period(of_type: PeriodType, duration: int) -> None:
    with pytest.raises(ValueError, match="no length of time"):
        Period(of_type, duration)


def test_a_span_does_not_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match="lies before"):
        span("2026-01-02", "2026-01-01")


@given(days, days, days, days)
def test_what_lies_within_a_span_has_the_days_that_both_have(a: date, b: date, c: date, d: date) -> None:
    one, other = Span(min(a, b), max(a, b)), Span(min(c, d), max(c, d))
    common = one.within(other)

    assert other.start <= common.start <= common.end <= other.end
    assert common.days == max(0, (min(one.end, other.end) - max(one.start, other.start)).days)


def test_a_year_billed_monthly_is_charged_at_the_start_of_each_month() -> None:
    found = bills(BEFORE, span("2026-01-31", "2027-01-31"), MONTH)

    assert len(found) == 12
    assert found[0] == Bill(date(2026, 1, 31), span("2026-01-31", "2026-02-28"), span("2026-01-31", "2026-02-28"))
    assert [bill.due_on.day for bill in found] == [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


def test_a_charge_afterwards_is_due_when_its_period_has_ended() -> None:
    found = bills(AFTER, span("2026-01-15", "2026-04-15"), MONTH)

    assert [bill.due_on for bill in found] == [date(2026, 2, 15), date(2026, 3, 15), date(2026, 4, 15)]


def test_a_charge_for_the_whole_term_is_due_at_its_start() -> None:
    found = bills(BillingModel.CHARGE_BEFORE_SUBSCRIPTION_PERIOD, span("2026-01-15", "2026-04-15"), MONTH)

    assert {bill.due_on for bill in found} == {date(2026, 1, 15)}
    assert sum(bill.part.days for bill in found) == 90


def test_what_is_rated_elsewhere_is_not_charged_here() -> None:
    assert bills(BillingModel.CHARGE_EXTERNAL_RATING, span("2026-01-15", "2027-01-15"), MONTH) == []


def test_a_term_that_was_shortened_ends_inside_a_billing_period() -> None:
    found = list(billing_periods(span("2026-01-15", "2026-08-01"), QUARTER))

    assert found[-1] == (span("2026-07-15", "2026-08-01"), span("2026-07-15", "2026-10-15"))


def test_bills_between_statement_days_begin_and_end_inside_them() -> None:
    found = list(billing_periods(span("2026-01-15", "2026-04-15"), STATEMENT, statement_day=31))

    assert found == [
        (span("2026-01-15", "2026-01-31"), span("2025-12-31", "2026-01-31")),
        (span("2026-01-31", "2026-02-28"), span("2026-01-31", "2026-02-28")),
        (span("2026-02-28", "2026-03-31"), span("2026-02-28", "2026-03-31")),
        (span("2026-03-31", "2026-04-15"), span("2026-03-31", "2026-04-30")),
    ]


@pytest.mark.parametrize("day", [None, 0, 32])
def test_bills_between_statement_days_need_a_day_of_the_month(day: int | None) -> None:
    with pytest.raises(ValueError, match="statements"):
        list(billing_periods(span("2026-01-15", "2026-04-15"), STATEMENT, statement_day=day))


@given(days, st.integers(1, 1_200), periods)
def test_billing_periods_cover_a_term_without_gap_or_overlap(start: date, length: int, billing: Period) -> None:
    term = Span(start, start + timedelta(days=length))
    parts = [part for part, _ in billing_periods(term, billing)]

    assert parts[0].start == term.start
    assert parts[-1].end == term.end
    assert all(part.days for part in parts)
    assert all(one.end == other.start for one, other in pairwise(parts))


@given(days, st.integers(1, 800), st.integers(1, 31))
def test_statement_days_cover_a_term_without_gap_or_overlap(start: date, length: int, day: int) -> None:
    term = Span(start, start + timedelta(days=length))
    found = list(billing_periods(term, STATEMENT, statement_day=day))

    assert found[0][0].start == term.start
    assert sum(part.days for part, _ in found) == term.days
    assert all(whole.start <= part.start < part.end <= whole.end for part, whole in found)


def test_units_that_are_added_are_charged_from_then_to_the_end_of_the_term_they_join() -> None:
    term = bills(BEFORE, span("2026-01-15", "2026-04-15"), MONTH)
    found = cut(term, span("2026-02-20", "2026-04-15"))

    assert found == [
        Bill(date(2026, 2, 20), span("2026-02-20", "2026-03-15"), span("2026-02-15", "2026-03-15")),
        Bill(date(2026, 3, 15), span("2026-03-15", "2026-04-15"), span("2026-03-15", "2026-04-15")),
    ]


def test_units_that_are_added_to_a_term_paid_at_its_start_are_paid_when_they_are_added() -> None:
    term = bills(BillingModel.CHARGE_BEFORE_SUBSCRIPTION_PERIOD, span("2026-01-15", "2026-04-15"), MONTH)

    assert {bill.due_on for bill in cut(term, span("2026-02-20", "2026-04-15"))} == {date(2026, 2, 20)}


@pytest.mark.parametrize(
    ("start", "period", "expected"),
    [
        ("2026-01-15", MONTH, "2026-02-01"),
        ("2026-01-15", YEAR, "2027-01-01"),
        ("2026-02-01", MONTH, "2026-03-01"),
        ("2026-01-31", MONTH, "2026-02-01"),
        ("2024-02-29", YEAR, "2025-02-01"),
        ("2026-01-05", Period(PeriodType.DAY, 10), "2026-01-15"),
    ],
)
def test_a_term_aligned_with_the_end_of_a_month_is_the_longest_that_the_period_allows(
    start: str, period: Period, expected: str
) -> None:
    assert end_of_month_term(date.fromisoformat(start), period) == date.fromisoformat(expected)


@given(days, periods)
def test_a_term_is_never_lengthened_by_aligning_it(start: date, period: Period) -> None:
    aligned, full = end_of_month_term(start, period), end_of_term(start, period)

    assert start < aligned <= full
    assert aligned.day == 1 or aligned == full


@given(days, periods, st.integers(-400, 4_000))
def test_a_term_ends_together_with_another_if_it_can(start: date, period: Period, ahead: int) -> None:
    other, full = start + timedelta(days=ahead), end_of_term(start, period)
    found = aligned_end(start, period, other)

    if start < other <= full:
        assert found == other
    else:
        assert isinstance(found, Refusal)
        assert found.code is UserErrorCode.COTERMING


MANDATORY, ALLOWED, RESTRICTED = CotermingRequirement
WITH_SUBSCRIPTION, WITH_MONTH = CotermingType


@pytest.mark.parametrize(
    ("requirement", "allowed", "asked", "may"),
    [
        (MANDATORY, WITH_MONTH, None, False),
        (MANDATORY, WITH_MONTH, WITH_MONTH, True),
        (MANDATORY, WITH_MONTH, WITH_SUBSCRIPTION, False),
        (ALLOWED, None, None, True),
        (ALLOWED, None, WITH_SUBSCRIPTION, True),
        (ALLOWED, WITH_SUBSCRIPTION, WITH_MONTH, False),
        (RESTRICTED, None, None, True),
        (RESTRICTED, None, WITH_MONTH, False),
    ],
)
def test_an_end_is_aligned_as_the_product_has_it(
    requirement: CotermingRequirement, allowed: CotermingType | None, asked: CotermingType | None, may: bool
) -> None:
    refusal = coterming_refusal(requirement, allowed, asked)

    assert (refusal is None) is may
    assert refusal is None or refusal.code is UserErrorCode.COTERMING


@given(days, periods, st.integers(0, 30))
def test_renewals_from_the_first_day_do_not_drift(anchor: date, period: Period, times: int) -> None:
    day = anchor
    for _ in range(times):
        day = next_renewal(anchor, period, day)

    assert day == later(anchor, period, times)
