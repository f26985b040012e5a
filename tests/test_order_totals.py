"""What the lines of an order are charged adds up to its total, whatever it does and whoever looks."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from models import PriceType
from models.store import Store
from resolvers.caller import Caller
from tests.asking import ask
from tests.changes import change
from tests.ordering import CUSTOMER, PRODUCT
from tests.switching import TARGET, sell
from tests.works import Works
from tests.works import works as works

_OF = (
    '{{ orders(filter: {{ subscription: ["sub_{subscription}"] }}, orderBy: {{ field: CREATED_AT, direction: ASC }}) {{'
    " nodes {{ number type total {{ amount }} lines {{ extendedPrice {{ amount }} setupPrice {{ amount }}"
    " charged {{ amount currency }} }} }} }} }}"
)
_LINES = "nodes { number total { amount currency } lines { extendedPrice { amount } charged { amount currency } } }"


def added_up(orders: list[Any]) -> dict[str, tuple[Decimal, Decimal]]:
    """Totals and sums of lines that differ, by number."""
    sums = {
        order["number"]: (
            Decimal(order["total"]["amount"]),
            sum((Decimal(line["charged"]["amount"]) for line in order["lines"]), Decimal()),
        )
        for order in orders
    }
    return {number: each for number, each in sums.items() if each[0] != each[1]}


async def test_the_lines_of_every_order_of_the_demo_add_up(
    seeded_store: Store, caller: Callable[[str], Awaitable[Caller]]
) -> None:
    admin, orders, after = await caller("admin@provider.example"), [], "null"
    while after:
        document = f"{{ orders(first: 100, after: {after}) {{ pageInfo {{ hasNextPage endCursor }} {_LINES} }} }}"
        answer = await ask(seeded_store, admin, document)
        assert answer.errors == []
        page = answer.data["orders"]
        orders += page["nodes"]
        after = f'"{page["pageInfo"]["endCursor"]}"' if page["pageInfo"]["hasNextPage"] else ""

    assert len(orders) > 1_000
    assert added_up(orders) == {}


async def test_the_lines_of_whatever_is_placed_add_up(works: Works) -> None:
    """A sale with something to be set up, more and less of it, a switch, one that waits, a renewal, an end."""
    await sell(works, 1, 2, product=1, plan=1, amount=7, type=PriceType.SETUP)
    await sell(works, 2)
    subscription = await works.bought(lines=[{"product": PRODUCT, "plan": "pln_1", "quantity": 3}])
    works.forward(days=2)
    await works.change(subscription, 5)
    await works.change(subscription, 4)
    await works.ordered(subscription, "MIGRATION", lines=[{"product": f"prd_{TARGET}"}])
    await works.change(await works.subscription(subscription.id), 9, scheduledOn="RENEWAL")
    works.forward(days=31)
    await works.work()
    await works.ordered(subscription, "CANCELLATION")

    answer = await ask(works.store, works.shop.user(CUSTOMER), _OF.format(subscription=subscription.id))

    assert answer.errors == []
    orders = answer.data["orders"]["nodes"]
    assert [order["type"] for order in orders] == [
        "SALES", "CHANGE", "CHANGE", "MIGRATION", "CHANGE", "RENEWAL", "CANCELLATION",
    ]  # fmt: skip
    assert added_up(orders) == {}
    (sold,) = orders[0]["lines"]
    assert (sold["extendedPrice"], sold["setupPrice"]) == ({"amount": "6.00"}, {"amount": "21.00"})
    assert sold["charged"] == {"amount": "27.00", "currency": "EUR"}
    assert orders[-1]["total"]["amount"].startswith("-")


async def test_an_estimate_s_lines_add_up_to_what_is_due_now(works: Works) -> None:
    await sell(works, 1, 2, product=1, plan=1, amount=7, type=PriceType.SETUP)
    line = {"product": PRODUCT, "plan": "pln_1", "quantity": 3}
    document = (
        "mutation($input: OrderEstimateInput!) { orderEstimate(input: $input) {"
        " draft { dueNow { amount } lines { charged { amount } setupPrice { amount } } } } }"
    )
    answer = await change(works.store, works.shop.user(CUSTOMER), document, {"input": {"lines": [line]}})

    assert answer.data["orderEstimate"]["draft"] == {
        "dueNow": {"amount": "27.00"},
        "lines": [{"charged": {"amount": "27.00"}, "setupPrice": {"amount": "21.00"}}],
    }
