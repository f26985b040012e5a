"""Renewals and ends of subscriptions: by themselves, on their days, by a clock that is moved."""

from datetime import UTC, datetime

import pytest

from models import Account, AccountStatus, Balance, Job, JobKind, Order, Price, Subscription, SubscriptionStatus
from tests.changes import rows_of
from tests.ordering import CUSTOMER, DEEP, euros
from tests.works import Works
from tests.works import works as works

TERMS = ("start_date", "renewal_date", "renewal_key", "expiration_date")


async def terms(works: Works, subscription_id: int) -> list[str]:
    row = await works.subscription(subscription_id)
    return [str(getattr(row, name)) for name in TERMS]


async def test_a_subscription_renews_on_its_day_and_not_before(works: Works) -> None:
    subscription = await works.bought(3)
    works.at(datetime(2026, 12, 19, 23, 59, tzinfo=UTC))
    await works.work()
    assert len(await works.orders_of(subscription.id)) == 1
    works.at(datetime(2026, 12, 20, tzinfo=UTC))
    await works.work()

    _, renewal = await works.orders_of(subscription.id)
    assert (renewal.type, renewal.status, renewal.number[:2]) == ("RENEWAL", "COMPLETED", "RN")
    assert await terms(works, subscription.id) == ["2026-12-20", "2027-01-20", "2027-01-20", "2027-01-20"]
    assert await works.lots(subscription.id) == [(3, 0), (3, 3)]
    assert await works.history(subscription.id) == [("PURCHASE", 0, 3), ("RENEWAL", 3, 3)]
    assert await works.shop.owed(CUSTOMER) == 2 * euros(6)
    assert [job.key for job in await works.open_jobs()] == [f"{subscription.id}:2027-01-20"]
    assert await works.findings() == []


async def test_every_edge_pays_for_the_renewal_at_the_prices_of_its_day(works: Works) -> None:
    subscription = await works.bought(2, DEEP)
    for price in works.shop.world["price"]:
        if price["seller_id"] == 3:
            await works.shop.set(Price, price["id"], amount_micros=euros(9))
    works.forward(days=30)
    await works.work()

    assert await works.charges(subscription.id) == [
        (None, 1, 2),
        (1, euros(1), euros(2)),
        (2, euros(2), euros(4)),
        (3, euros(9), euros(18)),
        (4, euros(4), euros(8)),
    ]
    assert [await works.shop.owed(account) for account in (4, DEEP)] == [euros(6 + 18), euros(8 + 8)]


async def test_many_terms_that_passed_are_renewed_one_after_the_other(works: Works) -> None:
    works.at(datetime(2027, 1, 31, 12, tzinfo=UTC))
    subscription = await works.bought(1)
    works.at(datetime(2027, 4, 30, 12, tzinfo=UTC))
    await works.work()

    assert [str(order.term_until) for order in await works.orders_of(subscription.id)] == [
        "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31",
    ]  # fmt: skip
    assert await works.shop.owed(CUSTOMER) == 4 * euros(2)


async def test_without_auto_renewal_it_ends_and_is_removed_30_days_later(works: Works) -> None:
    subscription = await works.bought(3, autoRenew=False)
    works.at(datetime(2026, 12, 20, 0, 0, 1, tzinfo=UTC))
    await works.work()
    ended = await works.subscription(subscription.id)
    assert (ended.status, ended.renewal_date) == ("TERMINATED", None)
    assert await works.history(subscription.id) == [("PURCHASE", 0, 3), ("EXPIRATION", 3, 0)]
    assert [action for action, _, _ in await works.asked(subscription.id)] == ["provision", "stop"]
    works.forward(days=29)
    await works.work()
    assert (await works.subscription(subscription.id)).status == "TERMINATED"
    works.forward(days=1, minutes=1)
    await works.work()

    assert (await works.subscription(subscription.id)).status == "REMOVED"
    assert await works.open_jobs() == []
    assert await works.shop.owed(CUSTOMER) == euros(6)
    assert await works.findings() == []


