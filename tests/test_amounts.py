"""Amounts: what a quantity costs under a price, for a part of a period, in another period or currency."""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.base import MICROS, PeriodType
from models.currency import half_up
from models.price import PriceModel
from resolvers.ordering.amounts import (
    MOST,
    Amount,
    Counts,
    Tier,
    Tiers,
    TooMuchError,
    amount,
    converted,
    countable,
    exchanged,
    prorated,
    rate,
)
from resolvers.ordering.periods import Period, Span, later

FLAT, TIERED = PriceModel.FLAT, PriceModel.TIERED
VOLUMES = (PriceModel.VOLUME_SUBSCRIPTION, PriceModel.VOLUME_ORDER, PriceModel.VOLUME_RESOURCE_AGGREGATED)
MONTH, YEAR, DAY = Period(PeriodType.MONTH, 1), Period(PeriodType.YEAR, 1), Period(PeriodType.DAY, 1)


def units(*amounts: str) -> list[int]:
    return [int(Decimal(text) * MICROS) for text in amounts]


def tiers(model: PriceModel, *steps: tuple[int, str]) -> Tiers:
    return Tiers(model, tuple(Tier(limit, units(text)[0]) for limit, text in steps))


STEPS = ((1, "10"), (11, "5"), (21, "3"))
"""The example of the platform's guide: units 1 to 10 at 10, 11 to 20 at 5, all further ones at 3."""


@pytest.mark.parametrize(
    ("quantity", "owned", "extended"),
    [(10, 0, "100"), (20, 0, "150"), (30, 0, "180"), (33, 0, "189"), (5, 8, "35"), (1, 10, "5"), (4, 30, "12")],
)
def test_with_tiers_each_unit_costs_what_its_own_tier_says(quantity: int, owned: int, extended: str) -> None:
    found = amount(tiers(TIERED, *STEPS), quantity, Counts(owned=owned))

    assert found.extended_micros == units(extended)[0]


def test_the_unit_price_of_tiers_is_the_average() -> None:
    assert amount(tiers(TIERED, *STEPS), 30) == Amount(*units("6", "180"))
    assert amount(tiers(TIERED, *STEPS), 11) == Amount(9_545_455, 105 * MICROS)


@pytest.mark.parametrize(
    ("model", "counts", "unit"),
    [
        (PriceModel.VOLUME_SUBSCRIPTION, Counts(), "10"),
        (PriceModel.VOLUME_SUBSCRIPTION, Counts(owned=6), "5"),
        (PriceModel.VOLUME_SUBSCRIPTION, Counts(owned=16), "3"),
        (PriceModel.VOLUME_SUBSCRIPTION, Counts(in_order=30, of_unit=30), "10"),
        (PriceModel.VOLUME_ORDER, Counts(owned=30, of_unit=30), "10"),
        (PriceModel.VOLUME_ORDER, Counts(in_order=11), "5"),
        (PriceModel.VOLUME_RESOURCE_AGGREGATED, Counts(owned=30, in_order=30), "10"),
        (PriceModel.VOLUME_RESOURCE_AGGREGATED, Counts(of_unit=21), "3"),
        (FLAT, Counts(owned=30, in_order=30, of_unit=30), "10"),
    ],
)
def test_with_volumes_all_units_cost_what_the_tier_that_is_reached_says(
    model: PriceModel, counts: Counts, unit: str
) -> None:
    (micros,) = units(unit)

    assert amount(tiers(model, *STEPS), 5, counts) == Amount(micros, 5 * micros)


def test_a_price_is_read_as_its_row_holds_it() -> None:
    found = Tiers.stored(TIERED, 10 * MICROS, "[[11,5000000],[21,3000000]]")

    assert found == tiers(TIERED, *STEPS)
    assert Tiers.stored(FLAT, 10 * MICROS, None) == tiers(FLAT, (1, "10"))


@pytest.mark.parametrize("limits", [(), (2,), (1, 1), (1, 20, 10)])
def test_tiers_that_do_not_ascend_from_one_are_none(limits: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="ascend"):
        Tiers(TIERED, tuple(Tier(limit, 1) for limit in limits))


