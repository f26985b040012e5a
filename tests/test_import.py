import asyncio
import sqlite3
import weakref
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from models import path as paths
from models.demo import demo_sources
from models.exchange import files, intake, orders
from models.exchange.accounts import MAX_LEVELS
from models.exchange.files import File
from models.exchange.load import import_directory, import_price_sheet, import_rows
from models.exchange.problems import ImportRefusedError
from models.exchange.report import ImportReport, Tally
from models.store import Store, StoreError
from tests.csv_files import PLATFORM, changed, query, state, write
from tests.databases import Databases
from tests.templates import migrated_template, opened


@pytest.fixture
async def sqlite_store(sqlite_databases: Databases) -> AsyncIterator[Store]:
    """An empty database on SQLite, for what happens before the engines differ."""
    with sqlite_databases.copied(migrated_template(sqlite_databases)) as url:
        async with opened(url) as store:
            yield store


async def import_platform(store: Store, directory: Path, contents: Any = PLATFORM) -> ImportReport:
    return await import_directory(store, write(directory, contents))


async def refusal(store: Store, directory: Path, contents: Any, **options: Any) -> ImportRefusedError:
    before = await state(store)
    with pytest.raises(ImportRefusedError) as refused:
        await import_directory(store, write(directory, contents), **options)
    assert await state(store) == before
    return refused.value


def told(refused: ImportRefusedError) -> list[tuple[str, int, str, str]]:
    return [(problem.file, problem.line, problem.column, problem.value) for problem in refused.problems]


async def test_accounts_get_their_place_from_their_vendors_whatever_the_order(store: Store, tmp_path: Path) -> None:
    await import_platform(store, tmp_path)

    rows = await query(store, "SELECT id, parent_id, path, shard_id, import_key, size_class FROM account")
    places = {key: (number, parent, path, shard, size) for number, parent, path, shard, key, size in rows}
    ids = {key: place[0] for key, place in places.items()}
    for key, (number, parent, path, shard, _size) in places.items():
        assert (paths.account_id(path), paths.parent_id(path), paths.shard_id(path)) == (number, parent, shard), key
    chains = {key: paths.ancestor_ids(place[2]) for key, place in places.items()}
    assert chains["buyer"] == [ids["top"], ids["big"], ids["small"]]
    assert chains["loner"] == [ids["top"], ids["other"]]
    assert {key: place[4] for key, place in places.items()} == {
        "top": 2, "big": 1, "small": 1, "other": 1, "buyer": 0, "loner": 0,
    }  # fmt: skip


async def test_rows_of_accounts_carry_their_place(store: Store, tmp_path: Path) -> None:
    await import_platform(store, tmp_path)

    for table in (
        "account_contact", "app_user", "user_role", "subscription", "subscription_item", "seat", "orders", "order_line",
        "vendor_card",
    ):  # fmt: skip
        astray = f"SELECT 1 FROM {table} t JOIN account a ON a.id = t.account_id WHERE t.path <> a.path"
        assert await query(store, f"{astray} OR t.shard_id <> a.shard_id") == [], table
        assert await query(store, f"SELECT count(*) FROM {table}") != [(0,)], table


async def test_words_and_sort_keys_are_folded(store: Store, tmp_path: Path) -> None:
    await import_platform(store, tmp_path)

    assert await query(store, "SELECT name_key FROM account WHERE import_key = 'buyer'") == [("aero foods",)]
    words = "SELECT t.term FROM account_term t JOIN account a ON a.path = t.path WHERE a.import_key = 'buyer'"
    assert sorted(await query(store, words)) == [("aero",), ("foods",)]
    assert await query(store, "SELECT login, name_key FROM app_user WHERE email_key = 'ada@buyer.example'") == [
        ("ada@buyer.example", "lovelace ada")
    ]
    words = "SELECT t.term FROM user_term t JOIN app_user u ON u.id = t.user_id WHERE login = 'lim@buyer.example'"
    assert sorted(await query(store, words)) == [("ited",), ("lim",)]
    words = "SELECT t.term FROM product_term t JOIN product p ON p.id = t.product_id WHERE p.name = 'Business Basic'"
    assert sorted(await query(store, words)) == [("1",), ("365",), ("basic",), ("business",), ("microsoft",), ("p",)]


