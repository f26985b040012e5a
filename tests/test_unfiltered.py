"""Transactions without a filter: one for a block, writers in turn, and no lock that outlives its writer."""

import asyncio
import sqlite3

import pytest
from sqlalchemy import bindparam, insert, select, update

from models import Account, Marketplace
from models.base import now, table_of
from models.statement import Statement
from models.store import Store, StoreError
from tests.databases import Databases
from tests.templates import migrated_template, opened

ACCOUNT, MARKETPLACE = table_of(Account), table_of(Marketplace)
NAME = Statement(select(ACCOUNT.c.name).where(ACCOUNT.c.id == bindparam("of")))
RENAME = Statement(update(ACCOUNT).where(ACCOUNT.c.id == bindparam("of")).values(name=bindparam("to")))
MARKETS = Statement(select(MARKETPLACE.c.code))
ADD_MARKET = Statement(insert(MARKETPLACE).values({c.name: bindparam(c.name) for c in MARKETPLACE.c if c.name != "id"}))
MARKET = {"code": "zz", "name": "Z", "name_key": "z", "country_code": "ZZ", "currency": "USD"} | {
    "version": 1, "updated_at": now(),
}  # fmt: skip


async def test_an_unfiltered_block_is_one_transaction(store: Store) -> None:
    async def fail() -> None:
        async with store.unfiltered("a test fails in the middle", write=True) as db:
            await db.execute(ADD_MARKET, MARKET)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with store.unfiltered("a test looks") as db:
        assert await db.rows(MARKETS) == []

    async with store.unfiltered("a test succeeds", write=True) as db:
        await db.execute(ADD_MARKET, MARKET)
    async with store.unfiltered("a test looks") as db:
        assert [row.code for row in await db.rows(MARKETS)] == ["zz"]


async def test_an_unfiltered_block_for_reading_cannot_write(store: Store) -> None:
    with pytest.raises(StoreError):
        async with store.unfiltered("a test only reads") as db:
            await db.execute(ADD_MARKET, MARKET)
    async with store.unfiltered("a test writes afterwards", write=True) as db:
        await db.execute(ADD_MARKET, MARKET)


async def test_writers_take_turns(own_hierarchy: Store) -> None:
    async def count_up() -> None:
        async with own_hierarchy.unfiltered("a test counts", write=True) as db:
            lock = "SELECT 1 FROM account WHERE id = 1" + (" FOR UPDATE" if db.engine == "postgresql" else "")
            await db.sql(lock)
            ((name,),) = await db.rows(NAME, {"of": 1})
            await asyncio.sleep(0)
            await db.execute(RENAME, {"of": 1, "to": str(int(name) + 1)})

    async with own_hierarchy.unfiltered("a test starts to count", write=True) as db:
        await db.execute(RENAME, {"of": 1, "to": "0"})
    await asyncio.gather(*(count_up() for _ in range(20)))

    async with own_hierarchy.unfiltered("a test looks") as db:
        assert [row.name for row in await db.rows(NAME, {"of": 1})] == ["20"]


async def test_a_writer_that_is_cancelled_while_it_waits_for_the_lock_does_not_keep_it(
    sqlite_databases: Databases,
) -> None:
    with sqlite_databases.copied(migrated_template(sqlite_databases)) as url:
        async with opened(url) as store:
            other_process = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
            other_process.execute("BEGIN IMMEDIATE")

            async def write() -> None:
                async with store.unfiltered("a test waits", write=True):
                    pass

            writer = asyncio.create_task(write())
            await asyncio.sleep(0.05)
            writer.cancel()
            await asyncio.sleep(0.05)
            other_process.execute("COMMIT")
            with pytest.raises(asyncio.CancelledError):
                await writer
            await asyncio.sleep(0.2)  # for a thread that still waited for the lock to get it
            other_process.execute("PRAGMA busy_timeout = 0")
            other_process.execute("BEGIN IMMEDIATE")
            other_process.close()
