"""What is told about subscriptions beforehand: what is open, what comes at the renewal, what can be given back."""

from datetime import timedelta
from typing import Any

import pytest

from models import Account, Plan, RefundPolicy
from resolvers.privileges import Privilege
from tests.asking import EVERYTHING
from tests.changes import change, new_key
from tests.hierarchy import OFFERED_BY_PROVIDER
from tests.ordering import CUSTOMER, DEEP, PRODUCT
from tests.switching import seen, sell
from tests.test_subscription_changes import act
from tests.works import Works
from tests.works import works as works

OPEN = "openOrder { number type status } scheduledChange { on event order { number } } allowedActions"
REFUNDABLE = "refundable { quantity until amount { amount currency } item { product { id } } }"


async def test_a_change_gives_the_order_that_it_placed(works: Works) -> None:
    subscription = await works.bought(3)
    given = {"subscription": f"sub_{subscription.id}", "expectedVersion": subscription.version}
    document = """mutation($set: SubscriptionQuantitySetInput!, $end: SubscriptionCancelInput!) {
      subscriptionQuantitySet(input: $set) { order { number type } subscription { openOrder { number } } }
      subscriptionCancel(input: $end) { order { number } userErrors { code message } } }"""
    variables = {
        "set": given | {"quantity": 5, "idempotencyKey": new_key()},
        "end": given | {"idempotencyKey": new_key()},
    }

    answer = await change(works.store, works.shop.user(CUSTOMER), document, variables, clock=lambda: works.now)

    assert answer.errors == []
    placed = answer.data["subscriptionQuantitySet"]
    assert placed["order"]["type"] == "CHANGE"
    assert placed["subscription"]["openOrder"] == {"number": placed["order"]["number"]}
    refused = answer.data["subscriptionCancel"]
    assert refused["order"] is None
    assert refused["userErrors"] == [
        {
            "code": "OPEN_CHANGE",
            "message": f"Its order {placed['order']['number']} is open."
            " It is about to be worked off: wait for it, or cancel it.",
        }
    ]


async def test_what_happens_at_the_end_of_the_term_is_told(works: Works) -> None:
    subscription = await works.bought(3)
    found = await seen(works, subscription.id, OPEN)
    assert found["openOrder"] is None
    assert found["scheduledChange"] == {"on": "2026-12-20", "event": "RENEWAL", "order": None}
    assert {"SUBSCRIPTION_QUANTITY_SET", "SUBSCRIPTION_CANCEL"} <= set(found["allowedActions"])

    for mutation, given, event in (
        ("subscriptionQuantitySet", {"quantity": 1}, "CHANGE"),
        ("subscriptionCancel", {}, "END"),
    ):
        await act(works, subscription, mutation, scheduledOn="RENEWAL", **given)
        found = await seen(works, subscription.id, OPEN)
        number = {"number": found["openOrder"]["number"]}
        assert found["scheduledChange"] == {"on": "2026-12-20", "event": event, "order": number}
        assert not {"SUBSCRIPTION_QUANTITY_SET", "SUBSCRIPTION_CANCEL"} & set(found["allowedActions"])
        order = (await works.orders_of(subscription.id))[-1]
        of = {"order": f"ord_{order.id}", "expectedVersion": order.version}
        await works.shop.ask(works.shop.user(CUSTOMER), "orderCancel", **of)

    await act(works, subscription, "subscriptionAutoRenewSet", autoRenew=False)
    found = await seen(works, subscription.id, OPEN)
    assert found["scheduledChange"] == {"on": "2026-12-20", "event": "END", "order": None}
    works.forward(days=31)
    await works.work()
    assert (await seen(works, subscription.id, OPEN))["scheduledChange"] is None


async def test_what_can_be_given_back_is_told_until_when_and_for_how_much(works: Works) -> None:
    subscription = await works.bought(3)
    works.forward(days=3)
    await works.change(subscription, 5)
    works.forward(days=2)

    found = (await seen(works, subscription.id, REFUNDABLE))["refundable"]

    item = {"product": {"id": PRODUCT}}
    # 25 of 30 days of 6, and 25 of the 27 days that were paid of 4.
    assert found == [
        {"quantity": 3, "until": "2026-11-27T12:00:00.000Z", "amount": {"amount": "5.00", "currency": "EUR"},
         "item": item},
        {"quantity": 2, "until": "2026-11-30T12:00:00.000Z", "amount": {"amount": "3.33", "currency": "EUR"},
         "item": item},
    ]  # fmt: skip
    for account in (1, 2):
        assert (await seen(works, subscription.id, REFUNDABLE, works.shop.user(account)))["refundable"] == found
    owed = await works.shop.owed(CUSTOMER)
    await works.ordered(subscription, "CANCELLATION")
    assert owed - await works.shop.owed(CUSTOMER) == 8_330_000
    assert (await seen(works, subscription.id, REFUNDABLE))["refundable"] == []


