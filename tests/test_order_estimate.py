"""Trying orders out: the answer is the one that placing gives, and nothing of it stays."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from models import LedgerPost, Order, OrderCharge, OrderLine, OrderNumber
from models.beyond.balances import BALANCE
from models.statement import Statement
from resolvers.privileges import Privilege
from tests.asking import EVERYTHING
from tests.changes import rows_of, traces
from tests.databases import Databases
from tests.hierarchy import World
from tests.money import net
from tests.ordering import CUSTOMER, DEEP, PRODUCT, Shop, faults, opened_shop

_STORED = (Order, OrderLine, OrderCharge, LedgerPost)


@pytest.fixture
async def shop(databases: Databases, world: World) -> AsyncIterator[Shop]:
    async with opened_shop(databases, world, of_7=net(20), of_4=net(20)) as shop:
        yield shop


async def what_is_stored(shop: Shop) -> Any:
    counts = [len(await rows_of(shop.store, model)) for model in _STORED]
    return counts, await traces(shop.store), await shop.owed(CUSTOMER), await shop.jobs()


def lines(*quantities: int) -> list[dict[str, Any]]:
    return [{"product": PRODUCT, "quantity": quantity} for quantity in quantities]


ASKED: list[tuple[int, dict[str, Any]]] = [
    (CUSTOMER, {"lines": lines(3)}),
    (CUSTOMER, {"lines": lines(3), "alignsWithMonth": True}),
    (CUSTOMER, {"lines": lines(11)}),
    (CUSTOMER, {"lines": lines(0)}),
    (CUSTOMER, {"lines": [{"mpn": "no-such-mpn", "quantity": 1}]}),
    (CUSTOMER, {"lines": lines(1), "account": "acc_8"}),
    (CUSTOMER, {"lines": lines(1), "account": "nonsense"}),
    (CUSTOMER, {"lines": lines(1), "type": "CHANGE", "subscription": "sub_1"}),
    (3, {"lines": lines(9), "account": f"acc_{DEEP}"}),
    (2, {"lines": lines(4), "account": "acc_7"}),
]


async def test_an_estimate_says_what_placing_then_does_and_leaves_nothing(shop: Shop) -> None:
    for account, given in ASKED:
        caller, before = shop.user(account), await what_is_stored(shop)
        estimate = await shop.ask(caller, "orderEstimate", **given)
        validity = await shop.ask(caller, "orderValidate", **given)
        assert await what_is_stored(shop) == before

        placed = await shop.ask(caller, "orderPlace", **given)
        assert faults(estimate) == faults(validity) == faults(placed)
        assert estimate["userErrors"] == placed["userErrors"]
        assert validity["isValid"] is (estimate["draft"] is not None) is (placed["order"] is not None)
        if placed["order"] is not None:
            _same(estimate["draft"], placed["order"])
            order = placed["order"]
            await shop.ask(caller, "orderCancel", order=order["id"], expectedVersion=order["version"])


def _same(draft: Any, order: Any) -> None:
    assert draft["dueNow"] == order["total"]
    assert [draft[name] for name in ("termFrom", "termUntil", "waitingFor")] == [
        order[name] for name in ("termFrom", "termUntil", "waitingFor")
    ]
    shared = ("mpn", "quantity", "delta", "previousQuantity", "resultingQuantity", "unitPrice", "extendedPrice")
    assert [{name: line[name] for name in shared} for line in draft["lines"]] == [
        {name: line[name] for name in shared} for line in order["lines"]
    ]


async def test_a_change_is_estimated_with_what_results(shop: Shop) -> None:
    subscription = await shop.owning(CUSTOMER, 3)

    estimate = await shop.alter(subscription, 2, ask="orderEstimate")

    (line,) = estimate["draft"]["lines"]
    assert (line["previousQuantity"], line["delta"], line["resultingQuantity"]) == (3, 2, 5)
    assert estimate["draft"]["dueNow"]["amount"] == "4.00"


async def test_an_estimate_draws_no_number_that_anybody_gets_to_know(shop: Shop) -> None:
    await shop.ask(shop.user(CUSTOMER), "orderEstimate", lines=lines(1))

    assert await rows_of(shop.store, OrderNumber) == []


async def test_trying_takes_the_privilege_to_place(shop: Shop) -> None:
    caller = shop.user(CUSTOMER, privileges=EVERYTHING - {Privilege.ORDERS_PLACE})

    for mutation in ("orderEstimate", "orderValidate"):
        assert (await shop.answer(caller, mutation, lines=lines(1))).codes == ["FORBIDDEN"]


async def test_whoever_may_not_see_finances_is_told_no_amounts(shop: Shop) -> None:
    caller = shop.user(CUSTOMER, privileges=EVERYTHING - {Privilege.FINANCES_VIEW})

    answer = await shop.answer(caller, "orderEstimate", lines=lines(1))

    draft = answer.data["orderEstimate"]["draft"]
    assert draft["dueNow"] is None
    assert [line["unitPrice"] for line in draft["lines"]] == [None]
    assert set(answer.codes) == {"FORBIDDEN"}


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)  # on SQLite whoever writes has it all to itself
async def test_an_estimate_waits_for_nobody_whose_order_is_being_placed(shop: Shop) -> None:
    locked = Statement(select(BALANCE.c.id).with_for_update())
    async with shop.store.unfiltered("a test places an order", write=True) as db:
        assert len(await db.rows(locked)) > 2
        tried = [
            await shop.ask(shop.user(CUSTOMER), name, lines=lines(3)) for name in ("orderEstimate", "orderValidate")
        ]

    assert [faults(each) for each in tried] == [[], []]
