"""Changing, renewing and ending subscriptions by orders: how many, when, at which price, and what is given back."""

from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest

from models import (
    Account,
    AccountStatus,
    Plan,
    Price,
    Product,
    ProductStatus,
    RefundPolicy,
    Subscription,
    SubscriptionItem,
    SubscriptionStatus,
)
from tests.databases import Databases
from tests.hierarchy import OFFERED_BY_PROVIDER, World
from tests.money import net
from tests.ordering import AT, CUSTOMER, DEEP, PRODUCT, Shop, euros, faults, opened_shop


@pytest.fixture
async def shop(databases: Databases, world: World) -> AsyncIterator[Shop]:
    async with opened_shop(databases, world) as shop:
        yield shop


async def test_more_units_are_charged_for_the_days_that_are_left(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 3)
    before = await shop.owed(CUSTOMER)
    shop.now = AT + timedelta(days=20)

    payload = await shop.alter(subscription, 3)

    order = payload["order"]
    assert order["number"].startswith("CH")
    # 10 of 30 days, 3 units at 2 euros.
    assert order["total"]["amount"] == "2.00"
    assert await shop.owed(CUSTOMER) == before + euros(2)
    (line,) = order["lines"]
    assert (line["delta"], line["previousQuantity"], line["resultingQuantity"]) == (3, 3, 6)
    assert (order["termFrom"], order["termUntil"]) == ("2026-11-20", "2026-12-20")


async def test_a_line_may_say_what_shall_be(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 3)

    payload = await shop.alter(subscription, 5, line={"quantityKind": "TARGET"})

    (line,) = payload["order"]["lines"]
    assert (line["quantity"], line["quantityKind"], line["delta"], line["resultingQuantity"]) == (5, "TARGET", 2, 5)
    assert payload["order"]["total"]["amount"] == "4.00"


async def test_units_that_were_just_bought_are_given_back_on_every_edge(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 3)
    shop.now = AT + timedelta(days=3)

    payload = await shop.alter(subscription, -2)

    # 27 of 30 days of 2 of the 3 units.
    assert payload["order"]["total"]["amount"] == "-3.60"
    assert [await shop.owed(account) for account in (2, CUSTOMER)] == [euros(3) - 1_800_000, euros(6) - 3_600_000]
    charges = await shop.charges((await shop.order(payload)).id)
    assert [charge.charged_micros for charge in charges] == [0, -1_800_000, -3_600_000]
    assert {post.kind for post in await shop.posts() if post.micros < 0} == {"REFUND"}


async def test_when_the_window_has_closed_units_go_at_the_renewal_only(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 3)
    shop.now = AT + timedelta(days=8)

    refused = await shop.alter(subscription, -1)

    assert faults(refused) == [("OUTSIDE_WINDOW", "lines.0.quantity")]
    assert "renewal on 2026-12-20" in refused["userErrors"][0]["message"]
    owed, jobs = await shop.owed(CUSTOMER), await shop.jobs()
    scheduled = await shop.alter(subscription, 2, line={"quantityKind": "TARGET"}, scheduledOn="RENEWAL")
    assert (scheduled["order"]["waitingFor"], scheduled["order"]["total"]["amount"]) == ("RENEWAL", "0.00")
    assert scheduled["order"]["lines"][0]["effectiveOn"] == "2026-12-20"
    assert (await shop.owed(CUSTOMER), await shop.jobs()) == (owed, jobs)


async def test_the_units_of_a_lot_that_was_added_later_have_a_window_of_their_own(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 3)
    (item,) = await shop.items(subscription)
    await shop.lot(item, 2, AT + timedelta(days=8), None)
    await shop.set(SubscriptionItem, item["id"], quantity=5)
    shop.now = AT + timedelta(days=9)

    assert faults(await shop.alter(subscription, -3)) == [("OUTSIDE_WINDOW", "lines.0.quantity")]
    assert faults(await shop.alter(subscription, -2)) == []