@pytest.mark.parametrize("quantity", [0, -1])
def test_nothing_has_no_price(quantity: int) -> None:
    with pytest.raises(ValueError, match="no price"):
        amount(tiers(FLAT, (1, "10")), quantity)


def test_an_amount_that_cannot_be_counted_is_refused() -> None:
    assert amount(tiers(FLAT, (1, "9000000000")), 1).extended_micros == MOST
    with pytest.raises(TooMuchError, match=r"9,000,000,000"):
        amount(tiers(FLAT, (1, "4500000000.000001")), 2)
    with pytest.raises(TooMuchError):
        countable(-MOST - 1)


micros = st.integers(0, 10_000 * MICROS)
prices = st.builds(
    lambda limits, amounts: tuple(Tier(limit, at) for limit, at in zip([1, *sorted(limits)], amounts, strict=False)),
    st.sets(st.integers(2, 500), max_size=4),
    st.lists(micros, min_size=5, max_size=5),
)
falling = prices.map(
    lambda ups: tuple(
        Tier(tier.lower_limit, at)
        for tier, at in zip(ups, sorted((tier.unit_micros for tier in ups), reverse=True), strict=True)
    )
)
counts = st.integers(1, 600)


@given(prices, counts, st.integers(0, 600))
def test_more_units_never_cost_less_with_tiers(steps: tuple[Tier, ...], quantity: int, owned: int) -> None:
    price = Tiers(TIERED, steps)
    less = amount(price, quantity, Counts(owned)).extended_micros

    assert amount(price, quantity + 1, Counts(owned)).extended_micros >= less


@given(prices, counts, counts, st.integers(0, 600))
def test_units_bought_in_two_steps_cost_with_tiers_what_they_cost_at_once(
    steps: tuple[Tier, ...], first: int, second: int, owned: int
) -> None:
    price = Tiers(TIERED, steps)
    in_steps = (
        amount(price, first, Counts(owned)).extended_micros
        + amount(price, second, Counts(owned + first)).extended_micros
    )

    assert amount(price, first + second, Counts(owned)).extended_micros == in_steps


@given(falling, counts, counts, st.sampled_from([TIERED, *VOLUMES]))
def test_where_tiers_get_cheaper_a_larger_quantity_never_has_a_higher_unit_price(
    steps: tuple[Tier, ...], quantity: int, more: int, model: PriceModel
) -> None:
    price = Tiers(model, steps)

    assert amount(price, quantity + more).unit_micros <= amount(price, quantity).unit_micros


@given(prices, counts, st.sampled_from(VOLUMES))
def test_a_volume_price_is_one_unit_price_times_the_quantity(
    steps: tuple[Tier, ...], quantity: int, model: PriceModel
) -> None:
    found = amount(Tiers(model, steps), quantity)

    assert found.extended_micros == found.unit_micros * quantity
    assert found.unit_micros == [tier.unit_micros for tier in steps if tier.lower_limit <= quantity][-1]


JANUARY = Span(date(2026, 1, 1), date(2026, 2, 1))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (date(2026, 1, 1), date(2026, 2, 1), 31_000_000),
        (date(2026, 1, 17), date(2026, 2, 1), 15_000_000),
        (date(2026, 1, 31), date(2026, 2, 1), 1_000_000),
        (date(2026, 1, 9), date(2026, 1, 9), 0),
    ],
)
def test_units_added_in_the_middle_of_a_period_cost_its_remaining_days(start: date, end: date, expected: int) -> None:
    assert prorated(31_000_000, Span(start, end), JANUARY) == expected


def test_a_leap_year_has_a_day_more_to_share_a_price() -> None:
    def share(start: date) -> int:
        year = Span(start, later(start, YEAR))
        return prorated(365 * 366 * MICROS, Span(start, start + timedelta(days=1)), year)

    assert share(date(2027, 1, 1)) == 366 * MICROS
    assert share(date(2028, 1, 1)) == 365 * MICROS


