"""What people do with subscriptions through the API: quantities, ends, renewal, attributes, and what they then see."""

import asyncio
from typing import Any

from models import Job, JobKind, Subscription
from models.statement import Row
from resolvers.caller import Caller
from resolvers.privileges import Privilege
from tests.asking import EVERYTHING, ask
from tests.changes import change, codes, new_key, rows_of
from tests.ordering import CUSTOMER, euros
from tests.works import Works
from tests.works import works as works

SHOWN = (
    "subscription { id status quantity autoRenew version allowedActions holdReasons attributes { name value } }"
    " currentVersion userErrors { path message code }"
)


async def act(works: Works, subscription: Row, mutation: str, caller: Caller | None = None, /, **given: Any) -> Any:
    """The payload of a mutation on a subscription as it is now."""
    version = (await works.subscription(subscription.id)).version
    given = {"subscription": f"sub_{subscription.id}", "expectedVersion": version, "idempotencyKey": new_key()} | given
    title = mutation[0].upper() + mutation[1:]
    document = f"mutation($input: {title}Input!) {{ {mutation}(input: $input) {{ {SHOWN} }} }}"
    caller = caller or works.shop.user(subscription.account_id)
    answer = await change(works.store, caller, document, {"input": given}, clock=lambda: works.now)
    assert answer.errors == [], answer.errors
    return answer.data[mutation]


# Quantities


async def test_a_quantity_is_what_it_shall_be_unless_a_change_is_meant(works: Works) -> None:
    subscription = await works.bought(3)
    assert codes(await act(works, subscription, "subscriptionQuantitySet", quantity=5)) == []
    await works.work()
    assert (await works.subscription(subscription.id)).quantity == 5
    assert codes(await act(works, subscription, "subscriptionQuantitySet", quantity=-1, quantityKind="DELTA")) == []
    await works.work()

    assert (await works.subscription(subscription.id)).quantity == 4
    assert [order.type for order in await works.orders_of(subscription.id)] == ["SALES", "CHANGE", "CHANGE"]
    assert await works.findings() == []


async def test_what_is_added_is_paid_for_the_rest_of_the_term(works: Works) -> None:
    subscription = await works.bought(3)
    works.forward(days=15)
    await act(works, subscription, "subscriptionQuantitySet", quantity=4)

    assert await works.shop.owed(CUSTOMER) == euros(6) + euros(1)


async def test_there_is_one_open_change_of_a_subscription(works: Works) -> None:
    subscription = await works.bought(3)
    await act(works, subscription, "subscriptionQuantitySet", quantity=5)
    for mutation, given in (("subscriptionQuantitySet", {"quantity": 6}), ("subscriptionCancel", {})):
        assert codes(await act(works, subscription, mutation, **given)) == ["OPEN_CHANGE"]
    await works.work()

    assert codes(await act(works, subscription, "subscriptionQuantitySet", quantity=6)) == []


async def test_of_changes_at_once_one_is_taken(works: Works) -> None:
    subscription = await works.bought(3)
    given: dict[str, Any] = {"quantity": 9, "expectedVersion": subscription.version}
    answers = await asyncio.gather(*(act(works, subscription, "subscriptionQuantitySet", **given) for _ in range(5)))
    await works.work()

    assert sorted(map(str, map(codes, answers))) == sorted(["[]"] + ["['OPEN_CHANGE']"] * 4)
    assert await works.lots(subscription.id) == [(3, 3), (6, 6)]


async def test_a_change_can_wait_for_the_renewal(works: Works) -> None:
    subscription = await works.bought(3)
    await act(works, subscription, "subscriptionQuantitySet", quantity=1, scheduledOn="RENEWAL")
    await works.work()
    assert (await works.subscription(subscription.id)).quantity == 3
    refused = await act(works, subscription, "subscriptionAutoRenewSet", autoRenew=False)
    assert codes(refused) == ["OPEN_CHANGE"]
    works.forward(days=30)
    await works.work()

    assert (await works.subscription(subscription.id)).quantity == 1


async def test_after_their_time_units_go_at_the_renewal_only(works: Works) -> None:
    subscription = await works.bought(3)
    works.forward(days=8)

    assert codes(await act(works, subscription, "subscriptionQuantitySet", quantity=1)) == ["OUTSIDE_WINDOW"]
    assert codes(await act(works, subscription, "subscriptionCancel")) == ["OUTSIDE_WINDOW"]
    assert codes(await act(works, subscription, "subscriptionCancel", scheduledOn="RENEWAL")) == []


# Ends


async def test_a_subscription_that_is_cancelled_at_once_ends_and_gives_back_what_is_unused(works: Works) -> None:
    subscription = await works.bought(3)
    works.forward(days=5)
    assert codes(await act(works, subscription, "subscriptionCancel")) == []
    await works.work()

    assert (await works.subscription(subscription.id)).status == "TERMINATED"
    assert await works.shop.owed(CUSTOMER) == euros(1)
    assert codes(await act(works, subscription, "subscriptionCancel")) == ["WRONG_STATE"]
    assert await works.findings() == []


