"""Offering and ending prices: from a day on, to all direct buyers or one, and nothing that the vendor doesn't sell."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import Price
from models.scope import Reach
from models.store import Store
from resolvers.caller import Caller
from resolvers.privileges import Privilege
from tests.asking import ask, caller_at
from tests.changes import logged, new_key, rows_of, traces, user_at, user_of
from tests.databases import Databases
from tests.hierarchy import OFFERED_BY_3, OFFERED_TO_2_ALONE, UNPRICED, World
from tests.trading import ask_for, faults, in_dollars, trade
from tests.worlds import holding

TODAY = datetime.now(UTC).date()
MONTH = {"type": "MONTH", "duration": 1}
OFFER = {"product": "prd_1", "plan": "pln_1", "period": MONTH, "amount": "9.50"}


def on(days: int) -> str:
    """A day so many days from today."""
    return (TODAY + timedelta(days=days)).isoformat()


@pytest.fixture
async def store(own_hierarchy: Store) -> Store:
    """The hand-made hierarchy, in a database of the test's own."""
    await in_dollars(own_hierarchy)
    return own_hierarchy


@pytest.fixture(scope="module")
async def untouched(databases: Databases, marked_world: World) -> AsyncIterator[Store]:
    """A copy for those tests of this file that are refused whatever they ask for."""
    async with holding(databases, "marked", marked_world) as store:
        await in_dollars(store)
        yield store


@pytest.fixture
def at(world: World) -> Callable[..., Caller]:
    """The administrators of accounts."""
    return lambda account_id, **more: user_at(world, account_id, **more)


async def list_of(store: Store, seller: int | None, product: int = 1) -> list[tuple[Any, ...]]:
    """A seller's prices of a product: buyer, amount in micros, first and last day but for those that never held."""
    rows = [row for row in await rows_of(store, Price) if (row.seller_id, row.product_id) == (seller, product)]
    told = [
        (row.buyer_id, row.amount_micros, str(row.valid_from), row.valid_until and str(row.valid_until)) for row in rows
    ]
    return sorted((each for each in told if each[2] != each[3]), key=lambda each: (each[0] or 0, each[2]))


async def test_a_price_from_a_day_on_ends_the_one_before(store: Store, at: Callable[..., Caller]) -> None:
    before = await traces(store)
    made = (await trade(store, at(2), "priceOffer", **OFFER, validFrom=on(3)))["price"]

    shown = {
        "id": made["id"], "validFrom": on(3), "validUntil": None, "version": 1, "type": "RECURRING", "model": "FLAT",
        "amount": {"amount": "9.50", "currency": "USD"}, "isForAllBuyers": True, "isForAllMarketplaces": True,
        "tiers": [],
    }  # fmt: skip
    assert made == shown
    of_all = [each for each in await list_of(store, 2) if each[0] is None]
    assert of_all == [(None, 2_000_000, "2026-01-01", on(3)), (None, 9_500_000, on(3), None)]
    ended, added = await logged(store, before)
    assert (ended[0], ended[2]) == ("price", {"valid_until": (None, on(3))})
    assert (added[1], added[2]["amount_micros"]) == (int(made["id"][4:]), (None, 9_500_000))


async def test_a_price_that_was_set_for_later_stays_and_ends_an_earlier_one(
    store: Store, at: Callable[..., Caller]
) -> None:
    await trade(store, at(2), "priceOffer", **OFFER, validFrom=on(30))
    early = await trade(store, at(2), "priceOffer", **OFFER | {"amount": "7"}, validFrom=on(5))

    assert early["price"]["validUntil"] == on(30)
    assert [each[1:] for each in await list_of(store, 2) if each[0] is None] == [
        (2_000_000, "2026-01-01", on(5)),
        (7_000_000, on(5), on(30)),
        (9_500_000, on(30), None),
    ]


async def test_a_price_of_the_same_day_takes_the_place_of_the_one_before_which_stays_on_record(
    store: Store, at: Callable[..., Caller]
) -> None:
    first = (await trade(store, at(2), "priceOffer", **OFFER, validFrom=on(5)))["price"]
    second = (await trade(store, at(2), "priceOffer", **OFFER | {"amount": "8"}, validFrom=on(5)))["price"]
    asked = '{ prices(filter: {product: ["prd_1"], validOn: "%s"}) { nodes { id } } }' % on(5)  # noqa: UP031  # braces
    valid = (await ask(store, at(2), asked)).data["prices"]["nodes"]

    rows = {f"prc_{row.id}": row for row in await rows_of(store, Price)}
    assert str(rows[first["id"]].valid_until) == on(5)
    assert {"id": second["id"]} in valid
    assert {"id": first["id"]} not in valid


