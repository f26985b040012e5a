"""Publishing ways to switch subscriptions, and retiring them: by the provider's own staff alone."""

from typing import Any

import pytest

from models.store import Store
from tests.changes import user_at
from tests.hierarchy import World
from tests.trading import ask_for, faults, trade


@pytest.fixture
def store(own_hierarchy: Store) -> Store:
    """The hand-made hierarchy, in a database of the test's own."""
    return own_hierarchy


MONTH = {"type": "MONTH", "duration": 1}


def terms(plan: int, product: int | None = None, **more: Any) -> dict[str, Any]:
    """Terms as an input has them."""
    named = {} if product is None else {"product": f"prd_{product}"}
    return {"plan": f"pln_{plan}", "subscriptionPeriod": {"type": "MONTH"}} | named | more


async def publish(store: Store, world: World, **given: Any) -> Any:
    """The payload of publishing a switch, as the provider."""
    return await trade(store, user_at(world, 1), "planSwitchPublish", **given)


async def test_a_published_switch_says_from_what_to_what(store: Store, world: World) -> None:
    payload = await publish(
        store, world, source=terms(1, 1), target=terms(3, 3), kind="DOWNGRADE", whenEffective="NEXT_SUBSCRIPTION_PERIOD"
    )

    assert faults(payload) == [("INVALID", ["target", "product"])]  # of another manufacturer
    payload = await publish(store, world, source=terms(1), target=terms(3), kind="DOWNGRADE")
    shown = payload["planSwitch"] | {"id": ""}
    assert shown == {
        "id": "", "kind": "DOWNGRADE", "billingPolicy": "PRORATE_STARTING_NEW_SUBSCRIPTION_PERIOD",
        "whenEffective": "IMMEDIATELY", "isActive": True, "version": 1, "fromPlan": {"id": "pln_1"},
        "toPlan": {"id": "pln_3"}, "fromProduct": None, "toProduct": None, "fromPeriod": MONTH, "toPeriod": MONTH,
    }  # fmt: skip


async def test_a_switch_is_published_once_until_it_is_retired(store: Store, world: World) -> None:
    given = {"source": terms(1), "target": terms(4)}
    first = (await publish(store, world, **given))["planSwitch"]
    assert faults(await publish(store, world, **given)) == [("ALREADY_DONE", ["source"])]

    retire = {"planSwitch": first["id"], "expectedVersion": 1}
    retired = await trade(store, user_at(world, 1), "planSwitchRetire", **retire)
    assert retired["planSwitch"]["isActive"] is False
    again = {"planSwitch": first["id"], "expectedVersion": 2}
    refused = await trade(store, user_at(world, 1), "planSwitchRetire", **again)
    assert faults(refused) == [("ALREADY_DONE", ["planSwitch"])]

    anew = (await publish(store, world, **given, billingPolicy="NO_REFUND"))["planSwitch"]
    assert (anew["id"], anew["isActive"], anew["billingPolicy"]) == (first["id"], True, "NO_REFUND")


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (terms(1), terms(1), ("INVALID", ["target"])),
        (terms(99), terms(1), ("NOT_FOUND", ["source", "plan"])),
        (terms(1), terms(2, subscriptionPeriod={"type": "YEAR"}), ("INVALID", ["target", "subscriptionPeriod"])),
        (terms(1, 1), terms(2), ("REQUIRED", ["target", "product"])),
        (terms(1, 1), terms(2, 99), ("NOT_FOUND", ["target", "product"])),
    ],
)
async def test_a_switch_that_makes_no_sense_is_refused(
    store: Store, world: World, source: Any, target: Any, expected: Any
) -> None:
    assert faults(await publish(store, world, source=source, target=target)) == [expected]


async def test_nobody_but_the_provider_publishes_switches(store: Store, world: World) -> None:
    answer = await ask_for(store, user_at(world, 2), "planSwitchPublish", source=terms(1), target=terms(3))

    assert answer.codes == ["FORBIDDEN"]
