"""What is told to be allowed at an account depends on what it is and on how it stands."""

import pytest

from models import AccountStatus, AccountType
from models.life.standing import EFFECTS
from models.statement import Row
from resolvers.actions import NEEDS, allowed_actions
from tests.asking import caller_at
from tests.hierarchy import path_of

SELLING = {"PRICE_OFFER", "PRICE_MARKUP", "PRICE_SHEET_APPLY"}


class Account:
    """As much of an account as decides."""

    def __init__(self, number: int, of_type: AccountType, status: AccountStatus) -> None:
        values = dict.fromkeys(NEEDS) | {"path": path_of(number), "type": of_type.value, "status": status.value}
        self.__dict__ |= values


def told(of_type: AccountType, status: AccountStatus) -> set[str]:
    account: Row = Account(7, of_type, status)
    return set(allowed_actions(caller_at(2), account))


@pytest.mark.parametrize("status", AccountStatus)
def test_customers_sell_nothing(status: AccountStatus) -> None:
    assert not told(AccountType.CUSTOMER, status) & SELLING
    assert told(AccountType.RESELLER, status) >= SELLING


@pytest.mark.parametrize("status", AccountStatus)
def test_orders_are_offered_where_some_order_is_taken(status: AccountStatus) -> None:
    assert ("ORDER_PLACE" in told(AccountType.CUSTOMER, status)) is (not EFFECTS[status].decreases)


@pytest.mark.parametrize("status", AccountStatus)
def test_a_cancelled_account_takes_no_users(status: AccountStatus) -> None:
    assert ("USER_INVITE" in told(AccountType.CUSTOMER, status)) is (status is not AccountStatus.CANCELLED)