async def test_what_a_file_leaves_out_has_defaults(store: Store, tmp_path: Path) -> None:
    await import_platform(store, tmp_path)

    roles = "SELECT u.login, r.role_code FROM user_role r JOIN app_user u ON u.id = r.user_id"
    assert sorted(await query(store, roles)) == [
        ("ada@buyer.example", "CUSTOMER_FULL_ACCESS"),
        ("bob@buyer.example", "SERVICE_USER"),
        ("lim@buyer.example", "LIMITED_ADMINISTRATOR"),
        ("lim@buyer.example", "SALES_MANAGER"),
        ("root@top.example", "PROVIDER_FULL_ACCESS"),
    ]
    cards = "SELECT a.import_key, c.name FROM vendor_card c JOIN account a ON a.id = c.account_id"
    assert sorted(await query(store, cards)) == [
        ("big", "Big Brand"), ("other", "Other Reseller"), ("small", "Small Reseller"), ("top", "The Provider"),
    ]  # fmt: skip
    subscriptions = (
        "SELECT import_key, name, name_key, CAST(renewal_key AS TEXT), billing_period_type FROM subscription"
    )
    assert sorted(await query(store, subscriptions)) == [
        ("S1", "Business Basic", "business basic", "2027-03-01", "YEAR"),
        ("S2", "Named", "named", "9999-12-31", "MONTH"),
    ]
    assert await query(store, "SELECT name FROM manufacturer ORDER BY code") == [("acme",), ("Microsoft Corporation",)]


async def charges(store: Store, subscription: str = "S1") -> list[tuple[Any, ...]]:
    return await query(
        store,
        "SELECT i.position, v.import_key, b.import_key, c.currency, c.unit_micros, c.monthly_micros, c.status"
        " FROM subscription_charge c JOIN subscription_item i ON i.id = c.item_id"
        " JOIN subscription s ON s.id = c.subscription_id LEFT JOIN account v ON v.id = c.seller_id"
        f" JOIN account b ON b.id = c.buyer_id WHERE s.import_key = '{subscription}'"
        " ORDER BY i.position, length(c.seller_path)",
    )


async def test_every_edge_above_a_subscription_is_charged_at_the_price_of_its_first_day(
    store: Store, tmp_path: Path
) -> None:
    await import_platform(store, tmp_path)

    a_month = [round(amount * 7 * 1_000_000 / 12 + 1e-6) for amount in (100, 125.5, 140, 180.01)]
    assert await charges(store) == [
        (0, None, "top", "USD", 100_000_000, a_month[0], "ACTIVE"),
        (0, "top", "big", "USD", 125_500_000, a_month[1], "ACTIVE"),
        (0, "big", "small", "USD", 140_000_000, a_month[2], "ACTIVE"),
        (0, "small", "buyer", "GBP", 180_010_000, a_month[3], "ACTIVE"),
        (1, "small", "buyer", "USD", 22_000_000, 11_000_000, "ACTIVE"),
    ]
    assert await charges(store, "S2") == []


async def test_a_months_share_is_rounded_half_up_to_the_micro(store: Store, tmp_path: Path) -> None:
    rows = "\n".join(f",,microsoft,P:1,yearly,,YEAR,1,USD,{amount},,,2024-0{n}-01,2024-0{n}-02" for n, amount in
                     enumerate(("0.000005", "0.000006", "0.000018"), 1))  # fmt: skip
    subscriptions = "\n".join(f"T{n},top,,ACTIVE,microsoft,P:1,yearly,1,,YEAR,1,2024-0{n}-01,,," for n in range(1, 4))
    contents = {
        **PLATFORM,
        "prices.csv": PLATFORM["prices.csv"] + rows + "\n",
        "subscriptions.csv": PLATFORM["subscriptions.csv"] + subscriptions + "\n",
    }
    await import_platform(store, tmp_path, contents)

    assert [(await charges(store, f"T{n}"))[0][5] for n in range(1, 4)] == [0, 1, 2]


async def test_importing_the_same_files_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    first = await import_platform(store, tmp_path)
    before = await state(store)
    second = await import_platform(store, tmp_path)

    assert await state(store) == before
    assert {kind: tally.created for kind, tally in first.kinds.items()} == {
        "marketplaces": 2, "plans": 2, "products": 3, "accounts": 6, "contacts": 3, "users": 4, "prices": 9,
        "subscriptions": 2, "subscription_items": 1, "orders": 2, "order_lines": 2,
    }  # fmt: skip
    assert all(tally == Tally(read=first.kinds[kind].read) for kind, tally in second.kinds.items())
    assert second.changes == 0


