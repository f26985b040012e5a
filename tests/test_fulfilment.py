"""Fulfilment: what an order makes of its subscription, once, whatever fails, waits or is killed on the way."""

import asyncio
import random
from datetime import timedelta
from typing import Any

import orjson
import pytest

from models import Account, AccountStatus, JobKind, Mail, Order, OrderStatus, Price, Subscription
from models.base import now
from resolvers.work.claims import Claims, LostClaimError
from resolvers.work.fulfilment import ProvisionOrder
from resolvers.work.simulator import Simulator
from resolvers.work.task import Task
from tests.changes import rows_of
from tests.ordering import CUSTOMER, DEEP, euros
from tests.work_processes import worker_processes
from tests.works import Works, workplace
from tests.works import works as works


def dates(subscription: Any) -> tuple[str, ...]:
    names = ("start_date", "renewal_date", "renewal_key", "expiration_date")
    return tuple(str(getattr(subscription, name)) for name in names)


async def test_a_sale_becomes_an_active_subscription_with_its_dates(works: Works) -> None:
    subscription = await works.bought(3)

    assert (subscription.status, subscription.quantity, subscription.auto_renew) == ("ACTIVE", 3, True)
    assert dates(subscription) == ("2026-11-20", "2026-12-20", "2026-12-20", "2026-12-20")
    assert subscription.vendor_subscription_id == f"SIM-{subscription.id}"
    assert [(item.position, item.quantity) for item in await works.items(subscription.id)] == [(0, 3)]
    assert await works.lots(subscription.id) == [(3, 3)]
    assert await works.history(subscription.id) == [("PURCHASE", 0, 3)]
    assert await works.findings() == []


async def test_every_edge_is_charged_for_the_service_what_the_order_fixed(works: Works) -> None:
    subscription = await works.bought(2, DEEP)

    assert await works.charges(subscription.id) == [
        (None, 1, 2),
        (1, euros(1), euros(2)),
        (2, euros(2), euros(4)),
        (3, euros(3), euros(6)),
        (4, euros(4), euros(8)),
    ]


async def test_what_is_added_joins_the_subscription_as_a_lot_of_its_own(works: Works) -> None:
    subscription = await works.bought(3)
    works.forward(days=10)
    order = await works.change(subscription, 5)

    assert order.status == "COMPLETED"
    after = await works.subscription(subscription.id)
    assert (after.quantity, dates(after)) == (5, dates(subscription))
    assert await works.lots(subscription.id) == [(3, 3), (2, 2)]
    assert await works.history(subscription.id) == [("PURCHASE", 0, 3), ("CHANGE", 3, 5)]
    assert (await works.charges(subscription.id))[-1] == (2, euros(2), euros(10))
    assert [(action, quantity) for action, quantity, _ in await works.asked(subscription.id)] == [
        ("provision", 3), ("change", 5),
    ]  # fmt: skip
    assert await works.findings() == []


async def test_what_was_added_at_another_price_is_charged_at_it_and_the_rest_as_before(works: Works) -> None:
    subscription = await works.bought(3)
    for price in works.shop.world["price"]:
        if price["seller_id"] == 2:
            await works.shop.set(Price, price["id"], amount_micros=euros(4))
    await works.change(subscription, 5)

    assert (await works.charges(subscription.id))[-1] == (2, 2_800_000, euros(14))


async def test_what_is_given_back_leaves_the_latest_lots(works: Works) -> None:
    subscription = await works.bought(3)
    works.forward(days=1)
    await works.change(subscription, 5)
    works.forward(hours=1)
    await works.change(subscription, 2)

    assert await works.lots(subscription.id) == [(3, 2), (2, 0)]
    assert await works.history(subscription.id) == [("PURCHASE", 0, 3), ("CHANGE", 3, 5), ("CHANGE", 5, 2)]
    assert (await works.charges(subscription.id))[-1] == (2, euros(2), euros(4))
    assert await works.findings() == []


async def test_a_cancellation_ends_the_subscription(works: Works) -> None:
    subscription = await works.bought(3)
    await works.ordered(subscription, "CANCELLATION")

    after = await works.subscription(subscription.id)
    assert (after.status, after.renewal_date, str(after.renewal_key)) == ("TERMINATED", None, "9999-12-31")
    assert await works.lots(subscription.id) == [(3, 0)]
    assert await works.history(subscription.id) == [("PURCHASE", 0, 3), ("CANCELLATION", 3, 0)]
    assert ("stop", 3) in [(action, quantity) for action, quantity, _ in await works.asked(subscription.id)]
    assert await works.findings() == []