async def test_a_price_that_says_what_holds_already_changes_nothing(store: Store, at: Callable[..., Caller]) -> None:
    first = (await trade(store, at(2), "priceOffer", **OFFER))["price"]
    before = await traces(store)
    second = (await trade(store, at(2), "priceOffer", **OFFER, validFrom=on(9)))["price"]

    assert second == first
    assert (await traces(store)).changes == before.changes


async def test_prices_for_one_buyer_for_a_marketplace_and_of_other_types_leave_the_others_alone(
    store: Store, at: Callable[..., Caller]
) -> None:
    for more in (
        {"buyer": "acc_3", "amount": "8"}, {"marketplace": "mkt_1", "amount": "7"}, {"type": "SETUP", "amount": "6"},
        {"type": "OVERUSE", "amount": "5"},
    ):  # fmt: skip
        payload = await trade(store, at(2), "priceOffer", **OFFER | more)
        assert payload["userErrors"] == []

    found = await list_of(store, 2)
    open_ones = [(buyer, micros) for buyer, micros, _, end in found if end is None]
    assert open_ones.count((None, 2_000_000)) == 1
    assert {(3, 8_000_000), (None, 7_000_000), (None, 6_000_000), (None, 5_000_000)} < set(open_ones)
    assert (3, 2_000_000, "2026-01-01", TODAY.isoformat()) in found


async def test_tiers_are_kept_and_make_the_price_tiered(store: Store, at: Callable[..., Caller]) -> None:
    tiers = [{"lowerLimit": 10, "amount": "9"}, {"lowerLimit": 100, "amount": "8.123456"}]
    made = (await trade(store, at(2), "priceOffer", **OFFER, tiers=tiers))["price"]

    assert made["model"] == "VOLUME_SUBSCRIPTION"
    assert made["tiers"] == [
        {"lowerLimit": 10, "amount": {"amount": "9.00"}},
        {"lowerLimit": 100, "amount": {"amount": "8.123456"}},
    ]


async def test_a_seller_below_the_caller_is_priced_for(store: Store, at: Callable[..., Caller]) -> None:
    made = await trade(store, at(2), "priceOffer", **OFFER, seller="acc_3", buyer="acc_4")

    assert made["userErrors"] == []
    assert (4, 9_500_000, TODAY.isoformat(), None) in await list_of(store, 3)


async def test_nobody_offers_what_its_vendor_does_not_offer_it(store: Store, at: Callable[..., Caller]) -> None:
    alone = {"product": f"prd_{OFFERED_TO_2_ALONE}", "plan": f"pln_{OFFERED_TO_2_ALONE}"}
    given = [(9, alone, ["NOT_FOUND"]), (3, alone, ["NOT_FOUND"]), (2, alone, [])]
    for seller, goods, expected in given:
        payload = await trade(store, at(seller), "priceOffer", **OFFER | goods)
        assert [code for code, _ in faults(payload)][:1] == expected, seller

    # Now 2 offers it; and to 3 nobody offers what 3 has always sold.
    assert faults(await trade(store, at(3), "priceOffer", **OFFER | alone)) == []
    own = {"product": f"prd_{OFFERED_BY_3}", "plan": f"pln_{OFFERED_BY_3}"}
    assert faults(await trade(store, at(3), "priceOffer", **OFFER | own)) == [("NOT_OFFERED", ["product"])]


async def test_an_offer_of_the_vendor_must_hold_on_the_first_day(store: Store, at: Callable[..., Caller]) -> None:
    alone = {"product": f"prd_{OFFERED_TO_2_ALONE}", "plan": f"pln_{OFFERED_TO_2_ALONE}"}
    await trade(store, at(1), "priceOffer", **OFFER | alone, buyer="acc_9", validFrom=on(10), validUntil=on(20))

    async def offered(day: int) -> Any:
        return faults(await trade(store, at(9), "priceOffer", **OFFER | alone, validFrom=on(day)))

    assert await offered(20) == [("NOT_OFFERED", ["product"])]
    assert await offered(10) == []
    assert await offered(9) == [("NOT_OFFERED", ["product"])]


async def test_setting_up_is_priced_for_what_is_offered_and_recurring_takes_a_recurring_price(
    store: Store, at: Callable[..., Caller]
) -> None:
    alone = {"product": f"prd_{OFFERED_TO_2_ALONE}", "plan": f"pln_{OFFERED_TO_2_ALONE}"}
    await trade(store, at(1), "priceOffer", **OFFER | alone, buyer="acc_9", type="SETUP")
    codes = {
        of_type: faults(await trade(store, at(9), "priceOffer", **OFFER | alone, type=of_type))
        for of_type in ("SETUP", "RECURRING", "OVERUSE")
    }

    assert codes == {"SETUP": [], "RECURRING": [("NOT_OFFERED", ["product"])], "OVERUSE": []}