async def test_a_change_that_waited_for_the_renewal_comes_first_and_is_what_is_renewed(works: Works) -> None:
    subscription = await works.bought(5)
    waiting = await works.change(subscription, 2, scheduledOn="RENEWAL")
    assert (waiting.status, waiting.waiting_for) == ("SUBMITTED", "RENEWAL")
    assert (await works.subscription(subscription.id)).quantity == 5
    works.forward(days=30)
    await works.work()

    assert (await works.order(waiting.id)).status == "COMPLETED"
    assert (await works.subscription(subscription.id)).quantity == 2
    assert await works.history(subscription.id) == [("PURCHASE", 0, 5), ("CHANGE", 5, 2), ("RENEWAL", 2, 2)]
    assert [(action, quantity) for action, quantity, _ in await works.asked(subscription.id)] == [
        ("provision", 5), ("change", 2),
    ]  # fmt: skip
    assert await works.shop.owed(CUSTOMER) == euros(10) + euros(4)
    assert await works.findings() == []


async def test_a_cancellation_that_waited_for_the_renewal_ends_it_instead(works: Works) -> None:
    subscription = await works.bought(5)
    waiting = await works.ordered(subscription, "CANCELLATION", scheduledOn="RENEWAL")
    works.forward(days=30)
    await works.work()

    assert (await works.order(waiting.id)).status == "COMPLETED"
    assert (await works.subscription(subscription.id)).status == "TERMINATED"
    assert await works.shop.owed(CUSTOMER) == euros(10)
    assert [order.type for order in await works.orders_of(subscription.id)] == ["SALES", "CANCELLATION"]


async def limit(works: Works, account: int, amount: int) -> None:
    for row in await rows_of(works.store, Balance):
        if row.buyer_id == account and row.currency == "EUR":
            await works.shop.set(Balance, row.id, credit_limit_micros=euros(amount))


@pytest.mark.parametrize("poor", [CUSTOMER, 2])
async def test_a_renewal_that_nobody_pays_holds_the_service_until_it_is_paid(works: Works, poor: int) -> None:
    subscription = await works.bought(3)
    await limit(works, poor, 5)
    works.forward(days=30)
    await works.work()

    held = await works.subscription(subscription.id)
    assert (held.status, str(held.renewal_date)) == ("HOLD", "2026-12-20")
    assert await works.reasons(subscription.id) == {"UNPAID_RENEWAL"}
    assert [action for action, _, _ in await works.asked(subscription.id)] == ["provision", "suspend"]
    assert await works.shop.owed(CUSTOMER) == euros(6)
    await limit(works, poor, 100)
    works.forward(days=1)
    await works.work()

    assert (await works.subscription(subscription.id)).status == "ACTIVE"
    assert await works.reasons(subscription.id) == set()
    assert (await terms(works, subscription.id))[:2] == ["2026-12-20", "2027-01-20"]
    assert await works.shop.owed(CUSTOMER) == 2 * euros(6)
    assert [action for action, _, _ in await works.asked(subscription.id)] == [
        "provision", "suspend", "change", "resume",
    ]  # fmt: skip
    assert await works.findings() == []


async def test_a_renewal_that_stays_unpaid_ends_the_subscription_after_30_days(works: Works) -> None:
    subscription = await works.bought(3)
    await works.shop.set(Account, CUSTOMER, status=AccountStatus.CREDIT_HOLD)
    for _ in range(61):
        works.forward(days=1)
        await works.work()
        if (await works.subscription(subscription.id)).status == "TERMINATED":
            break

    assert str(works.now.date()) == "2027-01-19"
    assert await works.reasons(subscription.id) == set()
    assert await works.shop.owed(CUSTOMER) == euros(6)


async def test_a_renewal_that_cannot_be_provisioned_costs_nothing_and_is_tried_again(works: Works) -> None:
    subscription = await works.bought(3)
    works.forward(days=30)
    await works.work([JobKind.RENEW_SUBSCRIPTION])
    _, renewal = await works.orders_of(subscription.id)
    await works.shop.set(Order, renewal.id, attributes='{"simulate":"fail"}')
    await works.work()
    assert (await works.order(renewal.id)).status == "ERROR"
    assert await works.reasons(subscription.id) == {"UNPAID_RENEWAL"}
    assert await works.shop.owed(CUSTOMER) == euros(6)
    works.forward(days=1)
    await works.work()

    assert (await works.subscription(subscription.id)).status == "ACTIVE"
    assert [order.status for order in await works.orders_of(subscription.id)] == ["COMPLETED", "ERROR", "COMPLETED"]
    assert await works.shop.owed(CUSTOMER) == 2 * euros(6)


async def test_what_is_held_by_a_person_does_not_renew_until_it_is_released(works: Works) -> None:
    subscription = await works.bought(3)
    await works.hold(subscription, "PERSON")
    works.forward(days=30)
    await works.work()
    assert len(await works.orders_of(subscription.id)) == 1
    await works.release(subscription)
    works.forward(days=1)
    await works.work()

    assert (await terms(works, subscription.id))[:2] == ["2026-12-20", "2027-01-20"]


