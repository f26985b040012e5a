"""The life of orders: what the table of moves says is what can be done, and every charge is given back once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from models import Account, Order, OrderStatus, OrderWait, Price, SubscriptionItem
from models.life.order import LIFE, OrderEvent
from models.scope import Scope
from resolvers.act import Act, Actor
from resolvers.errors import RefusedError
from resolvers.operation import OPERATIONS
from resolvers.ordering.progress import complete_order, fail_order, locked, start_order
from resolvers.privileges import Privilege
from tests.asking import EVERYTHING
from tests.changes import change, new_key, rows_of
from tests.databases import Databases
from tests.hierarchy import World, path_of
from tests.money import net
from tests.ordering import CUSTOMER, DEEP, Shop, euros, faults, opened_shop

BY_PEOPLE = {
    OrderEvent.APPROVE: "orderApprove",
    OrderEvent.CANCEL: "orderCancel",
    OrderEvent.REJECT: "orderReject",
    OrderEvent.RESUBMIT: "orderResubmit",
}


@pytest.fixture
async def shop(databases: Databases, world: World) -> AsyncIterator[Shop]:
    async with opened_shop(databases, world) as shop:
        yield shop


async def do(shop: Shop, mutation: str, payload: Any, caller: Any = None, **more: Any) -> Any:
    """The payload of an operation on the order of another payload, at the version that it has now."""
    version = (await shop.order(payload)).version
    given = {"order": payload["order"]["id"], "expectedVersion": version} | more
    return await shop.ask(caller or shop.user(2), mutation, **given)


@asynccontextmanager
async def working(shop: Shop, payload: Any) -> AsyncIterator[tuple[Act, Any]]:
    """An order, as the worker has it in a transaction."""
    async with shop.store.writer(Scope(path_of(1), finances=True)) as writer:
        act = Act(shop.user(1), writer, OPERATIONS["orderPlace"], Actor("", None, None), None, shop.now)
        order = await locked(act, (await shop.order(payload)).id)
        yield act, order


async def failed(shop: Shop, payload: Any, reason: str = "It broke.") -> None:
    """Let the worker fail at an order."""
    async with working(shop, payload) as (act, order):
        assert await start_order(act, order)
    async with working(shop, payload) as (act, order):
        await fail_order(act, order, reason)


@pytest.mark.parametrize("event", BY_PEOPLE)
async def test_people_do_what_the_table_allows_and_are_refused_the_rest(shop: Shop, event: OrderEvent) -> None:
    payload = await shop.buy(CUSTOMER)
    row_id = (await shop.order(payload)).id
    needs_wait = event in (OrderEvent.APPROVE, OrderEvent.REJECT)
    for status in OrderStatus:
        await shop.set(Order, row_id, status=status, waiting_for=OrderWait.APPROVAL if needs_wait else None)
        answer = await do(shop, BY_PEOPLE[event], payload)

        # What is being processed can't be stopped: what provisions would have to say that it can.
        is_stoppable = (event, status) != (OrderEvent.CANCEL, OrderStatus.PROCESSING)
        if LIFE.can(status, event) and is_stoppable:
            assert answer["userErrors"] == []
            assert answer["order"]["status"] == LIFE.after(status, event)
        else:
            assert faults(answer) == [("WRONG_STATE", "order")]
            assert (await shop.order(payload)).status == status


async def test_the_worker_does_what_the_table_allows_and_is_refused_the_rest(shop: Shop) -> None:
    payload = await shop.buy(CUSTOMER)
    row_id = (await shop.order(payload)).id
    for status in OrderStatus:
        await shop.set(Order, row_id, status=status)
        async with working(shop, payload) as (act, order):
            assert await start_order(act, order) is LIFE.can(status, OrderEvent.START)
        for event in (OrderEvent.COMPLETE, OrderEvent.FAIL):
            await shop.set(Order, row_id, status=status)
            assert await _is_done(shop, payload, event) is LIFE.can(status, event)


async def _is_done(shop: Shop, payload: Any, event: OrderEvent) -> bool:
    try:
        async with working(shop, payload) as (act, order):
            if event is OrderEvent.COMPLETE:
                await complete_order(act, order)
            else:
                await fail_order(act, order, "It broke.")
    except RefusedError:
        return False
    row: Any = await shop.order(payload)
    return bool(row.status == LIFE.after(OrderStatus.PROCESSING, event))


async def test_an_order_that_waits_is_not_worked_off(shop: Shop) -> None:
    payload = await shop.buy(CUSTOMER)
    for wait in OrderWait:
        await shop.set(Order, (await shop.order(payload)).id, waiting_for=wait)
        async with working(shop, payload) as (act, order):
            assert not await start_order(act, order)


async def test_a_cancelled_order_gives_everything_back_on_every_edge_once(shop: Shop) -> None:
    payload = await shop.buy(DEEP, 2)

    answer = await do(shop, "orderCancel", payload, shop.user(DEEP))

    assert (answer["order"]["status"], answer["order"]["allowedActions"]) == ("CANCELLED", ["ORDER_UPDATE"])
    assert [await shop.owed(account) for account in (2, 3, 4, DEEP)] == [0, 0, 0, 0]
    assert faults(await do(shop, "orderCancel", payload, shop.user(DEEP))) == [("WRONG_STATE", "order")]
    assert sum(post.micros for post in await shop.posts()) == 0


async def test_a_failed_order_is_paid_back_and_charged_again_at_the_fixed_prices(shop: Shop) -> None:
    payload = await shop.buy(DEEP, 2)
    await failed(shop, payload, "The domain is taken. Choose another and submit it again.")
    row = await shop.order(payload)
    assert (row.status, row.error_message) == ("ERROR", "The domain is taken. Choose another and submit it again.")
    assert await shop.owed(DEEP) == 0
    for price in [row for row in shop.world["price"] if row["seller_id"] == 4]:
        await shop.set(Price, price["id"], amount_micros=euros(99))

    answer = await do(shop, "orderResubmit", payload, shop.user(DEEP))

    assert answer["order"]["status"] == "SUBMITTED"
    assert [await shop.owed(account) for account in (2, 3, 4, DEEP)] == [euros(2), euros(4), euros(6), euros(8)]
    assert await shop.jobs() == [f"order:{row.id}", f"order:{row.id}:2"]
    await failed(shop, payload)
    assert [await shop.owed(account) for account in (2, 3, 4, DEEP)] == [0, 0, 0, 0]
    await do(shop, "orderResubmit", payload, shop.user(DEEP))
    assert await shop.owed(DEEP) == euros(8)


async def test_a_change_that_failed_is_not_submitted_again_once_the_quantity_is_another(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 10)
    more = await shop.alter(subscription, 20)
    await failed(shop, more)
    (item,) = await shop.items(subscription)
    await shop.set(SubscriptionItem, item["id"], quantity=1)
    owed = await shop.owed(CUSTOMER)

    answer = await do(shop, "orderResubmit", more, shop.user(CUSTOMER))

    assert faults(answer) == [("OUTDATED", "order")]
    assert answer["userErrors"][0]["message"] == "The subscription has other quantities by now. Place a new order."
    assert await shop.owed(CUSTOMER) == owed


async def test_what_was_priced_for_other_vendors_is_not_submitted_again(shop: Shop) -> None:
    payload = await shop.buy(DEEP, 2)
    await failed(shop, payload)
    document = "mutation($input: AccountTransferInput!) { accountTransfer(input: $input) { userErrors { path code } } }"
    given = {"account": "acc_4", "vendor": "acc_2", "expectedVersion": 1, "idempotencyKey": new_key()}
    moved = await change(shop.store, shop.user(1), document, {"input": given}, clock=lambda: shop.now)
    assert faults(moved.data["accountTransfer"]) == []

    answer = await do(shop, "orderResubmit", payload, shop.user(1))

    assert faults(answer) == [("OUTDATED", "order")]
    assert [await shop.owed(account) for account in (2, 3)] == [0, 0]


@pytest.mark.parametrize("quantity", [3, -3, None])
async def test_what_was_prorated_for_a_day_is_not_submitted_again_on_another(quantity: int | None, shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 10)
    if quantity is None:
        payload = await shop.cancel_subscription(subscription)
    else:
        payload = await shop.alter(subscription, quantity)
    await failed(shop, payload)
    shop.now += timedelta(days=1)

    answer = await do(shop, "orderResubmit", payload)

    assert faults(answer) == [("OUTDATED", "order")]
    assert answer["userErrors"][0]["message"].endswith("Place a new order.")


async def test_submitting_again_takes_credit_again(databases: Databases, world: World) -> None:
    async with opened_shop(databases, world, of_7=net(5)) as shop:
        payload = await shop.buy(CUSTOMER, 2)
        await failed(shop, payload)
        await shop.buy(CUSTOMER, 1)

        assert faults(await do(shop, "orderResubmit", payload, shop.user(CUSTOMER))) == [("CREDIT_LIMIT", "account")]
        assert (await shop.order(payload)).status == "ERROR"
        assert faults(await do(shop, "orderResubmit", payload, waivesCreditCheck=True)) == []
        assert await shop.owed(CUSTOMER) == euros(6)


async def test_what_is_cancelled_after_it_failed_is_not_paid_back_twice(shop: Shop) -> None:
    payload = await shop.buy(CUSTOMER)
    await failed(shop, payload)

    assert faults(await do(shop, "orderCancel", payload)) == []
    assert await shop.owed(CUSTOMER) == 0


async def test_an_approved_order_is_worked_off_and_a_rejected_one_paid_back(shop: Shop) -> None:
    await shop.set(Account, CUSTOMER, requires_approval=True)
    first, second = await shop.buy(CUSTOMER), await shop.buy(CUSTOMER)

    approved = await do(shop, "orderApprove", first)
    rejected = await do(shop, "orderReject", second, reason="Too dear.")

    assert (approved["order"]["status"], approved["order"]["waitingFor"]) == ("SUBMITTED", None)
    assert await shop.jobs() == [f"order:{(await shop.order(first)).id}"]
    assert rejected["order"]["status"] == "CANCELLED"
    assert (await shop.order(second)).error_message == "Too dear."
    assert await shop.owed(CUSTOMER) == euros(2)
    assert faults(await do(shop, "orderApprove", first)) == [("WRONG_STATE", "order")]


async def test_whoever_buys_approves_nothing_itself(shop: Shop) -> None:
    await shop.set(Account, CUSTOMER, requires_approval=True)
    payload = await shop.buy(CUSTOMER)

    for mutation in ("orderApprove", "orderReject"):
        assert faults(await do(shop, mutation, payload, shop.user(CUSTOMER))) == [("OWN_ACCOUNT", "order")]
    assert payload["order"]["allowedActions"] == ["ORDER_CANCEL", "ORDER_UPDATE"]


async def test_a_number_of_the_buyer_s_own_is_changed_at_any_time(shop: Shop) -> None:
    payload = await shop.buy(CUSTOMER, purchaseOrderNumber="PO-1", attributes=[{"name": "team", "value": "a"}])

    answer = await do(shop, "orderUpdate", payload, purchaseOrderNumber=None)

    row = await shop.order(payload)
    assert (answer["userErrors"], row.po_number, row.attributes) == ([], None, '{"team":"a"}')


async def test_an_order_is_changed_at_the_version_that_is_known(shop: Shop) -> None:
    payload = await shop.buy(CUSTOMER)
    given = {"order": payload["order"]["id"], "expectedVersion": 0}

    for mutation in ("orderCancel", "orderUpdate", "orderResubmit", "orderApprove", "orderReject"):
        assert faults(await shop.ask(shop.user(2), mutation, **given)) == [("CONFLICT", "expectedVersion")]


async def test_each_thing_to_do_takes_its_privilege(shop: Shop) -> None:
    payload = await shop.buy(CUSTOMER)
    given = {"order": payload["order"]["id"], "expectedVersion": 1}
    for mutation, privilege in {
        "orderCancel": Privilege.ORDERS_CANCEL,
        "orderUpdate": Privilege.ORDERS_PLACE,
        "orderResubmit": Privilege.ORDERS_PLACE,
        "orderApprove": Privilege.ORDERS_APPROVE,
        "orderReject": Privilege.ORDERS_APPROVE,
    }.items():
        caller = shop.user(2, privileges=EVERYTHING - {privilege})
        assert (await shop.answer(caller, mutation, **given)).codes == ["FORBIDDEN"]
    assert len(await rows_of(shop.store, Order)) == len(shop.world["orders"]) + 1