async def test_the_provider_offers_anything_and_says_what_manufacturers_charge(
    store: Store, at: Callable[..., Caller]
) -> None:
    unpriced = {"product": f"prd_{UNPRICED}", "plan": f"pln_{UNPRICED}"}
    sold = await trade(store, at(1), "priceOffer", **OFFER | unpriced)
    bought = await trade(store, at(1), "priceOffer", **OFFER | {"currency": "EUR"}, isManufacturers=True)

    assert (faults(sold), faults(bought)) == ([], [])
    assert bought["price"]["amount"] == {"amount": "9.50", "currency": "EUR"}
    assert (None, 9_500_000, TODAY.isoformat(), None) in await list_of(store, None)


async def test_a_price_is_ended_and_one_to_come_withdrawn(store: Store, at: Callable[..., Caller]) -> None:
    made = (await trade(store, at(2), "priceOffer", **OFFER))["price"]
    later = (await trade(store, at(2), "priceOffer", **OFFER | {"amount": "8"}, validFrom=on(30)))["price"]
    withdrawn = await trade(store, at(2), "priceEnd", price=later["id"], expectedVersion=1)
    ended = await trade(store, at(2), "priceEnd", price=made["id"], on=on(5), expectedVersion=2)
    again = await trade(store, at(2), "priceEnd", price=made["id"], on=on(6), expectedVersion=3)

    assert (withdrawn["price"]["validFrom"], withdrawn["price"]["validUntil"]) == (on(30), on(30))
    assert (ended["price"]["validUntil"], ended["price"]["version"]) == (on(5), 3)
    assert faults(again) == [("ALREADY_DONE", ["price"])]


async def test_a_cost_is_not_ended_by_the_buyer_nor_told_from_what_is_not_there(
    store: Store, at: Callable[..., Caller], world: World
) -> None:
    cost = next(row["id"] for row in world["price"] if (row["seller_id"], row["buyer_id"]) == (1, 2))
    hidden = next(row["id"] for row in world["price"] if row["seller_id"] == 9)
    for row_id in (cost, hidden, 999_999_999):
        payload = await trade(store, at(2), "priceEnd", price=f"prc_{row_id}", expectedVersion=1)
        assert faults(payload) == [("NOT_FOUND", ["price"])]


async def test_offers_of_one_key_at_once_leave_one_that_holds(store: Store, at: Callable[..., Caller]) -> None:
    amounts = [f"{amount}.00" for amount in range(1, 7)]
    made = await asyncio.gather(
        *(trade(store, at(2), "priceOffer", **OFFER | {"amount": amount, "type": "SETUP"}) for amount in amounts)
    )

    assert [payload["userErrors"] for payload in made] == [[]] * 6
    rows = [row for row in await rows_of(store, Price) if (row.seller_id, row.type) == (2, "SETUP")]
    assert len(rows) == 6
    assert [row.valid_until for row in rows].count(None) == 1


async def test_offers_from_different_days_at_once_never_overlap(store: Store, at: Callable[..., Caller]) -> None:
    days = [on(day) for day in (9, 2, 7, 4)]
    await asyncio.gather(
        *(
            trade(store, at(2), "priceOffer", **OFFER | {"amount": str(n + 3)}, validFrom=day)
            for n, day in enumerate(days)
        )
    )

    spans = [(start, end) for buyer, _, start, end in await list_of(store, 2) if buyer is None]
    assert spans == [("2026-01-01", on(2)), (on(2), on(4)), (on(4), on(7)), (on(7), on(9)), (on(9), None)]


async def test_the_same_key_sent_at_once_makes_one_price(store: Store, at: Callable[..., Caller]) -> None:
    key = new_key()
    made = await asyncio.gather(
        *(trade(store, at(2), "priceOffer", **OFFER, idempotencyKey=key, type="SETUP") for _ in range(5))
    )

    assert len({payload["price"]["id"] for payload in made}) == 1
    assert len([row for row in await rows_of(store, Price) if (row.seller_id, row.type) == (2, "SETUP")]) == 1


async def test_prices_are_offered_in_bulk(store: Store, at: Callable[..., Caller]) -> None:
    items = [OFFER | {"buyer": "acc_3"}, OFFER | {"buyer": "acc_99"}, OFFER | {"buyer": "acc_7"}]
    payload = await trade(store, at(2), "priceOfferBulk", items=items)

    assert [faults(each) for each in payload["results"]] == [[], [("NOT_FOUND", ["items", "1", "buyer"])], []]


