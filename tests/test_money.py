"""What is told of costs, prices and margins: to whom, how much, and how it is written."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from models.scope import Reach
from models.store import Store
from resolvers.caller import Caller
from resolvers.privileges import Privilege
from schema.values import decimal
from tests.asking import EVERYTHING, TODAY, ask, caller_at
from tests.hierarchy import FORMER_VENDOR, PARENT, Record, World, chain
from tests.lists import Seen, seen_by
from tests.market import CUSTOMER, OTHER_RESELLER, PROVIDER, RESELLER, SUBRESELLER

PLACES = (PROVIDER, RESELLER, OTHER_RESELLER, SUBRESELLER, CUSTOMER)


def at(world: World, account_id: int, **more: Any) -> Caller:
    path = next(row["path"] for row in world["account"] if row["id"] == account_id)
    return caller_at(account_id, path=path, **more)


def money(micros: int, currency: str) -> dict[str, str]:
    """An amount as it is answered, worked out with decimals: at least two places, and no more than there are."""
    amount = f"{Decimal(micros).scaleb(-6):f}"
    whole, _, places = amount.partition(".")
    return {"amount": f"{whole}.{places.rstrip('0').ljust(2, '0')}", "currency": currency}


def by_currency(charges: Iterable[Record], column: str) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for charge in charges:
        sums[charge["currency"]] += charge[column]
    return sums


def told(cost: dict[str, int], price: dict[str, int]) -> Iterator[dict[str, str] | None]:
    """Cost, price and margin of a subscription: each only where all of it is in one currency."""
    for sums in (cost, price):
        yield money(next(iter(sums.values())), next(iter(sums))) if len(sums) == 1 else None
    both = len(cost) == len(price) == 1 and cost.keys() == price.keys()
    yield money(sum(price.values()) - sum(cost.values()), next(iter(cost))) if both else None


def charges_of(seen: Seen, viewer: int, key: str, of: int) -> tuple[list[Record], list[Record]]:
    """The charges that the viewer pays and those that it makes, for a subscription or an item."""
    rows = [row for row in seen["subscription_charge"] if row[key] == of]
    return [row for row in rows if row["buyer_id"] == viewer], [row for row in rows if row["seller_id"] == viewer]


AMOUNT = "{ amount currency }"


@pytest.mark.parametrize("place", PLACES)
async def test_a_subscription_costs_and_brings_what_the_charges_on_both_sides_of_the_caller_say(
    market_store: Store, market_world: World, place: int
) -> None:
    caller = at(market_world, place)
    seen = seen_by(market_world, caller.scope())
    text = (
        f"query($after: String) {{ page: subscriptions(first: 100, after: $after) {{ nodes {{ id"
        f" monthlyCost {AMOUNT} monthlyPrice {AMOUNT} monthlyMargin {AMOUNT}"
        f" items {{ position unitCost {AMOUNT} unitPrice {AMOUNT} }} }} pageInfo {{ endCursor hasNextPage }} }} }}"
    )
    items = {(row["subscription_id"], row["position"]): row["id"] for row in seen["subscription_item"]}
    nodes, cursor, has_more = [], None, True
    while has_more:
        page = (await ask(market_store, caller, text, {"after": cursor})).data["page"]
        nodes += page["nodes"]
        cursor, has_more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]

    assert len(nodes) == len(seen["subscription"])
    for node in nodes:
        subscription = int(node["id"].partition("_")[2])
        costs, prices = charges_of(seen, place, "subscription_id", subscription)
        sums = by_currency(costs, "monthly_micros"), by_currency(prices, "monthly_micros")
        assert [node["monthlyCost"], node["monthlyPrice"], node["monthlyMargin"]] == list(told(*sums))
        for item in node["items"]:
            sides = charges_of(seen, place, "item_id", items[subscription, item["position"]])
            units = [money(rows[0]["unit_micros"], rows[0]["currency"]) if rows else None for rows in sides]
            assert [item["unitCost"], item["unitPrice"]] == units
    if place in (RESELLER, OTHER_RESELLER, SUBRESELLER):
        assert any(node["monthlyMargin"] and node["monthlyMargin"]["amount"].startswith("-") for node in nodes)
        assert any(node["monthlyMargin"] and not node["monthlyMargin"]["amount"].startswith("-") for node in nodes)


TERMS = ("product_id", "plan_id", "period_type", "period_duration", "type", "currency")


def offers_of(seen: Seen, viewer: int, vendor: int | None) -> dict[tuple[Any, ...], tuple[int | None, int | None]]:
    """For each product's terms and marketplace what the viewer pays and what it charges everybody, today."""
    sides: dict[tuple[Any, ...], dict[bool, Record]] = defaultdict(dict)
    markets = {None, *(row["id"] for row in seen["marketplace"])}
    for row in sorted(seen["price"], key=lambda row: (row["buyer_id"] is not None, row["valid_from"], row["id"])):
        holds = row["valid_from"] <= TODAY and (row["valid_until"] is None or row["valid_until"] > TODAY)
        holds &= row["marketplace_id"] in markets
        is_price = row["seller_id"] == viewer
        if holds and (row["buyer_id"] is None if is_price else row["seller_id"] == vendor):
            sides[*(row[name] for name in TERMS), row["marketplace_id"]][is_price] = row
    everywhere = {terms[:-1]: found for terms, found in sides.items() if terms[-1] is None}
    amounts = {}
    for terms, found in sides.items():
        both = everywhere.get(terms[:-1], {}) | found
        amounts[terms] = tuple(both[side]["amount_micros"] if side in both else None for side in (False, True))
    return amounts  # type: ignore[return-value]  # pairs


