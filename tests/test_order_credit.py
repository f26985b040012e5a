"""Who can order: every account of the chain must have the credit and be in a state for it, and no more is told."""

from collections.abc import AsyncIterator

import orjson
import pytest

from models import Account, AccountStatus, Audit, Price
from resolvers.privileges import Privilege
from tests.asking import EVERYTHING
from tests.changes import rows_of, traces
from tests.databases import Databases
from tests.hierarchy import World
from tests.money import net
from tests.ordering import CUSTOMER, DEEP, PRODUCT, Shop, euros, faults, opened_shop


@pytest.fixture
async def shop(databases: Databases, world: World) -> AsyncIterator[Shop]:
    async with opened_shop(databases, world) as shop:
        yield shop


async def test_an_order_beyond_the_credit_is_refused_with_what_is_available(databases: Databases, world: World) -> None:
    async with opened_shop(databases, world, of_7=net(5)) as shop:
        refused = await shop.buy(CUSTOMER, 3)

        assert faults(refused) == [("CREDIT_LIMIT", "account")]
        assert "costs 6.00 EUR, and 5.00 EUR is available" in refused["userErrors"][0]["message"]
        blind = shop.user(CUSTOMER, privileges=EVERYTHING - {Privilege.FINANCES_VIEW})
        answer = await shop.answer(blind, "orderPlace", lines=[{"product": PRODUCT, "quantity": 3}])
        assert "EUR" not in answer.data["orderPlace"]["userErrors"][0]["message"]
        assert (await shop.placed(), await shop.posts(), await shop.jobs()) == ([], [], [])
        assert faults(await shop.buy(CUSTOMER, 2)) == []


async def test_credit_that_is_short_further_up_is_nobody_s_business_below(databases: Databases, world: World) -> None:
    told = set()
    for limits in ({"of_2": net(1)}, {"of_3": net(1)}, {"of_4": net(1)}):
        async with opened_shop(databases, world, **limits) as shop:
            refused = await shop.buy(DEEP, 2)

            assert faults(refused) == [("VENDOR_UNAVAILABLE", "account")]
            assert [await shop.owed(account) for account in (2, 3, 4, DEEP)] == [0, 0, 0, 0]
            told.add(refused["userErrors"][0]["message"])
    assert len(told) == 1


async def test_a_vendor_waives_the_check_for_itself_and_those_below_only(databases: Databases, world: World) -> None:
    async with opened_shop(databases, world, of_5=net(1), of_4=net(1)) as shop:
        by_4 = await shop.buy(DEEP, 2, caller=shop.user(4), waivesCreditCheck=True)
        assert faults(by_4) == [("VENDOR_UNAVAILABLE", "account")]

        by_3 = await shop.buy(DEEP, 2, caller=shop.user(3), waivesCreditCheck=True)
        assert faults(by_3) == []
        assert not (await shop.order(by_3)).credit_check
        assert await shop.owed(DEEP) == euros(8)


async def test_a_buyer_waives_nothing_itself(shop: Shop) -> None:
    assert faults(await shop.buy(CUSTOMER, waivesCreditCheck=True)) == [("OWN_ACCOUNT", "waivesCreditCheck")]
    without = shop.user(2, privileges=EVERYTHING - {Privilege.ORDERS_WAIVE_CREDIT_CHECK})
    line = {"product": PRODUCT, "quantity": 1}
    answer = await shop.answer(without, "orderPlace", account="acc_7", lines=[line], waivesCreditCheck=True)
    assert answer.codes == ["FORBIDDEN"]


# Standing, approval, who may


async def test_an_account_that_is_held_orders_nothing_and_below_it_nobody_is_told_why(shop: Shop) -> None:
    for status in AccountStatus:
        await shop.set(Account, 3, status=status)
        own, below = await shop.buy(3), await shop.buy(DEEP)

        assert faults(own) == ([] if status is AccountStatus.ACTIVE else [("ACCOUNT_ON_HOLD", "account")])
        is_told = status not in (AccountStatus.ACTIVE, AccountStatus.PENDING)
        assert faults(below) == ([("VENDOR_UNAVAILABLE", "account")] if is_told else [])
        if is_told:
            assert below["userErrors"][0]["message"].startswith("Your vendor can't take orders at present. Ask LEAK-4-")