async def test_a_row_that_differs_is_changed_and_no_other(store: Store, tmp_path: Path) -> None:
    await import_platform(store, tmp_path)
    edited: dict[str, Any] = dict(PLATFORM)
    for name, before, after in (
        ("marketplaces.csv", "United Kingdom", "Great Britain"),
        ("plans.csv", "1 MONTH|30 DAY trial", "1 MONTH"),
        ("products.csv", "microsoft/P:1,", "acme/P:1,"),
        ("accounts.csv", "Big Brand", "Bigger Brand"),
        ("contacts.csv", "bob@buyer", "rob@buyer"),
        ("users.csv", "|sales_manager", ""),
        ("prices.csv", "125.50", "125.51"),
        ("subscriptions.csv", "|ADA@buyer.example", ""),
        ("subscription_items.csv", "P:2,6", "P:2,8"),
        ("orders.csv", "PROCESSING", "COMPLETED"),
        ("order_lines.csv", "As it was called", "As it is called"),
    ):
        edited[name] = changed(name, before, after)[name]
    report = await import_platform(store, tmp_path, edited)
    again = await import_platform(store, tmp_path, edited)

    assert {kind: (tally.created, tally.changed, tally.removed) for kind, tally in report.kinds.items()} == {
        name.removesuffix(".csv"): (0, 1, 0) for name in PLATFORM
    }
    assert again.changes == 0
    assert await query(store, "SELECT r.role_code FROM user_role r JOIN app_user u ON u.id = r.user_id"
                       " WHERE u.login = 'lim@buyer.example'") == [("LIMITED_ADMINISTRATOR",)]  # fmt: skip
    assert await query(store, "SELECT count(*) FROM seat") == [(1,)]
    assert sorted(await query(store, "SELECT type, duration FROM plan_period")) == [
        ("MONTH", 1), ("YEAR", 1), ("YEAR", 1), ("YEAR", 3),
    ]  # fmt: skip


async def test_a_changed_row_counts_its_versions_and_remembers_when(store: Store, tmp_path: Path) -> None:
    await import_platform(store, tmp_path)
    dates = "SELECT import_key, version, CAST(created_at AS TEXT), updated_at FROM account ORDER BY import_key"
    before = {key: rest for key, *rest in await query(store, dates)}
    await asyncio.sleep(0.01)
    await import_platform(store, tmp_path, changed("accounts.csv", "Loner Ltd", "Alone Ltd"))
    after = {key: rest for key, *rest in await query(store, dates)}

    loner_before, loner_after = before.pop("loner"), after.pop("loner")
    assert after == before
    assert loner_after[0] == 2
    assert loner_after[1] == loner_before[1]
    assert loner_after[2] > loner_before[2]
    words = "SELECT t.term FROM account_term t JOIN account a ON a.path = t.path WHERE a.import_key = 'loner'"
    assert sorted(await query(store, words)) == [("alone",), ("ltd",)]


async def test_a_new_quantity_or_status_reaches_items_and_charges(store: Store, tmp_path: Path) -> None:
    await import_platform(store, tmp_path)
    await import_platform(store, tmp_path, changed("subscriptions.csv", "S1,buyer,,ACTIVE,microsoft,P:1,yearly,7",
                                                   "S1,buyer,,HOLD,microsoft,P:1,yearly,12"))  # fmt: skip

    found = await charges(store)
    assert [row[4:] for row in found] == [
        (100_000_000, 100_000_000, "HOLD"),
        (125_500_000, 125_500_000, "HOLD"),
        (140_000_000, 140_000_000, "HOLD"),
        (180_010_000, 180_010_000, "HOLD"),
        (22_000_000, 11_000_000, "HOLD"),
    ]
    quantities = "SELECT i.quantity FROM subscription_item i JOIN subscription s ON s.id = i.subscription_id"
    assert sorted(await query(store, f"{quantities} WHERE s.import_key = 'S1'")) == [(6,), (12,)]


async def test_a_running_subscription_keeps_its_price_until_its_terms_change(store: Store, tmp_path: Path) -> None:
    await import_platform(store, tmp_path)
    before = await charges(store)
    dearer = changed("prices.csv", "USD,100,", "USD,101,")
    await import_platform(store, tmp_path, dearer)
    assert await charges(store) == before

    moved = dearer["subscriptions.csv"].replace("P:1,yearly,7", "P:1,monthly,7")  # type: ignore[arg-type]  # text
    await import_platform(store, tmp_path, {**dearer, "subscriptions.csv": moved})
    assert [row[0] for row in await charges(store)] == []
    await import_platform(store, tmp_path, dearer)
    assert (await charges(store))[0][4] == 101_000_000


async def test_given_charges_stand_in_place_of_prices(store: Store, tmp_path: Path) -> None:
    given = "subscription,position,seller,buyer,currency,unit_amount\nS1,0,small,buyer,EUR,12\nS1,1,,top,USD,0\n"
    report = await import_platform(store, tmp_path, {**PLATFORM, "charges.csv": given})
    assert await charges(store) == [
        (0, "small", "buyer", "EUR", 12_000_000, 7_000_000, "ACTIVE"),
        (1, None, "top", "USD", 0, 0, "ACTIVE"),
    ]
    assert report.kinds["charges"] == Tally(read=2, created=2)

    fewer = "subscription,position,seller,buyer,currency,unit_amount\nS1,0,small,buyer,EUR,13\n"
    report = await import_platform(store, tmp_path, {**PLATFORM, "charges.csv": fewer})
    assert report.kinds["charges"] == Tally(read=1, changed=1, removed=1)
    none = "subscription,position,seller,buyer\nS1,0,small,buyer\n"
    report = await import_platform(store, tmp_path, {**PLATFORM, "charges.csv": none})
    assert await charges(store) == []
    assert report.kinds["charges"] == Tally(read=1, removed=1)


