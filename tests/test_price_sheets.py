"""Setting many prices at once: by a markup on cost, and from a price sheet, of which a bad row names its column."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from models import Audit, Price, Product
from models.base import PeriodType, table_of
from models.statement import Statement
from models.store import Store
from resolvers.caller import Caller
from tests.asking import ask
from tests.changes import change, new_key, rows_of, user_at
from tests.hierarchy import OFFERED_TO_2_ALONE, World, path_of
from tests.trading import faults, in_dollars, trade

TODAY = datetime.now(UTC).date()
HEADER = (
    "ProductId,SkuId,TermDuration,BillingPlan,Market,Currency,UnitPrice,EffectiveStartDate,EffectiveEndDate,ERP Price,"
    "Publisher,PricingTierRangeMin"
)


@pytest.fixture
async def store(own_hierarchy: Store) -> Store:
    """The hand-made hierarchy, in a database of the test's own; a plan and a product as in price sheets, in Germany."""
    await in_dollars(own_hierarchy)
    async with own_hierarchy.unfiltered("a test's catalogue", write=True) as db:
        await db.sql("UPDATE marketplace SET country_code = 'DE' WHERE id = 1")
        await db.sql("UPDATE manufacturer SET code = 'microsoft' WHERE id = 1")
        await db.sql("UPDATE product SET mpn = 'CFQ7:0002' WHERE id = 1")
        await db.sql("UPDATE plan SET code = 'csp-p1y-monthly' WHERE id = 1")
        await db.sql("UPDATE plan_period SET type = 'YEAR' WHERE plan_id = 1")
    return own_hierarchy


@pytest.fixture
def at(world: World) -> Callable[..., Caller]:
    """The administrators of accounts."""
    return lambda account_id, **more: user_at(world, account_id, **more)


def on(days: int) -> str:
    """A day so many days from today."""
    return (TODAY + timedelta(days=days)).isoformat()


def row(**given: Any) -> str:
    """A row of a price sheet."""
    cells = {
        "ProductId": "CFQ7", "SkuId": "0002", "TermDuration": "P1Y", "BillingPlan": "Monthly", "Market": "DE",
        "Currency": "USD", "UnitPrice": "120", "EffectiveStartDate": "2026-01-01T00:00:00Z",
        "EffectiveEndDate": "12/31/9999", "ERP Price": "144", "Publisher": "Microsoft Corporation",
        "PricingTierRangeMin": "",
    } | {name.replace("_", " "): value for name, value in given.items()}  # fmt: skip
    return ",".join(cells[name] for name in HEADER.split(","))


async def apply(store: Store, caller: Caller, *rows: str, **more: Any) -> Any:
    return await trade(store, caller, "priceSheetApply", name="November", csv="\n".join((HEADER, *rows)), **more)


async def new_prices(store: Store, world: World) -> list[tuple[Any, ...]]:
    """What was added: seller, buyer, product, amount in micros, first day, end."""
    known = {record["id"] for record in world["price"]}
    rows = [each for each in await rows_of(store, Price) if each.id not in known]
    return sorted(
        ((each.seller_id, each.buyer_id, each.product_id, each.amount_micros, str(each.valid_from), each.valid_until)
         for each in rows), key=str,
    )  # fmt: skip


async def test_a_markup_on_everything_a_seller_pays(store: Store, at: Callable[..., Caller], world: World) -> None:
    payload = await trade(store, at(2), "priceMarkup", percent="12.345", validFrom=on(4), name="Twelve")

    # The provider charges 2 one million micros for what it charges all, and for what it sells to 2 alone.
    assert payload["userErrors"] == []
    assert payload["priceSheet"] == payload["priceSheet"] | {"kind": "MARKUP", "name": "Twelve", "priceCount": 2}
    assert await new_prices(store, world) == [
        (2, None, 1, 1_120_000, on(4), None),
        (2, None, OFFERED_TO_2_ALONE, 1_120_000, on(4), None),
    ]


@pytest.mark.parametrize(
    ("percent", "rounding", "micros"),
    [("0", "0.01", 1_000_000), ("12.5", "0.05", 1_150_000), ("12.4", "0.05", 1_100_000), ("-40", "1", 1_000_000),
     ("-100", "0.01", 0), ("33.3333", "0.000001", 1_333_333)],
)  # fmt: skip
async def test_a_markup_is_rounded_half_up_to_the_step(
    store: Store, at: Callable[..., Caller], world: World, percent: str, rounding: str, micros: int
) -> None:
    given = {"percent": percent, "rounding": rounding, "products": ["prd_1"], "buyer": "acc_7"}
    payload = await trade(store, at(2), "priceMarkup", **given)

    assert payload["userErrors"] == []
    assert [each[:4] for each in await new_prices(store, world)] == [(2, 7, 1, micros)]


