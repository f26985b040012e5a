"""Statements that read and change accounts, as tests of the store run them, and what a store shows without a scope."""

from functools import cache
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update

from models import Account, Marketplace
from models.base import table_of
from models.policy.rules import RULES
from models.scope import Scope
from models.statement import Statement, any_of
from models.store import Store
from tests.hierarchy import path_of

ACCOUNT, MARKETPLACE = table_of(Account), table_of(Marketplace)
IDS = Statement(select(ACCOUNT.c.id).order_by(ACCOUNT.c.id))
NAME = Statement(select(ACCOUNT.c.name).where(ACCOUNT.c.id == bindparam("of")))
AMONG = Statement(select(ACCOUNT.c.id).where(any_of(ACCOUNT.c.id, "ids")))
RENAME = Statement(update(ACCOUNT).where(ACCOUNT.c.id == bindparam("of")).values(name=bindparam("to")))
MARKETS = Statement(select(MARKETPLACE.c.code))
ADD_MARKET = Statement(insert(MARKETPLACE).values({c.name: bindparam(c.name) for c in MARKETPLACE.c if c.name != "id"}))
MARKET = {"code": "zz", "name": "Z", "name_key": "z", "country_code": "ZZ", "currency": "USD"}
EVERYWHERE = Scope(path_of(1))
READERS = 8


def endless() -> Statement:
    """A statement that runs for hours: it counts the ways of choosing many accounts."""
    accounts = [ACCOUNT.alias() for _ in range(12)]
    return Statement(select(func.count(func.length(accounts[0].c.name))).select_from(*accounts))


@cache
def alone(statement: Statement) -> Statement:
    """The statement as the only one of its response."""
    return Statement(statement.source, is_lookup=True).alone


async def ids(store: Store, scope: Scope) -> list[int]:
    async with store.reader(scope) as reader:
        return [row[0] for row in await reader.rows(IDS)]


async def rename(store: Store, of: int, to: str) -> None:
    async with store.unfiltered("a test renames an account", write=True) as db:
        await db.execute(RENAME, {"of": of, "to": to})


async def unscoped_counts(store: Any) -> dict[str, int]:
    """What a reading connection of the store shows in each table when no response uses it."""
    queries = {table: f"SELECT count(*) FROM {table}" for table in RULES}
    if store.engine == "sqlite":
        if not store._idle:
            await ids(store, EVERYWHERE)
        driver = store._idle[-1].driver
        return {table: driver.execute(query).fetchone()[0] for table, query in queries.items()}
    async with (await store._pool("reader")).acquire() as connection:
        return {table: await connection.fetchval(query) for table, query in queries.items()}


NOTHING = dict.fromkeys(RULES, 0)


async def named(store: Store) -> str:
    async with store.reader(Scope(path_of(7))) as reader:
        return (await reader.rows(NAME, {"of": 7}))[0][0]  # type: ignore[no-any-return]  # text