async def test_a_column_that_is_missing_says_nothing_and_an_empty_cell_says_none(store: Store, tmp_path: Path) -> None:
    await import_platform(store, tmp_path)
    row = "SELECT name, external_id, status, attributes FROM account WHERE import_key = 'buyer'"
    attributes = '{"area":"north","tier":"gold"}'
    header = "key,vendor,type,name\nbuyer,small,CUSTOMER,Isle Foods\n"
    await import_platform(store, tmp_path, {"accounts.csv": header})
    assert await query(store, row) == [("Isle Foods", "E1", "ACTIVE", attributes)]

    header = "key,vendor,type,name,external_id,status,attributes\nbuyer,small,CUSTOMER,Isle Foods,E9,CREDIT_HOLD,\n"
    await import_platform(store, tmp_path, {"accounts.csv": header})
    assert await query(store, row) == [("Isle Foods", "E9", "CREDIT_HOLD", None)]
    header = "key,vendor,type,name,external_id,status\nbuyer,small,CUSTOMER,Isle Foods,,\n"
    await import_platform(store, tmp_path, {"accounts.csv": header})
    assert await query(store, row) == [("Isle Foods", None, "CREDIT_HOLD", None)]


async def test_an_account_has_exactly_the_contacts_of_the_file_that_names_it(store: Store, tmp_path: Path) -> None:
    await import_platform(store, tmp_path)
    fewer = "account,type,first_name,last_name,email\nbuyer,ADMIN,New,One,new@buyer.example\n"
    report = await import_platform(store, tmp_path, {"contacts.csv": fewer})

    assert report.kinds["contacts"] == Tally(read=1, changed=1, removed=1)
    contacts = "SELECT a.import_key, c.email FROM account_contact c JOIN account a ON a.id = c.account_id"
    assert sorted(await query(store, contacts)) == [("big", "cy@big.example"), ("buyer", "new@buyer.example")]


async def test_two_accounts_can_exchange_their_external_ids(store: Store, tmp_path: Path) -> None:
    await import_platform(store, tmp_path)
    header = (
        "key,vendor,type,name,external_id\nbig,top,RESELLER,Big Reseller,E2\nother,top,RESELLER,Other Reseller,E1\n"
    )
    await import_platform(store, tmp_path, {"accounts.csv": header})

    ids = "SELECT import_key, external_id FROM account WHERE import_key IN ('big', 'other') ORDER BY 1"
    assert await query(store, ids) == [("big", "E2"), ("other", "E1")]


async def test_a_customer_can_become_a_reseller_with_a_card(store: Store, tmp_path: Path) -> None:
    await import_platform(store, tmp_path)
    await import_platform(store, tmp_path, {
        "accounts.csv": "key,vendor,type,name,currency\nloner,other,RESELLER,Loner Ltd,USD\nsub,loner,CUSTOMER,Sub,\n"
    })  # fmt: skip

    cards = "SELECT c.name FROM vendor_card c JOIN account a ON a.id = c.account_id WHERE a.import_key = 'loner'"
    assert await query(store, cards) == [("Loner Ltd",)]


async def test_an_account_without_a_key_is_known_by_its_id(store: Store, tmp_path: Path) -> None:
    await import_platform(store, tmp_path)
    async with store.unfiltered("as if accounts had been made here", write=True) as session:
        await session.sql("UPDATE account SET import_key = NULL WHERE import_key IN ('loner', 'other') RETURNING id")
    ids = {name: number for number, name in await query(store, "SELECT id, name FROM account")}
    loner, other = f"canopy:{ids['Loner Ltd']}", f"canopy:{ids['Other Reseller']}"
    rows = f"key,vendor,type,name\n{loner},{other},CUSTOMER,Renamed Ltd\n"
    report = await import_platform(store, tmp_path, {"accounts.csv": rows})

    assert report.kinds["accounts"] == Tally(read=1, changed=1)
    assert await query(store, f"SELECT name, import_key FROM account WHERE id = {ids['Loner Ltd']}") == [
        ("Renamed Ltd", None)
    ]