async def test_a_markup_by_manufacturer_and_plan_for_a_seller_below(
    store: Store, at: Callable[..., Caller], world: World
) -> None:
    for narrowed in ({"manufacturer": "man_1"}, {"plan": "pln_1", "marketplace": "mkt_1"}):
        payload = await trade(store, at(2), "priceMarkup", percent="10", seller="acc_3", **narrowed)
        assert payload["priceSheet"]["priceCount"] == 1

    assert [each[:4] for each in await new_prices(store, world)] == [(3, None, 1, 2_200_000)] * 2


async def test_a_markup_of_tiers_and_of_setting_up(store: Store, at: Callable[..., Caller]) -> None:
    offer = {"product": "prd_1", "plan": "pln_1", "period": {"type": "YEAR"}, "amount": "10", "buyer": "acc_2"}
    await trade(store, at(1), "priceOffer", **offer, tiers=[{"lowerLimit": 10, "amount": "8"}])
    await trade(store, at(1), "priceOffer", **offer, type="SETUP")
    await trade(store, at(2), "priceMarkup", percent="50", products=["prd_1"])

    made = {
        (each.type, each.period_type): (each.amount_micros, each.model, each.tiers)
        for each in await rows_of(store, Price)
        if each.seller_id == 2 and str(each.valid_from) == on(0)
    }
    assert made == {
        ("RECURRING", "YEAR"): (15_000_000, "VOLUME_SUBSCRIPTION", "[[10,12000000]]"),
        ("SETUP", "YEAR"): (15_000_000, "FLAT", None),
        ("RECURRING", "MONTH"): (1_500_000, "FLAT", None),
    }


async def test_a_markup_on_a_cost_in_another_currency_takes_the_rate_of_the_day(
    store: Store, at: Callable[..., Caller], world: World
) -> None:
    async with store.unfiltered("a test's currency", write=True) as db:
        await db.sql("UPDATE account SET currency = 'EUR' WHERE id = 2")
    without = await trade(store, at(2), "priceMarkup", percent="0", products=["prd_1"])
    await trade(store, at(1), "exchangeRateSet", fromCurrency="USD", toCurrency="EUR", rate="0.9", validFrom=on(2))
    too_early = await trade(store, at(2), "priceMarkup", percent="0", products=["prd_1"], validFrom=on(1))
    done = await trade(store, at(2), "priceMarkup", percent="0", products=["prd_1"], validFrom=on(2))

    assert [faults(each) for each in (without, too_early, done)] == [[("INVALID", [])], [("INVALID", [])], []]
    assert [each[:4] for each in await new_prices(store, world)] == [(2, None, 1, 900_000)]


async def test_a_thousand_prices_are_marked_up_at_once(store: Store, at: Callable[..., Caller]) -> None:
    numbers = range(50_000, 51_000)
    async with store.unfiltered("a test's catalogue", write=True) as db:
        add = {model: Statement(insert(table_of(model))) for model in (Product, Price)}
        for number in numbers:
            product = Product(id=number, mpn=f"m{number}", manufacturer_id=1, name="Many", name_key="many")
            price = Price(
                id=number, shard_id=1, seller_id=1, seller_path=path_of(1), product_id=number, plan_id=1,
                period_type=PeriodType.YEAR, period_duration=1, currency="USD", amount_micros=number, valid_from=TODAY,
            )  # fmt: skip
            for each in (product, price):
                await db.execute(add[type(each)], each.model_dump())
    payload = await trade(store, at(2), "priceMarkup", percent="100", plan="pln_1", rounding="0.000001")
    again = await trade(store, at(2), "priceMarkup", percent="100", plan="pln_1", rounding="0.000001")

    made = {each.product_id: each.amount_micros for each in await rows_of(store, Price) if each.seller_id == 2}
    assert (payload["userErrors"], payload["priceSheet"]["priceCount"]) == ([], 1_000)
    assert {number: made[number] for number in numbers} == {number: 2 * number for number in numbers}
    assert again["priceSheet"]["priceCount"] == 0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"percent": "a"}, ("INVALID", ["percent"])),
        ({"percent": "-101"}, ("OUT_OF_RANGE", ["percent"])),
        ({"rounding": "0"}, ("OUT_OF_RANGE", ["rounding"])),
        ({"seller": "acc_9"}, ("NOT_FOUND", ["seller"])),
        ({"seller": "acc_7"}, ("INVALID", ["seller"])),
        ({"buyer": "acc_4"}, ("NOT_FOUND", ["buyer"])),
        ({"manufacturer": "man_99"}, ("NOT_FOUND", ["manufacturer"])),
        ({"products": ["prd_99"]}, ("NOT_OFFERED", [])),
        ({"validFrom": on(-1)}, ("OUT_OF_RANGE", ["validFrom"])),
    ],
)
async def test_a_markup_that_makes_no_sense_is_refused(
    store: Store, at: Callable[..., Caller], world: World, given: dict[str, Any], expected: tuple[str, list[str]]
) -> None:
    payload = await trade(store, at(2), "priceMarkup", **{"percent": "5", **given})

    assert faults(payload) == [expected]
    assert await new_prices(store, world) == []


