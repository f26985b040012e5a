"""Changing manufacturers, products, plans, marketplaces and exchange rates: a matter of the provider's own staff."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from models.store import Store
from resolvers.caller import Caller
from resolvers.privileges import Privilege
from tests.asking import ask
from tests.changes import logged, traces, user_at
from tests.databases import Databases
from tests.hierarchy import World
from tests.trading import ask_for, faults, trade
from tests.worlds import holding

OTHER_DAY, PAST_DAY = "2099-01-01", "2026-01-01"
PRODUCT = {"mpn": "CFQ7:0002", "manufacturer": "man_1", "name": "Ærø Suite", "serviceName": "Contoso 365"}
PLAN = {
    "code": "p1y-monthly", "name": "A year, billed monthly", "billingModel": "CHARGE_BEFORE_BILLING_PERIOD",
    "billingPeriod": {"type": "MONTH"}, "subscriptionPeriods": [{"type": "YEAR", "duration": 1}],
}  # fmt: skip
MARKETPLACE = {"code": "at", "name": "Austria", "countryCode": "AT", "currency": "EUR"}
RATE = {"fromCurrency": "EUR", "toCurrency": "USD", "rate": "1.0842", "validFrom": OTHER_DAY}


@pytest.fixture
def store(own_hierarchy: Store) -> Store:
    """The hand-made hierarchy, in a database of the test's own."""
    return own_hierarchy


@pytest.fixture(scope="module")
async def untouched(databases: Databases, marked_world: World) -> AsyncIterator[Store]:
    """A copy for those tests of this file that are refused whatever they ask for."""
    async with holding(databases, "marked", marked_world) as store:
        yield store


@pytest.fixture
def provider(world: World) -> Caller:
    """The provider's administrator."""
    return user_at(world, 1)


async def test_a_manufacturer_is_added_and_renamed(store: Store, provider: Caller) -> None:
    before = await traces(store)
    made = await trade(store, provider, "manufacturerCreate", code="contoso", name="Contoso")
    shown = made["manufacturer"]
    renamed = await trade(
        store, provider, "manufacturerUpdate", manufacturer=shown["id"], name="Contoso AG", expectedVersion=1
    )

    assert shown == {"id": shown["id"], "code": "contoso", "name": "Contoso", "version": 1}
    assert renamed["manufacturer"] == {"id": shown["id"], "code": "contoso", "name": "Contoso AG", "version": 2}
    row_id = int(shown["id"].partition("_")[2])
    assert await logged(store, before) == [
        ("manufacturer", row_id, {"code": (None, "contoso"), "name": (None, "Contoso")}),
        ("manufacturer", row_id, {"name": ("Contoso", "Contoso AG")}),
    ]


async def test_a_product_is_added_and_found_by_its_words_and_what_it_needs(store: Store, provider: Caller) -> None:
    made = await trade(store, provider, "productCreate", **PRODUCT, minimumQuantity=5, dependsOn=["prd_2", "prd_1"])
    found = await ask(store, provider, '{ products(filter: {search: "aero conto"}) { nodes { id } } }')

    shown = made["product"]
    assert {name: shown[name] for name in ("mpn", "name", "status", "minimumQuantity", "maximumQuantity")} == {
        "mpn": "CFQ7:0002", "name": "Ærø Suite", "status": "ACTIVE", "minimumQuantity": 5, "maximumQuantity": None,
    }  # fmt: skip
    assert shown["dependsOn"] == [{"id": "prd_1"}, {"id": "prd_2"}]
    assert shown["manufacturer"] == {"id": "man_1"}
    assert found.data["products"]["nodes"] == [{"id": shown["id"]}]


async def test_a_product_is_changed_and_no_longer_found_by_its_old_words(store: Store, provider: Caller) -> None:
    made = (await trade(store, provider, "productCreate", **PRODUCT))["product"]
    given = {"name": "Fabrikam Suite", "maximumQuantity": 300, "dependsOn": ["prd_1"], "expectedVersion": 1}
    changed = (await trade(store, provider, "productUpdate", product=made["id"], **given))["product"]
    old, new = [
        (await ask(store, provider, f'{{ products(filter: {{search: "{word}"}}) {{ nodes {{ id }} }} }}')).data
        for word in ("aero", "fabrikam")
    ]

    assert (changed["name"], changed["maximumQuantity"], changed["version"]) == ("Fabrikam Suite", 300, 2)
    assert changed["dependsOn"] == [{"id": "prd_1"}]
    assert (old["products"]["nodes"], new["products"]["nodes"]) == ([], [{"id": made["id"]}])


