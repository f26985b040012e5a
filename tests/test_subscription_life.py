"""The life of subscriptions, from the tables: what people do in every state, what follows, and what holds what."""

from typing import Any

import orjson
import pytest

from models import Audit, Subscription, SubscriptionStatus
from models.life import subscription as life
from models.life.subscription import HoldReason
from resolvers.subscription_actions import STATES, SubscriptionAction
from tests.changes import codes, rows_of
from tests.switching import sell
from tests.test_subscription_changes import act
from tests.works import Works
from tests.works import works as works

GIVEN: dict[str, dict[str, Any]] = {
    "subscriptionAttributesSet": {"attributes": []},
    "subscriptionAutoRenewSet": {"autoRenew": True},
    "subscriptionCancel": {"scheduledOn": "RENEWAL"},
    "subscriptionHold": {},
    "subscriptionQuantitySet": {"quantity": 2, "scheduledOn": "RENEWAL"},
    "subscriptionRelease": {},
    "subscriptionUpgrade": {"scheduledOn": "RENEWAL"},
}
ORDERING = {"subscriptionCancel", "subscriptionQuantitySet", "subscriptionUpgrade"}
"""Those that place an order, beside which none can be placed."""


def action_of(mutation: str) -> SubscriptionAction:
    return SubscriptionAction("".join(f"_{each}" if each.isupper() else each for each in mutation).upper())


def test_every_action_is_tried() -> None:
    assert {action_of(mutation) for mutation in GIVEN} == set(STATES)


@pytest.mark.parametrize("mutation", GIVEN)
async def test_what_is_allowed_in_a_state_happens_and_all_else_is_refused(works: Works, mutation: str) -> None:
    bought = await works.bought(3)
    await sell(works, 2)
    for status in SubscriptionStatus:
        subscription = bought if status is SubscriptionStatus.ACTIVE else await works.bought(3)
        await works.shop.set(Subscription, subscription.id, status=status)
        allowed = status in STATES[action_of(mutation)][1]
        payload = await act(works, subscription, mutation, **GIVEN[mutation])

        assert codes(payload) == ([] if allowed else ["WRONG_STATE"]), status
        can_again = SubscriptionStatus(payload["subscription"]["status"]) in STATES[action_of(mutation)][1]
        is_open = allowed and mutation in ORDERING
        assert (action_of(mutation).value in payload["subscription"]["allowedActions"]) is (can_again and not is_open)


async def test_a_hold_suspends_the_service_and_its_release_resumes_it(works: Works) -> None:
    subscription = await works.bought(3)
    payload = await act(works, subscription, "subscriptionHold", reason="They asked for it.")
    assert (payload["subscription"]["status"], payload["subscription"]["holdReasons"]) == ("HOLD", ["PERSON"])
    assert codes(await act(works, subscription, "subscriptionHold")) == ["ALREADY_DONE"]
    await works.work()
    payload = await act(works, subscription, "subscriptionRelease")
    assert (payload["subscription"]["status"], payload["subscription"]["holdReasons"]) == ("ACTIVE", [])
    await works.work()

    assert [action for action, _, _ in await works.asked(subscription.id)] == ["provision", "suspend", "resume"]
    assert any("They asked for it." in row.after for row in await rows_of(works.store, Audit))
    assert await works.findings() == []


@pytest.mark.parametrize("reason", [HoldReason.ACCOUNT, HoldReason.UNPAID_RENEWAL])
async def test_a_person_releases_nothing_that_something_else_holds(works: Works, reason: HoldReason) -> None:
    subscription = await works.bought(3)
    await works.hold(subscription, reason)
    assert codes(await act(works, subscription, "subscriptionRelease")) == ["WRONG_STATE"]
    assert codes(await act(works, subscription, "subscriptionHold")) == []
    assert await works.reasons(subscription.id) == {reason, "PERSON"}
    payload = await act(works, subscription, "subscriptionRelease")

    assert (codes(payload), payload["subscription"]["status"]) == ([], "HOLD")
    assert await works.reasons(subscription.id) == {reason}


async def test_what_is_held_for_no_noted_reason_is_released(works: Works) -> None:
    subscription = await works.bought(3)
    await works.shop.set(Subscription, subscription.id, status=SubscriptionStatus.HOLD)
    payload = await act(works, subscription, "subscriptionRelease")

    assert (codes(payload), payload["subscription"]["status"]) == ([], "ACTIVE")


async def test_out_of_order_the_service_ends_up_in_the_present_state(works: Works) -> None:
    """Both jobs ask for the state when they run."""
    subscription = await works.bought(3)
    await act(works, subscription, "subscriptionHold")
    await act(works, subscription, "subscriptionRelease")
    await works.work()

    assert {action for action, _, _ in await works.asked(subscription.id)} == {"provision", "resume"}


async def test_every_change_of_state_is_a_step_of_the_table(works: Works) -> None:
    subscription = await works.bought(3)
    await act(works, subscription, "subscriptionHold")
    await act(works, subscription, "subscriptionRelease")
    works.forward(days=30)
    await works.work()
    await act(works, subscription, "subscriptionAutoRenewSet", autoRenew=False)
    works.forward(days=31)
    await works.work()
    works.forward(days=31)
    await works.work()

    found = [
        (orjson.loads(row.before).get("status"), orjson.loads(row.after)["status"])
        for row in await rows_of(works.store, Audit)
        if (row.of, row.object_id) == ("subscription", subscription.id) and "status" in orjson.loads(row.after)
    ]
    assert found[0] == (None, "PENDING")
    assert found[-1] == ("TERMINATED", "REMOVED")
    assert all(life.LIFE.leads(before, SubscriptionStatus(after)) for before, after in found)
    assert (await works.subscription(subscription.id)).status == "REMOVED"