# Nearly every row is wrong; what is said of each stands in refused_import.txt.
FLAWED: dict[str, str] = {
    **PLATFORM,
    "marketplaces.csv": """\
code,name,country_code,currency
us,United States,US,USD
us,Again,US,USD
UK Ltd,United Kingdom,uk,pounds
""",
    "plans.csv": """\
code,name,billing_period_type,billing_period_duration,billing_model,periods,is_published
monthly,,MONTH,0,CHARGE_NEVER,1 MONTH|1 MONTH,yes
yearly,Yearly,YEAR,1,CHARGE_BEFORE_BILLING_PERIOD,one year,true
""",
    "products.csv": """\
mpn,manufacturer_code,manufacturer_name,name,minimum_quantity,maximum_quantity,depends_on
P:1,microsoft,Microsoft,Business Basic,10,5,
P:2,microsoft,Macrosoft,Add-on,,,microsoft/P:9|microsoft/P:2
P 3,micro soft,,Other,-1,,microsoft
""",
    "accounts.csv": f"""\
key,vendor,type,name,status,external_id,marketplace,currency,country_code,attributes,support_email,created_at
top,,PROVIDER,Provider,,,us,USD,,,,
top2,,PROVIDER,Second provider,,,us,USD,,,,
rootless,,RESELLER,Rootless,,,us,,,,,
top3,top,PROVIDER,Third provider,,,us,,,,,
big,top,RESELLER,Big,ASLEEP,X1,mars,DOLLAR,Germany,[1],nobody,2026-13-01
twin,top,RESELLER,Twin,,X2,us,,,,,
twin2,top,RESELLER,Twin 2,,X2,us,,,,,
buyer,big,CUSTOMER,Buyer,,,us,,,,,
below,buyer,CUSTOMER,Below a customer,,,us,,,,,
rich,big,CUSTOMER,Rich,,,us,USD,,,,
carded,big,CUSTOMER,Carded,,,us,,,,help@x.example,
lost,nowhere,CUSTOMER,Lost,,,us,,,,,
a,b,RESELLER,A,,,us,,,,,
b,c,RESELLER,B,,,us,,,,,
c,a,RESELLER,C,,,us,,,,,
big,top,RESELLER,Big again,,,us,,,,,
long,big,CUSTOMER,{"x" * 256},,,us,,,,,
short,big,CUSTOMER
""",
    "contacts.csv": "account,type,first_name,last_name,email\nnobody,BOSS,A,B,a b@c\n",
    "users.csv": """\
login,account,kind,first_name,last_name,email,roles
x@x.example,nobody,ADMINISTRATOR,X,X,x@x.example,
y@x.example,buyer,ADMINISTRATOR,Y,Y,y@x.example,RESELLER_FULL_ACCESS
Y@X.example,buyer,ADMINISTRATOR,Y,Y,y@x.example,
has space,buyer,ROBOT,Z,Z,z@,KING
""",
    "prices.csv": """\
seller,buyer,manufacturer_code,mpn,plan,marketplace,period_type,period_duration,model,currency,amount,tiers,valid_from,valid_until
buyer,,microsoft,P:1,yearly,,YEAR,1,,USD,1,,2025-01-01,
top,buyer,microsoft,P:1,yearly,,YEAR,1,,USD,1,,2025-01-01,
top,,microsoft,P:7,never,mars,YEAR,1,FLAT,USD,1,5:1,2025-01-01,2025-01-01
top,,microsoft,P:1,yearly,,YEAR,1,,USD,1.0000001,5:1|3:1,2025-02-29,soon
top,,microsoft,P:1,yearly,,YEAR,1,,USD,-1,,2025-01-01,
top,,microsoft,P:1,yearly,,YEAR,1,,USD,7,,2025-01-01,
top,,microsoft,P:1,yearly,,YEAR,1,,USD,8,,2025-01-01,
""",
    "subscriptions.csv": """\
key,account,manufacturer_code,mpn,plan,quantity,period_type,period_duration,start_date,expiration_date,users
S1,buyer,microsoft,P:1,yearly,1,YEAR,1,2026-02-01,2026-01-01,y@x.example|ghost@x.example
S2,nobody,acme,P:1,weekly,many,YEAR,1,,,
""",
    "subscription_items.csv": """\
subscription,position,manufacturer_code,mpn,quantity
S9,1,microsoft,P:2,6
S1,0,microsoft,P:2,6
S1,2,microsoft,P:2,6
S1,2,microsoft,P:2,7
""",
    "charges.csv": """\
subscription,position,seller,buyer,currency,unit_amount
S1,0,top,buyer,USD,1
S1,9,top,big,USD,1
S1,0,top,twin,USD,1
S1,0,top,big,USD,
""",
    "orders.csv": """\
number,account,created_at,currency,total,subscription
SO1,big,2026-01-01,USD,1,S1
SO2,nobody,yesterday,USD,"1,000",S9
SO3,buyer,2026-01-01,USD,1,S9
""",
    "order_lines.csv": """\
order,position,manufacturer_code,mpn,plan,period_type,period_duration,quantity,currency,unit_amount,extended_amount,exchange_rate
SO9,0,microsoft,P:9,never,YEAR,1,-1.5,USD,1,1,0
SO1,0,microsoft,P:9,never,YEAR,1,-1,USD,1,-1,
""",
}