@pytest.mark.parametrize("place", PLACES)
async def test_a_product_is_offered_at_what_the_vendor_charges_and_what_the_caller_charges(
    market_store: Store, market_world: World, place: int
) -> None:
    caller = at(market_world, place)
    vendor = next(row["parent_id"] for row in market_world["account"] if row["id"] == place)
    text = (
        f"{{ products(first: 100) {{ nodes {{ id offers {{ type currency marketplace {{ id }} plan {{ id }}"
        f" subscriptionPeriod {{ type duration }} cost {AMOUNT} price {AMOUNT} margin {AMOUNT} }} }} }} }}"
    )
    answer = await ask(market_store, caller, text)
    found = {}
    for product in answer.data["products"]["nodes"]:
        for offer in product["offers"]:
            ids = (
                each and int(each["id"].partition("_")[2]) for each in (product, offer["plan"], offer["marketplace"])
            )
            (product_id, plan_id, market_id), period = ids, offer["subscriptionPeriod"]
            key = (product_id, plan_id, period["type"], period["duration"], offer["type"], offer["currency"], market_id)
            assert key not in found
            found[key] = (offer["cost"], offer["price"], offer["margin"])

    right = {}
    for terms, (cost, price) in offers_of(seen_by(market_world, caller.scope()), place, vendor).items():
        amounts = (cost, price, None if cost is None or price is None else price - cost)
        right[terms] = tuple(None if each is None else money(each, terms[5]) for each in amounts)
    assert found == right
    assert found
    if place in (PROVIDER, RESELLER):
        assert any(all(part is not None for part in parts) for parts in found.values())


@pytest.mark.parametrize("place", PLACES)
async def test_a_summary_adds_up_what_active_and_held_subscriptions_cost_and_bring(
    market_store: Store, market_world: World, place: int
) -> None:
    caller = at(market_world, place)
    seen = seen_by(market_world, caller.scope())
    monthly = f"monthly {{ currency cost {AMOUNT} price {AMOUNT} margin {AMOUNT} }}"
    text = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ id ... on Account {{ summary {{ {monthly} }} }} }} }}"
    paid = {row["id"] for row in seen["subscription"] if row["status"] in ("ACTIVE", "HOLD")}
    accounts = {f"acc_{row['id']}": row["path"] for row in seen["account"][:40]}
    answer = await ask(market_store, caller, text, {"ids": list(accounts)})
    own = await ask(market_store, caller, f"{{ summary {{ {monthly} }} }}")

    for node in answer.data["nodes"]:
        rows = [
            row for row in seen["subscription_charge"]
            if row["subscription_id"] in paid and row["path"].startswith(accounts[node["id"]])
        ]  # fmt: skip
        cost = by_currency([row for row in rows if row["buyer_id"] == place], "monthly_micros")
        price = by_currency([row for row in rows if row["seller_id"] == place], "monthly_micros")
        assert node["summary"]["monthly"] == [
            {
                "currency": currency,
                "cost": money(cost[currency], currency) if currency in cost else None,
                "price": money(price[currency], currency) if currency in price else None,
                "margin": money(price[currency] - cost[currency], currency)
                if currency in cost and currency in price
                else None,
            }
            for currency in sorted({*cost, *price})
        ]
    assert own.data["summary"] == next(node["summary"] for node in answer.data["nodes"] if node["id"] == f"acc_{place}")
    assert own.data["summary"]["monthly"]


