"""Giving back: which lots are taken, until when, what is returned of a charge; and changing plans on the way."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.base import MICROS, PeriodType
from models.currency import smallest
from models.plan import RefundPolicy
from models.plan_switch import SwitchPolicy, SwitchTime
from resolvers.errors import UserErrorCode
from resolvers.ordering.periods import Period, Span, later
from resolvers.ordering.refunds import (
    Charge,
    Lot,
    Taken,
    cancellation,
    decrease,
    open_lots,
    refund,
    window_until,
)
from resolvers.ordering.refusal import Refusal
from resolvers.ordering.switches import new_term, returned, waits

PRORATED, FULL, NONE = RefundPolicy.PRORATED, RefundPolicy.FULL, RefundPolicy.NONE
START = datetime(2026, 1, 1, 9, 30, tzinfo=UTC)
RENEWAL = date(2027, 1, 1)
HOUR = timedelta(hours=1)


def lot(number: int, remaining: int, bought: datetime = START, policy: RefundPolicy = PRORATED) -> Lot:
    return Lot(number, remaining, bought, window_until(policy, bought, 168))


@pytest.mark.parametrize(
    ("policy", "hours", "expected"),
    [
        (PRORATED, 168, datetime(2026, 1, 8, 9, 30, tzinfo=UTC)),
        (PRORATED, 0, START),
        (PRORATED, 72, datetime(2026, 1, 4, 9, 30, tzinfo=UTC)),
        (FULL, 168, datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        (NONE, 168, None),
    ],
)
def test_a_window_is_as_long_as_the_plan_says(policy: RefundPolicy, hours: int, expected: datetime | None) -> None:
    assert window_until(policy, START, hours) == expected


def test_a_window_is_open_up_to_its_last_moment_and_not_at_its_end() -> None:
    (it,) = lots = [lot(1, 5)]
    end = START + 168 * HOUR

    assert decrease(lots, 5, end - timedelta(milliseconds=1), RENEWAL) == [Taken(it.id, 5)]
    assert isinstance(decrease(lots, 5, end, RENEWAL), Refusal)


SEATS = [lot(1, 10), lot(2, 5, START + 100 * HOUR), lot(3, 2, START + 150 * HOUR)]


@pytest.mark.parametrize(
    ("quantity", "hours", "expected"),
    [
        (1, 160, [Taken(3, 1)]),
        (3, 160, [Taken(3, 2), Taken(2, 1)]),
        (17, 160, [Taken(3, 2), Taken(2, 5), Taken(1, 10)]),
        (7, 200, [Taken(3, 2), Taken(2, 5)]),
        (2, 300, [Taken(3, 2)]),
    ],
)
def test_a_decrease_takes_the_latest_lots_first(quantity: int, hours: int, expected: list[Taken]) -> None:
    for lots in (SEATS, SEATS[::-1]):
        assert decrease(lots, quantity, START + hours * HOUR, RENEWAL) == expected


@pytest.mark.parametrize(("quantity", "hours", "possible"), [(8, 200, 7), (3, 300, 2), (1, 400, 0)])
def test_a_decrease_beyond_the_open_windows_is_told_what_is_possible_and_when(
    quantity: int, hours: int, possible: int
) -> None:
    refusal = decrease(SEATS, quantity, START + hours * HOUR, RENEWAL)

    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.possible_on) == (UserErrorCode.OUTSIDE_WINDOW, RENEWAL)
    assert refusal.possible_quantity == possible
    assert "2027-01-01" in refusal.message


def test_what_does_not_renew_cannot_be_given_back_at_its_renewal() -> None:
    refusal = decrease(SEATS, 1, START + 400 * HOUR, None)

    assert isinstance(refusal, Refusal)
    assert refusal.possible_on is None
    assert "renewal" not in refusal.message


@pytest.mark.parametrize("quantity", [0, -1, 18])
def test_units_that_are_not_there_are_not_taken(quantity: int) -> None:
    with pytest.raises(ValueError, match="can't be taken"):
        decrease(SEATS, quantity, START, RENEWAL)


def test_lots_bought_at_once_are_taken_in_the_reverse_of_their_order() -> None:
    assert decrease([lot(1, 1), lot(2, 1)], 1, START, RENEWAL) == [Taken(2, 1)]


def test_a_cancellation_takes_everything_while_every_window_is_open() -> None:
    lots = [*SEATS, lot(4, 0)]

    assert cancellation(lots, START + 160 * HOUR, RENEWAL) == [Taken(3, 2), Taken(2, 5), Taken(1, 10)]


def test_a_cancellation_is_refused_when_one_window_has_closed() -> None:
    refusal = cancellation(SEATS, START + 200 * HOUR, RENEWAL)

    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.possible_on) == (UserErrorCode.OUTSIDE_WINDOW, RENEWAL)
    assert refusal.possible_quantity == 7


def test_a_closed_window_of_units_that_are_gone_does_not_matter() -> None:
    lots = [lot(1, 0), lot(2, 5, START + 100 * HOUR)]

    assert cancellation(lots, START + 200 * HOUR, RENEWAL) == [Taken(2, 5)]


def test_without_refunds_units_go_at_any_time() -> None:
    lots = [lot(1, 3, policy=NONE)]

    assert cancellation(lots, START + 9_000 * HOUR, RENEWAL) == [Taken(1, 3)]
    assert refund(NONE, Charge(300 * MICROS, 3, 0, None, "EUR"), 3, RENEWAL) == 0


def test_open_lots_are_shown_in_the_order_in_which_they_are_taken() -> None:
    assert [one.id for one in open_lots(SEATS, START + 200 * HOUR)] == [3, 2]


lot_lists = st.lists(
    st.builds(
        lambda number, remaining, hours: lot(number, remaining, START + hours * HOUR),
        st.integers(1, 10**6),
        st.integers(0, 50),
        st.integers(0, 400),
    ),
    max_size=6,
    unique_by=lambda one: one.id,
)


@given(lot_lists, st.integers(1, 300), st.integers(0, 700))
def test_what_is_taken_is_what_was_asked_for_and_no_lot_gives_more_than_it_has(
    lots: list[Lot], quantity: int, hours: int
) -> None:
    at = START + hours * HOUR
    by_id = {one.id: one for one in lots}
    if quantity > sum(one.remaining for one in lots):
        return
    found = decrease(lots, quantity, at, RENEWAL)
    if isinstance(found, Refusal):
        possible = found.possible_quantity
        assert possible == sum(one.remaining for one in lots if one.is_open(at))
        assert possible < quantity
        return

    assert sum(one.quantity for one in found) == quantity
    assert all(1 <= one.quantity <= by_id[one.lot_id].remaining for one in found)
    assert all(by_id[one.lot_id].is_open(at) for one in found)
    # Whatever is later than a lot of which something is taken was taken whole.
    earliest = min(by_id[one.lot_id].bought_at for one in found)
    taken = {one.lot_id: one.quantity for one in found}
    for other in lots:
        if other.bought_at > earliest and other.is_open(at):
            assert taken.get(other.id, 0) == other.remaining


JULY = Span(date(2021, 7, 20), date(2021, 8, 20))


@pytest.mark.parametrize(
    ("quantity", "on", "expected"),
    [
        # Ten seats at 10.08 a month, bought on 20 July, given back on the 27th: 24 of 31 days of 100.80.
        (10, date(2021, 7, 27), 78_040_000),
        (5, date(2021, 7, 27), 39_020_000),
        (10, date(2021, 7, 20), 100_800_000),
        (10, date(2021, 8, 19), 3_250_000),
        (10, date(2021, 8, 20), 0),
        (10, date(2022, 1, 1), 0),
    ],
)
def test_within_the_window_the_unused_days_are_returned(quantity: int, on: date, expected: int) -> None:
    assert refund(PRORATED, Charge(100_800_000, 10, 0, JULY, "EUR"), quantity, on) == expected


def test_a_year_that_was_paid_at_once_is_returned_by_days_too() -> None:
    charge = Charge(365 * MICROS, 1, 0, Span(date(2026, 1, 1), date(2027, 1, 1)), "EUR")

    assert refund(PRORATED, charge, 1, date(2026, 1, 6)) == 360 * MICROS


def test_what_was_charged_once_is_returned_in_full_or_not_at_all() -> None:
    setup = Charge(99 * MICROS, 3, 0, None, "EUR")

    assert refund(FULL, setup, 1, date(2026, 1, 20)) == 33 * MICROS
    assert refund(PRORATED, setup, 1, date(2026, 1, 20)) == 0


def test_a_full_refund_does_not_count_days() -> None:
    assert refund(FULL, Charge(100_800_000, 10, 0, JULY, "EUR"), 10, date(2021, 8, 15)) == 100_800_000


@pytest.mark.parametrize(("units", "before", "quantity"), [(5, 0, 6), (5, 3, 3), (5, 0, -1), (5, 6, 0), (5, -1, 1)])
def test_no_more_units_are_returned_than_were_paid_for(units: int, before: int, quantity: int) -> None:
    with pytest.raises(ValueError, match="can't be returned"):
        refund(FULL, Charge(100, units, before, None, "EUR"), quantity, date(2026, 1, 1))


steps = st.lists(st.tuples(st.integers(0, 20), st.integers(-3, 40)), max_size=8)


currencies = st.sampled_from(["EUR", "JPY", "KWD"])


@given(st.integers(0, 10**9), st.integers(1, 60), steps, st.sampled_from(RefundPolicy), currencies)
def test_in_however_many_steps_no_more_is_returned_than_was_charged_and_always_what_can_be_paid(
    amount: int, units: int, given_back: list[tuple[int, int]], policy: RefundPolicy, currency: str
) -> None:
    micros = amount * smallest(currency)
    before, total = 0, 0
    for quantity, day in given_back:
        if before + quantity > units:
            break
        part = refund(policy, Charge(micros, units, before, JULY, currency), quantity, JULY.start + timedelta(days=day))
        assert 0 <= part <= micros
        assert part % smallest(currency) == 0
        before, total = before + quantity, total + part

    assert total <= micros
    if policy is FULL and before == units:
        assert total == micros


@given(st.integers(0, 10**15), st.integers(1, 60), st.integers(0, 60), st.integers(-3, 40))
def test_giving_back_later_never_returns_more(micros: int, units: int, quantity: int, day: int) -> None:
    charge = Charge(micros, units, 0, JULY, "EUR")
    on = JULY.start + timedelta(days=day)
    quantity = min(quantity, units)

    assert refund(PRORATED, charge, quantity, on + timedelta(days=1)) <= refund(PRORATED, charge, quantity, on)


MONTH, YEAR = Period(PeriodType.MONTH, 1), Period(PeriodType.YEAR, 1)
TERM = Span(date(2026, 1, 1), date(2027, 1, 1))
MARCH = Span(date(2026, 3, 1), date(2026, 4, 1))
TODAY = date(2026, 3, 11)
PAID = 31 * MICROS


@pytest.mark.parametrize(
    ("policy", "early", "late"),
    [
        (SwitchPolicy.PERIOD_CHANGE, 0, 0),
        (SwitchPolicy.PRORATE_STARTING_NEW_SUBSCRIPTION_PERIOD, 21, 21),
        (SwitchPolicy.PRORATE_KEEPING_EXP_DATE, 21, 21),
        (SwitchPolicy.PRORATE_REFUND, 21, 21),
        (SwitchPolicy.NO_REFUND, 0, 0),
        (SwitchPolicy.NO_REFUND_WITH_FULL_REFUND_PERIOD, 31, 0),
        (SwitchPolicy.PRORATE_REFUND_WITH_FULL_REFUND_PERIOD, 31, 21),
    ],
)
def test_a_switch_returns_what_its_policy_says(policy: SwitchPolicy, early: int, late: int) -> None:
    assert returned(policy, PAID, MARCH, TODAY, is_early=True) == early * MICROS
    assert returned(policy, PAID, MARCH, TODAY, is_early=False) == late * MICROS


@pytest.mark.parametrize("policy", SwitchPolicy)
def test_a_switch_begins_a_new_term_unless_the_old_end_is_kept(policy: SwitchPolicy) -> None:
    keeps = policy is SwitchPolicy.PRORATE_KEEPING_EXP_DATE

    assert new_term(policy, TODAY, TERM, MONTH) == Span(TODAY, TERM.end if keeps else date(2026, 4, 11))
    assert new_term(policy, TERM.end, TERM, YEAR) == Span(TERM.end, later(TERM.end, YEAR))


@pytest.mark.parametrize("policy", SwitchPolicy)
def test_a_switch_waits_for_the_renewal_if_it_is_said_so_or_if_it_changes_the_period(policy: SwitchPolicy) -> None:
    assert waits(SwitchTime.NEXT_SUBSCRIPTION_PERIOD, policy)
    assert waits(SwitchTime.IMMEDIATELY, policy) is (policy is SwitchPolicy.PERIOD_CHANGE)