async def test_what_was_imported_without_a_date_is_given_back_at_the_renewal_only(shop: Shop) -> None:
    imported = shop.subscription(CUSTOMER)["id"]

    assert "OUTSIDE_WINDOW" in [code for code, _ in faults(await shop.cancel_subscription(imported))]


async def test_a_plan_without_refunds_lets_units_go_at_any_time_for_nothing(shop: Shop) -> None:
    await shop.set(Plan, OFFERED_BY_PROVIDER, refund_policy=RefundPolicy.NONE)
    subscription = await shop.owning(CUSTOMER, 3)

    payload = await shop.alter(subscription, -1)

    assert (faults(payload), payload["order"]["total"]["amount"]) == ([], "0.00")


async def test_only_one_change_of_a_subscription_is_open(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 3)
    first = await shop.alter(subscription, 1, line={"quantityKind": "DELTA"}, scheduledOn="RENEWAL")

    refused = [await shop.alter(subscription, 1), await shop.cancel_subscription(subscription)]

    assert [faults(each) for each in refused] == [[("OPEN_CHANGE", "subscription")]] * 2
    assert first["order"]["number"] in refused[0]["userErrors"][0]["message"]
    order = first["order"]
    cancelled = await shop.ask(shop.user(CUSTOMER), "orderCancel", order=order["id"], expectedVersion=order["version"])
    assert cancelled["order"]["status"] == "CANCELLED"
    assert faults(await shop.alter(subscription, 1)) == []


async def test_a_change_is_refused_that_makes_no_sense(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 3)

    assert faults(await shop.alter(subscription, 0)) == [("INVALID", "lines.0.quantity")]
    assert faults(await shop.alter(subscription, -3)) == [("BELOW_MINIMUM", "lines.0.quantity")]
    assert faults(await shop.alter(subscription, 1, line={"product": "prd_3"})) == [("INVALID", "lines.0.product")]
    assert faults(await shop.alter(subscription, 1, alignsWithMonth=True)) == [("COTERMING", "alignWith")]
    await shop.set(Product, OFFERED_BY_PROVIDER, maximum_quantity=4)
    assert faults(await shop.alter(subscription, 2)) == [("ABOVE_MAXIMUM", "lines.0.quantity")]
    await shop.set(Product, OFFERED_BY_PROVIDER, status=ProductStatus.RETIRED)
    assert faults(await shop.alter(subscription, 1)) == [("RETIRED", "lines.0")]
    assert faults(await shop.alter(subscription, -1)) == []


async def test_a_subscription_of_another_account_is_as_good_as_none(shop: Shop) -> None:
    told = set()
    for subscription in (shop.subscription(8)["id"], shop.subscription(DEEP)["id"], 4711, 0):
        refused = await shop.alter(subscription, 1, caller=shop.user(2))
        told.add((tuple(faults(refused)), refused["userErrors"][0]["message"]))

    assert told == {((("NOT_FOUND", "subscription"),), "There is no such subscription.")}


async def test_what_is_not_active_is_not_changed(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 3)
    for status in set(SubscriptionStatus) - {SubscriptionStatus.ACTIVE}:
        await shop.set(Subscription, subscription, status=status)
        assert faults(await shop.alter(subscription, 1)) == [("WRONG_STATE", "subscription")]


async def test_a_decrease_is_taken_from_an_account_on_credit_hold_and_an_increase_is_not(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 3)
    await shop.set(Account, CUSTOMER, status=AccountStatus.CREDIT_HOLD)

    assert faults(await shop.alter(subscription, 1)) == [("ACCOUNT_ON_HOLD", "account")]
    assert faults(await shop.alter(subscription, -1)) == []


# Cancellations


