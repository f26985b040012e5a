"""Quantities of an order's line, the limits of products, and what products need beside them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.order import QuantityKind
from resolvers.errors import UserErrorCode
from resolvers.ordering.quantities import Limits, Quantities, bereft, missing, quantities, quantity_refusal

DELTA, TARGET = QuantityKind.DELTA, QuantityKind.TARGET


@pytest.mark.parametrize(
    ("kind", "quantity", "present", "delta", "resulting"),
    [
        (DELTA, 3, 0, 3, 3),
        (DELTA, -1, 4, -1, 3),
        (TARGET, 7, 4, 3, 7),
        (TARGET, 2, 4, -2, 2),
        (TARGET, 5, 0, 5, 5),
    ],
)
def test_a_line_says_what_is_added_and_what_results(
    kind: QuantityKind, quantity: int, present: int, delta: int, resulting: int
) -> None:
    found = quantities(kind, quantity, present)

    assert (found.present, found.delta, found.resulting) == (present, delta, resulting)


@given(st.integers(0, 10_000), st.integers(-10_000, 10_000))
def test_a_delta_and_the_target_it_leads_to_mean_the_same(present: int, delta: int) -> None:
    meant = quantities(DELTA, delta, present)

    assert quantities(TARGET, meant.resulting, present) == meant


@pytest.mark.parametrize(
    ("present", "delta", "limits", "code", "possible"),
    [
        (0, 1, Limits(), None, None),
        (0, 5, Limits(5, 300), None, None),
        (0, 300, Limits(5, 300), None, None),
        (0, 4, Limits(5, 300), UserErrorCode.BELOW_MINIMUM, None),
        (0, 301, Limits(5, 300), UserErrorCode.ABOVE_MAXIMUM, 300),
        (290, 11, Limits(5, 300), UserErrorCode.ABOVE_MAXIMUM, 10),
        (9, -5, Limits(5, 300), UserErrorCode.BELOW_MINIMUM, 4),
        (9, -4, Limits(5, 300), None, None),
        (9, -9, Limits(0), UserErrorCode.BELOW_MINIMUM, 8),
        (9, 0, Limits(), UserErrorCode.INVALID, None),
        (0, 0, Limits(), UserErrorCode.BELOW_MINIMUM, None),
        (400, -50, Limits(5, 300), None, None),
        (400, 1, Limits(5, 300), UserErrorCode.ABOVE_MAXIMUM, 0),
        (3, -1, Limits(5, 300), UserErrorCode.BELOW_MINIMUM, 0),
    ],
)
def test_a_quantity_is_held_against_the_least_and_the_most(
    present: int, delta: int, limits: Limits, code: UserErrorCode | None, possible: int | None
) -> None:
    refusal = quantity_refusal(Quantities(present, delta), limits)

    assert (refusal.code if refusal else None, refusal.possible_quantity if refusal else None) == (code, possible)


def test_whoever_takes_away_everything_is_shown_how_to_cancel() -> None:
    refusal = quantity_refusal(Quantities(3, -3), Limits())

    assert refusal
    assert refusal.message == "0 would result; the least is 1. To have none, cancel the subscription."


@given(st.integers(0, 50), st.integers(-60, 60), st.integers(0, 20), st.none() | st.integers(20, 40))
def test_what_a_refusal_says_is_possible_is(present: int, delta: int, minimum: int, maximum: int | None) -> None:
    limits = Limits(minimum, maximum)
    refusal = quantity_refusal(Quantities(present, delta), limits)

    if refusal and refusal.possible_quantity:
        assert refusal.possible_quantity < abs(delta)
        possible = refusal.possible_quantity if delta > 0 else -refusal.possible_quantity
        # Below the minimum nothing but the step up to it is possible.
        if present + possible >= max(minimum, 1):
            assert quantity_refusal(Quantities(present, possible), limits) is None


NEEDS = {1: {2, 3}, 2: {4}, 3: {4}, 5: {6}, 6: {5}}


@pytest.mark.parametrize(
    ("ordered", "present", "expected"),
    [
        ([4], set(), []),
        ([2], set(), [4]),
        ([1], set(), [4, 2, 3]),
        ([1], {2, 3}, []),
        ([1], {2}, [4, 3]),
        ([1, 4], set(), [2, 3]),
        ([3, 2], set(), [4]),
        ([5], set(), [6]),
        ([5, 6], set(), []),
    ],
)
def test_what_an_order_lacks_is_found_through_what_it_lacks(
    ordered: list[int], present: set[int], expected: list[int]
) -> None:
    assert missing(ordered, present, NEEDS) == expected


@given(
    st.dictionaries(st.integers(1, 12), st.sets(st.integers(1, 12), max_size=4)),
    st.lists(st.integers(1, 12), max_size=4),
    st.sets(st.integers(1, 12), max_size=4),
)
def test_an_order_completed_by_what_it_lacked_lacks_nothing(
    needs: dict[int, set[int]], ordered: list[int], present: set[int]
) -> None:
    lacking = missing(ordered, present, needs)

    assert len(lacking) == len(set(lacking))
    assert not {*ordered, *present}.intersection(lacking)
    assert missing([*ordered, *lacking], present, needs) == []


def test_what_is_kept_and_loses_what_it_needs_is_told() -> None:
    assert bereft({4}, {1, 2, 3}, NEEDS) == [2, 3]
    assert bereft({4}, {1}, NEEDS) == []
    assert bereft({4}, {2, 4}, NEEDS) == []