DOCUMENTATION = Path(__file__).parent.parent / "docs/import.md"
REFUSED = Path(__file__).with_name("refused_import.txt")


async def test_every_flaw_is_told_with_its_place_value_and_reason(store: Store, tmp_path: Path) -> None:
    refused = await refusal(store, tmp_path, FLAWED, max_problems=1000)

    assert "\n".join(map(str, refused.problems)) == REFUSED.read_text().rstrip()
    assert refused.total == len(refused.problems)


async def test_nothing_is_imported_into_a_database_that_has_something_either(store: Store, tmp_path: Path) -> None:
    await import_platform(store, tmp_path)
    contents = changed("order_lines.csv", "CH000002,0", "CH000003,0") | {
        "accounts.csv": PLATFORM["accounts.csv"].replace("Loner", "Changed")
    }
    refused = await refusal(store, tmp_path, contents)

    assert told(refused) == [("order_lines.csv", 3, "order", "CH000003")]


async def test_problems_beyond_the_limit_are_counted(store: Store, tmp_path: Path) -> None:
    cells = "".join(f"m{n},,US,USD\n" for n in range(40)) + "".join("x,X,US,USD\n" for _ in range(30))
    unknown = "".join(f"u{n}@x.example,nobody,ADMINISTRATOR,A,B,a@b.example\n" for n in range(20))
    refused = await refusal(
        store,
        tmp_path,
        {
            "marketplaces.csv": f"code,name,country_code,currency\n{cells}",
            "users.csv": f"login,account,kind,first_name,last_name,email\n{unknown}",
        },
        max_problems=5,
    )

    assert [problem.line for problem in refused.problems] == [2, 3, 4, 5, 6]
    assert refused.total == 40 + 29 + 20
    assert str(refused).endswith("(and 84 more)")


async def test_what_is_in_the_database_counts_as_much_as_what_is_in_the_file(store: Store, tmp_path: Path) -> None:
    await import_platform(store, tmp_path)
    header = "key,vendor,type,name,external_id,currency\n"
    for row, expected in (
        ("top2,,PROVIDER,Second,,USD", ("type", "PROVIDER", "is there already: top")),
        ("below,buyer,CUSTOMER,Below,,", ("vendor", "buyer", "is a customer")),
        (
            "twin,other,CUSTOMER,Twin,E1,",
            ("external_id", "E1", "is the external id of another account of this vendor, loner"),
        ),
        (
            "buyer,big,CUSTOMER,Moved,E1,",
            (
                "vendor",
                "big",
                "is not the account's vendor, which is small; an account changes its vendor by a transfer",
            ),
        ),
        (
            "big,top,RESELLER,Big,E1,EUR",
            ("currency", "EUR", "is not the account's currency, which is USD and can't change"),
        ),
        ("big,top,CUSTOMER,Big,E1,", ("type", "CUSTOMER", "is not what the account is in the database: RESELLER")),
    ):
        refused = await refusal(store, tmp_path, {"accounts.csv": header + row + "\n"})
        problem = next(problem for problem in refused.problems if problem.column == expected[0])
        assert (problem.value, problem.reason[: len(expected[2])]) == expected[1:]
        assert problem.line == 2
    for name, row, expected in (
        (
            "users.csv",
            "login,account,kind,first_name,last_name,email\nada@buyer.example,loner,ADMINISTRATOR,A,B,a@b.example\n",
            ("login", "ada@buyer.example", "is a user of another account, buyer"),
        ),
        (
            "orders.csv",
            "number,account,created_at,currency,total\nSO000001,loner,2026-01-01,USD,1\n",
            ("account", "loner", "is not the order's account, which is buyer"),
        ),
        (
            "subscriptions.csv",
            PLATFORM["subscriptions.csv"]
            .replace("S1,buyer", "S1,loner")
            .replace("bob@buyer.example|ADA@buyer.example", ""),
            ("account", "loner", "is not the subscription's account, which is buyer"),
        ),
    ):
        (problem,) = (await refusal(store, tmp_path, {name: row})).problems
        assert (problem.column, problem.value, problem.reason[: len(expected[2])]) == expected


async def test_accounts_can_be_nested_so_deep_and_no_deeper(store: Store, tmp_path: Path) -> None:
    def chain(levels: int) -> dict[str, str]:
        rows = "".join(f"k{n},k{n - 1},RESELLER,Level {n}\n" for n in range(levels, 0, -1))
        return {"accounts.csv": f"key,vendor,type,name\n{rows}k0,,PROVIDER,Top\n"}

    refused = await refusal(store, tmp_path, chain(MAX_LEVELS + 3))
    assert [(problem.value, problem.reason[:10]) for problem in refused.problems] == [("k100", "is 100 lev")]
    await import_platform(store, tmp_path, chain(MAX_LEVELS))
    assert await query(store, "SELECT max(length(path)) FROM account") == [((MAX_LEVELS + 1) * paths.WIDTH,)]