def test_days_outside_a_period_have_no_share_of_its_price() -> None:
    for part in (Span(date(2025, 12, 31), date(2026, 1, 2)), Span(date(2026, 1, 31), date(2026, 2, 2))):
        with pytest.raises(ValueError, match="no part"):
            prorated(1, part, JANUARY)
    with pytest.raises(ValueError, match="no part"):
        prorated(1, Span(JANUARY.start, JANUARY.start), Span(JANUARY.start, JANUARY.start))


@given(st.integers(-MOST, MOST), st.integers(1, 1_100), st.lists(st.integers(0, 1_100), max_size=8))
def test_the_parts_of_a_period_cost_together_what_the_whole_costs(total: int, length: int, cuts: list[int]) -> None:
    start = date(2026, 1, 31)
    whole = Span(start, start + timedelta(days=length))
    days = [0, *sorted(min(at, length) for at in cuts), length]
    ends = [start + timedelta(days=day) for day in days]
    parts = [prorated(total, Span(one, other), whole) for one, other in pairwise(ends)]

    assert sum(parts) == total
    for part, one, other in zip(parts, days[:-1], days[1:], strict=True):
        assert abs(part * length - total * (other - one)) <= length


@pytest.mark.parametrize(
    ("amount_text", "stated", "wanted", "expected"),
    [
        ("120", YEAR, MONTH, "10"),
        ("10", MONTH, YEAR, "120"),
        ("100", YEAR, MONTH, "8.333333"),
        ("200", YEAR, MONTH, "16.666667"),
        ("30", Period(PeriodType.MONTH, 3), MONTH, "10"),
        ("360", Period(PeriodType.YEAR, 3), MONTH, "10"),
        ("12", DAY, MONTH, "365"),
        ("365", YEAR, DAY, "1"),
        ("0.000006", YEAR, MONTH, "0.000001"),
        ("0.000005", YEAR, MONTH, "0"),
        ("-0.000006", YEAR, MONTH, "-0.000001"),
    ],
)
def test_a_price_for_a_period_is_converted_to_another(
    amount_text: str, stated: Period, wanted: Period, expected: str
) -> None:
    assert [converted(units(amount_text)[0], stated, wanted)] == units(expected)


def test_a_period_of_no_fixed_length_is_not_converted() -> None:
    with pytest.raises(ValueError, match="no fixed length"):
        converted(1, Period(PeriodType.STATEMENT_DAY, 1), MONTH)


@given(st.integers(-MOST // 12, MOST // 12))
def test_a_monthly_price_comes_back_from_a_yearly_one(monthly: int) -> None:
    assert converted(converted(monthly, MONTH, YEAR), YEAR, MONTH) == monthly


@given(st.integers(-(10**18), 10**18), st.integers(1, 10**6))
def test_halves_are_rounded_away_from_zero(numerator: int, denominator: int) -> None:
    with localcontext(prec=60):
        expected = (Decimal(numerator) / denominator).quantize(Decimal(1), rounding=ROUND_HALF_UP)

    assert half_up(numerator, denominator) == expected
    assert half_up(-numerator, denominator) == -half_up(numerator, denominator)


@pytest.mark.parametrize(
    ("amount_text", "at", "expected"),
    [
        ("100", "0.925", "92.5"),
        ("1", "0.0000005", "0.000001"),
        ("1", "0.00000049", "0"),
        ("-1", "0.0000005", "-0.000001"),
        ("9000000000", "0.123456789012", "1111111101.108"),
    ],
)
def test_an_amount_is_exchanged_exactly_and_rounded_once(amount_text: str, at: str, expected: str) -> None:
    assert [exchanged(units(amount_text)[0], rate(at))] == units(expected)


def test_an_exchanged_amount_can_be_too_large() -> None:
    with pytest.raises(TooMuchError):
        exchanged(MOST, rate("1.000001"))


@pytest.mark.parametrize(
    "text", ["", "0", "0.000", "-1", "1e3", "NaN", "Infinity", "1,5", ".5", "1.", "1" * 13, "\u0661"]
)
def test_what_is_no_exchange_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no exchange rate"):
        rate(text)
