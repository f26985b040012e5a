"""Which price holds at each edge of a vendor chain, what is offered to whom, and what a seller pays itself."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from models import ExchangeRate, Price, PriceModel, PriceType
from models.base import PeriodType
from models.beyond import chain, pricing
from models.beyond.pricing import EdgePrice, Missing, PriceKey, Wanted
from models.scope import Reach, Scope
from models.store import Store, StoreError
from tests.asking import ask
from tests.changes import user_at
from tests.databases import Databases
from tests.hierarchy import OFFERED_BY_3, OFFERED_BY_9, OFFERED_TO_2_ALONE, UNPRICED, World, path_of
from tests.people import keep
from tests.trading import in_dollars
from tests.worlds import holding

DAY = date(2026, 11, 15)
PERIOD: dict[str, Any] = {"period_type": PeriodType.MONTH, "period_duration": 1}
KEY = PriceKey(1, 1, PeriodType.MONTH, 1)
LINE = Wanted(line=0, product_id=1, plan_id=1, **PERIOD)


@pytest.fixture(scope="module")
async def kept(databases: Databases, world: World) -> AsyncIterator[Store]:
    """A copy of the hierarchy for this file."""
    async with holding(databases, "hierarchy of prices", world) as store:
        await in_dollars(store)
        yield store


@pytest.fixture
async def store(kept: Store, world: World) -> AsyncIterator[Store]:
    """The same for each test, which adds prices of ids below 900 and rates; afterwards they are gone."""
    yield kept
    async with kept.unfiltered("a test is over", write=True) as db:
        await db.sql("DELETE FROM price WHERE id < 900")
        await db.sql("DELETE FROM exchange_rate")
        await db.sql("UPDATE price SET valid_until = NULL")


async def add(store: Store, seller: int | None, *several: dict[str, Any]) -> None:
    """Add prices of product 1; their ids count from 1 for the provider's, from 201 for 2's, and so on."""
    for number, given in enumerate(several, start=1):
        values: dict[str, Any] = {
            "id": (seller or 8) * 100 - 100 + number, "shard_id": 1, "seller_id": seller,
            "seller_path": path_of(seller) if seller else "", "product_id": 1, "plan_id": 1, "currency": "USD",
            "amount_micros": 1, "valid_from": date(2026, 2, 1),
        } | PERIOD  # fmt: skip
        await keep(store, Price(**(values | given)))


async def priced(
    store: Store, buyer: int, *lines: Wanted, on: date = DAY, by: int | None = None
) -> list[EdgePrice] | Missing:
    """The prices of a buyer's chain, as the buyer or an account above sees to it."""
    async with store.writer(Scope(path_of(by or buyer))) as writer:
        edges = await chain.edges(writer, path_of(buyer))
        return await pricing.prices(writer, edges, lines or [LINE], on)


def told(found: list[EdgePrice] | Missing) -> list[tuple[int | None, int, int]]:
    """Seller, buyer and amount at each edge."""
    assert not isinstance(found, Missing)
    return [(each.edge.seller_id, each.edge.buyer_id, each.amount_micros) for each in found]