async def test_a_sheet_of_the_provider_says_what_it_pays_and_what_it_charges(
    store: Store, at: Callable[..., Caller], world: World
) -> None:
    payload = await apply(store, at(1), row(), row(EffectiveStartDate=on(40), ERP_Price="156", UnitPrice="132"))

    # The sheet's prices are for the term; ours are for a billing period, a twelfth of it.
    assert payload["userErrors"] == []
    assert payload["priceSheet"] == payload["priceSheet"] | {"kind": "FILE", "name": "November", "priceCount": 4}
    found = [
        (seller, micros, day, end and str(end)) for seller, _, _, micros, day, end in await new_prices(store, world)
    ]
    assert found == [
        (1, 12_000_000, on(0), on(40)), (1, 13_000_000, on(40), None),
        (None, 10_000_000, on(0), on(40)), (None, 11_000_000, on(40), None),
    ]  # fmt: skip


async def test_a_reseller_takes_the_retail_prices_of_a_sheet_and_only_those_offered_to_it(
    store: Store, at: Callable[..., Caller], world: World
) -> None:
    before = await apply(store, at(2), row())
    await apply(store, at(1), row())
    after = await apply(store, at(2), row(ERP_Price="180"))

    assert faults(before) == [("INVALID", ["csv", "2", "SkuId"])]
    assert after["priceSheet"]["priceCount"] == 1
    assert [each[:4] for each in await new_prices(store, world) if each[0] == 2] == [(2, None, 1, 15_000_000)]


async def test_tiers_of_a_sheet_are_one_price(store: Store, at: Callable[..., Caller]) -> None:
    tiers = [
        row(PricingTierRangeMin=limit, ERP_Price=price) for limit, price in (("100", "96"), ("1", "144"), ("10", "120"))
    ]
    await apply(store, at(1), *tiers)

    (made,) = [each for each in await rows_of(store, Price) if each.seller_id == 1 and str(each.valid_from) == on(0)]
    assert (made.model, made.amount_micros, made.tiers) == (
        "VOLUME_SUBSCRIPTION", 12_000_000, "[[10,10000000],[100,8000000]]",
    )  # fmt: skip


async def test_a_bad_row_is_told_by_line_and_column_and_nothing_is_done(
    store: Store, at: Callable[..., Caller], world: World
) -> None:
    payload = await apply(
        store, at(1), row(), row(UnitPrice="a lot"), row(SkuId="9999"), row(BillingPlan="Weekly"), row(Market="FR"),
        row(TermDuration="P3Y"), row(Currency="EUR"), row(ERP_Price="-3"), row(EffectiveStartDate="soon"), "one,cell",
        isAtomic=True,
    )  # fmt: skip

    assert faults(payload) == [
        ("INVALID", ["csv", "3", "UnitPrice"]), ("INVALID", ["csv", "4", "SkuId"]),
        ("INVALID", ["csv", "5", "BillingPlan"]), ("INVALID", ["csv", "6", "Market"]),
        ("INVALID", ["csv", "7", "BillingPlan"]), ("INVALID", ["csv", "8", "Currency"]),
        ("INVALID", ["csv", "9", "ERP Price"]), ("INVALID", ["csv", "10", "EffectiveStartDate"]),
        ("INVALID", ["csv", "11"]),
    ]  # fmt: skip
    assert all(error["message"].endswith(".") for error in payload["userErrors"])
    assert await new_prices(store, world) == []


async def warned(store: Store, caller: Caller, *rows: str, key: str = "", **more: Any) -> Any:
    """The payload with its warnings: code, line and column, message."""
    given = {"idempotencyKey": key or new_key(), "name": "November", "csv": "\n".join((HEADER, *rows))} | more
    document = (
        "mutation($i: PriceSheetApplyInput!) { priceSheetApply(input: $i) { priceSheet { priceCount }"
        " warnings { code path message } userErrors { code path } } }"
    )
    answer = await change(store, caller, document, {"i": given})
    assert answer.errors == [], answer.errors
    return answer.data["priceSheetApply"]


def told(payload: Any) -> list[tuple[str, list[str]]]:
    return [(each["code"], each["path"]) for each in payload["warnings"]]


