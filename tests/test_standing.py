"""What an account's state, and those above it, entail for orders, renewals, services and sign-in."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import AccountStatus
from models.life import account, subscription
from models.life.account import AccountEvent
from models.life.standing import NO_CREDIT, TAKES_NO_CHARGES, VENDOR_UNAVAILABLE, WHY_NOT, services_event, standing
from models.life.subscription import SubscriptionEvent

PENDING, ACTIVE = AccountStatus.PENDING, AccountStatus.ACTIVE
CREDIT_HOLD, ADMIN_HOLD = AccountStatus.CREDIT_HOLD, AccountStatus.ADMIN_HOLD
CANCELLED, ERROR = AccountStatus.CANCELLED, AccountStatus.ERROR

states = st.sampled_from(AccountStatus)


@pytest.mark.parametrize(
    ("own", "orders", "decreases", "renewals", "services", "sign_in"),
    [
        (PENDING, False, False, False, False, False),
        (ACTIVE, True, True, True, True, True),
        (CREDIT_HOLD, False, True, False, True, True),
        (ADMIN_HOLD, False, False, False, False, False),
        (CANCELLED, False, False, False, False, False),
        (ERROR, False, False, False, True, False),
    ],
)
def test_what_a_state_entails_for_the_account_itself(
    own: AccountStatus, orders: bool, decreases: bool, renewals: bool, services: bool, sign_in: bool
) -> None:
    found = standing(own)

    assert (not found.orders, not found.decreases, not found.renewals) == (orders, decreases, renewals)
    assert (found.services, not found.sign_in) == (services, sign_in)


@pytest.mark.parametrize("above", [CREDIT_HOLD, ADMIN_HOLD, CANCELLED, ERROR])
def test_below_an_account_that_takes_no_charges_nothing_is_added_and_everything_goes_on(above: AccountStatus) -> None:
    found = standing(ACTIVE, (ACTIVE, above, ACTIVE))

    assert found.orders == found.renewals == VENDOR_UNAVAILABLE
    assert (found.decreases, found.services, found.sign_in) == ("", True, "")


@pytest.mark.parametrize("above", [(), (ACTIVE,), (ACTIVE, PENDING, ACTIVE)])
def test_below_accounts_that_take_charges_an_account_stands_as_it_is(above: tuple[AccountStatus, ...]) -> None:
    for own in AccountStatus:
        assert standing(own, above) == standing(own)


@given(states, st.lists(states, max_size=5), st.lists(states, max_size=5))
def test_how_the_accounts_above_stand_cannot_be_told_apart(
    own: AccountStatus, above: list[AccountStatus], others: list[AccountStatus]
) -> None:
    if TAKES_NO_CHARGES.isdisjoint(above) == TAKES_NO_CHARGES.isdisjoint(others):
        assert standing(own, above) == standing(own, others)


@given(states, st.lists(states, max_size=5), states)
def test_one_more_account_above_never_allows_anything(
    own: AccountStatus, above: list[AccountStatus], further: AccountStatus
) -> None:
    less, more = standing(own, [*above, further]), standing(own, above)

    for before, after in ((more.orders, less.orders), (more.decreases, less.decreases), (more.renewals, less.renewals)):
        assert after or not before
    assert (less.services, less.sign_in) == (more.services, more.sign_in)


def test_an_accounts_own_state_is_told_before_its_vendors() -> None:
    assert standing(CREDIT_HOLD, (ADMIN_HOLD,)).orders == NO_CREDIT
    assert standing(PENDING, (CREDIT_HOLD,)).orders == WHY_NOT[PENDING]


def test_every_state_says_whom_it_lets_in() -> None:
    assert {status: standing(status).sign_in for status in AccountStatus} == WHY_NOT


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (ACTIVE, ADMIN_HOLD, SubscriptionEvent.HOLD),
        (CREDIT_HOLD, ADMIN_HOLD, SubscriptionEvent.HOLD),
        (ADMIN_HOLD, ACTIVE, SubscriptionEvent.RELEASE),
        (ADMIN_HOLD, CREDIT_HOLD, SubscriptionEvent.RELEASE),
        (ADMIN_HOLD, PENDING, None),
        (ADMIN_HOLD, CANCELLED, SubscriptionEvent.TERMINATE),
        (ACTIVE, CANCELLED, SubscriptionEvent.TERMINATE),
        (CANCELLED, ACTIVE, SubscriptionEvent.REVIVE),
        (ACTIVE, CREDIT_HOLD, None),
        (CREDIT_HOLD, ACTIVE, None),
        (PENDING, ACTIVE, None),
        (ACTIVE, ERROR, None),
        (ADMIN_HOLD, ADMIN_HOLD, None),
    ],
)
def test_what_a_change_of_the_account_does_to_its_subscriptions(
    before: AccountStatus, after: AccountStatus, expected: SubscriptionEvent | None
) -> None:
    assert services_event(before, after) is expected


def test_services_stop_and_start_exactly_where_the_states_say_so() -> None:
    for before, event, after in account.LIFE.steps():
        # Before it was activated an account has nothing that could run.
        if before in (None, PENDING) or after is PENDING:
            continue
        event_of_services = services_event(before, after)
        if standing(before).services is not standing(after).services:
            assert event_of_services, event
            expected = standing(after).services
            starts = event_of_services in {SubscriptionEvent.RELEASE, SubscriptionEvent.REVIVE}
            assert starts is expected
        elif standing(after).services:
            assert event_of_services is None, event


def test_whatever_a_change_does_to_services_is_told_in_the_table() -> None:
    by_event = {move.event: move for move in account.MOVES}
    for (before, event), after in product(
        [(before, event) for before, event, _ in account.LIFE.steps()], AccountStatus
    ):
        if before and (before, event, after) in set(account.LIFE.steps()) and services_event(before, after):
            assert "subscriptions" in by_event[event].effect


def test_what_happens_to_services_can_happen_to_a_running_subscription() -> None:
    assert account.can(ACTIVE, AccountEvent.ADMIN_HOLD)
    for event in (SubscriptionEvent.HOLD, SubscriptionEvent.TERMINATE):
        assert subscription.can(subscription.ACTIVE, event)
    assert subscription.can(subscription.HOLD, SubscriptionEvent.RELEASE)
    assert subscription.can(subscription.TERMINATED, SubscriptionEvent.REVIVE)
