import csv
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from models.demo import demo_sources
from models.exchange import files
from models.exchange.export import export_directory
from models.exchange.load import import_directory, import_rows
from models.exchange.queries import QUERIES
from models.store import Store, StoreError
from tests.csv_files import PLATFORM, query, write
from tests.databases import Databases
from tests.templates import migrated_template, opened


@pytest.fixture
async def other_store(
    sqlite_databases: Databases, postgresql_databases: Databases, store: Store
) -> AsyncIterator[Store]:
    """An empty database on the engine that the test's own store isn't on."""
    databases = sqlite_databases if store.engine == "postgresql" else postgresql_databases
    with databases.copied(migrated_template(databases)) as url:
        async with opened(url) as found:
            yield found


async def exported(store: Store, directory: Path, name: str) -> dict[str, bytes]:
    await export_directory(store, directory / name)
    return {path.name: path.read_bytes() for path in (directory / name).iterdir()}


def cells(contents: dict[str, bytes], name: str, column: str) -> list[str]:
    return [row[column] for row in csv.DictReader(contents[name].decode().splitlines())]


async def test_what_is_exported_from_one_engine_comes_back_the_same_from_the_other(
    store: Store, other_store: Store, tmp_path: Path
) -> None:
    await import_rows(store, demo_sources(60, 3))
    there = await exported(store, tmp_path, "there")
    report = await import_directory(other_store, tmp_path / "there")
    back = await exported(other_store, tmp_path, "back")

    assert back == there
    assert set(there) == {file.name for file in files.ALL}
    assert all(tally.read == tally.created for kind, tally in report.kinds.items() if kind != "charges")
    assert (await import_directory(store, tmp_path / "back")).changes == 0


async def test_every_value_that_can_be_imported_comes_back(store: Store, tmp_path: Path) -> None:
    awkward = {
        "plans.csv": 'code,name,billing_period_type,billing_period_duration,billing_model,periods,short_description,'
                     "long_description,is_published\n"
                     'p,"Plan, ""the"" one",STATEMENT_DAY,28,CHARGE_EXTERNAL_RATING,'
                     '30 DAY trial|1 YEAR|2 YEAR inactive,short,"two\nlines\rand a return",false\n',
        "accounts.csv": "key,vendor,type,name,tax_registration_id,attributes,city\n"
                        "top,,PROVIDER,  =1+1 Ærø 株式会社 🏢 ,'0001,"
                        '"{""b"": ""2"", ""a"": ""é\\u00e9""}",San Francisco\n',
        "users.csv": "login,account,kind,first_name,last_name,email,roles,status\n"
                     "a@b.example,top,SERVICE_USER,A,B,a@b.example,NONE,INVITED\n"
                     "c@b.example,top,ADMINISTRATOR,A,B,a@b.example,ACCOUNTANT|SALES_MANAGER,DEACTIVATED\n",
    }  # fmt: skip
    await import_directory(store, write(tmp_path, awkward))
    contents = await exported(store, tmp_path, "out")

    (account,) = csv.DictReader(contents["accounts.csv"].decode().split("\r\n"))
    assert (account["name"], account["tax_registration_id"], account["vendor"]) == (
        "  =1+1 Ærø 株式会社 🏢 ", "'0001", "",
    )  # fmt: skip
    assert account["attributes"] == '{"a":"éé","b":"2"}'
    assert (
        b'p,"Plan, ""the"" one",STATEMENT_DAY,28,CHARGE_EXTERNAL_RATING,30 DAY trial|1 YEAR|2 YEAR inactive,'
        in (contents["plans.csv"])
    )
    assert b'short,"two\nlines\rand a return",false\r\n' in contents["plans.csv"]
    assert cells(contents, "users.csv", "roles") == ["NONE", "ACCOUNTANT|SALES_MANAGER"]


async def test_one_person_in_two_accounts_and_what_is_denied_there_come_back(
    store: Store, other_store: Store, tmp_path: Path
) -> None:
    people = {
        "accounts.csv": "key,vendor,type,name\ntop,,PROVIDER,Top\nbelow,top,RESELLER,Below\n",
        "users.csv": "login,account,kind,first_name,last_name,email,roles,denied\n"
        "a@b.example,below,ADMINISTRATOR,A,B,a@b.example,ACCOUNTANT,prices:view|orders:view\n"
        "a@b.example,top,ADMINISTRATOR,A,B,a@b.example,SALES_MANAGER,NONE\n",
    }
    await import_directory(store, write(tmp_path, people))
    there = await exported(store, tmp_path, "there")
    await import_directory(other_store, tmp_path / "there")

    assert await exported(other_store, tmp_path, "back") == there
    assert cells(there, "users.csv", "account") == ["below", "top"]
    assert cells(there, "users.csv", "denied") == ["orders:view|prices:view", "NONE"]
    assert len(await query(other_store, "SELECT id FROM identity WHERE login = 'a@b.example'")) == 1
    assert (await import_directory(store, tmp_path / "back")).changes == 0


