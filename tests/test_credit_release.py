"""Releases: refused while what is owed demands the hold; and what waited for one is done at once."""

from typing import Any

import pytest

from models import Account, Balance, JobKind
from models.statement import Row
from tests.changes import change, codes, new_key, rows_of
from tests.ordering import CUSTOMER, DEEP
from tests.works import Works, works

__all__ = ["works"]

VENDOR = 2
"""Right above the customer."""


async def ask(works: Works, by: int, mutation: str, **given: Any) -> Any:
    """The payload of a mutation on an account or its money, at the works' time."""
    title = mutation[0].upper() + mutation[1:]
    document = f"mutation($i: {title}Input!) {{ {mutation}(input: $i) {{ userErrors {{ code message }} }} }}"
    variables = {"i": {"idempotencyKey": new_key(), **given}}
    answer = await change(works.store, works.shop.user(by), document, variables, clock=lambda: works.now)
    assert answer.errors == [], answer.errors
    return answer.data[mutation]


async def account(works: Works, account_id: int) -> Row:
    (row,) = [row for row in await rows_of(works.store, Account) if row.id == account_id]
    return row


async def act(works: Works, mutation: str, account_id: int = CUSTOMER, by: int = VENDOR, **given: Any) -> list[str]:
    """The codes with which something is refused to be done to an account as it is now."""
    version = (await account(works, account_id)).version
    return codes(await ask(works, by, mutation, account=f"acc_{account_id}", expectedVersion=version, **given))


async def owe(works: Works, units: int, limit: int) -> None:
    """Let the customer owe its vendor so much of so much that it may."""
    for row in await rows_of(works.store, Balance):
        if row.buyer_id == CUSTOMER and row.currency == "EUR":
            values = {"credit_limit_micros": limit * 1_000_000, "owed_micros": units * 1_000_000}
            await works.shop.set(Balance, row.id, **values)


async def pay(works: Works, amount: str) -> None:
    assert codes(await ask(works, VENDOR, "paymentRecord", account=f"acc_{CUSTOMER}", amount=amount)) == []


async def test_whom_the_rule_wants_on_hold_no_person_releases_until_it_is_settled(works: Works) -> None:
    await act(works, "accountCreditHold")
    await owe(works, 80, 50)
    payload = await ask(
        works, VENDOR, "accountCreditRelease", account=f"acc_{CUSTOMER}",
        expectedVersion=(await account(works, CUSTOMER)).version,
    )  # fmt: skip

    assert payload["userErrors"] == [
        {
            "code": "HOLD_DEMANDED",
            "message": "It owes its vendor more than its credit limit. Record a payment or a credit memo, or raise its"
            " credit limit; then release it.",
        }
    ]
    await pay(works, "30")
    assert (await account(works, CUSTOMER)).status == "CREDIT_HOLD"
    assert await act(works, "accountCreditRelease") == []
    assert (await account(works, CUSTOMER)).status == "ACTIVE"


async def test_an_administrative_release_asks_what_is_owed_now(works: Works) -> None:
    await owe(works, 80, 50)
    await act(works, "accountAdminHold")
    assert await act(works, "accountAdminRelease", reason="Cleared up") == []
    held = await account(works, CUSTOMER)
    assert (held.status, held.held_by, held.status_reason) == (
        "CREDIT_HOLD", "RULE", "It owes its vendor more than its credit limit.",
    )  # fmt: skip

    await act(works, "accountAdminHold")
    await pay(works, "30")
    assert await act(works, "accountAdminRelease") == []
    assert (await account(works, CUSTOMER)).status == "ACTIVE"


async def test_who_is_brought_back_with_debts_is_on_hold(works: Works) -> None:
    await owe(works, 80, 50)
    await act(works, "accountCancel")
    assert await act(works, "accountReactivate") == []

    row = await account(works, CUSTOMER)
    assert (row.status, row.held_by) == ("CREDIT_HOLD", "RULE")


@pytest.mark.parametrize(
    ("held", "buyer"),
    [(CUSTOMER, CUSTOMER), (VENDOR, CUSTOMER), (VENDOR, DEEP)],
)
@pytest.mark.parametrize("kind", ["Credit", "Admin"])
async def test_an_order_that_waited_is_worked_off_as_soon_as_the_hold_is_over(
    works: Works, kind: str, held: int, buyer: int
) -> None:
    payload = await works.shop.buy(buyer, 3)
    assert payload["userErrors"] == []
    await act(works, f"account{kind}Hold", held, by=1)
    await works.work()
    assert (await works.shop.order(payload)).status == "SUBMITTED"
    assert await act(works, f"account{kind}Release", held, by=1) == []
    await works.work()

    assert (await works.shop.order(payload)).status == "COMPLETED"


async def unpaid(works: Works) -> Row:
    """A subscription that couldn't be renewed today."""
    subscription = await works.bought(3)
    await owe(works, 6, 7)
    works.forward(days=30)
    await works.work()
    assert await works.reasons(subscription.id) == {"UNPAID_RENEWAL"}
    return subscription


@pytest.mark.parametrize("how", ["payment", "terms"])
async def test_an_unpaid_renewal_is_made_as_soon_as_there_is_credit(works: Works, how: str) -> None:
    subscription = await unpaid(works)
    if how == "payment":
        await pay(works, "6")
    else:
        assert await act(works, "accountTermsSet", creditLimit="100") == []
    await works.work()

    assert (await works.subscription(subscription.id)).status == "ACTIVE"
    assert str((await works.subscription(subscription.id)).renewal_date) == "2027-01-20"
    assert len(await works.orders_of(subscription.id)) == 2


async def test_a_renewal_that_was_woken_in_vain_is_tried_again_the_day_after(works: Works) -> None:
    subscription = await unpaid(works)
    for amount in ("1", "1"):
        await pay(works, amount)
        await works.work()
    assert await works.reasons(subscription.id) == {"UNPAID_RENEWAL"}
    assert len(await works.open_jobs(JobKind.RENEW_SUBSCRIPTION)) == 1
    await owe(works, 0, 100)
    works.forward(days=1)
    await works.work()

    assert (await works.subscription(subscription.id)).status == "ACTIVE"
    works.forward(days=1)
    await works.work()
    assert len(await works.orders_of(subscription.id)) == 2


async def test_nothing_is_woken_elsewhere(works: Works) -> None:
    payload = await works.shop.buy(CUSTOMER, 3)
    for held in (CUSTOMER, 8):
        await act(works, "accountCreditHold", held)
    await works.work()
    await act(works, "accountCreditRelease", 8)
    await works.work()
    (job,) = await works.open_jobs(JobKind.PROVISION_ORDER)

    assert (await works.shop.order(payload)).status == "SUBMITTED"
    assert job.attempts == 0