async def test_an_order_that_needs_approval_is_charged_and_waits_unless_the_vendor_places_it(shop: Shop) -> None:
    await shop.set(Account, CUSTOMER, requires_approval=True)

    waiting, placed = await shop.buy(CUSTOMER), await shop.buy(CUSTOMER, caller=shop.user(2))

    assert waiting["order"]["waitingFor"] == "APPROVAL"
    assert placed["order"]["waitingFor"] is None
    assert len(await shop.jobs()) == 1
    assert await shop.owed(CUSTOMER) == euros(4)


async def test_an_account_out_of_sight_is_as_good_as_none(shop: Shop) -> None:
    before = await traces(shop.store)
    told = []
    for account in ("acc_8", "acc_2", "acc_4711", "prd_1", "nonsense"):
        refused = await shop.ask(
            shop.user(CUSTOMER), "orderPlace", account=account, lines=[{"product": PRODUCT, "quantity": 1}]
        )
        told.append((faults(refused), refused["userErrors"][0]["message"], refused["order"]))
    assert told == [([("NOT_FOUND", "account")], "There is no such account.", None)] * 5
    assert (await traces(shop.store)).changes == before.changes


async def test_ordering_takes_the_privilege_and_the_prices(shop: Shop) -> None:
    for missing in ({Privilege.ORDERS_PLACE}, {Privilege.PRICES_VIEW, Privilege.FINANCES_VIEW}):
        caller = shop.user(CUSTOMER, privileges=EVERYTHING - missing)
        answer = await shop.answer(caller, "orderPlace", lines=[{"product": PRODUCT, "quantity": 1}])
        assert answer.codes == ["FORBIDDEN"]
    assert await shop.placed() == []


# Trying out


async def test_trying_out_tells_nothing_of_credit_that_is_out_of_view(databases: Databases, world: World) -> None:
    """Whoever tries larger and larger orders learns only where credit ends whose balances it may see."""
    given = {"account": f"acc_{DEEP}", "lines": [{"product": PRODUCT, "quantity": 2}]}
    async with opened_shop(databases, world, of_3=net(1)) as shop:
        blind = shop.user(2, privileges=EVERYTHING - {Privilege.FINANCES_VIEW})
        for caller, is_told in {shop.user(DEEP): False, shop.user(4): False, shop.user(3): True, blind: False}.items():
            payload = await shop.ask(caller, "orderValidate", **given)
            assert payload["isValid"] is not is_told, caller.account_id
            assert faults(payload) == ([("VENDOR_UNAVAILABLE", "account")] if is_told else [])
        assert faults(await shop.buy(DEEP, 2)) == [("VENDOR_UNAVAILABLE", "account")]
    async with opened_shop(databases, world, of_5=net(1)) as shop:
        payload = await shop.ask(shop.user(DEEP), "orderValidate", **given)
        assert faults(payload) == [("CREDIT_LIMIT", "account")]


async def test_what_a_vendor_s_credit_was_asked_for_in_vain_is_recorded(databases: Databases, world: World) -> None:
    async with opened_shop(databases, world, of_4=net(1)) as shop:
        await shop.buy(DEEP, 2)
        lines = [{"product": PRODUCT, "quantity": 2}]
        await shop.ask(shop.user(DEEP), "orderValidate", lines=lines)
        undone = [{"lines": lines}, {"lines": []}]
        await shop.ask(shop.user(DEEP), "orderPlaceBulk", items=undone, isAtomic=True)

        noted = [row for row in await rows_of(shop.store, Audit) if row.operation.startswith("order")]

    assert [(row.operation, row.object_id) for row in noted] == [("orderPlace", DEEP)] * 2
    assert [orjson.loads(row.after) for row in noted] == [{"refused": "VENDOR_UNAVAILABLE", "costs": "8.00 EUR"}] * 2


async def test_a_buyer_that_pays_nothing_is_not_told_the_credit_of_its_vendor(
    databases: Databases, world: World
) -> None:
    async with opened_shop(databases, world, of_2=net(1)) as shop:
        for price in [row for row in shop.world["price"] if row["seller_id"] == 2]:
            await shop.set(Price, price["id"], amount_micros=0)

        refused = await shop.buy(CUSTOMER, 2)

        assert faults(refused) == [("VENDOR_UNAVAILABLE", "account")]
        assert "EUR" not in refused["userErrors"][0]["message"]