async def test_an_open_change_lets_the_renewal_wait_and_holds_nothing(works: Works) -> None:
    subscription = await works.bought(3)
    works.forward(days=29)
    line = {"product": f"prd_{subscription.product_id}", "quantity": 1}
    payload = await works.shop.ask(
        works.shop.user(CUSTOMER), "orderPlace", type="CHANGE", subscription=f"sub_{subscription.id}", lines=[line]
    )
    works.forward(days=1)
    await works.work([JobKind.RENEW_SUBSCRIPTION])
    assert (await works.subscription(subscription.id)).status == "ACTIVE"
    await works.work()
    assert (await works.shop.order(payload)).status == "COMPLETED"
    works.forward(days=1)
    await works.work()

    assert (await works.subscription(subscription.id)).quantity == 4
    assert (await terms(works, subscription.id))[:2] == ["2026-12-20", "2027-01-20"]


async def test_an_open_change_that_stays_open_holds_the_service_as_one_that_is_not_paid(works: Works) -> None:
    subscription = await works.bought(3)
    works.forward(days=29)
    line = {"product": f"prd_{subscription.product_id}", "quantity": 1}
    await works.shop.ask(
        works.shop.user(CUSTOMER), "orderPlace", type="CHANGE", subscription=f"sub_{subscription.id}", lines=[line]
    )
    for status in ("ACTIVE", "HOLD"):
        works.forward(days=1)
        await works.work([JobKind.RENEW_SUBSCRIPTION])
        assert (await works.subscription(subscription.id)).status == status
    await works.work()
    works.forward(days=1)
    await works.work()

    renewed = await works.subscription(subscription.id)
    assert (renewed.status, renewed.quantity) == ("ACTIVE", 4)
    assert (await terms(works, subscription.id))[:2] == ["2026-12-20", "2027-01-20"]


async def test_what_nobody_approves_in_its_term_is_rejected_and_the_subscription_renews(works: Works) -> None:
    subscription = await works.bought(3)
    await works.shop.set(Account, CUSTOMER, requires_approval=True)
    works.forward(days=29)
    change = await works.change(subscription, 4)
    assert (change.status, change.waiting_for) == ("SUBMITTED", "APPROVAL")
    works.forward(days=1)
    await works.work()

    rejected = await works.order(change.id)
    assert (rejected.status, rejected.error_message) == (
        "CANCELLED", "The term that it was for ended before it was approved. Place it again.",
    )  # fmt: skip
    assert (await terms(works, subscription.id))[:2] == ["2026-12-20", "2027-01-20"]
    assert await works.shop.owed(CUSTOMER) == 2 * euros(6)
    assert await works.findings() == []


async def test_a_renewal_is_done_once_however_often_it_is_asked_for(works: Works) -> None:
    subscription = await works.bought(3)
    works.forward(days=30)
    await works.work()
    for job in [row for row in await rows_of(works.store, Job) if row.kind == "RENEW_SUBSCRIPTION"]:
        await works.shop.set(Job, job.id, done_at=None)
    await works.work()

    assert len(await works.orders_of(subscription.id)) == 2
    assert await works.shop.owed(CUSTOMER) == 2 * euros(6)


async def test_what_comes_back_after_its_day_renews_then(works: Works) -> None:
    """An account's cancellation ended it over its renewal date, and its reactivation revived it."""
    subscription = await works.bought(3)
    await works.shop.set(Subscription, subscription.id, status=SubscriptionStatus.TERMINATED)
    await works.follow(subscription, "cancelled")
    works.forward(days=1)
    await works.work()
    assert (await works.subscription(subscription.id)).ended_at is not None
    works.at(datetime(2026, 12, 20, 1, tzinfo=UTC))
    await works.work()
    await works.shop.set(Subscription, subscription.id, status=SubscriptionStatus.ACTIVE)
    await works.follow(subscription, "revived")
    await works.work()
    assert (await works.subscription(subscription.id)).ended_at is None
    works.forward(days=1)
    await works.work()
    assert (await terms(works, subscription.id))[:2] == ["2026-12-20", "2027-01-20"]
    works.at(datetime(2027, 1, 19, tzinfo=UTC))
    await works.work()

    assert (await works.subscription(subscription.id)).status == "ACTIVE"
    assert [action for action, _, _ in await works.asked(subscription.id)] == ["provision", "stop", "resume", "change"]
