"""Importing the price sheets of the Microsoft partner program."""

from pathlib import Path

import pytest

from models.exchange.load import import_price_sheet
from models.exchange.problems import ImportRefusedError
from models.exchange.report import Tally
from models.store import Store
from tests.csv_files import PLATFORM, import_platform, query, refusal, told, write

SHEET = """\
ChangeIndicator,ProductTitle,ProductId,SkuId,SkuTitle,Publisher,SkuDescription,UnitOfMeasure,TermDuration,BillingPlan,Market,Currency,UnitPrice,PricingTierRangeMin,PricingTierRangeMax,EffectiveStartDate,EffectiveEndDate,Tags,ERP Price,Segment
,Microsoft 365 Business Basic,CFQ7TTC0LH18,0001,Business Basic,Microsoft Corporation,"Mail, and more",,P1Y,Annual,US,USD,57.6,,,2026-02-01T00:00:00.0000000Z,9999-11-30T23:59:59.0000000Z,License,72,Commercial
,Microsoft 365 Business Basic,CFQ7TTC0LH18,0001,Business Basic,Microsoft Corporation,"Mail, and more",,P1Y,Monthly,US,USD,60.48,,,2/1/2026 0:00,11/30/9999 23:59,License,75.60,Commercial
,Microsoft 365 Business Basic,CFQ7TTC0LH18,0001,Business Basic,Microsoft Corporation,"Mail, and more",,P1Y,Monthly,GB,GBP,50,,,2/1/2026 0:00,3/31/2026 23:59,License,70,Commercial
,Microsoft 365 Business Basic,CFQ7TTC0LH18,1,Business Basic,Microsoft Corporation,"Mail, and more",,P1M,None,US,USD,0,,,1753-01-01T00:00:00Z,,License;Trial,0,Commercial
,Windows Server,DG7GMGF0D5RK,0004,Windows Server 16 Core,Microsoft,,1 License,,OneTime,US,USD,800,,,3/1/2026 12:00:00 AM,4/1/2026 12:00:00 AM,,1000,Commercial
,Azure Thing,DZH318Z0BQ3Q,0005,Thing,Microsoft Corporation,,1 GB,P3Y,Triennial,US,USD,30,100,999,2026-02-01,,,,
,Azure Thing,DZH318Z0BQ3Q,0005,Thing,Microsoft Corporation,,1 GB,P3Y,Triennial,US,USD,36,,99,2026-02-01,,,,
,Azure Thing,DZH318Z0BQ3Q,0005,Thing,Microsoft Corporation,,1 GB,P3Y,Triennial,US,USD,24,1000,,2026-02-01,,,,
,Azure Thing,DZH318Z0BQ3Q,0005,Thing,Microsoft Corporation,,1 GB,P3Y,Triennial,US,USD,24,1000,,2026-02-01,,,,
"""  # noqa: E501  # one row of the real thing a line

OFFERED = (
    "SELECT v.import_key, o.mpn, l.code, m.code, p.currency, p.type, p.model, p.amount_micros, p.tiers,"
    " CAST(p.valid_from AS TEXT), CAST(p.valid_until AS TEXT) FROM price p JOIN product o ON o.id = p.product_id"
    " JOIN plan l ON l.id = p.plan_id JOIN marketplace m ON m.id = p.marketplace_id"
    " LEFT JOIN account v ON v.id = p.seller_id WHERE l.code LIKE 'csp-%'"
)


