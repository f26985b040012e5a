"""Placing orders: what is meant is found, priced and charged on every edge of the chain, or nothing is done."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

from models import (
    Mail,
    Order,
    Plan,
    PlanPeriod,
    Price,
    Product,
    ProductDependency,
    ProductStatus,
)
from models.base import PeriodType
from tests.changes import rows_of
from tests.databases import Databases
from tests.hierarchy import OFFERED_BY_3, OFFERED_BY_NOBODY, OFFERED_BY_PROVIDER, World, path_of
from tests.money import net
from tests.ordering import CUSTOMER, DEEP, PRODUCT, Shop, euros, faults, opened_shop

YEAR = {"type": "YEAR"}


@pytest.fixture
async def shop(databases: Databases, world: World) -> AsyncIterator[Shop]:
    async with opened_shop(databases, world) as shop:
        yield shop


async def sell_by_year(shop: Shop, *sellers: int, plan: int = OFFERED_BY_PROVIDER, amount: int = 10) -> None:
    """Let sellers sell the product for years as well, under a plan."""
    if plan == OFFERED_BY_PROVIDER:
        await shop.add(PlanPeriod, plan_id=plan, type=PeriodType.YEAR, duration=1)
    for seller in sellers:
        template = shop.price(seller) | {"buyer_id": None, "plan_id": plan}
        period = {"period_type": PeriodType.YEAR if plan == OFFERED_BY_PROVIDER else PeriodType.MONTH}
        new = {"id": 900_000 + seller * 10 + plan, "amount_micros": euros(amount)}
        await shop.add(Price, **template | period | new)


async def test_an_order_is_submitted_with_a_number_of_its_own_and_left_to_the_worker(shop: Shop) -> None:
    payload = await shop.buy(CUSTOMER, 3)

    assert payload["userErrors"] == []
    order = payload["order"]
    assert order["number"].startswith("SO")
    assert (order["status"], order["waitingFor"], order["subscription"]) == ("SUBMITTED", None, None)
    assert (order["termFrom"], order["termUntil"]) == ("2026-11-20", "2026-12-20")
    assert order["total"] == {"amount": "6.00", "currency": "EUR"}
    assert await shop.jobs() == [f"order:{order['id'].removeprefix('ord_')}"]
    (line,) = order["lines"]
    assert (line["quantity"], line["delta"], line["previousQuantity"], line["resultingQuantity"]) == (3, 3, 0, 3)


async def test_every_edge_is_charged_its_own_price_and_keeps_it(shop: Shop) -> None:
    payload = await shop.buy(DEEP, 2)

    row = await shop.order(payload)
    charged = [(each.seller_id, each.buyer_id, each.charged_micros) for each in await shop.charges(row.id)]
    assert charged == [
        (None, 1, 0),  # two millionths, which nobody can pay
        (1, 2, euros(2)),
        (2, 3, euros(4)),
        (3, 4, euros(6)),
        (4, DEEP, euros(8)),
    ]
    assert [await shop.owed(account) for account in (2, 3, 4, DEEP)] == [euros(2), euros(4), euros(6), euros(8)]
    assert {(each.paid_from, each.paid_until) for each in map(_as_text, await shop.charges(row.id))} == {
        ("2026-11-20", "2026-12-20")
    }


def _as_text(row: Any) -> Any:
    return row._replace(paid_from=str(row.paid_from), paid_until=str(row.paid_until))


async def test_a_price_that_changes_later_changes_nothing_of_an_order(shop: Shop) -> None:
    payload = await shop.buy(CUSTOMER)
    await shop.set(Price, shop.price(2)["id"], amount_micros=euros(99))

    assert (await shop.charges((await shop.order(payload)).id))[-1].unit_micros == euros(2)


async def test_whoever_looks_sees_the_charges_from_its_own_edge_down(shop: Shop) -> None:
    shown = {}
    for account in (1, 3, 4, DEEP):
        payload = await shop.buy(DEEP, caller=shop.user(account))
        (line,) = payload["order"]["lines"]
        shown[account] = [charge["charged"]["amount"] for charge in line["charges"]]

    assert shown[DEEP] == ["4.00"]
    assert shown[4] == ["3.00", "4.00"]
    assert shown[3] == ["2.00", "3.00", "4.00"]
    assert len(shown[1]) == 5


async def test_orders_of_one_instant_have_numbers_of_their_own(shop: Shop) -> None:
    numbers = [(await shop.buy(CUSTOMER))["order"]["number"] for _ in range(3)]

    assert len(set(numbers)) == 3


async def test_a_number_that_an_import_brought_is_passed_over(shop: Shop) -> None:
    first = (await shop.buy(CUSTOMER))["order"]["number"]
    taken = f"SO{int(first.removeprefix('SO')) + 1}"
    await shop.set(Order, shop.world["orders"][0]["id"], number=taken)

    assert (await shop.buy(CUSTOMER))["order"]["number"] == f"SO{int(first.removeprefix('SO')) + 2}"


async def test_a_part_number_is_as_good_as_an_id(shop: Shop) -> None:
    mpn = f"LEAK-0-mpn-{OFFERED_BY_PROVIDER}"

    payload = await shop.buy(CUSTOMER, lines=[{"mpn": mpn, "quantity": 1}])

    assert payload["order"]["lines"][0]["mpn"] == mpn


async def test_an_ambiguous_part_number_is_refused_with_the_candidates_until_it_is_qualified(shop: Shop) -> None:
    await sell_by_year(shop, 1, 2)
    mpn = f"LEAK-0-mpn-{OFFERED_BY_PROVIDER}"

    refused = await shop.buy(CUSTOMER, lines=[{"mpn": mpn, "quantity": 1}])

    assert faults(refused) == [("AMBIGUOUS_MPN", "lines.0.mpn")]
    message = refused["userErrors"][0]["message"]
    assert "for 1 month, billed every 1 month" in message
    assert "for 1 year, billed every 1 month" in message
    assert await shop.placed() == []
    done = await shop.buy(CUSTOMER, lines=[{"mpn": mpn, "quantity": 1, "subscriptionPeriod": YEAR}])
    assert (done["order"]["termUntil"], done["order"]["total"]["amount"]) == ("2027-11-20", "10.00")


async def test_a_part_number_of_two_manufacturers_takes_the_manufacturer(shop: Shop) -> None:
    mpn = f"LEAK-0-mpn-{OFFERED_BY_PROVIDER}"
    await shop.set(Product, OFFERED_BY_3, mpn=mpn)
    for seller in (1, 2):
        template = shop.price(seller) | {"buyer_id": None, "product_id": OFFERED_BY_3, "plan_id": OFFERED_BY_3}
        await shop.add(Price, **template | {"id": 900_100 + seller})

    refused = await shop.buy(CUSTOMER, lines=[{"mpn": mpn, "quantity": 1}])

    assert faults(refused) == [("AMBIGUOUS_MPN", "lines.0.mpn")]
    maker = f"LEAK-0-maker-{OFFERED_BY_3}"
    assert maker in refused["userErrors"][0]["message"]
    done = await shop.buy(CUSTOMER, lines=[{"mpn": mpn, "manufacturer": maker, "quantity": 1}])
    assert done["userErrors"] == []


async def test_a_product_with_several_plans_or_periods_takes_one_of_them(shop: Shop) -> None:
    await sell_by_year(shop, 1, 2)

    refused = await shop.buy(CUSTOMER)

    assert faults(refused) == [("REQUIRED", "lines.0.plan")]


SENSELESS: list[tuple[Any, Any]] = [
    ({"product": f"prd_{OFFERED_BY_NOBODY}", "quantity": 1}, ("NOT_OFFERED", "lines.0.product")),
    ({"product": "prd_4711", "quantity": 1}, ("NOT_OFFERED", "lines.0.product")),
    ({"product": "nonsense", "quantity": 1}, ("NOT_OFFERED", "lines.0.product")),
    ({"mpn": "no-such-mpn", "quantity": 1}, ("NOT_OFFERED", "lines.0.mpn")),
    ({"product": PRODUCT, "subscriptionPeriod": YEAR, "quantity": 1}, ("NOT_OFFERED", "lines.0.product")),
    ({"product": PRODUCT, "plan": "pln_2", "quantity": 1}, ("NOT_OFFERED", "lines.0.product")),
    ({"quantity": 1}, ("REQUIRED", "lines.0.mpn")),
    ({"product": PRODUCT, "mpn": "x", "quantity": 1}, ("REQUIRED", "lines.0.product")),
    ({"product": PRODUCT, "quantity": 0}, ("BELOW_MINIMUM", "lines.0.quantity")),
    ({"product": PRODUCT, "quantity": -5}, ("BELOW_MINIMUM", "lines.0.quantity")),
    ({"product": PRODUCT, "quantity": 1_000_000_001}, ("OUT_OF_RANGE", "lines.0.quantity")),
    ({"product": PRODUCT, "quantity": 1_000_000_000}, None),
]


async def test_a_line_that_makes_no_sense_is_refused(shop: Shop) -> None:
    for line, fault in SENSELESS:
        assert faults(await shop.buy(CUSTOMER, lines=[line])) == ([fault] if fault else []), line
    assert len(await shop.placed()) == 1


async def test_an_amount_that_can_not_be_counted_is_refused(shop: Shop) -> None:
    await shop.set(Price, shop.price(2)["id"], amount_micros=euros(5_000_000))
    for price in [row for row in shop.world["price"] if row["seller_id"] == 2]:
        await shop.set(Price, price["id"], amount_micros=euros(5_000_000))

    assert faults(await shop.buy(CUSTOMER, 1_000_000)) == [("OUT_OF_RANGE", "lines.0.quantity")]


async def test_all_faults_of_the_lines_are_told_at_once(shop: Shop) -> None:
    lines = [{"product": "prd_4711", "quantity": 1}, {"mpn": "no-such-mpn", "quantity": 1}]

    assert faults(await shop.buy(CUSTOMER, lines=lines)) == [
        ("NOT_OFFERED", "lines.0.product"),
        ("NOT_OFFERED", "lines.1.mpn"),
    ]


async def test_least_and_most_quantities_are_kept(shop: Shop) -> None:
    await shop.set(Product, OFFERED_BY_PROVIDER, minimum_quantity=5, maximum_quantity=10)

    assert faults(await shop.buy(CUSTOMER, 4)) == [("BELOW_MINIMUM", "lines.0.quantity")]
    assert faults(await shop.buy(CUSTOMER, 11)) == [("ABOVE_MAXIMUM", "lines.0.quantity")]
    assert faults(await shop.buy(CUSTOMER, 5)) == []


async def test_a_product_stands_in_an_order_once(shop: Shop) -> None:
    lines = [{"product": PRODUCT, "quantity": 1}] * 2

    assert faults(await shop.buy(CUSTOMER, lines=lines)) == [("INVALID", "lines.1")]


async def test_what_is_retired_or_unpublished_is_not_sold(shop: Shop) -> None:
    await shop.set(Product, OFFERED_BY_PROVIDER, status=ProductStatus.RETIRED)
    assert faults(await shop.buy(CUSTOMER)) == [("RETIRED", "lines.0.product")]

    await shop.set(Product, OFFERED_BY_PROVIDER, status=ProductStatus.ACTIVE)
    await shop.set(Plan, OFFERED_BY_PROVIDER, is_published=False)
    assert faults(await shop.buy(CUSTOMER)) == [("NOT_OFFERED", "lines.0.product")]


async def test_what_a_vendor_further_up_does_not_sell_any_more_is_not_offered(shop: Shop) -> None:
    for price in [row for row in shop.world["price"] if row["seller_id"] == 1]:
        await shop.set(Price, price["id"], valid_until=date(2026, 11, 1))

    refused = await shop.buy(DEEP)

    assert faults(refused) == [("NOT_OFFERED", "lines.0")]
    assert await shop.owed(DEEP) == 0


async def test_what_a_product_needs_must_be_there_or_be_added(shop: Shop) -> None:
    needed = OFFERED_BY_3
    await shop.add(ProductDependency, product_id=OFFERED_BY_PROVIDER, depends_on_id=needed)
    await shop.set(Product, needed, minimum_quantity=2)
    for seller in (1, 2):
        template = shop.price(seller) | {"buyer_id": None, "product_id": needed}
        await shop.add(Price, **template | {"id": 900_200 + seller})

    assert faults(await shop.buy(CUSTOMER)) == [("DEPENDENCY_MISSING", "lines")]
    payload = await shop.buy(CUSTOMER, addsDependencies=True)
    assert [line["quantity"] for line in payload["order"]["lines"]] == [1, 2]
    assert payload["order"]["total"]["amount"] == "6.00"


async def test_a_first_term_can_end_with_a_month_and_is_charged_by_days(shop: Shop) -> None:
    payload = await shop.buy(CUSTOMER, 3, alignsWithMonth=True)

    assert payload["order"]["termUntil"] == "2026-12-01"
    # 11 of the 30 days from 20 November to 20 December, of 3 units at 2 euros.
    assert payload["order"]["total"]["amount"] == "2.20"


async def test_a_first_term_can_end_with_another_subscription_of_the_same_account(shop: Shop) -> None:
    await shop.set(Product, OFFERED_BY_PROVIDER, coterming_type="SUBSCRIPTION")
    own, others = shop.subscription(CUSTOMER)["id"], shop.subscription(8)["id"]

    assert (await shop.buy(CUSTOMER, alignWith=f"sub_{own}"))["order"]["termUntil"] == "2026-12-01"
    for hidden in (f"sub_{others}", "sub_4711", "nonsense"):
        refused = await shop.buy(CUSTOMER, alignWith=hidden)
        assert faults(refused) == [("NOT_FOUND", "alignWith")]
        assert refused["userErrors"][0]["message"] == "There is no such subscription."


async def test_a_product_says_whether_its_end_is_aligned(shop: Shop) -> None:
    cases = [
        ("MANDATORY", False, True),
        ("MANDATORY", True, False),
        ("RESTRICTED", True, True),
        ("RESTRICTED", False, False),
    ]
    for requirement, aligned, is_refused in cases:
        await shop.set(Product, OFFERED_BY_PROVIDER, coterming_requirement=requirement)
        payload = await shop.buy(CUSTOMER, alignsWithMonth=aligned)
        assert faults(payload) == ([("COTERMING", "lines.0")] if is_refused else [])


async def test_setting_up_is_charged_besides(shop: Shop) -> None:
    template = shop.price(2) | {"buyer_id": None, "type": "SETUP", "id": 900_300, "amount_micros": euros(7)}
    await shop.add(Price, **template)

    payload = await shop.buy(CUSTOMER, 2)

    assert payload["order"]["total"]["amount"] == "18.00"
    assert [charge["type"] for charge in payload["order"]["lines"][0]["charges"]] == ["RECURRING", "SETUP"]


async def test_how_much_falls_due_at_once_is_the_plan_s_affair(shop: Shop) -> None:
    await sell_by_year(shop, 1, 2)
    cases = [
        ("CHARGE_BEFORE_BILLING_PERIOD", "10.00"),
        ("CHARGE_BEFORE_SUBSCRIPTION_PERIOD", "120.00"),
        ("CHARGE_AFTER_BILLING_PERIOD", "0.00"),
        ("CHARGE_EXTERNAL_RATING", "0.00"),
    ]
    for model, total in cases:
        await shop.set(Plan, OFFERED_BY_PROVIDER, billing_model=model)
        payload = await shop.buy(CUSTOMER, lines=[{"product": PRODUCT, "quantity": 1, "subscriptionPeriod": YEAR}])
        assert payload["order"]["total"]["amount"] == total
        assert payload["order"]["lines"][0]["unitPrice"]["amount"] == "10.00"


async def test_whoever_places_an_order_is_sent_one_confirmation(shop: Shop) -> None:
    payload = await shop.buy(CUSTOMER)

    (mail,) = [row for row in await rows_of(shop.store, Mail) if row.template == "ORDER_CONFIRMATION"]
    assert payload["order"]["number"] in mail.data
    assert (mail.to_user_id, mail.path) == (shop.user(CUSTOMER).user_id, path_of(CUSTOMER))


async def test_what_does_not_go_together_is_refused(shop: Shop) -> None:
    cases: list[tuple[Any, Any]] = [
        ({"type": "MIGRATION"}, ("REQUIRED", "subscription")),
        ({"type": "UNKNOWN"}, ("INVALID", "type")),
        ({"subscription": "sub_1"}, ("INVALID", "subscription")),
        ({"scheduledOn": "RENEWAL"}, ("INVALID", "scheduledOn")),
        ({"lines": []}, ("REQUIRED", "lines")),
        ({"alignWith": "sub_1", "alignsWithMonth": True}, ("COTERMING", "alignsWithMonth")),
        ({"type": "CHANGE"}, ("REQUIRED", "subscription")),
    ]
    for given, fault in cases:
        assert fault in faults(await shop.buy(CUSTOMER, **given))


async def test_many_are_placed_at_once_all_or_none_on_request(databases: Databases, world: World) -> None:
    async with opened_shop(databases, world, of_7=net(5)) as shop:
        items = [{"account": "acc_7", "lines": [{"product": PRODUCT, "quantity": 2}]}] * 2
        caller = shop.user(2)

        together = await shop.ask(caller, "orderPlaceBulk", items=items, isAtomic=True)
        assert [faults(each) for each in together["results"]] == [
            [("ROLLED_BACK", "items.0")],
            [("CREDIT_LIMIT", "items.1.account")],
        ]
        assert await shop.placed() == []

        each = await shop.ask(caller, "orderPlaceBulk", items=items)
        assert [faults(each) for each in each["results"]] == [[], [("CREDIT_LIMIT", "items.1.account")]]
        assert await shop.owed(CUSTOMER) == euros(4)
