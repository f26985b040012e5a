"""Cancelling orders that are being processed: while what provisions can stop, once, and nothing of it stays."""

import asyncio
import random
from datetime import timedelta
from typing import Any

import orjson
import pytest

from models import Audit, JobKind, Plan
from models.base import now
from models.statement import Row
from resolvers.work.simulator import Simulator
from resolvers.work.task import Done, Failed, Pending, Task
from tests.changes import rows_of
from tests.ordering import CUSTOMER, PRODUCT, euros, faults
from tests.switching import TARGET, seen, sell
from tests.work_processes import worker_processes
from tests.works import Works
from tests.works import works as works

PENDING = [{"name": "simulate", "value": "pending"}]


async def cancel(works: Works, order: Row, version: int | None = None) -> Any:
    """The payload of cancelling an order, at the version that it has now unless another is known."""
    given = {"order": f"ord_{order.id}", "expectedVersion": version or (await works.order(order.id)).version}
    return await works.shop.ask(works.shop.user(CUSTOMER), "orderCancel", **given)


async def begun(works: Works, **given: Any) -> Row:
    """An order that is being processed, and comes to no end by itself."""
    caller = works.shop.user(CUSTOMER)
    payload = await works.shop.ask(caller, "orderPlace", **given, attributes=PENDING)
    assert payload["userErrors"] == [], payload
    await works.work()
    order = await works.shop.order(payload)
    assert order.status == "PROCESSING"
    return order


def about(subscription: Row, of_type: str, *lines: dict[str, Any]) -> dict[str, Any]:
    """What an order about a subscription is asked for with."""
    return {"type": of_type, "subscription": f"sub_{subscription.id}", "lines": list(lines)}


SALE = {"lines": [{"product": PRODUCT, "quantity": 3}]}


async def test_what_is_being_set_up_is_stopped_and_paid_back(works: Works) -> None:
    order = await begun(works, **SALE)

    payload = await cancel(works, order)

    assert (payload["userErrors"], payload["order"]["status"]) == ([], "CANCELLED")
    assert await works.shop.owed(CUSTOMER) == 0
    await works.work()
    row = await works.order(order.id)
    assert (row.status, row.stoppable_until) == ("CANCELLED", None)
    assert (await works.subscription(order.subscription_id)).status == "TERMINATED"
    assert "stop" in [action for action, _, _ in await works.asked(order.subscription_id)]
    assert await works.open_jobs(JobKind.PROVISION_ORDER) == []
    assert await works.findings() == []


@pytest.mark.parametrize("of_type", ["CHANGE", "MIGRATION", "CANCELLATION"])
async def test_what_is_being_changed_is_brought_back(works: Works, of_type: str) -> None:
    await sell(works, 2)
    subscription = await works.bought(lines=[{"product": PRODUCT, "plan": "pln_1", "quantity": 3}])
    named: dict[str, list[dict[str, Any]]] = {
        "CHANGE": [{"product": PRODUCT, "quantity": 2}],
        "MIGRATION": [{"product": f"prd_{TARGET}"}],
    }
    order = await begun(works, **about(subscription, of_type, *named.get(of_type, [])))

    assert faults(await cancel(works, order)) == []
    # Until it is undone nothing else begins.
    change = about(subscription, "CHANGE", {"product": PRODUCT, "quantity": 1})
    refused = await works.shop.ask(works.shop.user(CUSTOMER), "orderPlace", **change)
    assert [error["code"] for error in refused["userErrors"]] == ["OPEN_CHANGE"]
    assert "being undone" in refused["userErrors"][0]["message"]
    await works.work()

    after = await works.subscription(subscription.id)
    assert (after.status, after.quantity, after.product_id) == ("ACTIVE", 3, 1)
    assert await works.shop.owed(CUSTOMER) == euros(6)
    assert await works.history(subscription.id) == [("PURCHASE", 0, 3)]
    asked = [(action, quantity) for action, quantity, _ in await works.asked(subscription.id)]
    assert ("resume" if of_type == "CANCELLATION" else "change", 3) in asked
    assert faults(await works.shop.ask(works.shop.user(CUSTOMER), "orderPlace", **change)) == []
    assert await works.findings() == []


