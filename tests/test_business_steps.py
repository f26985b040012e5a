"""What chance seldom comes to: single walks through the business, each step held against the model of it."""

from collections.abc import Iterator

import pytest

from models import AccountStatus, SubscriptionStatus, UserStatus
from resolvers.privileges import Privilege
from tests.business_doing import PROVIDERS
from tests.business_walk import Walk
from tests.databases import Databases

RESELLERS = (9, None, PROVIDERS[2])
"""The administrator of the account right below the provider, as `WHO` draws it."""


@pytest.fixture
def steps(databases: Databases) -> Iterator[Walk]:
    """A walk that hasn't begun."""
    walk = Walk(databases)
    try:
        yield walk
    finally:
        walk.teardown()


def quantity(steps: Walk) -> int:
    """Of the first subscription."""
    return next(iter(steps.model.services.values())).quantity


def add(steps: Walk, units: int) -> None:
    """Order so many units more for the first subscription, or less, and have it worked off."""
    steps.alter_directly(PROVIDERS, 0, False, units, is_target=False, is_stale=False)
    steps.work()


def test_below_a_held_reseller_nobody_buys(steps: Walk) -> None:
    steps.grow([(1, True, 5, None, False), (9, True, 5, None, False)])
    steps.happen(PROVIDERS, 8, "accountCreditHold", False)
    steps.buy(PROVIDERS, 16, 1, waives=False, fails=False)

    assert steps.model.accounts[2].status is AccountStatus.CREDIT_HOLD
    assert len(steps.model.orders) == 2


def test_units_go_while_their_window_is_open_each_lot_with_its_own(steps: Walk) -> None:
    steps.grow([(1, False, 5, None, False)])
    steps.wait(61)
    add(steps, 2)
    steps.wait(61)
    for units, left in ((-3, 5), (-1, 4), (-2, 4), (-1, 3), (-1, 3)):
        add(steps, units)
        assert quantity(steps) == left
    steps.alter_directly(PROVIDERS, 0, True, 0, is_target=False, is_stale=False)

    assert len(steps.model.orders) == 4


def test_only_who_holds_a_subscription_or_stands_above_releases_it(steps: Walk) -> None:
    steps.grow([(1, True, 5, None, False), (9, False, 5, None, False)])
    service = steps.model.services[list(steps.model.services)[1]]
    for who, operation, status in (
        (PROVIDERS, "Hold", SubscriptionStatus.HOLD),
        (RESELLERS, "Hold", SubscriptionStatus.HOLD),
        (RESELLERS, "Release", SubscriptionStatus.HOLD),
        (PROVIDERS, "Release", SubscriptionStatus.ACTIVE),
        (RESELLERS, "Hold", SubscriptionStatus.HOLD),
        (PROVIDERS, "Release", SubscriptionStatus.ACTIVE),
    ):
        steps.hold(who, 1, operation, False)
        assert service.status is status


def test_a_cancelled_account_s_held_service_comes_back_held(steps: Walk) -> None:
    steps.grow([(1, False, 5, None, False)])
    steps.hold(PROVIDERS, 0, "Hold", False)
    for operation in ("accountAdminHold", "accountCancel", "accountReactivate"):
        steps.happen(PROVIDERS, 8, operation, False)
    services = steps.model.services
    assert [each.status for each in services.values()] == [SubscriptionStatus.HOLD]

    steps.hold(PROVIDERS, 0, "Release", False)
    assert [each.status for each in services.values()] == [SubscriptionStatus.ACTIVE]


@pytest.mark.parametrize(("meanwhile", "expected"), [((), 5), ((1, -1), 5), ((-1,), 2)])
def test_what_failed_is_submitted_again_unless_there_are_other_quantities_now(
    steps: Walk, meanwhile: tuple[int, ...], expected: int
) -> None:
    steps.grow([(1, False, 5, None, False)])
    steps.alter(PROVIDERS, 0, False, 2, waives=False, fails=True)
    steps.work()
    steps.treat(PROVIDERS, 1, "Update", False)
    for units in meanwhile:
        add(steps, units)
    steps.resubmit(PROVIDERS, 1, False, False)
    steps.work()

    assert quantity(steps) == expected


def test_the_last_full_administrator_stays(steps: Walk) -> None:
    steps.grow([(1, False, 5, None, False)])
    steps.follow(8, None)
    one, other = steps.model.working(2)
    denied = frozenset({Privilege.USERS_MANAGE.value})
    steps.let_in(PROVIDERS, 1, False, False)
    assert steps.model.people[one].status is UserStatus.DEACTIVATED

    steps.let_in(PROVIDERS, 2, False, False)
    steps.deny(PROVIDERS, 2, denied, is_denied=True, is_stale=False)
    steps.set_place(PROVIDERS, 2, None, frozenset(), False)
    assert steps.model.people[other].status is UserStatus.ACTIVE
    assert not steps.model.people[other].place.denied

    steps.let_in(PROVIDERS, 1, True, False)
    steps.deny(PROVIDERS, 2, denied, is_denied=True, is_stale=False)
    assert steps.model.people[other].place.denied == denied
