"""A small platform as CSV files, to import whole, or changed in a place; and the state of a database, as text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel

from models.exchange.load import import_directory
from models.exchange.problems import ImportRefusedError
from models.exchange.report import ImportReport
from models.store import Store

# Children stand before their parents, columns in an order of their own.
PLATFORM: Mapping[str, str] = {
    "marketplaces.csv": """\
currency,country_code,name,code
USD,US,United States,us
GBP,GB,United Kingdom,uk
""",
    "plans.csv": """\
code,name,billing_period_type,billing_period_duration,billing_model,periods
monthly,Billed monthly,month,1,CHARGE_BEFORE_BILLING_PERIOD,1 YEAR|1 MONTH|30 DAY trial|3 YEAR inactive
yearly,Billed yearly,YEAR,1,charge_before_billing_period,1 YEAR
""",
    "products.csv": """\
mpn,manufacturer_code,manufacturer_name,name,service_name,depends_on,created_at
P:1,microsoft,Microsoft Corporation,Business Basic,Microsoft 365,,2026-01-02T03:04:05.678Z
P:2,microsoft,,Phone Add-on,Teams,microsoft/P:1,
P:1,acme,,Anvil,,,
""",
    "accounts.csv": """\
key,vendor,type,name,external_id,marketplace,currency,attributes,brand_name,support_email,created_at
buyer,small,CUSTOMER,Ærø Foods,E1,uk,,"{""tier"": ""gold"", ""area"": ""north""}",,,2026-02-01T00:00:00Z
small,big,RESELLER,Small Reseller,E1,us,USD,,,,
other,top,RESELLER,Other Reseller,E2,us,USD,,,,
loner,other,CUSTOMER,Loner Ltd,E1,us,,,,,
big,top,RESELLER,Big Reseller,E1,us,USD,,Big Brand,help@big.example,
top,,PROVIDER,The Provider,,us,USD,,,,
""",
    "contacts.csv": """\
account,type,first_name,last_name,email,phone_number
buyer,ADMIN,Ada,Lovelace,Ada@Buyer.example,+44 20 1234567
buyer,BILLING,Bob,Babbage,bob@buyer.example,
big,TECHNICAL,Cy,Turing,cy@big.example,
""",
    "users.csv": """\
login,account,kind,first_name,last_name,email,roles
Ada@Buyer.example,buyer,ADMINISTRATOR,Ada,Lovelace,ada@buyer.example,
bob@buyer.example,buyer,SERVICE_USER,Bob,Babbage,bob@buyer.example,
lim@buyer.example,buyer,ADMINISTRATOR,Lim,Ited,lim@buyer.example,LIMITED_ADMINISTRATOR|sales_manager
root@top.example,top,ADMINISTRATOR,Root,Root,root@top.example,
""",
    "prices.csv": """\
seller,buyer,manufacturer_code,mpn,plan,marketplace,period_type,period_duration,currency,amount,model,tiers,valid_from,valid_until
,,microsoft,P:1,yearly,,YEAR,1,USD,100,,,2025-01-01,
top,,microsoft,P:1,yearly,,YEAR,1,USD,120,,,2025-01-01,2026-01-01
top,,microsoft,P:1,yearly,,YEAR,1,USD,125.50,,,2026-01-01,
big,,microsoft,P:1,yearly,,YEAR,1,USD,150,,,2025-01-01,
big,small,microsoft,P:1,yearly,,YEAR,1,USD,140,,,2025-01-01,
small,,microsoft,P:1,yearly,uk,YEAR,1,GBP,180.01,,,2025-01-01,
small,,microsoft,P:1,yearly,,YEAR,1,USD,200,,,2025-01-01,
other,,microsoft,P:1,yearly,,YEAR,1,USD,170,,,2025-01-01,
small,,microsoft,P:2,yearly,,YEAR,1,USD,24,VOLUME_SUBSCRIPTION,5:22|10:20.5,2025-01-01,
""",
    "subscriptions.csv": """\
key,account,name,status,manufacturer_code,mpn,plan,quantity,auto_renew,period_type,period_duration,start_date,renewal_date,users,created_at
S1,buyer,,ACTIVE,microsoft,P:1,yearly,7,false,YEAR,1,2026-03-01,2027-03-01,bob@buyer.example|ADA@buyer.example,2026-03-01T09:00:00Z
S2,loner,Named,PENDING,acme,P:1,monthly,1,,MONTH,1,,,,
""",
    "subscription_items.csv": """\
subscription,position,manufacturer_code,mpn,quantity
S1,1,microsoft,P:2,6
""",
    "orders.csv": """\
number,account,type,status,po_number,created_at,currency,total,subscription
SO000001,buyer,SALES,COMPLETED,PO-7,2026-03-01T08:00:00Z,USD,1400.00,S1
CH000002,buyer,CHANGE,PROCESSING,,2026-04-01T08:00:00+02:00,USD,-180.01,S1
""",
    "order_lines.csv": """\
order,position,manufacturer_code,mpn,plan,name,period_type,period_duration,quantity_kind,quantity,resulting_quantity,currency,unit_amount,extended_amount,exchange_rate
SO000001,0,microsoft,P:1,yearly,,YEAR,1,,7,7,USD,200,1400,
CH000002,0,microsoft,P:1,yearly,As it was called,YEAR,1,DELTA,-1,6,GBP,180.01,-180.01,1.25
""",
}


def write(directory: Path, contents: Mapping[str, str | bytes]) -> Path:
    """Write files into a new directory below the given one."""
    folder = directory / f"files{len(list(directory.iterdir()))}"
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def changed(name: str, before: str, after: str) -> dict[str, str | bytes]:
    """The platform with one place of one file replaced."""
    assert before in PLATFORM[name]
    return {**PLATFORM, name: PLATFORM[name].replace(before, after, 1)}


async def query(store: Store, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a query, as text where the engines have types of their own."""
    async with store.unfiltered("a test looks") as session:
        return [tuple(row) for row in await session.sql(sql)]


async def state(store: Store) -> dict[str, list[str]]:
    """Every row of every table."""
    found = {}
    for name in sorted(SQLModel.metadata.tables):
        found[name] = sorted(str(row) for row in await query(store, f"SELECT * FROM {name}"))
    return found


async def import_platform(store: Store, directory: Path, contents: Any = PLATFORM) -> ImportReport:
    """Import the files, by way of a directory."""
    return await import_directory(store, write(directory, contents))


async def refusal(store: Store, directory: Path, contents: Any, **options: Any) -> ImportRefusedError:
    """Why the files are refused, which leaves the database as it was."""
    before = await state(store)
    with pytest.raises(ImportRefusedError) as refused:
        await import_directory(store, write(directory, contents), **options)
    assert await state(store) == before
    return refused.value


def told(refused: ImportRefusedError) -> list[tuple[str, int, str, str]]:
    """The place and the value of each problem."""
    return [(problem.file, problem.line, problem.column, problem.value) for problem in refused.problems]
