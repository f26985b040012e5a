"""Importing CSV files and rows: what comes of them, on top of nothing and of what is there."""

import asyncio
import sqlite3
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from models import path as paths
from models.demo import demo_sources
from models.exchange import files, intake, orders
from models.exchange.files import File
from models.exchange.load import import_directory, import_rows
from models.exchange.problems import ImportRefusedError
from models.exchange.report import Tally
from models.store import Store, StoreError
from tests.csv_files import PLATFORM, changed, import_platform, query, refusal, state, told, write


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


async def test_what_spreadsheets_make_of_csv_is_read(store: Store, tmp_path: Path) -> None:
    header = "\ufeffCode, Name ,COUNTRY_CODE,currency\r\n"
    rows = header + 'us,"United\r\nStates, ""the""",US,USD\r\n\r\nde,Ünïted,DE,EUR\r\n\r\n'
    report = await import_platform(store, tmp_path, {"marketplaces.csv": rows})

    assert report.kinds["marketplaces"].created == 2
    assert await query(store, "SELECT name FROM marketplace ORDER BY code") == [
        ("Ünïted",), ('United\r\nStates, "the"',),
    ]  # fmt: skip


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


DOCUMENTATION = Path(__file__).parent.parent / "docs/import.md"


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