async def test_what_is_undone_badly_is_undone_again(works: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    subscription = await works.bought(3)
    order = await begun(works, **about(subscription, "CHANGE", {"product": PRODUCT, "quantity": 2}))
    await cancel(works, order)
    tried: list[str] = []

    async def change(_self: Simulator, task: Task) -> Any:
        tried.append(task.key)
        return Failed("It is down.", is_final=False) if len(tried) == 1 else Done()

    monkeypatch.setattr(Simulator, "change", change)
    await works.work()  # at once
    works.forward(hours=1)
    await works.work()

    assert tried == [f"order:{order.id}:undone"] * 2
    assert (await works.order(order.id)).stoppable_until is None


async def test_what_is_cancelled_while_it_is_asked_for_is_undone_at_once(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if what provisions has only begun, and would be asked again an hour later."""
    subscription = await works.bought(3)
    line = {"product": PRODUCT, "quantity": 2}
    payload = await works.shop.ask(works.shop.user(CUSTOMER), "orderPlace", **about(subscription, "CHANGE", line))
    order, asked = await works.shop.order(payload), []

    async def change(_self: Simulator, task: Task) -> Any:
        asked.append(task.parts[0].quantity)
        if len(asked) == 1:
            assert faults(await cancel(works, order)) == []
            return Pending()
        return Done()

    monkeypatch.setattr(Simulator, "change", change)
    await works.work()

    assert asked == [5, 3]
    assert (await works.order(order.id)).stoppable_until is None
    assert await works.open_jobs(JobKind.PROVISION_ORDER) == []
    assert await works.findings() == []


async def test_what_is_noted_of_stopping_leaves_no_lines_in_the_change_log(works: Works) -> None:
    subscription = await works.bought(3)

    rows = [row for row in await rows_of(works.store, Audit) if row.operation == "orderFulfilment"]

    order_id = (await works.orders_of(subscription.id))[0].id
    told = [orjson.loads(row.after) for row in rows if row.object_id == order_id]
    assert len(told) == 3
    assert all(told), told
    assert not any("stoppable_until" in each or "stoppableUntil" in each for each in told)


ORDERS, KILLS = 8, 5


async def test_whenever_workers_are_killed_what_was_cancelled_is_undone_once(works: Works) -> None:
    works.at(now() - timedelta(minutes=1))  # the workers go by the machine's clock
    bought = [await works.bought(3) for _ in range(ORDERS)]
    begun_ones = [await begun(works, **about(each, "CHANGE", {"product": PRODUCT, "quantity": 2})) for each in bought]
    for order in begun_ones:
        assert faults(await cancel(works, order)) == []
    with worker_processes(works.store.url) as processes:
        processes.start()
        for _ in range(KILLS):
            await asyncio.sleep(random.uniform(0.02, 0.25))
            processes.start()
            processes.kill_oldest()
        async with asyncio.timeout(60):
            while await works.open_jobs(JobKind.PROVISION_ORDER):  # noqa: ASYNC110  # other processes do it
                await asyncio.sleep(0.1)

    for subscription, order in zip(bought, begun_ones, strict=True):
        row = await works.order(order.id)
        assert (row.status, row.stoppable_until) == ("CANCELLED", None)
        asked = [(action, quantity) for action, quantity, _ in await works.asked(subscription.id)]
        assert sorted(asked) == [("change", 3), ("change", 5), ("provision", 3)]
        assert (await works.subscription(subscription.id)).quantity == 3
    assert await works.shop.owed(CUSTOMER) == euros(6) * ORDERS
    assert await works.findings() == []


async def test_what_cannot_stop_is_not_cancelled(works: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Simulator, "can_stop", lambda _self: False)
    order = await begun(works, **SALE)
    document = "openOrder { number allowedActions cancellableUntil }"

    assert faults(await cancel(works, order)) == [("WRONG_STATE", "order")]
    assert "ORDER_CANCEL" not in (await seen(works, order.subscription_id, document))["openOrder"]["allowedActions"]
    assert await works.shop.owed(CUSTOMER) == euros(6)


async def test_a_renewal_that_is_being_processed_is_not_cancelled(works: Works) -> None:
    subscription = await works.bought(3)
    works.forward(days=30)
    order = await begun(works, type="RENEWAL", subscription=f"sub_{subscription.id}")

    assert faults(await cancel(works, order)) == [("WRONG_STATE", "order")]


async def test_the_window_of_what_is_bought_is_that_of_cancelling(works: Works) -> None:
    await works.shop.set(Plan, 1, cancellation_hours=2)
    order = await begun(works, **SALE)
    shown = (await seen(works, order.subscription_id, "openOrder { allowedActions cancellableUntil }"))["openOrder"]
    assert shown["cancellableUntil"] == "2026-11-20T14:00:00.000Z"
    assert "ORDER_CANCEL" in shown["allowedActions"]
    works.forward(hours=2)

    refused = await cancel(works, order)

    assert faults(refused) == [("OUTSIDE_WINDOW", "order")]
    assert "2026-11-20 14:00 UTC" in refused["userErrors"][0]["message"]


async def test_what_is_cancelled_has_no_time_left_to_cancel_it_in(works: Works) -> None:
    await works.shop.set(Plan, 1, cancellation_hours=2)
    order = await begun(works, **SALE)
    assert faults(await cancel(works, order)) == []

    shown = (await seen(works, order.subscription_id, "openOrder { status cancellableUntil }"))["openOrder"]
    assert shown == {"status": "CANCELLED", "cancellableUntil": None}


async def test_of_a_worker_and_a_cancel_at_once_one_wins(works: Works) -> None:
    """As often as it takes for either to be first; whoever it is, the books and the services agree."""
    outcomes, kept = set(), 0
    for number in range(6):
        order = await begun(works, **SALE)
        works.forward(hours=1)
        version = (await works.order(order.id)).version

        async def done(_self: Simulator, task: Task, number: int = number) -> Any:
            await asyncio.sleep(0.005 * (number % 3))
            return Done(f"SIM-{task.subscription_id}")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Simulator, "provision", done)
            _, payload = await asyncio.gather(works.work([JobKind.PROVISION_ORDER]), cancel(works, order, version))
        await works.work()
        row, service = await works.order(order.id), await works.subscription(order.subscription_id)
        outcomes.add((row.status, service.status, bool(payload["userErrors"])))
        kept += row.status == "COMPLETED"
    assert outcomes <= {("CANCELLED", "TERMINATED", False), ("COMPLETED", "ACTIVE", True)}
    assert await works.shop.owed(CUSTOMER) == euros(6) * kept
    assert await works.findings() == []