async def test_amounts_days_and_instants_are_written_as_they_are_read(store: Store, tmp_path: Path) -> None:
    await import_directory(store, write(tmp_path, PLATFORM))
    contents = await exported(store, tmp_path, "out")

    assert cells(contents, "prices.csv", "amount") == [
        "100.00", "150.00", "140.00", "170.00", "200.00", "180.01", "24.00", "120.00", "125.50",
    ]  # fmt: skip
    assert cells(contents, "prices.csv", "tiers")[6] == "5:22.00|10:20.50"
    assert cells(contents, "orders.csv", "total") == ["-180.01", "1400.00"]
    assert cells(contents, "orders.csv", "created_at") == ["2026-04-01T06:00:00.000Z", "2026-03-01T08:00:00.000Z"]
    assert cells(contents, "subscriptions.csv", "renewal_date") == ["2027-03-01", ""]
    assert cells(contents, "subscriptions.csv", "users") == ["ada@buyer.example|bob@buyer.example", ""]


async def test_a_subscription_without_charges_has_none_after_a_round_trip_either(
    store: Store, other_store: Store, tmp_path: Path
) -> None:
    await import_directory(store, write(tmp_path, PLATFORM))
    prices = PLATFORM["prices.csv"] + "other,,acme,P:1,monthly,,MONTH,1,USD,9,,,2020-01-01,\n"
    await import_directory(store, write(tmp_path, {"prices.csv": prices}))
    contents = await exported(store, tmp_path, "there")
    await import_directory(other_store, tmp_path / "there")

    assert b"S2,0,other,loner,,\r\n" in contents["charges.csv"]
    assert await exported(other_store, tmp_path, "back") == contents


async def test_accounts_that_no_file_named_are_exported_under_their_ids(
    store: Store, other_store: Store, tmp_path: Path
) -> None:
    await import_directory(store, write(tmp_path, PLATFORM))
    ids = dict(await query(store, "SELECT name, id FROM account"))
    loner, other = ids["Loner Ltd"], ids["Other Reseller"]
    async with store.unfiltered("as if made here, one of them with a key that looks like another's", write=True) as db:
        await db.sql(f"UPDATE account SET import_key = NULL WHERE id = {loner} RETURNING id")
        await db.sql(f"UPDATE account SET import_key = 'canopy:{loner}' WHERE id = {other} RETURNING id")
    contents = await exported(store, tmp_path, "there")

    assert (await import_directory(store, tmp_path / "there")).changes == 0
    keys = [key for key in cells(contents, "accounts.csv", "key") if key.startswith("canopy:")]
    assert keys[0] == f"canopy:{loner}"
    assert keys[1].startswith(f"canopy:{loner}:20")
    await import_directory(other_store, tmp_path / "there")
    assert await exported(other_store, tmp_path, "back") == contents


async def test_secrets_are_not_exported(seeded_store: Store, tmp_path: Path) -> None:
    contents = b"".join((await exported(seeded_store, tmp_path, "out")).values())
    secrets = await query(seeded_store, "SELECT secret_hash FROM credential")
    clients = await query(seeded_store, "SELECT client_id FROM api_client")

    assert secrets
    assert clients
    assert not any(secret.encode() in contents for (secret,) in secrets + clients)


async def test_a_file_is_replaced_only_when_all_are_complete(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await import_directory(store, write(tmp_path, PLATFORM))
    before = await exported(store, tmp_path, "out")
    await import_directory(store, write(tmp_path, {
        "marketplaces.csv": "code,name,country_code,currency\nus,Changed,US,USD\n"
    }))  # fmt: skip
    with monkeypatch.context() as broken:
        broken.setitem(QUERIES, files.ORDERS, "SELECT no_such_column FROM orders")
        with pytest.raises(StoreError):
            await export_directory(store, tmp_path / "out")

    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert (await exported(store, tmp_path, "out"))["marketplaces.csv"] != before["marketplaces.csv"]


async def test_an_empty_database_gives_files_with_headers_only(store: Store, tmp_path: Path) -> None:
    contents = await exported(store, tmp_path, "out")

    assert {name: text.decode() for name, text in contents.items()} == {
        file.name: ",".join(file.names) + "\r\n" for file in files.ALL
    }
    assert (await import_directory(store, tmp_path / "out")).rows == 0