async def test_every_edge_has_its_own_price_the_manufacturers_first(store: Store) -> None:
    assert told(await priced(store, 5)) == [
        (None, 1, 1), (1, 2, 1_000_000), (2, 3, 2_000_000), (3, 4, 3_000_000), (4, 5, 4_000_000),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("several", "amount"),
    [
        ([{}], 2_000_000),
        ([{"buyer_id": 7, "amount_micros": 70, "valid_from": date(2026, 3, 1)}], 70),
        ([{"buyer_id": 8, "amount_micros": 80, "valid_from": date(2026, 3, 1)}], 2_000_000),
        ([{"buyer_id": 7, "amount_micros": 70, "valid_from": date(2026, 3, 1), "marketplace_id": 1},
          {"buyer_id": 7, "amount_micros": 71, "valid_from": date(2026, 4, 1)}], 70),
        ([{"buyer_id": 7, "amount_micros": 70, "marketplace_id": 2}], 2_000_000),
        ([{"buyer_id": 7, "amount_micros": 70, "currency": "EUR", "valid_from": date(2026, 3, 1)}], 2_000_000),
        ([{"buyer_id": 7, "amount_micros": 70}, {"buyer_id": 7, "amount_micros": 71, "valid_from": DAY}], 71),
        ([{"buyer_id": 7, "amount_micros": 70, "valid_from": DAY + timedelta(days=1)}], 2_000_000),
        ([{"buyer_id": 7, "amount_micros": 70, "valid_until": DAY}], 2_000_000),
        ([{"buyer_id": 7, "amount_micros": 70, "valid_until": DAY + timedelta(days=1)}], 70),
        ([{"buyer_id": 7, "amount_micros": 70, "period_type": PeriodType.YEAR}], 2_000_000),
        ([{"buyer_id": 7, "amount_micros": 70, "plan_id": 2}], 2_000_000),
    ],
)  # fmt: skip
async def test_the_best_of_several_prices_holds(store: Store, several: Sequence[dict[str, Any]], amount: int) -> None:
    # 2 charges 7, as all right below it, two million; 7 buys in marketplace 1.
    await add(store, 2, *several)

    assert told(await priced(store, 7))[-1] == (2, 7, amount)


async def test_what_a_price_says_of_quantities_is_handed_on(store: Store) -> None:
    given = {"buyer_id": 7, "model": PriceModel.TIERED, "tiers": "[[10,5]]", "amount_micros": 9}
    await add(store, 2, given)
    found = await priced(store, 7)

    assert isinstance(found, list)
    assert (found[-1].model, found[-1].tiers, found[-1].amount_micros) == (PriceModel.TIERED, "[[10,5]]", 9)
    assert found[-1].price_id == 101


async def test_setting_up_comes_on_top_where_it_is_asked(store: Store) -> None:
    await add(store, 2, {"type": PriceType.SETUP, "amount_micros": 5})
    found = await priced(store, 7)

    assert isinstance(found, list)
    assert [(each.edge.seller_id, each.type) for each in found] == [
        (None, "RECURRING"), (1, "RECURRING"), (2, "RECURRING"), (2, "SETUP"),
    ]  # fmt: skip


async def test_what_is_bought_for_ever_is_priced_by_setting_up_alone(store: Store) -> None:
    forever: dict[str, Any] = {"period_type": PeriodType.UNKNOWN, "type": PriceType.SETUP}
    await add(store, 2, forever)
    line = replace(LINE, period_type=PeriodType.UNKNOWN)
    before = await priced(store, 7, line)
    await add(store, 1, forever)

    assert before == Missing((0,))
    assert told(await priced(store, 7, line)) == [(1, 2, 1), (2, 7, 1)]


async def test_lines_that_somebody_above_does_not_sell_are_named_and_not_who(store: Store) -> None:
    by_9, unpriced = (
        replace(LINE, line=line, product_id=p, plan_id=p) for line, p in ((1, OFFERED_BY_9), (2, UNPRICED))
    )
    by_3 = replace(LINE, line=3, product_id=OFFERED_BY_3, plan_id=OFFERED_BY_3)

    assert await priced(store, 6, LINE, by_9, unpriced, by_3) == Missing((1, 2, 3))


async def test_a_line_is_missing_from_the_day_on_which_the_vendors_vendor_ended_its_offer(store: Store) -> None:
    async with store.unfiltered("a test ends an offer", write=True) as db:
        await db.sql("UPDATE price SET valid_until = '2026-11-16' WHERE seller_id = 1 AND product_id = 1")

    assert len(told(await priced(store, 7, on=date(2026, 11, 15)))) == 3
    assert await priced(store, 7, on=date(2026, 11, 16)) == Missing((0,))


async def test_the_manufacturers_price_need_not_be_on_record(store: Store) -> None:
    await add(store, 1, {"product_id": UNPRICED, "plan_id": UNPRICED})

    assert told(await priced(store, 13, replace(LINE, product_id=UNPRICED, plan_id=UNPRICED))) == [(1, 13, 1)]