async def test_other_dependencies_alone_make_another_version(store: Store, provider: Caller) -> None:
    async def depend(on: list[str], version: int) -> Any:
        given = {"product": "prd_1", "dependsOn": on, "expectedVersion": version}
        return (await trade(store, provider, "productUpdate", **given))["product"]

    first, same, none = await depend(["prd_2"], 1), await depend(["prd_2"], 2), await depend([], 2)

    assert [each["version"] for each in (first, same, none)] == [2, 2, 3]
    assert [each["dependsOn"] for each in (first, same, none)] == [[{"id": "prd_2"}], [{"id": "prd_2"}], []]


async def test_a_product_is_retired_once(store: Store, provider: Caller) -> None:
    retired = await trade(store, provider, "productRetire", product="prd_1", expectedVersion=1)
    again = await trade(store, provider, "productRetire", product="prd_1", expectedVersion=2)

    assert (retired["product"]["status"], faults(retired)) == ("RETIRED", [])
    assert faults(again) == [("ALREADY_DONE", ["product"])]


async def test_products_are_added_in_bulk_and_one_refusal_undoes_all_if_so_asked(
    store: Store, provider: Caller
) -> None:
    items = [PRODUCT, PRODUCT | {"mpn": "CFQ7:0003"}, PRODUCT]
    refused = await trade(store, provider, "productCreateBulk", items=items, isAtomic=True)
    partly = await trade(store, provider, "productCreateBulk", items=items)

    assert [[error["code"] for error in each["userErrors"]] for each in refused["results"]] == [
        ["ROLLED_BACK"], ["ROLLED_BACK"], ["TAKEN"],
    ]  # fmt: skip
    assert [faults(each) for each in partly["results"]] == [[], [], [("TAKEN", ["items", "2", "mpn"])]]


async def test_a_plan_is_added_with_its_periods_and_changed(store: Store, provider: Caller) -> None:
    made = (await trade(store, provider, "planCreate", **PLAN, refundPolicy="FULL"))["plan"]
    given = {"plan": made["id"], "cancellationHours": 24, "refundPolicy": "PRORATED", "expectedVersion": 1}
    changed = (await trade(store, provider, "planUpdate", **given))["plan"]
    retired = (await trade(store, provider, "planRetire", plan=made["id"], expectedVersion=2))["plan"]
    again = await trade(store, provider, "planRetire", plan=made["id"], expectedVersion=3)

    assert made["subscriptionPeriods"] == [{"type": "YEAR", "duration": 1, "isTrial": False, "isActive": True}]
    assert (made["isPublished"], made["refundPolicy"], made["cancellationHours"]) == (True, "FULL", 168)
    assert (changed["refundPolicy"], changed["cancellationHours"], changed["version"]) == ("PRORATED", 24, 2)
    assert retired["isPublished"] is False
    assert faults(again) == [("ALREADY_DONE", ["plan"])]


async def test_a_period_of_a_plan_is_added_retired_and_added_again(store: Store, provider: Caller) -> None:
    month, three = {"type": "MONTH"}, {"type": "YEAR", "duration": 3}
    added = await trade(store, provider, "planPeriodAdd", plan="pln_1", period=three, expectedVersion=1)
    twice = await trade(store, provider, "planPeriodAdd", plan="pln_1", period=three, expectedVersion=2)
    retired = await trade(store, provider, "planPeriodRetire", plan="pln_1", period=month, expectedVersion=2)
    unknown = await trade(store, provider, "planPeriodRetire", plan="pln_1", period={"type": "DAY"}, expectedVersion=3)
    again = await trade(store, provider, "planPeriodAdd", plan="pln_1", period=month, expectedVersion=3)

    def periods(payload: Any) -> list[tuple[str, int, bool]]:
        return [(each["type"], each["duration"], each["isActive"]) for each in payload["plan"]["subscriptionPeriods"]]

    assert periods(added) == [("MONTH", 1, True), ("YEAR", 3, True)]
    assert faults(twice) == [("ALREADY_DONE", ["period"])]
    assert periods(retired) == [("MONTH", 1, False), ("YEAR", 3, True)]
    assert faults(unknown) == [("NOT_FOUND", ["period"])]
    assert periods(again) == [("MONTH", 1, True), ("YEAR", 3, True)]
    assert again["plan"]["version"] == 4