async def test_rows_that_are_right_are_taken_and_the_others_told_unless_all_or_nothing_is_asked_for(
    store: Store, at: Callable[..., Caller], world: World
) -> None:
    later = row(EffectiveStartDate=on(40), UnitPrice="132", ERP_Price="156")
    rows = (row(SkuId="9999"), row(), row(UnitPrice="a lot", EffectiveStartDate=on(9)), later)
    refused = await warned(store, at(1), *rows, isAtomic=True)
    assert (refused["warnings"], len(refused["userErrors"]), await new_prices(store, world)) == ([], 2, [])

    payload = await warned(store, at(1), *rows, key="a key of a sheet")
    assert (payload["userErrors"], payload["priceSheet"]) == ([], {"priceCount": 4})
    assert told(payload) == [("INVALID", ["csv", "2", "SkuId"]), ("INVALID", ["csv", "4", "UnitPrice"])]
    assert {each[4] for each in await new_prices(store, world)} == {on(0), on(40)}
    assert await warned(store, at(1), *rows, key="a key of a sheet") == payload


async def test_of_rows_that_contradict_each_other_none_is_taken(
    store: Store, at: Callable[..., Caller], world: World
) -> None:
    payload = await warned(store, at(1), row(), row(UnitPrice="132"), row(EffectiveStartDate=on(40)))

    assert told(payload) == [("INVALID", ["csv", "3", "UnitPrice"])]
    assert {(each[0], each[4]) for each in await new_prices(store, world)} == {(1, on(40)), (None, on(40))}


async def test_a_price_below_cost_is_taken_with_a_warning(store: Store, at: Callable[..., Caller]) -> None:
    of_provider = await warned(store, at(1), row(ERP_Price="96"), row(EffectiveStartDate=on(40)))
    of_reseller = await warned(
        store, at(2), row(ERP_Price="96"), row(EffectiveStartDate=on(10), ERP_Price="95"),
        row(EffectiveStartDate=on(40), ERP_Price="143.99"), row(EffectiveStartDate=on(50), ERP_Price="144"),
    )  # fmt: skip

    assert [each["userErrors"] for each in (of_provider, of_reseller)] == [[], []]
    assert of_provider["warnings"] == [
        {
            "code": "BELOW_COST",
            "path": ["csv", "2", "ERP Price"],
            "message": "From 1 up a unit is sold for 8 USD and costs the seller 10 USD.",
        }
    ]
    assert told(of_reseller) == [("BELOW_COST", ["csv", line, "ERP Price"]) for line in ("3", "4")]
    assert of_reseller["priceSheet"] == {"priceCount": 4}


async def test_tiers_are_compared_with_the_tiers_of_the_cost(store: Store, at: Callable[..., Caller]) -> None:
    tiers = [row(PricingTierRangeMin=limit, ERP_Price=price) for limit, price in (("1", "144"), ("10", "119.88"))]
    payload = await warned(store, at(1), *tiers)

    assert [each["message"] for each in payload["warnings"]] == [
        "From 10 up a unit is sold for 9.99 USD and costs the seller 10 USD."
    ]


async def test_what_is_no_price_sheet_is_refused(store: Store, at: Callable[..., Caller]) -> None:
    lacking = await trade(store, at(1), "priceSheetApply", name="x", csv="ProductId\nCFQ7")
    long = await trade(store, at(1), "priceSheetApply", name="x", csv="x" * 300_000)
    wrong = await apply(store, at(1), *[row(SkuId=str(number)) for number in range(5000, 5150)])

    assert faults(lacking) == [("INVALID", ["csv", "1"])]
    assert faults(long) == [("TOO_LONG", ["csv"])]
    assert len(wrong["userErrors"]) == 101
    assert wrong["userErrors"][-1]["message"] == "There are 50 further faults."


async def test_a_contradiction_between_rows_is_told(store: Store, at: Callable[..., Caller]) -> None:
    payload = await apply(store, at(1), row(), row(UnitPrice="132"))

    assert faults(payload) == [("INVALID", ["csv", "3", "UnitPrice"])]


async def test_the_change_log_has_the_sheet_which_every_price_of_it_names(
    store: Store, at: Callable[..., Caller]
) -> None:
    known = {each.id for each in await rows_of(store, Audit)}
    made = (await apply(store, at(1), row()))["priceSheet"]
    asked = (
        '{ prices(filter: {validOn: "%s", product: ["prd_1"]}) { nodes { validFrom sheet { id seller { name } } } } }'
    )
    listed = (await ask(store, at(1), asked % on(0))).data["prices"]["nodes"]

    logged = [(each.of, each.operation) for each in await rows_of(store, Audit) if each.id not in known]
    assert logged == [("price_sheet", "priceSheetApply")]
    of_today = [each["sheet"] for each in listed if each["validFrom"] == on(0)]
    assert of_today == [{"id": made["id"], "seller": {"name": "LEAK-1-name"}}] * 2
