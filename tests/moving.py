"""Moving accounts to other vendors, and looking where everything lies and whether it is sound."""

from typing import Any

from sqlmodel import SQLModel

from models.check import check
from models.store import Store
from resolvers.caller import Caller
from tests.changes import account_row, do

TRANSFER = "accountTransfer"
PLACES = ("path", "seller_path", "vendor_path")
TABLES = [table for table in SQLModel.metadata.sorted_tables if any(column in table.c for column in PLACES)]


async def move(store: Store, caller: Caller, account: int, vendor: int, **more: Any) -> Any:
    """Give an account, as it is now, another vendor."""
    version = (await account_row(store, account)).version
    given = {"account": f"acc_{account}", "vendor": f"acc_{vendor}", "expectedVersion": version, **more}
    return await do(store, caller, TRANSFER, **given)


async def places(store: Store) -> dict[str, dict[Any, dict[str, str]]]:
    """For every table that places its rows, where each row is; but for what is charged, which a transfer replaces."""
    found: dict[str, dict[Any, dict[str, str]]] = {}
    async with store.unfiltered("a test looks") as db:
        for table in TABLES:
            if table.name == "subscription_charge":
                continue
            columns = [column for column in PLACES if column in table.c]
            # A table of terms has its path for a key.
            key = [column.name for column in table.primary_key if column.name != "path"]
            names = ", ".join([*key, *columns])
            rows = await db.sql(f"SELECT {names} FROM {table.name}")
            found[table.name] = {
                tuple(row[: len(key)]): dict(zip(columns, row[len(key) :], strict=True)) for row in rows
            }
    return found


async def findings(store: Store) -> set[str]:
    """What the check finds."""
    return {finding.what for finding in await check(store)}
