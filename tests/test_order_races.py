"""Orders at once: the last credit goes to as many as fit, one key is one order, a subscription has one open change."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.changes import change, new_key
from tests.databases import Databases
from tests.hierarchy import World
from tests.money import net
from tests.ordering import CUSTOMER, DEEP, PRODUCT, Shop, euros, faults, opened_shop


@pytest.fixture
async def shop(databases: Databases, world: World) -> AsyncIterator[Shop]:
    async with opened_shop(databases, world, of_7=net(7), of_3=net(7)) as shop:
        yield shop


async def test_of_ten_orders_for_the_last_credit_as_many_win_as_fit(shop: Shop) -> None:
    answers = await asyncio.gather(*(shop.buy(CUSTOMER) for _ in range(10)))

    assert sorted(map(faults, answers)) == [[]] * 3 + [[("CREDIT_LIMIT", "account")]] * 7
    assert await shop.owed(CUSTOMER) == euros(6)
    assert (len(await shop.placed()), len(await shop.jobs())) == (3, 3)


async def test_of_ten_orders_for_the_last_credit_of_an_account_above_as_many_win_as_fit(shop: Shop) -> None:
    # The one above both charges 2 euros for each unit, whoever below it buys.
    answers = await asyncio.gather(*(shop.buy(account) for account in (DEEP, 6) for _ in range(5)))

    assert sorted(map(faults, answers)) == [[]] * 3 + [[("VENDOR_UNAVAILABLE", "account")]] * 7
    assert await shop.owed(3) == euros(6)
    assert await shop.owed(DEEP) + await shop.owed(6) == sum(row.total_micros for row in await shop.placed())


async def test_a_key_that_is_sent_twenty_times_at_once_is_one_order(shop: Shop) -> None:
    document = (
        "mutation($input: OrderPlaceInput!) { orderPlace(input: $input) { order { id number } userErrors { code } } }"
    )
    given = {"idempotencyKey": new_key(), "lines": [{"product": PRODUCT, "quantity": 1}]}
    answers = await asyncio.gather(
        *(
            change(shop.store, shop.user(CUSTOMER), document, {"input": given}, clock=lambda: shop.now)
            for _ in range(20)
        )
    )

    (order,) = await shop.placed()
    assert {repr(answer.data) for answer in answers if not answer.errors} == {
        repr({"orderPlace": {"order": {"id": f"ord_{order.id}", "number": order.number}, "userErrors": []}})
    }
    # Whoever waited for too long is told to come back; the order was placed once all the same.
    assert {code for answer in answers for code in answer.codes} <= {"UNAVAILABLE"}
    assert await shop.owed(CUSTOMER) == euros(2)


async def test_of_two_changes_of_a_subscription_at_once_one_is_open(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 1)

    answers = await asyncio.gather(*(shop.alter(subscription, 1) for _ in range(4)))

    assert sorted(map(faults, answers)) == [[]] + [[("OPEN_CHANGE", "subscription")]] * 3
    assert await shop.owed(CUSTOMER) == euros(4)


async def test_an_order_and_its_cancellation_twice_at_once_leave_nothing_owed(shop: Shop) -> None:
    payload = await shop.buy(CUSTOMER)
    given: Any = {"order": payload["order"]["id"], "expectedVersion": 1}

    answers = await asyncio.gather(*(shop.ask(shop.user(CUSTOMER), "orderCancel", **given) for _ in range(5)))

    assert sorted(map(faults, answers)) == [[]] + [[("CONFLICT", "expectedVersion")]] * 4
    assert await shop.owed(CUSTOMER) == 0