async def test_after_its_window_nothing_is_given_back_and_without_one_nothing_for_it(works: Works) -> None:
    subscription = await works.bought(3)
    works.forward(days=8)
    assert (await seen(works, subscription.id, REFUNDABLE))["refundable"] == []

    await works.shop.set(Plan, OFFERED_BY_PROVIDER, refund_policy=RefundPolicy.NONE)
    free = await works.bought(3)
    (units,) = (await seen(works, free.id, REFUNDABLE))["refundable"]
    assert (units["until"], units["amount"]["amount"]) == (None, "0.00")


async def test_what_would_be_given_back_is_for_those_who_see_prices(works: Works) -> None:
    subscription = await works.bought(3, DEEP)
    privileges = EVERYTHING - {Privilege.FINANCES_VIEW, Privilege.PRICES_VIEW}
    caller = works.shop.user(DEEP, privileges=privileges)

    found = await seen(works, subscription.id, "refundable { quantity until } allowedActions", caller)

    assert [units["quantity"] for units in found["refundable"]] == [3]
    assert "SUBSCRIPTION_QUANTITY_SET" not in found["allowedActions"]  # it places an order, which takes seeing prices
    above = (await seen(works, subscription.id, REFUNDABLE, works.shop.user(1)))["refundable"]
    assert above[0]["amount"] == {"amount": "12.00", "currency": "EUR"}  # what the account pays, not its vendors


async def test_an_order_that_waits_for_approval_says_whom_to_ask(works: Works) -> None:
    subscription = await works.bought(3)
    await works.shop.set(Account, CUSTOMER, requires_approval=True)
    await act(works, subscription, "subscriptionQuantitySet", quantity=5)

    (own,) = (await act(works, subscription, "subscriptionCancel"))["userErrors"]
    (above,) = (await act(works, subscription, "subscriptionCancel", works.shop.user(2)))["userErrors"]

    assert own["code"] == above["code"] == "OPEN_CHANGE"
    assert "It waits for the vendor's approval. Ask LEAK-2-name (LEAK-2-support_email" in own["message"]
    assert above["message"].endswith("It waits for approval: approve or reject it first.")


async def test_the_candidates_of_a_part_number_are_told_for_programs_also_when_asked_again(works: Works) -> None:
    await sell(works, 1, 2, product=OFFERED_BY_PROVIDER, plan=OFFERED_BY_PROVIDER + 1, amount=9)
    line = {"mpn": f"LEAK-0-mpn-{OFFERED_BY_PROVIDER}", "quantity": 1}
    key = {"lines": [line], "idempotencyKey": new_key()}
    document = """mutation($input: OrderPlaceInput!) { orderPlace(input: $input) { userErrors { code path message
      candidates { mpn manufacturer product { id } plan { id } subscriptionPeriod { type duration }
        billingPeriod { type duration } } } } }"""
    answers = [
        await change(works.store, works.shop.user(CUSTOMER), document, {"input": key}, clock=lambda: works.now)
        for _ in range(2)
    ]

    assert answers[0].data == answers[1].data
    (error,) = answers[0].data["orderPlace"]["userErrors"]
    month = {"type": "MONTH", "duration": 1}
    assert (error["code"], error["path"]) == ("AMBIGUOUS_MPN", ["lines", "0", "mpn"])
    assert error["candidates"] == [
        {"mpn": line["mpn"], "manufacturer": "LEAK-0-maker-1", "product": {"id": PRODUCT}, "plan": {"id": plan},
         "subscriptionPeriod": month, "billingPeriod": month}
        for plan in ("pln_1", "pln_2")
    ]  # fmt: skip
    chosen: dict[str, Any] = {"lines": [line | {"plan": error["candidates"][1]["plan"]["id"]}]}
    assert (await works.shop.buy(CUSTOMER, **chosen))["userErrors"] == []


@pytest.mark.parametrize("passed", [timedelta(), timedelta(days=1)])
async def test_what_is_wrong_stands_where_the_input_of_a_subscription_has_it(works: Works, passed: timedelta) -> None:
    subscription = await works.bought(3)
    works.shop.now += passed
    refused = await act(works, subscription, "subscriptionQuantitySet", quantity=3)

    assert [(error["code"], error["path"]) for error in refused["userErrors"]] == [("INVALID", ["quantity"])]