async def test_a_marketplace_is_opened_and_changed(store: Store, provider: Caller) -> None:
    made = (await trade(store, provider, "marketplaceCreate", **MARKETPLACE))["marketplace"]
    given = {"marketplace": made["id"], "name": "Österreich", "currency": "CHF", "expectedVersion": 1}
    changed = (await trade(store, provider, "marketplaceUpdate", **given))["marketplace"]

    assert made == {"id": made["id"], **MARKETPLACE, "version": 1}
    assert changed == made | {"name": "Österreich", "currency": "CHF", "version": 2}


async def test_an_exchange_rate_is_set_and_set_again_for_the_same_day(store: Store, provider: Caller) -> None:
    first = (await trade(store, provider, "exchangeRateSet", **RATE))["exchangeRate"]
    second = (await trade(store, provider, "exchangeRateSet", **RATE | {"rate": "1.1"}))["exchangeRate"]
    listed = await ask(
        store, provider, '{ exchangeRates(filter: {fromCurrency: ["EUR"]}) { nodes { id rate toCurrency } } }'
    )

    assert (first["rate"], first["version"], first["validFrom"]) == ("1.0842", 1, OTHER_DAY)
    assert second == first | {"rate": "1.1", "version": 2}
    assert listed.data["exchangeRates"]["nodes"] == [{"id": first["id"], "rate": "1.1", "toCurrency": "USD"}]


async def test_two_at_once_add_one_manufacturer_and_one_rate(store: Store, provider: Caller) -> None:
    made = await asyncio.gather(
        *(trade(store, provider, "manufacturerCreate", code="contoso", name="Contoso") for _ in range(4))
    )
    rates = await asyncio.gather(*(trade(store, provider, "exchangeRateSet", **RATE) for _ in range(4)))

    assert sorted(map(faults, made)) == [[], *[[("TAKEN", ["code"])]] * 3]
    assert {code for each in rates for code, _ in faults(each)} <= {"TAKEN"}
    assert len({each["exchangeRate"]["id"] for each in rates if not faults(each)}) == 1