@pytest.mark.parametrize("place", PLACES)
async def test_orders_and_prices_tell_their_rows_amounts(market_store: Store, market_world: World, place: int) -> None:
    caller = at(market_world, place)
    seen = seen_by(market_world, caller.scope())
    orders = await ask(
        market_store,
        caller,
        f"{{ orders(first: 100) {{ nodes {{ id total {AMOUNT} lines {{ position unitPrice {AMOUNT}"
        f" extendedPrice {AMOUNT} exchangeRate quantity }} }} }} }}",
    )
    prices = await ask(
        market_store,
        caller,
        f"{{ prices(first: 100) {{ nodes {{ id amount {AMOUNT} tiers {{ lowerLimit amount {AMOUNT} }} }} }} }}",
    )
    totals = {f"ord_{row['id']}": money(row["total_micros"], row["currency"]) for row in seen["orders"]}
    amounts = {f"prc_{row['id']}": money(row["amount_micros"], row["currency"]) for row in seen["price"]}
    tiers = {f"prc_{row['id']}": bool(row["tiers"]) for row in seen["price"]}
    lines = {(f"ord_{row['order_id']}", row["position"]): row for row in seen["order_line"]}

    for node in orders.data["orders"]["nodes"]:
        assert node["total"] == totals[node["id"]]
        for line in node["lines"]:
            row = lines[node["id"], line["position"]]
            assert line["unitPrice"] == money(row["unit_micros"], row["currency"])
            assert line["extendedPrice"] == money(row["extended_micros"], row["currency"])
            assert (line["exchangeRate"], line["quantity"]) == ("1.0825", -3)
    for node in prices.data["prices"]["nodes"]:
        assert node["amount"] == amounts[node["id"]]
        assert [tier["lowerLimit"] for tier in node["tiers"]] == ([10, 100] if tiers[node["id"]] else [])
        assert [tier["amount"]["amount"] for tier in node["tiers"]] == (["0.50", "0.000001"] if node["tiers"] else [])


# Never from above

EDGES = (
    f"{{ subscriptions(first: 100) {{ nodes {{ monthlyCost {AMOUNT} monthlyPrice {AMOUNT}"
    f" items {{ unitCost {AMOUNT} unitPrice {AMOUNT} }} }} }}"
    f" products(first: 100) {{ nodes {{ offers {{ cost {AMOUNT} price {AMOUNT} }} }} }}"
    f" prices(first: 100) {{ nodes {{ amount {AMOUNT} buyer {{ id }} }} }} }}"
)


@pytest.mark.parametrize("place", PARENT)
async def test_nobody_is_told_a_cost_from_above(marked_store: Store, place: int) -> None:
    # In the hand-made hierarchy a charge for one unit is its buyer's number, and a price its seller's, in millions.
    sellers_in_view = {account for account in PARENT if place in above(account)} | {place, PARENT[place]}
    for reach in Reach:
        answer = await ask(marked_store, caller_at(place, reach), EDGES)
        items = [item for node in answer.data["subscriptions"]["nodes"] for item in node["items"]]
        offers = [offer for node in answer.data["products"]["nodes"] for offer in node["offers"]]
        prices = [node["amount"] for node in answer.data["prices"]["nodes"]]

        assert micros(item["unitCost"] for item in items) <= {place}
        assert micros(item["unitPrice"] for item in items) <= {buyer for buyer, vendor in edges() if vendor == place}
        assert micros(offer["price"] for offer in offers) <= {place * 1_000_000}
        vendor = PARENT[place]
        assert micros(offer["cost"] for offer in offers) == ({vendor * 1_000_000} if vendor else {1})
        assert micros(prices) - {1} <= {seller * 1_000_000 for seller in sellers_in_view if seller}
        assert (1 in micros(prices)) is (place == 1)


def above(account_id: int) -> list[int]:
    vendor = PARENT[account_id]
    return [vendor, *above(vendor)] if vendor else []


def edges() -> set[tuple[int, int | None]]:
    """Buyer and seller of every edge on which anything is charged, past vendors included."""
    found = {(buyer, seller) for account in PARENT for seller, buyer in chain(PARENT[account], account)}
    return found | set(FORMER_VENDOR.items())


def micros(amounts: Iterable[dict[str, str] | None]) -> set[int]:
    return {int(Decimal(amount["amount"]).scaleb(6)) for amount in amounts if amount}


async def test_without_finances_there_is_no_amount_of_a_subscription_and_without_prices_no_price(
    marked_store: Store,
) -> None:
    for missing, left in (
        (Privilege.FINANCES_VIEW, {"products", "prices"}),
        (Privilege.PRICES_VIEW, {"subscriptions"}),
    ):
        caller = caller_at(2, privileges=EVERYTHING - {missing})
        answer = await ask(marked_store, caller, EDGES)
        has_amounts = {name for name, part in answer.data.items() if "amount" in str(part)}

        assert set(answer.codes) == {"FORBIDDEN"}
        assert has_amounts == left


# How it is written


@pytest.mark.parametrize(
    ("of_micros", "text"),
    [
        (0, "0.00"),
        (1, "0.000001"),
        (-1, "-0.000001"),
        (10, "0.00001"),
        (100_000, "0.10"),
        (123_456, "0.123456"),
        (12_500_000, "12.50"),
        (70_500_000, "70.50"),
        (1_000_000, "1.00"),
        (-3_141_590, "-3.14159"),
        (9_223_372_036_854_775_807, "9223372036854.775807"),
        (-9_223_372_036_854_775_808, "-9223372036854.775808"),
    ],
)
def test_an_amount_has_at_least_two_places_and_no_more_than_it_needs(of_micros: int, text: str) -> None:
    assert decimal(of_micros) == text
    assert Decimal(text).scaleb(6) == of_micros
    assert money(of_micros, "USD")["amount"] == text
