"""Switching subscriptions to other terms: who may, what it costs every edge, and what becomes of the subscription."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest

from models import (
    Account,
    AccountStatus,
    BillingModel,
    JobKind,
    OrderStatus,
    Plan,
    PlanSwitch,
    ProductDependency,
    RefundPolicy,
    SwitchPolicy,
    SwitchTime,
)
from models.base import PeriodType
from models.store import Store
from resolvers.caller import Caller
from resolvers.ordering.periods import Period
from resolvers.work.simulator import Simulator
from resolvers.work.task import Done, Task
from tests.asking import ask
from tests.ordering import CUSTOMER, DEEP, PRODUCT, euros, faults
from tests.switching import TARGET, days, let_switch, let_switch_back, seen, sell, upgrade, yearly
from tests.works import Works
from tests.works import works as works

NEW = {"product": f"prd_{TARGET}"}


async def owed(works: Works, *accounts: int) -> list[int]:
    return [await works.shop.owed(account) for account in accounts]


async def test_a_switch_returns_the_unused_days_and_begins_a_term_at_the_new_price_on_every_edge(works: Works) -> None:
    await sell(works, 2)
    subscription = await works.bought(3)
    works.forward(days=10)
    assert await owed(works, 2, CUSTOMER) == [euros(3), euros(6)]

    payload = await upgrade(works, subscription, **NEW)

    assert payload["userErrors"] == []
    order = payload["order"]
    assert (order["type"], order["status"], order["number"][:2]) == ("MIGRATION", "SUBMITTED", "MG")
    assert (order["termFrom"], order["termUntil"]) == ("2026-11-30", "2026-12-30")
    assert order["total"] == {"amount": "11.00"}  # 15 for the new term, less 20 of 30 days of 6
    assert [(line["mpn"][-1], line["previousQuantity"], line["resultingQuantity"]) for line in order["lines"]] == [
        ("1", 3, 0), (str(TARGET), 0, 3),
    ]  # fmt: skip
    assert [line["plan"]["id"] for line in order["lines"]] == ["pln_1", f"pln_{TARGET}"]
    assert await owed(works, 2, CUSTOMER) == [euros(3 - 2 + 3), euros(6 - 4 + 15)]

    await works.work()
    after = await works.subscription(subscription.id)
    assert (after.status, after.quantity, after.product_id, after.plan_id) == ("ACTIVE", 3, TARGET, TARGET)
    assert days(after) == (date(2026, 11, 30), date(2026, 12, 30))
    assert [(item.product_id, item.quantity) for item in await works.items(subscription.id)] == [(TARGET, 3)]
    assert await works.lots(subscription.id) == [(3, 0), (3, 3)]
    assert await works.history(subscription.id) == [("PURCHASE", 0, 3), ("MIGRATION", 3, 3)]
    assert [charge[1:] for charge in (await works.charges(subscription.id))[1:]] == [
        (euros(1), euros(3)), (euros(5), euros(15)),
    ]  # fmt: skip
    assert [(action, quantity) for action, quantity, _ in await works.asked(subscription.id)] == [
        ("provision", 3), ("change", 3),
    ]  # fmt: skip
    assert await works.findings() == []


async def test_the_history_says_what_it_was_and_which_order_switched_it(works: Works) -> None:
    await sell(works, 2)
    subscription = await works.bought(3)
    order = (await upgrade(works, subscription, **NEW))["order"]
    await works.work()

    found = await seen(
        works, subscription.id,
        "history { nodes { reason previousProduct { id } previousPlan { id } order { number }"
        " item { product { id } } } }",
    )  # fmt: skip

    latest, first = found["history"]["nodes"]
    assert latest == {
        "reason": "MIGRATION", "previousProduct": {"id": PRODUCT}, "previousPlan": {"id": "pln_1"},
        "order": {"number": order["number"]}, "item": {"product": {"id": f"prd_{TARGET}"}},
    }  # fmt: skip
    assert (first["previousProduct"], first["previousPlan"]) == (None, None)


async def test_what_was_switched_renews_and_is_billed_under_its_new_terms(works: Works) -> None:
    await sell(works, 2)
    subscription = await works.bought(3)
    works.forward(days=10)
    await upgrade(works, subscription, **NEW)
    await works.work()
    before = await works.shop.owed(CUSTOMER)
    works.forward(days=20)  # the renewal that it had
    await works.work()
    assert await works.shop.owed(CUSTOMER) == before
    works.forward(days=10)
    await works.work()

    after = await works.subscription(subscription.id)
    assert days(after) == (date(2026, 12, 30), date(2027, 1, 30))
    assert await works.shop.owed(CUSTOMER) == before + euros(15)
    assert await works.findings() == []


@pytest.mark.parametrize(
    ("policy", "early", "late"),
    [
        (SwitchPolicy.PRORATE_STARTING_NEW_SUBSCRIPTION_PERIOD, 4, 2),
        (SwitchPolicy.PRORATE_REFUND, 4, 2),
        (SwitchPolicy.NO_REFUND, 0, 0),
        (SwitchPolicy.NO_REFUND_WITH_FULL_REFUND_PERIOD, 6, 0),
        (SwitchPolicy.PRORATE_REFUND_WITH_FULL_REFUND_PERIOD, 6, 2),
    ],
)
async def test_what_is_returned_is_what_the_provider_says(
    works: Works, policy: SwitchPolicy, early: int, late: int
) -> None:
    await sell(works, 2)
    await let_switch(works, billing_policy=policy)
    await works.shop.set(Plan, 1, cancellation_hours=15 * 24)
    subscription = await works.bought(3)
    for passed, back in ((10, early), (10, late)):
        works.forward(days=passed)
        lines = [{"product": f"prd_{TARGET}"}]
        estimate = await works.shop.ask(
            works.shop.user(CUSTOMER),
            "orderEstimate",
            type="MIGRATION",
            subscription=f"sub_{subscription.id}",
            lines=lines,
        )
        assert estimate["draft"]["dueNow"] == {"amount": f"{15 - back}.00", "currency": "EUR"}


@pytest.mark.parametrize(
    ("policy", "due"),
    [
        (SwitchPolicy.NO_REFUND_WITH_FULL_REFUND_PERIOD, "6.00"),
        (SwitchPolicy.PRORATE_REFUND_WITH_FULL_REFUND_PERIOD, "-6.50"),  # 25 of 30 days of 15 are returned
    ],
)
async def test_whoever_switches_back_and_forth_pays_for_what_was_used(
    works: Works, policy: SwitchPolicy, due: str
) -> None:
    await sell(works, 2)
    there = await let_switch(works, billing_policy=policy)
    await let_switch_back(works, there)
    for plan in (1, TARGET):
        await works.shop.set(Plan, plan, cancellation_hours=15 * 24)
    subscription = await works.bought(3)
    works.forward(days=10)
    first = await upgrade(works, subscription, **NEW)
    assert first["order"]["total"] == {"amount": "9.00"}  # all of what the sale was charged is returned
    await works.work()
    works.forward(days=5)

    back = await upgrade(works, subscription, product=PRODUCT)

    assert (back["userErrors"], back["order"]["total"]) == ([], {"amount": due})


async def test_a_switch_that_keeps_the_end_is_paid_until_then(works: Works) -> None:
    await sell(works, 2, amount=6)
    await let_switch(works, billing_policy=SwitchPolicy.PRORATE_KEEPING_EXP_DATE)
    subscription = await works.bought(3)
    works.forward(days=20)
    payload = await upgrade(works, subscription, **NEW)
    await works.work()

    assert payload["userErrors"] == []
    assert days(await works.subscription(subscription.id)) == (date(2026, 12, 10), date(2026, 12, 20))
    # 10 of 30 days of 6 are returned; of the month from 10 December on, 10 of 31 days of 18 are paid.
    assert await works.shop.owed(CUSTOMER) == euros(6) - euros(2) + 5_810_000
    works.forward(days=10)
    await works.work()
    assert days(await works.subscription(subscription.id)) == (date(2026, 12, 20), date(2027, 1, 20))


async def test_what_was_billed_in_the_middle_of_a_term_is_returned_and_what_is_due_later_is_owed(works: Works) -> None:
    """A year that is billed by the month, before it and after it."""
    await yearly(works, 1)
    await sell(works, 2)
    for seller in (1, 2):
        await sell(works, seller, amount=seller * 2, product=1, plan=1, period_type=PeriodType.YEAR)
    await let_switch(works, from_period_type=PeriodType.YEAR)
    year: dict[str, Any] = {"lines": [{"product": PRODUCT, "quantity": 3, "subscriptionPeriod": {"type": "YEAR"}}]}
    before = await works.bought(**year)
    await works.shop.set(Plan, 1, billing_model=BillingModel.CHARGE_AFTER_BILLING_PERIOD)
    after = await works.bought(**year)
    works.at(works.now.replace(month=12, day=30))  # two months are billed before, one after
    await works.work()
    assert await works.shop.owed(CUSTOMER) == euros(12 * 3)

    # 21 of 31 days of 12 are returned; 10 of 31 are owed.
    payloads = [await upgrade(works, each, **NEW) for each in (before, after)]

    assert [payload["order"]["total"]["amount"] for payload in payloads] == ["6.87", "18.87"]
    await works.work()
    works.at(works.now.replace(year=2027, month=1, day=29))  # what was due for the old terms is not billed any more
    await works.work()
    assert await works.shop.owed(CUSTOMER) == euros(36) + 6_870_000 + 18_870_000
    assert await works.findings() == []


async def test_while_a_switch_is_open_nothing_is_billed_that_it_settles(works: Works) -> None:
    await yearly(works, 1)
    await sell(works, 2)
    for seller in (1, 2):
        await sell(works, seller, amount=seller * 2, product=1, plan=1, period_type=PeriodType.YEAR)
    await let_switch(works, from_period_type=PeriodType.YEAR)
    subscription = await works.bought(
        lines=[{"product": PRODUCT, "quantity": 3, "subscriptionPeriod": {"type": "YEAR"}}]
    )
    works.forward(days=29)
    payload = await upgrade(works, subscription, **NEW)
    before = await works.shop.owed(CUSTOMER)
    works.forward(days=2)
    await works.work([JobKind.BILL_SUBSCRIPTION])
    assert await works.shop.owed(CUSTOMER) == before

    order = await works.shop.order(payload)
    cancelled = await works.shop.ask(
        works.shop.user(CUSTOMER), "orderCancel", order=f"ord_{order.id}", expectedVersion=order.version
    )
    assert cancelled["userErrors"] == []
    works.forward(hours=2)
    await works.work()
    assert await works.shop.owed(CUSTOMER) == euros(24)


# At the renewal


async def scheduled(works: Works, **given: Any) -> Any:
    await sell(works, 2)
    subscription = await works.bought(3)
    payload = await upgrade(works, subscription, **NEW, **given)
    assert payload["userErrors"] == []
    return subscription, payload


@pytest.mark.parametrize("by_provider", [True, False])
async def test_a_switch_can_wait_for_the_renewal(works: Works, *, by_provider: bool) -> None:
    if by_provider:
        await let_switch(works, when_effective=SwitchTime.NEXT_SUBSCRIPTION_PERIOD)
    subscription, payload = await scheduled(works, **{} if by_provider else {"scheduledOn": "RENEWAL"})

    assert (payload["order"]["waitingFor"], payload["order"]["total"]) == ("RENEWAL", {"amount": "0.00"})
    assert payload["order"]["lines"][1]["unitPrice"] == {"amount": "5.00"}
    assert payload["order"]["lines"][1]["effectiveOn"] == "2026-12-20"
    assert await works.shop.owed(CUSTOMER) == euros(6)
    found = await seen(works, subscription.id, "scheduledChange { on event order { number } } openOrder { number }")
    number = {"number": payload["order"]["number"]}
    assert found["scheduledChange"] == {"on": "2026-12-20", "event": "SWITCH", "order": number}
    assert found["openOrder"] == number

    works.forward(days=30)
    await works.work()
    after = await works.subscription(subscription.id)
    assert (after.product_id, after.plan_id, days(after)) == (TARGET, TARGET, (date(2026, 12, 20), date(2027, 1, 20)))
    assert await works.shop.owed(CUSTOMER) == euros(6 + 15)
    assert [order.type for order in await works.orders_of(subscription.id)] == ["SALES", "MIGRATION", "RENEWAL"]
    assert await works.history(subscription.id) == [("PURCHASE", 0, 3), ("MIGRATION", 3, 3), ("RENEWAL", 3, 3)]
    assert (await works.charges(subscription.id))[-1] == (2, euros(5), euros(15))
    assert await works.findings() == []


async def test_a_switch_that_is_cancelled_while_it_waits_changes_nothing(works: Works) -> None:
    subscription, payload = await scheduled(works, scheduledOn="RENEWAL")
    order = await works.shop.order(payload)
    given = {"order": f"ord_{order.id}", "expectedVersion": order.version}
    assert faults(await works.shop.ask(works.shop.user(CUSTOMER), "orderCancel", **given)) == []
    works.forward(days=30)
    await works.work()

    assert (await works.subscription(subscription.id)).product_id == 1


async def test_a_month_becomes_a_year(works: Works) -> None:
    await yearly(works, TARGET, billing_period_type=PeriodType.YEAR)
    await sell(works, 1, 2, amount=50, period_type=PeriodType.YEAR)
    await let_switch(works, to_period_type=PeriodType.YEAR)
    subscription = await works.bought(3)
    works.forward(days=15)
    payload = await upgrade(works, subscription, subscriptionPeriod={"type": "YEAR"})
    await works.work()

    assert payload["order"]["total"] == {"amount": "147.00"}
    after = await works.subscription(subscription.id)
    assert (after.period_type, after.billing_period_type, days(after)[1]) == ("YEAR", "YEAR", date(2027, 12, 5))
    assert (await works.charges(subscription.id))[-1] == (2, euros(50), 12_500_000)


# What can't be


async def test_nobody_switches_to_what_its_vendor_does_not_offer_it(works: Works) -> None:
    subscription = await works.bought(3)
    refused = await upgrade(works, subscription, **NEW)
    assert faults(refused) == [("NOT_OFFERED", "product")]
    assert (await seen(works, subscription.id, "upgrades { plan { id } }"))["upgrades"] == []

    deep = await works.bought(1, DEEP)
    await sell(works, 4)  # whose own vendors don't sell it
    assert faults(await upgrade(works, deep, **NEW)) == [("NOT_OFFERED", "")]


async def test_what_the_provider_retired_is_no_way_to_switch(works: Works) -> None:
    await sell(works, 2)
    subscription = await works.bought(3)
    await let_switch(works, is_active=False)

    assert faults(await upgrade(works, subscription, **NEW)) == [("NOT_OFFERED", "product")]
    found = await seen(works, subscription.id, "upgrades { plan { id } } allowedActions")
    assert found["upgrades"] == []
    assert "SUBSCRIPTION_UPGRADE" not in found["allowedActions"]


async def test_what_needs_something_or_is_needed_is_not_switched(works: Works) -> None:
    await sell(works, 2)
    subscription = await works.bought(3)
    await works.shop.add(ProductDependency, product_id=TARGET, depends_on_id=5)
    assert faults(await upgrade(works, subscription, **NEW)) == [("DEPENDENCY_MISSING", "")]


async def test_a_switch_changes_no_quantity_and_names_one_thing(works: Works) -> None:
    await sell(works, 2)
    subscription = await works.bought(3)
    ask = {"type": "MIGRATION", "subscription": f"sub_{subscription.id}"}
    caller = works.shop.user(CUSTOMER)
    line = {"product": f"prd_{TARGET}"}
    for lines, expected in (
        ([], ("REQUIRED", "lines")),
        ([line, line], ("REQUIRED", "lines")),
        ([line | {"quantity": 4}], ("INVALID", "lines.0.quantity")),
    ):
        assert faults(await works.shop.ask(caller, "orderPlace", **ask, lines=lines)) == [expected]
    sale = await works.shop.ask(caller, "orderPlace", lines=[{"product": PRODUCT}])
    assert faults(sale) == [("REQUIRED", "lines.0.quantity")]


async def test_where_several_are_meant_the_candidates_are_told(works: Works) -> None:
    await sell(works, 2)
    subscription = await works.bought(3)
    await sell(works, 1, 2, product=1, plan=TARGET, amount=9)
    way = next(row for row in works.shop.world["plan_switch"] if row["from_plan_id"] == 1)
    more = {"id": 7777, "terms_key": "other", "from_product_id": None, "to_product_id": None}
    await works.shop.add(PlanSwitch, **way | more)

    refused = await upgrade(works, subscription)

    (error,) = refused["userErrors"]
    assert error["code"] == "REQUIRED"
    assert [(each["mpn"][-1], each["plan"]["id"]) for each in error["candidates"]] == [
        (str(TARGET), f"pln_{TARGET}"), ("1", f"pln_{TARGET}"),
    ]  # fmt: skip
    assert faults(await upgrade(works, subscription, product=PRODUCT)) == []


async def test_a_switch_is_the_one_open_change(works: Works) -> None:
    await sell(works, 2)
    subscription = await works.bought(3)
    payload = await upgrade(works, subscription, **NEW)

    (error,) = (await upgrade(works, subscription, **NEW))["userErrors"]

    assert error["code"] == "OPEN_CHANGE"
    assert payload["order"]["number"] in error["message"]


async def test_a_switch_that_failed_costs_nothing_and_is_placed_anew(works: Works) -> None:
    await sell(works, 2)
    subscription = await works.bought(3)
    works.forward(days=10)
    payload = await works.shop.ask(
        works.shop.user(CUSTOMER), "orderPlace", type="MIGRATION", subscription=f"sub_{subscription.id}",
        lines=[{"product": f"prd_{TARGET}"}], attributes=[{"name": "simulate", "value": "fail"}],
    )  # fmt: skip
    await works.work()

    order = await works.shop.order(payload)
    assert (order.status, await works.shop.owed(CUSTOMER)) == (OrderStatus.ERROR, euros(6))
    assert (await works.subscription(subscription.id)).product_id == 1
    given = {"order": f"ord_{order.id}", "expectedVersion": order.version}
    assert faults(await works.shop.ask(works.shop.user(CUSTOMER), "orderResubmit", **given)) == [("OUTDATED", "order")]
    assert faults(await upgrade(works, subscription, **NEW)) == []
    await works.work()
    assert (await works.subscription(subscription.id)).product_id == TARGET


# What is told


async def test_what_a_subscription_can_be_switched_to_is_told_with_its_price(works: Works) -> None:
    await sell(works, 2)
    subscription = await works.bought(3)
    fields = (
        "upgrades { effectiveOn product { id } plan { id } subscriptionPeriod { type duration } unitPrice { amount }"
        " extendedPrice { amount currency } switch { kind billingPolicy whenEffective } } allowedActions"
    )
    expected = {
        "effectiveOn": None, "product": {"id": f"prd_{TARGET}"}, "plan": {"id": f"pln_{TARGET}"},
        "subscriptionPeriod": {"type": "MONTH", "duration": 1}, "unitPrice": {"amount": "5.00"},
        "extendedPrice": {"amount": "15.00", "currency": "EUR"},
        "switch": {"kind": "UPGRADE", "billingPolicy": "PRORATE_REFUND", "whenEffective": "IMMEDIATELY"},
    }  # fmt: skip
    for account in (CUSTOMER, 2, 1):
        found = await seen(works, subscription.id, fields, works.shop.user(account))
        assert found["upgrades"] == [expected], account
        assert "SUBSCRIPTION_UPGRADE" in found["allowedActions"]
    await upgrade(works, subscription, **NEW)
    actions = (await seen(works, subscription.id, "allowedActions"))["allowedActions"]
    assert not {"SUBSCRIPTION_UPGRADE", "SUBSCRIPTION_QUANTITY_SET", "SUBSCRIPTION_CANCEL"} & set(actions)


async def test_what_is_switched_where_no_window_is_has_none(works: Works) -> None:
    """A plan without a refund has no window in which all is returned either."""
    await sell(works, 2)
    await let_switch(works, billing_policy=SwitchPolicy.NO_REFUND_WITH_FULL_REFUND_PERIOD)
    await works.shop.set(Plan, 1, refund_policy=RefundPolicy.NONE)
    subscription = await works.bought(3)

    assert (await upgrade(works, subscription, **NEW))["order"]["total"] == {"amount": "15.00"}


async def test_of_changes_and_switches_at_once_one_is_taken(works: Works) -> None:
    await sell(works, 2)
    subscription = await works.bought(3)
    asked: dict[str, Any] = {"subscription": f"sub_{subscription.id}"}
    switch = asked | {"type": "MIGRATION", "lines": [NEW]}
    more = asked | {"type": "CHANGE", "lines": [{"product": PRODUCT, "quantity": 1}]}
    caller = works.shop.user(CUSTOMER)
    payloads = await asyncio.gather(*(works.shop.ask(caller, "orderPlace", **each) for each in (switch, more) * 3))
    await works.work()

    told = [[code for code, _ in faults(payload)] for payload in payloads]
    assert sorted(told) == [[]] + [["OPEN_CHANGE"]] * 5
    assert len(await works.orders_of(subscription.id)) == 2
    assert await works.findings() == []


async def test_credit_has_to_do_for_a_switch_on_every_edge(works: Works) -> None:
    await sell(works, 2)
    subscription = await works.bought(3)
    await works.shop.set(Account, 2, status=AccountStatus.CREDIT_HOLD)

    (error,) = (await upgrade(works, subscription, **NEW))["userErrors"]

    assert (error["code"], error["path"]) == ("VENDOR_UNAVAILABLE", [])
    assert await works.shop.owed(CUSTOMER) == euros(6)


async def test_the_demo_s_customers_are_told_what_they_can_switch_to(
    seeded_store: Store, caller: Callable[[str], Awaitable[Caller]]
) -> None:
    document = """{ subscriptions(filter: {status: [ACTIVE]}, first: 50) {
      nodes { upgrades { plan { name } unitPrice { amount } switch { kind } } allowedActions } } }"""

    answer = await ask(seeded_store, await caller("admin@customer.example"), document)

    assert answer.errors == []
    offered = [upgrade for node in answer.data["subscriptions"]["nodes"] for upgrade in node["upgrades"]]
    assert {upgrade["switch"]["kind"] for upgrade in offered} >= {"UPGRADE"}
    assert all(upgrade["unitPrice"] is not None for upgrade in offered)


async def test_what_provisions_is_told_the_plan_and_the_period(works: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, Any]] = []

    async def done(_self: Simulator, task: Task) -> Any:
        told.append((task.plan, task.period))
        return Done()

    for verb in ("provision", "change", "suspend"):
        monkeypatch.setattr(Simulator, verb, done)
    await sell(works, 2)
    subscription = await works.bought(3)
    await upgrade(works, subscription, **NEW)
    await works.work()
    await works.hold(await works.subscription(subscription.id), "PERSON")
    await works.follow(await works.subscription(subscription.id), "follow")
    await works.work()

    month = Period(PeriodType.MONTH, 1)
    before, after = (next(row["code"] for row in works.shop.world["plan"] if row["id"] == each) for each in (1, TARGET))
    assert told == [(before, month), (after, month), (after, month)]
