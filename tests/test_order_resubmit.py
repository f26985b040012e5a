"""Submitting sales in error again on another day: they begin anew, at the same price or not at all."""

from datetime import date
from typing import Any

import pytest

from models import Order, OrderStatus, Price, Product, ProductStatus, SubscriptionLot
from tests.changes import rows_of
from tests.hierarchy import OFFERED_BY_PROVIDER
from tests.ordering import CUSTOMER, euros, faults
from tests.switching import days
from tests.works import Works
from tests.works import works as works

FAILING = [{"name": "simulate", "value": "fail"}]


async def failed(works: Works, **given: Any) -> Any:
    """The payload of a sale of three units that came to nothing."""
    payload = await works.shop.buy(CUSTOMER, 3, attributes=FAILING, **given)
    await works.work()
    assert (await works.shop.order(payload)).status == "ERROR"
    assert await works.shop.owed(CUSTOMER) == 0
    return payload


async def resubmit(works: Works, payload: Any) -> Any:
    """The payload of submitting it again, without what made it fail."""
    caller, order = works.shop.user(CUSTOMER), await works.shop.order(payload)
    given = {"order": f"ord_{order.id}"}
    if order.status == "ERROR" and order.attributes:
        await works.shop.ask(caller, "orderUpdate", **given, attributes=[], expectedVersion=order.version)
    version = (await works.order(order.id)).version
    return await works.shop.ask(caller, "orderResubmit", **given, expectedVersion=version)


async def test_a_sale_that_is_submitted_again_begins_and_is_paid_for_on_that_day(works: Works) -> None:
    payload = await failed(works)
    works.forward(days=40)

    again = await resubmit(works, payload)

    assert (again["userErrors"], again["order"]["status"]) == ([], "SUBMITTED")
    assert (again["order"]["termFrom"], again["order"]["termUntil"]) == ("2026-12-30", "2027-01-30")
    assert again["order"]["total"] == payload["order"]["total"]
    await works.work()
    order = await works.shop.order(payload)
    assert order.status == "COMPLETED"
    assert days(await works.subscription(order.subscription_id)) == (date(2026, 12, 30), date(2027, 1, 30))
    assert await works.shop.owed(CUSTOMER) == euros(6)
    assert {str(row.paid_from) for row in await works.shop.charges(order.id)} == {"2026-12-30"}
    lots = await rows_of(works.store, SubscriptionLot)
    (lot,) = [row for row in lots if row.subscription_id == order.subscription_id]
    assert str(lot.bought_at)[:10] == "2026-12-30"  # and so it can be given back for a week from then on
    works.forward(days=31)
    await works.work()
    assert await works.shop.owed(CUSTOMER) == euros(12)
    assert await works.findings() == []


async def test_what_was_to_end_with_a_month_is_not_paid_for_days_gone_by(works: Works) -> None:
    payload = await failed(works, alignsWithMonth=True)
    assert payload["order"]["termUntil"] == "2026-12-01"
    works.forward(days=2)

    assert faults(await resubmit(works, payload)) == [("OUTDATED", "order")]


CHANGES: dict[str, tuple[int, dict[str, Any]]] = {
    "dearer": (2, {"amount_micros": euros(9)}),
    "cheaper further up": (1, {"amount_micros": euros(1) // 2}),
    "ended": (2, {"valid_until": date(2026, 11, 21)}),
}
"""Of which seller's prices, before the sale is submitted again on 21 November."""


@pytest.mark.parametrize("case", [*CHANGES, "retired", "imported"])
async def test_what_costs_something_else_by_now_or_is_not_sold_is_placed_anew(works: Works, case: str) -> None:
    payload = await failed(works)
    row_id = (await works.shop.order(payload)).id
    if case in CHANGES:
        seller, values = CHANGES[case]
        for price in [row for row in works.shop.world["price"] if row["seller_id"] == seller]:
            await works.shop.set(Price, price["id"], **values)
    elif case == "retired":
        await works.shop.set(Product, OFFERED_BY_PROVIDER, status=ProductStatus.RETIRED)
    else:
        await works.shop.set(Order, row_id, term_from=None, term_until=None)
    works.forward(days=1)

    again = await resubmit(works, payload)

    code = {"ended": "NOT_OFFERED", "retired": "RETIRED"}.get(case, "OUTDATED")
    assert faults(again) == [(code, "order")]
    assert again["userErrors"][0]["message"].endswith(("Place a new order.", "Place a new order for what is."))
    assert (await works.order(row_id)).status == OrderStatus.ERROR
    assert await works.shop.owed(CUSTOMER) == 0
    assert ("ORDER_RESUBMIT" in again["order"]["allowedActions"]) is (case != "imported")