async def test_what_can_not_be_counted_is_refused(store: Store, tmp_path: Path) -> None:
    many = changed("subscriptions.csv", "P:1,yearly,7", "P:1,yearly,999999999")
    many["prices.csv"] = PLATFORM["prices.csv"].replace("USD,100,", "USD,1000000000,")
    refused = await refusal(store, tmp_path, many)
    assert told(refused) == [("subscriptions.csv", 2, "quantity", "999999999")]

    await import_platform(store, tmp_path, changed("prices.csv", "USD,100,", "USD,1000000000,"))
    refused = await refusal(store, tmp_path, {"subscriptions.csv": many["subscriptions.csv"]})
    assert told(refused) == [("subscriptions.csv", 2, "quantity", "999999999")]
    given = "subscription,position,seller,buyer,currency,unit_amount\nS1,0,,top,USD,1000000000\n"
    few = changed("subscriptions.csv", "P:1,yearly,7", "P:1,yearly,10")["subscriptions.csv"]
    refused = await refusal(store, tmp_path, {"charges.csv": given, "subscriptions.csv": few})
    assert told(refused) == [("charges.csv", 2, "unit_amount", "")]


async def test_what_spreadsheets_make_of_csv_is_read(store: Store, tmp_path: Path) -> None:
    header = "\ufeffCode, Name ,COUNTRY_CODE,currency\r\n"
    rows = header + 'us,"United\r\nStates, ""the""",US,USD\r\n\r\nde,Ünïted,DE,EUR\r\n\r\n'
    report = await import_platform(store, tmp_path, {"marketplaces.csv": rows})

    assert report.kinds["marketplaces"].created == 2
    assert await query(store, "SELECT name FROM marketplace ORDER BY code") == [
        ("Ünïted",), ('United\r\nStates, "the"',),
    ]  # fmt: skip


HEADER = b"code,name,country_code,currency\n"


@pytest.mark.parametrize(
    ("name", "content", "line", "column", "reason"),
    [
        ("marketplaces.csv", HEADER + b"us,A,US,USD\nde,B\xfccher,DE,EUR\n", 3, "", "is not UTF-8"),
        ("marketplaces.csv", HEADER + b'us,"A\nB",US,USD\nde,B\0,DE,EUR\n', 4, "", "there is a NUL character"),
        ("marketplaces.csv", HEADER.decode().encode("utf-16"), 1, "", "the file is UTF-16; save it as UTF-8"),
        ("marketplaces.csv", HEADER + b'us,"A" B,US,USD\n', 2, "", "the quoting is wrong: "),
        ("marketplaces.csv", HEADER + b'us,A,US,USD\nde,"B,DE,EUR\n', 3, "", "a quote is opened here and never closed"),
        ("marketplaces.csv", HEADER + b'us,"A' + b"x\n" * 70_000, 2, "", "a cell is longer than 131,072 characters"),
        ("marketplaces.csv", HEADER + b"us" * 600_000, 2, "", "the line is longer than 1,048,576 bytes"),
        ("marketplaces.csv", HEADER + b"us,A,US,USD,\n", 2, "", "there are 5 cells where the header has 4"),
        ("marketplaces.csv", b"code,name,currency\n", 1, "", "the header lacks country_code"),
        ("marketplaces.csv", b"", 1, "", "there is no header line"),
        (
            "marketplaces.csv",
            b"flag," + HEADER,
            1,
            "flag",
            "is no column of marketplaces.csv, whose columns are code, ",
        ),
        ("marketplaces.csv", b"code," + HEADER, 1, "code", "is there twice"),
        ("acounts.csv", HEADER, 1, "", "is neither a price sheet nor one of marketplaces.csv, "),
    ],
)
async def test_a_file_that_can_not_be_read_is_refused(
    sqlite_store: Store, tmp_path: Path, name: str, content: bytes, line: int, column: str, reason: str
) -> None:
    (problem,) = (await refusal(sqlite_store, tmp_path, {name: content})).problems

    assert (problem.file, problem.line, problem.column) == (name, line, column)
    assert problem.reason.startswith(reason)


async def test_a_directory_without_files_is_refused(sqlite_store: Store, tmp_path: Path) -> None:
    (problem,) = (await refusal(sqlite_store, tmp_path, {"readme.txt": "nothing"})).problems
    assert problem.reason == "holds no CSV file"