async def test_what_is_ended_by_the_vendor_stays_on_the_list_of_the_seller(
    store: Store, at: Callable[..., Caller], world: World
) -> None:
    sold = (await trade(store, at(9), "priceOffer", **OFFER, seller="acc_10"))["price"]
    own = [row["id"] for row in world["price"] if row["seller_id"] == 9 and row["product_id"] == 1]
    for row_id in own:
        await trade(store, at(9), "priceEnd", price=f"prc_{row_id}", expectedVersion=1)
    again = await trade(store, at(10), "priceOffer", **OFFER | {"amount": "12"})

    assert faults(again) == [("NOT_OFFERED", ["product"])]
    assert (None, 9_500_000, TODAY.isoformat(), None) in await list_of(store, 10)
    assert sold["validUntil"] is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"product": "prd_99"}, ("NOT_FOUND", ["product"])),
        ({"product": "pln_1"}, ("NOT_FOUND", ["product"])),
        ({"product": f"prd_{UNPRICED}"}, ("NOT_FOUND", ["product"])),
        ({"plan": "pln_99"}, ("NOT_FOUND", ["plan"])),
        ({"marketplace": "mkt_3"}, ("NOT_FOUND", ["marketplace"])),
        ({"period": {"type": "YEAR"}}, ("INVALID", ["period"])),
        ({"seller": "acc_1"}, ("NOT_FOUND", ["seller"])),
        ({"seller": "acc_9"}, ("NOT_FOUND", ["seller"])),
        ({"seller": "acc_7"}, ("INVALID", ["seller"])),
        ({"buyer": "acc_4"}, ("NOT_FOUND", ["buyer"])),
        ({"buyer": "acc_12"}, ("NOT_FOUND", ["buyer"])),
        ({"buyer": "acc_2"}, ("NOT_FOUND", ["buyer"])),
        ({"amount": "-1"}, ("OUT_OF_RANGE", ["amount"])),
        ({"amount": "1.1234567"}, ("INVALID", ["amount"])),
        ({"amount": "1e3"}, ("INVALID", ["amount"])),
        ({"amount": "99999999999"}, ("INVALID", ["amount"])),
        ({"currency": "EUR"}, ("CURRENCY_FIXED", ["currency"])),
        ({"validFrom": on(-1)}, ("OUT_OF_RANGE", ["validFrom"])),
        ({"validFrom": on(3), "validUntil": on(3)}, ("OUT_OF_RANGE", ["validUntil"])),
        ({"model": "FLAT", "tiers": [{"lowerLimit": 2, "amount": "1"}]}, ("INVALID", ["tiers"])),
        ({"tiers": [{"lowerLimit": 1, "amount": "1"}]}, ("OUT_OF_RANGE", ["tiers", "0", "lowerLimit"])),
    ],
)
async def test_what_makes_no_sense_is_refused_where_it_stands(
    untouched: Store, at: Callable[..., Caller], given: dict[str, Any], expected: tuple[str, list[str]]
) -> None:
    before = await traces(untouched)

    assert faults(await trade(untouched, at(2), "priceOffer", **OFFER | given)) == [expected]
    assert (await traces(untouched)).changes == before.changes


@pytest.mark.parametrize("lacking", [Privilege.PRICES_MANAGE, Privilege.PRICES_VIEW])
async def test_it_takes_the_privileges_to_change_and_to_see_prices(
    untouched: Store, at: Callable[..., Caller], lacking: Privilege
) -> None:
    caller = at(2, privileges=frozenset(Privilege) - {lacking})
    answer = await ask_for(untouched, caller, "priceOffer", **OFFER)

    assert (answer.codes, answer.data) == (["FORBIDDEN"], {"priceOffer": None})


async def test_what_manufacturers_charge_is_said_by_the_provider_alone(
    untouched: Store, at: Callable[..., Caller]
) -> None:
    by_reseller = await ask_for(untouched, at(2), "priceOffer", **OFFER, isManufacturers=True)
    for_another = await ask_for(untouched, at(1), "priceOffer", **OFFER, isManufacturers=True, seller="acc_2")

    assert (by_reseller.codes, for_another.codes) == (["FORBIDDEN"], ["FORBIDDEN"])


async def test_who_reaches_direct_accounts_only_makes_no_prices_of_others(untouched: Store, world: World) -> None:
    caller = caller_at(2, Reach.DIRECT, user_id=user_of(world, 2))
    payload = await trade(untouched, caller, "priceOffer", **OFFER, seller="acc_3")

    assert faults(payload) == [("NOT_FOUND", ["seller"])]