# What goes wrong


def told(how: str) -> dict[str, Any]:
    return {"attributes": [{"name": "simulate", "value": how}]}


async def test_an_order_that_cannot_be_provisioned_is_in_error_for_a_reason_and_costs_nothing(works: Works) -> None:
    payload = await works.shop.buy(CUSTOMER, 3, **told("fail"))
    assert await works.shop.owed(CUSTOMER) == euros(6)
    await works.work()

    order = await works.shop.order(payload)
    assert order.status == "ERROR"
    assert order.error_message.startswith("The simulated service refuses this order.")
    mails = {mail.template: mail for mail in await rows_of(works.shop.store, Mail)}
    assert (
        mails["ORDER_ERROR"].to_user_id == mails["ORDER_CONFIRMATION"].to_user_id == works.shop.user(CUSTOMER).user_id
    )
    assert (
        orjson.loads(mails["ORDER_ERROR"].data).items()
        >= {"order": order.number, "reason": order.error_message}.items()
    )
    assert await works.shop.owed(CUSTOMER) == 0
    assert (await works.subscription(order.subscription_id)).status == "TERMINATED"
    assert await works.open_jobs(JobKind.PROVISION_ORDER, JobKind.RENEW_SUBSCRIPTION) == []
    assert await works.findings() == []


async def test_what_is_submitted_again_is_provisioned_and_charged_once(works: Works) -> None:
    payload = await works.shop.buy(CUSTOMER, 3, **told("fail"))
    await works.work()
    order = await works.shop.order(payload)
    again = {"order": f"ord_{order.id}"}
    user = works.shop.user(CUSTOMER)
    await works.shop.ask(user, "orderUpdate", **again, attributes=[], expectedVersion=order.version)
    payload = await works.shop.ask(
        user, "orderResubmit", **again, expectedVersion=(await works.order(order.id)).version
    )
    assert payload["userErrors"] == []
    await works.work()

    order = await works.order(order.id)
    assert (order.status, order.error_message) == ("COMPLETED", None)
    assert (await works.subscription(order.subscription_id)).status == "ACTIVE"
    assert await works.shop.owed(CUSTOMER) == euros(6)
    assert await works.findings() == []


async def test_a_failure_that_passes_is_tried_again(works: Works) -> None:
    payload = await works.shop.buy(CUSTOMER, 3, **told("fail-once"))
    tally = await works.work()
    assert (tally.done, tally.put_off) == (0, 1)
    assert (await works.shop.order(payload)).status == "PROCESSING"
    works.forward(minutes=1)
    await works.work()

    order = await works.shop.order(payload)
    assert order.status == "COMPLETED"
    assert await works.asked(order.subscription_id) == [("provision", 3, 2)]


async def test_what_is_pending_is_asked_for_again_and_in_the_end_given_up(works: Works) -> None:
    soon = await works.shop.buy(CUSTOMER, 1, **told("pending:2"))
    never = await works.shop.buy(CUSTOMER, 2, **told("pending"))
    for _ in range(8):
        await works.work()
        works.forward(hours=1)

    order = await works.shop.order(soon)
    assert (order.status, await works.asked(order.subscription_id)) == ("COMPLETED", [("provision", 1, 3)])
    order = await works.shop.order(never)
    assert (order.status, order.error_message) == (
        "ERROR", "The service is still not set up. Submit the order again later, or ask support.",
    )  # fmt: skip
    assert await works.shop.owed(CUSTOMER) == euros(2)