async def test_an_order_tells_until_when_what_it_bought_can_be_given_back(shop: Shop) -> None:
    await shop.owning(CUSTOMER, 3)
    (order,) = await shop.placed()
    given = {"order": f"ord_{order.id}", "expectedVersion": order.version}

    payload = await shop.ask(shop.user(CUSTOMER), "orderUpdate", **given)

    assert payload["order"]["cancellableUntil"] == "2026-11-27T12:00:00.000Z"


async def test_a_cancellation_within_the_window_gives_back_what_is_left(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 3)
    shop.now = AT + timedelta(days=5)

    payload = await shop.cancel_subscription(subscription)

    order = payload["order"]
    assert order["number"].startswith("CL")
    assert order["total"]["amount"] == "-5.00"
    assert [(line["delta"], line["resultingQuantity"]) for line in order["lines"]] == [(-3, 0)]
    assert await shop.owed(CUSTOMER) == euros(1)


async def test_after_the_window_a_cancellation_waits_for_the_renewal(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 3)
    shop.now = AT + timedelta(days=8)

    refused = await shop.cancel_subscription(subscription)
    assert faults(refused) == [("OUTSIDE_WINDOW", "subscription")]
    scheduled = await shop.cancel_subscription(subscription, scheduledOn="RENEWAL")
    assert scheduled["order"]["waitingFor"] == "RENEWAL"


async def test_a_cancellation_takes_no_lines(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 3)

    refused = await shop.cancel_subscription(subscription, lines=[{"product": PRODUCT, "quantity": 1}])

    assert faults(refused) == [("INVALID", "lines")]


async def test_what_does_not_renew_can_not_wait_for_that(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 3)
    await shop.set(Subscription, subscription, auto_renew=False)

    assert faults(await shop.cancel_subscription(subscription, scheduledOn="RENEWAL")) == [
        ("WRONG_STATE", "scheduledOn")
    ]


# Renewals


async def test_a_renewal_is_charged_for_the_next_term_at_the_prices_of_the_day(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 3)
    for price in [row for row in shop.world["price"] if row["seller_id"] == 2]:
        await shop.set(Price, price["id"], amount_micros=euros(5))
    shop.now = AT + timedelta(days=30)

    payload = await shop.renew(subscription)

    order = payload["order"]
    assert order["number"].startswith("RN")
    assert (order["total"]["amount"], order["termFrom"], order["termUntil"]) == ("15.00", "2026-12-20", "2027-01-20")
    assert {post.kind for post in await shop.posts()} == {"CHARGE", "RENEWAL"}


async def test_a_renewal_is_charged_as_it_was_where_somebody_sells_it_no_more(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 3)
    for price in [row for row in shop.world["price"] if row["seller_id"] == 1]:
        await shop.set(Price, price["id"], valid_until=date(2026, 12, 1))
    shop.now = AT + timedelta(days=30)
    await shop.charged(subscription)

    payload = await shop.renew(subscription)

    assert faults(payload) == []
    assert payload["order"]["total"]["amount"] == "6.00"


async def test_nothing_renews_before_its_day(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 3)
    shop.now = AT + timedelta(days=29)

    assert faults(await shop.renew(subscription)) == [("OUTSIDE_WINDOW", "subscription")]


async def test_a_renewal_takes_credit_on_the_whole_chain(databases: Databases, world: World) -> None:
    async with opened_shop(databases, world, of_7=net(8), of_2=net(5)) as shop:
        subscription = await shop.owning(CUSTOMER, 3)
        shop.now = AT + timedelta(days=30)

        assert faults(await shop.renew(subscription)) == [("CREDIT_LIMIT", "account")]
        assert len([row for row in await shop.placed() if row.type == "RENEWAL"]) == 0


async def test_a_change_that_waits_for_the_renewal_does_not_stand_in_its_way(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 3)
    scheduled = await shop.alter(subscription, -1, scheduledOn="RENEWAL")
    shop.now = AT + timedelta(days=30)

    assert faults(await shop.renew(subscription)) == []
    assert (await shop.order(scheduled)).status == "SUBMITTED"