@pytest.mark.parametrize(
    ("mutation", "given", "expected"),
    [
        ("manufacturerCreate", {"code": "a b", "name": "x"}, ("INVALID", ["code"])),
        ("manufacturerCreate", {"code": "x", "name": " "}, ("REQUIRED", ["name"])),
        ("manufacturerCreate", {"code": "LEAK-0-maker-1", "name": "x"}, ("TAKEN", ["code"])),
        ("productCreate", PRODUCT | {"manufacturer": "man_99"}, ("NOT_FOUND", ["manufacturer"])),
        ("productCreate", PRODUCT | {"manufacturer": "prd_1"}, ("NOT_FOUND", ["manufacturer"])),
        ("productCreate", PRODUCT | {"mpn": "LEAK-0-product-1-mpn"}, ("TAKEN", ["mpn"])),
        ("productCreate", PRODUCT | {"mpn": "two words"}, ("INVALID", ["mpn"])),
        ("productCreate", PRODUCT | {"minimumQuantity": 0}, ("OUT_OF_RANGE", ["minimumQuantity"])),
        (
            "productCreate",
            PRODUCT | {"minimumQuantity": 3, "maximumQuantity": 2},
            ("OUT_OF_RANGE", ["maximumQuantity"]),
        ),
        ("productCreate", PRODUCT | {"dependsOn": ["prd_1", "prd_99"]}, ("NOT_FOUND", ["dependsOn", "1"])),
        (
            "productUpdate",
            {"product": "prd_1", "expectedVersion": 1, "dependsOn": ["prd_1"]},
            ("INVALID", ["dependsOn", "0"]),
        ),
        ("productUpdate", {"product": "prd_1", "expectedVersion": 1, "name": None}, ("REQUIRED", ["name"])),
        ("productUpdate", {"product": "prd_99", "expectedVersion": 1, "name": "x"}, ("NOT_FOUND", ["product"])),
        ("productUpdate", {"product": "prd_1", "expectedVersion": 7, "name": "x"}, ("CONFLICT", ["expectedVersion"])),
        ("planCreate", PLAN | {"code": "LEAK-0-plan-1"}, ("TAKEN", ["code"])),
        ("planCreate", PLAN | {"subscriptionPeriods": []}, ("REQUIRED", ["subscriptionPeriods"])),
        (
            "planCreate",
            PLAN | {"subscriptionPeriods": [{"type": "DAY", "duration": 0}]},
            ("OUT_OF_RANGE", ["subscriptionPeriods", "0", "duration"]),
        ),
        (
            "planCreate",
            PLAN | {"subscriptionPeriods": [{"type": "DAY"}, {"type": "DAY", "isTrial": True}]},
            ("INVALID", ["subscriptionPeriods", "1"]),
        ),
        ("marketplaceCreate", MARKETPLACE | {"currency": "eur"}, ("INVALID", ["currency"])),
        ("marketplaceCreate", MARKETPLACE | {"countryCode": "XX"}, ("INVALID", ["countryCode"])),
        ("exchangeRateSet", RATE | {"rate": "0"}, ("INVALID", ["rate"])),
        ("exchangeRateSet", RATE | {"toCurrency": "EUR"}, ("INVALID", ["toCurrency"])),
        ("exchangeRateSet", RATE | {"validFrom": PAST_DAY}, ("OUT_OF_RANGE", ["validFrom"])),
    ],
)
async def test_what_makes_no_sense_is_refused_where_it_stands(
    untouched: Store, provider: Caller, mutation: str, given: dict[str, Any], expected: tuple[str, list[str]]
) -> None:
    before = await traces(untouched)
    payload = await trade(untouched, provider, mutation, **given)

    assert faults(payload) == [expected]
    assert (await traces(untouched)).changes == before.changes


@pytest.fixture
def reseller(world: World) -> Callable[..., Caller]:
    """The administrator of reseller 2, with some privileges."""

    def made(*privileges: Privilege) -> Caller:
        return user_at(world, 2, privileges=frozenset(privileges))

    return made


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("exchangeRateSet", RATE),
    ("manufacturerCreate", {"code": "contoso", "name": "Contoso"}),
    ("marketplaceCreate", MARKETPLACE),
    ("planCreate", PLAN),
    ("planPeriodAdd", {"plan": "pln_1", "period": {"type": "DAY"}, "expectedVersion": 1}),
    ("planRetire", {"plan": "pln_1", "expectedVersion": 1}),
    ("productCreate", PRODUCT),
    ("productRetire", {"product": "prd_1", "expectedVersion": 1}),
]


@pytest.mark.parametrize(("mutation", "given"), CHANGES)
async def test_it_takes_the_privilege(
    untouched: Store, reseller: Callable[..., Caller], mutation: str, given: dict[str, Any]
) -> None:
    answer = await ask_for(untouched, reseller(Privilege.CATALOGUE_VIEW), mutation, **given)

    assert (answer.codes, answer.data) == (["FORBIDDEN"], {mutation: None})


@pytest.mark.parametrize(("mutation", "given"), CHANGES)
async def test_a_resellers_script_changes_nothing_whatever_privileges_it_was_given(
    untouched: Store, reseller: Callable[..., Caller], mutation: str, given: dict[str, Any]
) -> None:
    before = await traces(untouched)
    answer = await ask_for(untouched, reseller(*Privilege), mutation, **given)

    codes = answer.codes or [code for code, _ in faults(answer.data[mutation])]
    assert codes in (["FORBIDDEN"], ["NOT_FOUND"])
    assert (await traces(untouched)).changes == before.changes