async def test_where_the_cost_is_in_another_currency_the_rate_of_the_day_is_told(store: Store) -> None:
    rates = [("0.8", DAY - timedelta(days=9)), ("0.9", DAY), ("0.7", DAY + timedelta(days=1))]
    for number, (rate, day) in enumerate(rates, start=1):
        await keep(store, ExchangeRate(id=number, from_currency="USD", to_currency="EUR", rate=rate, valid_from=day))
    await add(store, 2, {"buyer_id": 7, "currency": "EUR", "marketplace_id": 1})
    async with store.unfiltered("a test's currency", write=True) as db:
        await db.sql("UPDATE price SET valid_until = '2026-01-02' WHERE id > 900 AND seller_id = 2")
    found = await priced(store, 7)

    assert isinstance(found, list)
    assert [(each.currency, each.rate) for each in found] == [("USD", None), ("USD", None), ("EUR", "0.9")]


async def test_nobody_prices_a_chain_below_which_it_does_not_stand(store: Store) -> None:
    async with store.writer(Scope(path_of(9))) as writer:
        edges = [chain.Edge(1, path_of(1), 2, path_of(2), "USD")]
        with pytest.raises(StoreError, match="out of scope"):
            await pricing.prices(writer, edges, [LINE], DAY)
        with pytest.raises(StoreError, match="out of scope"):
            await pricing.offered(writer, edges[0], [KEY], DAY)
        with pytest.raises(StoreError, match="out of scope"):
            await pricing.costs(writer, edges[0], DAY)


@pytest.mark.parametrize(
    ("seller", "products"),
    [(1, set()), (2, {1, OFFERED_TO_2_ALONE}), (9, {1}),
     (10, {1, OFFERED_BY_9}), (3, {1}), (4, {1, OFFERED_BY_3})],
)  # fmt: skip
async def test_a_seller_may_sell_what_its_own_vendor_sells_it(store: Store, seller: int, products: set[int]) -> None:
    asked = (1, OFFERED_TO_2_ALONE, OFFERED_BY_9, OFFERED_BY_3, UNPRICED)
    keys = [PriceKey(product, product, PeriodType.MONTH, 1) for product in asked]
    async with store.writer(Scope(path_of(seller))) as writer:
        edge = (await chain.edges(writer, path_of(seller)))[-1]
        found = await pricing.offered(writer, edge, keys, DAY)

    assert {key.product_id for key in found} == (products or set(asked))


async def test_who_may_not_see_prices_still_buys_by_them_and_reads_no_costs(store: Store) -> None:
    async with store.writer(Scope(path_of(7), Reach.OWN, prices=False)) as writer:
        edges = await chain.edges(writer, path_of(7))
        found = await pricing.prices(writer, edges, [LINE], DAY)
        assert await pricing.on_offer(writer, edges[-1], [1], DAY) == {KEY}
        with pytest.raises(StoreError, match="out of scope"):
            await pricing.costs(writer, edges[-1], DAY)

    assert len(told(found)) == 3


async def test_a_seller_reads_its_own_costs_and_no_others(store: Store) -> None:
    async with store.writer(Scope(path_of(2))) as writer:
        first, own = await chain.edges(writer, path_of(2))
        costs = {key.product_id: row.amount_micros for key, row in (await pricing.costs(writer, own, DAY)).items()}
        with pytest.raises(StoreError, match="out of scope"):
            await pricing.costs(writer, first, DAY)

    assert costs == {1: 1_000_000, OFFERED_TO_2_ALONE: 1_000_000}


async def test_costs_of_levels_above_are_never_listed(store: Store, world: World) -> None:
    asked = "{ prices(first: 100) { nodes { amount { amount } seller { name } } } }"
    for account, seen in ((3, {"2.00", "3.00", "4.00"}), (4, {"3.00", "4.00"}), (5, {"4.00"})):
        answer = await ask(store, user_at(world, account), asked)
        amounts = {each["amount"]["amount"] for each in answer.data["prices"]["nodes"]}
        assert (answer.errors, amounts) == ([], seen)
