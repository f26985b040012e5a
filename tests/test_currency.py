"""Currencies: amounts as they can be paid."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.base import MICROS
from models.currency import half_up, payable, smallest


@pytest.mark.parametrize(
    ("micros", "currency", "expected"),
    [
        (312_485_833, "USD", 312_490_000),
        (4_999, "EUR", 0),
        (5_000, "EUR", 10_000),
        (-5_000, "EUR", -10_000),
        (1_499_999, "JPY", MICROS),
        (1_500_000, "JPY", 2 * MICROS),
        (1_499, "KWD", 1_000),
        (1_500, "BHD", 2_000),
        (150, "CLF", 200),
    ],
)
def test_an_amount_is_rounded_half_up_to_the_smallest_unit_of_its_currency(
    micros: int, currency: str, expected: int
) -> None:
    assert payable(micros, currency) == expected


currencies = st.sampled_from(["USD", "JPY", "KWD", "CLF"])


@given(st.integers(-(10**15), 10**15), st.integers(1, 1_000), currencies)
def test_what_can_be_paid_is_a_whole_number_of_smallest_units_and_next_to_the_exact_amount(
    micros: int, parts: int, currency: str
) -> None:
    found, unit = payable(micros, currency, parts), smallest(currency)

    assert found % unit == 0
    assert abs(found - Fraction(micros, parts)) <= Fraction(unit, 2)
    assert payable(found, currency) == found
    assert payable(-micros, currency, parts) == -found


@given(st.integers(0, 10**12), st.lists(st.integers(0, 365), max_size=13), currencies)
def test_parts_that_are_charged_up_to_days_add_up_to_the_whole(micros: int, days: list[int], currency: str) -> None:
    ends = [0, *sorted(days), 365]
    parts = [
        payable(micros * end, currency, 365) - payable(micros * start, currency, 365) for start, end in pairwise(ends)
    ]

    assert sum(parts) == payable(micros, currency)
    assert all(part >= 0 and part % smallest(currency) == 0 for part in parts)


def test_the_months_of_a_year_add_up_to_its_price() -> None:
    yearly = 100 * MICROS
    months = [half_up(yearly, 12) * number for number in range(13)]

    assert sum(payable(later, "USD") - payable(first, "USD") for first, later in pairwise(months)) == yearly