async def test_people_read_a_sentence_whatever_is_raised(works: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    async def break_down(*_: Any) -> None:
        raise KeyError("secret detail")

    monkeypatch.setattr(Simulator, "provision", break_down)
    payload = await works.shop.buy(CUSTOMER, 3)
    for _ in range(8):
        await works.work()
        works.forward(hours=1)

    order = await works.shop.order(payload)
    assert (order.status, order.error_message) == (
        "ERROR", "Something went wrong while it was worked off. Submit it again later, or ask support.",
    )  # fmt: skip


async def test_an_order_of_an_account_that_is_held_meanwhile_waits_until_it_is_released(works: Works) -> None:
    payload = await works.shop.buy(CUSTOMER, 3)
    await works.shop.set(Account, CUSTOMER, status=AccountStatus.CREDIT_HOLD)
    await works.work()
    assert (await works.shop.order(payload)).status == "SUBMITTED"
    works.forward(hours=2)
    await works.work()
    assert (await works.shop.order(payload)).status == "SUBMITTED"
    await works.shop.set(Account, CUSTOMER, status=AccountStatus.ACTIVE)
    works.forward(hours=2)
    await works.work()

    assert (await works.shop.order(payload)).status == "COMPLETED"
    assert await works.shop.owed(CUSTOMER) == euros(6)


async def test_what_was_cancelled_before_it_began_is_left_alone(works: Works) -> None:
    payload = await works.shop.buy(CUSTOMER, 3)
    order = payload["order"]
    await works.shop.ask(works.shop.user(CUSTOMER), "orderCancel", order=order["id"], expectedVersion=1)
    await works.work()

    row = await works.shop.order(payload)
    assert (row.status, row.subscription_id) == ("CANCELLED", None)
    assert await works.shop.owed(CUSTOMER) == 0


async def test_what_is_ended_while_it_is_provisioned_leaves_no_service(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = await works.shop.buy(CUSTOMER, 3)
    provision = Simulator.provision

    async def meanwhile(self: Simulator, task: Task) -> Any:
        await works.shop.set(Order, (await works.shop.order(payload)).id, status=OrderStatus.CANCELLED)
        return await provision(self, task)

    monkeypatch.setattr(Simulator, "provision", meanwhile)
    await works.work()

    row = await works.shop.order(payload)
    assert row.status == "CANCELLED"
    assert (await works.subscription(row.subscription_id)).status == "TERMINATED"
    assert [action for action, _, _ in await works.asked(row.subscription_id)] == ["provision", "stop"]


async def test_two_workers_that_both_believe_in_their_claim_have_one_effect(works: Works) -> None:
    """The first is so slow that its lease runs out; the second does the job."""
    payload = await works.shop.buy(CUSTOMER, 3)
    place = workplace(works.store)
    first, second = Claims(works.store, "first", timedelta(0)), Claims(works.store, "second", timedelta(minutes=1))
    (slow,) = await first.take([JobKind.PROVISION_ORDER], 1)
    works.forward(seconds=1)
    (quick,) = await second.take([JobKind.PROVISION_ORDER], 1)
    outcomes = await asyncio.gather(
        ProvisionOrder(place).run(slow), ProvisionOrder(place).run(quick), return_exceptions=True
    )

    assert [type(each) for each in outcomes] == [LostClaimError, type(None)]
    order = await works.shop.order(payload)
    assert order.status == "COMPLETED"
    assert await works.history(order.subscription_id) == [("PURCHASE", 0, 3)]


# Kills

ORDERS = 10
KILLS = 6
"""Fewer than a job is tried, so that none is given up."""


async def test_whenever_workers_are_killed_each_order_is_worked_off_once(works: Works) -> None:
    works.at(now() - timedelta(minutes=1))  # the workers go by the machine's clock
    payloads = [await works.shop.buy(CUSTOMER, 1 + number) for number in range(ORDERS)]
    with worker_processes(works.store.url) as processes:
        processes.start()
        processes.start()
        for _ in range(KILLS):
            await asyncio.sleep(random.uniform(0.02, 0.25))
            processes.start()
            processes.kill_oldest()
        async with asyncio.timeout(60):
            while await works.open_jobs(JobKind.PROVISION_ORDER):  # noqa: ASYNC110  # other processes do it
                await asyncio.sleep(0.1)

    orders = [await works.shop.order(payload) for payload in payloads]
    assert [order.status for order in orders] == ["COMPLETED"] * ORDERS
    for number, order in enumerate(orders, 1):
        assert await works.history(order.subscription_id) == [("PURCHASE", 0, number)]
        assert await works.lots(order.subscription_id) == [(number, number)]
        assert len(await works.charges(order.subscription_id)) == 3
        assert [(action, quantity) for action, quantity, _ in await works.asked(order.subscription_id)] == [
            ("provision", number)
        ]
    bought = {row.id for row in await rows_of(works.store, Subscription) if row.status in ("PENDING", "TERMINATED")}
    assert bought == set()
    assert await works.shop.owed(CUSTOMER) == euros(2) * sum(range(1, ORDERS + 1))
    assert len(await works.open_jobs(JobKind.RENEW_SUBSCRIPTION)) == ORDERS
    assert await works.findings() == []