async def test_a_price_sheet_becomes_products_plans_and_prices(store: Store, tmp_path: Path) -> None:
    report = await import_platform(store, tmp_path, {**PLATFORM, "prices of March.csv": SHEET})

    basic, thing, server = "CFQ7TTC0LH18:0001", "DZH318Z0BQ3Q:0005", "DG7GMGF0D5RK:0004"
    tiers = "[[100,30000000],[1000,24000000]]"
    both = [(None, 57.6, 60.48 / 12, 50 / 12, 0, 800), ("top", 72, 6.3, 70 / 12, 0, 1000)]
    expected: list[tuple[object, ...]] = [
        (None, thing, "csp-p3y-triennial", "us", "USD", "RECURRING", "VOLUME_SUBSCRIPTION", 36_000_000, tiers,
         "2026-02-01", None),
    ]  # fmt: skip
    for seller, *amounts in both:
        annual, monthly, british, trial, once = (round(amount * 1_000_000) for amount in amounts)
        flat = ("RECURRING", "FLAT")
        expected += [
            (seller, basic, "csp-p1y-annual", "us", "USD", *flat, annual, None, "2026-02-01", None),
            (seller, basic, "csp-p1y-monthly", "us", "USD", *flat, monthly, None, "2026-02-01", None),
            (seller, basic, "csp-p1y-monthly", "uk", "GBP", *flat, british, None, "2026-02-01", "2026-04-01"),
            (seller, basic, "csp-p1m-none", "us", "USD", *flat, trial, None, "1753-01-01", None),
            (seller, server, "csp-perpetual-onetime", "us", "USD", "SETUP", "FLAT", once, None, "2026-03-01",
             "2026-04-01"),
        ]  # fmt: skip
    assert sorted(await query(store, OFFERED), key=str) == sorted(expected, key=str)
    products = "SELECT p.name, p.service_name, p.description, p.segment, p.unit, m.code FROM product p"
    assert await query(store, f"{products} JOIN manufacturer m ON m.id = p.manufacturer_id WHERE mpn = '{basic}'") == [
        ("Business Basic", "Microsoft 365 Business Basic", "Mail, and more", "Commercial", None, "microsoft")
    ]
    assert await query(store, "SELECT name FROM plan WHERE code = 'csp-p1y-monthly'") == [("1 year, billed monthly",)]
    assert (report.kinds["products"].created, report.kinds["plans"].created) == (6, 7)
    assert (await import_platform(store, tmp_path, {"sheet.csv": SHEET})).changes == 0


async def test_a_price_sheet_can_be_taken_for_one_marketplace(store: Store, tmp_path: Path) -> None:
    await import_platform(store, tmp_path)
    sheet = write(tmp_path, {"sheet.csv": SHEET}) / "sheet.csv"
    report = await import_price_sheet(store, sheet, marketplace="uk")

    assert report.left_out == 8
    assert report.kinds["products"] == Tally(read=1, created=1)
    assert {row[3] for row in await query(store, OFFERED)} == {"uk"}


async def test_flaws_of_a_price_sheet_are_told_by_its_own_columns(store: Store, tmp_path: Path) -> None:
    header = SHEET.splitlines()[0]
    rows = [
        ",T,P1,0001,S,M,,,P1Y,Weekly,US,USD,1,,,2026-01-01,,,1,",
        ",T,P1,0001,S,M,,,P1W,Annual,US,USD,1,,,2026-01-01,,,1,",
        ",T,P1,0001,S,M,,,P1M,Annual,US,USD,1,,,2026-01-01,,,1,",
        ",T,,0001,S,M,,,P1Y,Annual,USA,,-1,few,,13/13/2026,soon,,1 000,",
        ",T,P1,0001,S,M,,,P1Y,Annual,FR,EUR,1,,,2026-01-01,,,1,",
        ",T,P1,0001,S,M,,,P1Y,Annual,US,USD,1,,,2026-01-01,,,1,",
        ",T,P1,0001,S,M,,,P1Y,Annual,US,USD,2,,,2026-01-01,,,1,",
    ]
    contents = {**PLATFORM, "sheet.csv": "\n".join([header, *rows, ""])}
    refused = await refusal(store, tmp_path, contents)

    assert told(refused) == [
        ("sheet.csv", 2, "BillingPlan", "Weekly"),
        ("sheet.csv", 3, "BillingPlan", "Annual"),
        ("sheet.csv", 4, "BillingPlan", "Annual"),
        ("sheet.csv", 5, "ProductId", ""),
        ("sheet.csv", 5, "UnitPrice", "-1"),
        ("sheet.csv", 5, "ERP Price", "1 000"),
        ("sheet.csv", 5, "Market", "USA"),
        ("sheet.csv", 5, "Currency", ""),
        ("sheet.csv", 5, "PricingTierRangeMin", "few"),
        ("sheet.csv", 5, "EffectiveStartDate", "13/13/2026"),
        ("sheet.csv", 5, "EffectiveEndDate", "soon"),
        ("sheet.csv", 6, "Market", "FR"),
        ("sheet.csv", 8, "UnitPrice", ""),
    ]


async def test_a_price_sheet_needs_a_provider_and_its_marketplace(sqlite_store: Store, tmp_path: Path) -> None:
    market = {"marketplaces.csv": PLATFORM["marketplaces.csv"], "sheet.csv": SHEET}
    refused = await refusal(sqlite_store, tmp_path, market)
    assert "an ERP price is what the provider charges, and there is no provider" in str(refused)

    await import_platform(sqlite_store, tmp_path)
    sheet = write(tmp_path, {"sheet.csv": SHEET}) / "sheet.csv"
    with pytest.raises(ImportRefusedError, match="'mars' is the marketplace that was asked for, and"):
        await import_price_sheet(sqlite_store, sheet, marketplace="mars")