async def test_whether_it_renews_can_be_changed_until_its_day(works: Works) -> None:
    subscription = await works.bought(3)
    payload = await act(works, subscription, "subscriptionAutoRenewSet", autoRenew=False)
    assert payload["subscription"]["autoRenew"] is False
    await act(works, subscription, "subscriptionAutoRenewSet", autoRenew=True)
    works.forward(days=30)
    await works.work()
    assert str((await works.subscription(subscription.id)).renewal_date) == "2027-01-20"
    await act(works, subscription, "subscriptionAutoRenewSet", autoRenew=False)
    works.forward(days=31)
    await works.work()

    assert (await works.subscription(subscription.id)).status == "TERMINATED"


async def test_what_was_imported_renews_by_itself_once_that_is_said(works: Works) -> None:
    imported = works.shop.subscription(CUSTOMER)
    await works.shop.set(Subscription, imported["id"], attributes=None)
    row = await works.subscription(imported["id"])
    await act(works, row, "subscriptionAutoRenewSet", autoRenew=True)

    (job,) = [job for job in await rows_of(works.store, Job) if job.kind == JobKind.RENEW_SUBSCRIPTION]
    assert (job.subject_id, job.key) == (row.id, f"{row.id}:2026-12-01")


async def test_attributes_are_replaced(works: Works) -> None:
    subscription = await works.bought(3)
    given = [{"name": "cost centre", "value": "7"}]
    payload = await act(works, subscription, "subscriptionAttributesSet", attributes=given)
    assert payload["subscription"]["attributes"] == given
    payload = await act(works, subscription, "subscriptionAttributesSet", attributes=[])

    assert payload["subscription"]["attributes"] == []


# Who may


async def test_whoever_places_no_orders_changes_no_quantities(works: Works) -> None:
    subscription = await works.bought(3)
    for mutation, needed in (
        ("subscriptionQuantitySet", Privilege.ORDERS_PLACE),
        ("subscriptionCancel", Privilege.ORDERS_PLACE),
        ("subscriptionHold", Privilege.SUBSCRIPTIONS_MANAGE),
    ):
        caller = works.shop.user(CUSTOMER, privileges=EVERYTHING - {needed})
        title = mutation[0].upper() + mutation[1:]
        document = f"mutation($input: {title}Input!) {{ {mutation}(input: $input) {{ {SHOWN} }} }}"
        given: dict[str, Any] = {
            "subscription": f"sub_{subscription.id}", "expectedVersion": 1, "idempotencyKey": new_key(),
        }  # fmt: skip
        given |= {"quantity": 4} if mutation == "subscriptionQuantitySet" else {}
        answer = await change(works.store, caller, document, {"input": given})

        assert [error["extensions"]["code"] for error in answer.errors] == ["FORBIDDEN"]


async def test_a_vendor_changes_what_its_customer_has_and_the_customer_pays(works: Works) -> None:
    subscription = await works.bought(3)
    payload = await act(works, subscription, "subscriptionQuantitySet", works.shop.user(2), quantity=5)

    assert codes(payload) == []
    assert await works.shop.owed(CUSTOMER) == euros(10)


# What is seen


QUERY = """query($id: ID!) { node(id: $id) { ... on Subscription {
  status holdReasons allowedActions
  lots { quantity remaining cancellableUntil item { position } }
  history(first: 5) { totalCount nodes { reason quantityBefore quantityAfter item { position } } }
} } }"""


async def test_history_lots_and_what_can_be_done_are_seen(works: Works) -> None:
    subscription = await works.bought(3)
    works.forward(days=1)
    await works.change(subscription, 5)
    answer = await ask(works.store, works.shop.user(CUSTOMER), QUERY, {"id": f"sub_{subscription.id}"})

    assert answer.errors == []
    found = answer.data["node"]
    assert [(lot["quantity"], lot["cancellableUntil"][:10]) for lot in found["lots"]] == [
        (3, "2026-11-27"), (2, "2026-11-28"),
    ]  # fmt: skip
    assert found["history"] == {
        "totalCount": 2,
        "nodes": [
            {"reason": "CHANGE", "quantityBefore": 3, "quantityAfter": 5, "item": {"position": 0}},
            {"reason": "PURCHASE", "quantityBefore": 0, "quantityAfter": 3, "item": {"position": 0}},
        ],
    }
    assert found["holdReasons"] == []
    assert "SUBSCRIPTION_RELEASE" not in found["allowedActions"]
    assert "SUBSCRIPTION_QUANTITY_SET" in found["allowedActions"]