async def test_many_rows_load_without_indexes_and_leave_the_database_the_same(store: Store, tmp_path: Path) -> None:
    parts = (
        "SELECT name, sql FROM sqlite_master WHERE tbl_name NOT LIKE 'sqlite_stat%' ORDER BY name"
        if store.engine == "sqlite"
        else "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' UNION ALL"
        " SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' ORDER BY 1, 2"
    )
    before = await query(store, parts)
    await import_rows(store, demo_sources(30, 1), bulk_from=0)
    assert await query(store, parts) == before

    report = await import_rows(store, demo_sources(30, 1), bulk_from=0)
    assert report.changes == 0


async def test_problems_of_rows_from_memory_name_lines_as_if_of_a_file(sqlite_store: Store) -> None:
    rows = [["us", "United States", "US", "USD"], ["de", "Germany", "Germany", "EUR"]]
    with pytest.raises(ImportRefusedError) as refused:
        await import_rows(sqlite_store, {"marketplaces.csv": lambda: iter(rows)})
    assert told(refused.value) == [("marketplaces.csv", 3, "country_code", "Germany")]
    with pytest.raises(KeyError):
        await import_rows(sqlite_store, {"marketplace.csv": lambda: iter(rows)})


class Counted(list[str]):
    """A row that tells how many of its kind are alive."""

    alive: weakref.WeakSet["Counted"] = weakref.WeakSet()
    most = 0

    def __init__(self, cells: Sequence[str]) -> None:
        super().__init__(cells)
        Counted.alive.add(self)
        Counted.most = max(Counted.most, len(Counted.alive))

    __hash__ = object.__hash__  # type: ignore[assignment]  # a list has none


async def test_rows_are_taken_as_they_are_needed_and_not_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH", 50)
    Counted.most = 0

    def rows() -> Iterator[Counted]:
        return (Counted([f"m{n}", f"Market {n}", "US", "USD"]) for n in range(1_000))

    await import_rows(store, {"marketplaces.csv": rows})

    assert await query(store, "SELECT count(*) FROM marketplace") == [(1_000,)]
    assert Counted.most <= 102


async def test_others_can_write_while_files_are_read(sqlite_store: Store, tmp_path: Path) -> None:
    file = sqlite_store.url.removeprefix("sqlite:///")
    written = []

    def write_too(stage: str, _done: int, _total: int | None) -> None:
        if stage.startswith("reading"):
            with sqlite3.connect(file, timeout=0) as other:
                other.execute("UPDATE role SET name = name")
            other.close()
            written.append(stage)

    await import_directory(sqlite_store, write(tmp_path, PLATFORM), progress=write_too)
    assert set(written) == {f"reading {name}" for name in PLATFORM}


async def test_progress_is_told_in_bytes_read_and_steps_done(sqlite_store: Store, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    await import_directory(sqlite_store, write(tmp_path, PLATFORM), progress=lambda *step: seen.append(step))

    size = len(PLATFORM["accounts.csv"].encode())
    assert ("reading accounts.csv", size, size) in seen
    assert seen[-1][0] == "writing"
    assert seen[-1][1] == seen[-1][2]


async def test_a_database_without_roles_says_what_makes_them(sqlite_store: Store, tmp_path: Path) -> None:
    async with sqlite_store.unfiltered("as if never migrated", write=True) as session:
        await session.sql("DELETE FROM role")
    refused = await refusal(sqlite_store, tmp_path, PLATFORM)
    assert {problem.reason for problem in refused.problems} == {
        "is a role that the database doesn't have yet; `canopy migrate` makes them"
    }


async def test_an_import_that_fails_at_last_leaves_nothing_behind_and_can_be_repeated(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await state(store)

    async def fail(_job: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(orders, "write", fail)
        with pytest.raises(StoreError, match="the disk is full"):
            await import_rows(store, demo_sources(30, 1), bulk_from=0)
    assert await state(store) == before

    report = await import_rows(store, demo_sources(30, 1))
    assert report.changes == report.rows


async def test_a_database_that_fails_is_told_as_such(sqlite_store: Store, tmp_path: Path) -> None:
    async with sqlite_store.unfiltered("as if not migrated", write=True) as session:
        await session.sql("DROP TABLE account_term")
    with pytest.raises(StoreError, match="no such table: account_term"):
        await import_platform(sqlite_store, tmp_path)


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


def documented(file: File) -> str:
    lines = [f"### {file.name}", "", "| column | | holds | |", "|---|---|---|---|"]
    for column in file.columns:
        cells = (f"`{column.name}`", "required" if column.required else "", column.kind.meaning, column.help)
        lines.append("|" + "|".join(f" {cell.replace('|', chr(92) + '|')} " if cell else " " for cell in cells) + "|")
    return "\n".join([*lines, ""])


@pytest.mark.parametrize("file", files.ALL, ids=lambda file: file.stem)
def test_the_documentation_names_the_columns_that_import_reads(file: File) -> None:
    assert documented(file) in DOCUMENTATION.read_text()
    assert DOCUMENTATION.read_text().count("\n### ") == len(files.ALL)
