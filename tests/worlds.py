"""The trees that tests of the GraphQL layer read, on each engine; and the option that rewrites snapshots."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import Table, bindparam, insert, select, update
from sqlmodel import SQLModel

from models import Account, AccountContact, User
from models.base import table_of
from models.policy.rules import RULES
from models.statement import Statement
from models.store import Store
from tests import market
from tests.databases import Databases
from tests.hierarchy import World, insert_world
from tests.lending import lent
from tests.marked import marked
from tests.people import start_afresh
from tests.templates import migrated_template, opened


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite the snapshots; read the diff")


@asynccontextmanager
async def holding(databases: Databases, name: str, world: World) -> AsyncIterator[Store]:
    """An open store on a copy of the database that holds the world, filled when it is first asked for by that name."""

    async def fill(url: str) -> None:
        async with opened(url) as store:
            await insert_world(store, world)

    template = databases.template(name, lambda url: asyncio.run(fill(url)), of=migrated_template(databases))
    async with lent(databases, template) as store:
        yield store


async def everything(store: Store) -> World:
    """All rows of all tables that have a rule."""
    async with store.unfiltered("a test looks at everything") as db:
        tables = {name: SQLModel.metadata.tables[name] for name in RULES}
        statements = {name: Statement(select(*table.c)) for name, table in tables.items()}
        return {name: [row._asdict() for row in await db.rows(each)] for name, each in statements.items()}


@pytest.fixture(scope="session")
def market_world() -> World:
    """The rows of the market."""
    return market.build()


@pytest.fixture(scope="session")
async def market_store(databases: Databases, market_world: World) -> AsyncIterator[Store]:
    """An open store on the market, one for all tests: only to be read."""
    async with holding(databases, "market", market_world) as store:
        yield store


@pytest.fixture(scope="session")
def marked_world(world: World) -> World:
    """The rows of the hand-made hierarchy, every text naming its row."""
    return marked(world)


@pytest.fixture(scope="session")
async def marked_store(databases: Databases, marked_world: World) -> AsyncIterator[Store]:
    """An open store on them, one for all tests: only to be read."""
    async with holding(databases, "marked", marked_world) as store:
        yield store


@pytest.fixture
async def own_marked_store(databases: Databases, marked_world: World) -> AsyncIterator[Store]:
    """The same in a database of the test's own, to be changed at will."""
    async with holding(databases, "marked", marked_world) as store:
        yield store


@pytest.fixture(scope="module")
async def kept_store(databases: Databases, marked_world: World) -> AsyncIterator[Store]:
    """The same in a database of the test file's own: each of its tests takes back what it changed."""
    async with holding(databases, "marked", marked_world) as store:
        yield store


@pytest.fixture
async def restored_store(kept_store: Store, marked_world: World) -> AsyncIterator[Store]:
    """The same for each test, which may change accounts, contacts and users: they are brought back before the next."""
    yield kept_store
    await as_it_was(kept_store, marked_world)


@pytest.fixture(scope="session")
async def seeded_world(seeded_store: Store) -> World:
    """All rows of the demo tree."""
    return await everything(seeded_store)


def _given(table: Table, prefix: str = "") -> dict[str, Any]:
    return {column.name: bindparam(f"{prefix}{column.name}", type_=column.type) for column in table.c}


_ACCOUNT, _USER, _CONTACT = table_of(Account), table_of(User), table_of(AccountContact)
_INSERT_CONTACT = Statement(insert(_CONTACT).values(_given(_CONTACT)))
_BACK = {
    table.name: Statement(update(table).where(table.c.id == bindparam("new_id")).values(_given(table, "new_")))
    for table in (_ACCOUNT, _USER)
}


async def as_it_was(store: Store, world: World) -> None:
    """Bring accounts, contacts and users back; forget answers and events. The change log can't be taken back."""
    async with store.unfiltered("a test is over", write=True) as db:
        for text in ("DELETE FROM outbox", "DELETE FROM idempotency", "DELETE FROM account_contact"):
            await db.sql(text)
        for record in world["account_contact"]:
            await db.execute(_INSERT_CONTACT, record)
        for table, statement in _BACK.items():
            for record in world[table]:
                await db.execute(statement, {f"new_{name}": value for name, value in record.items()})


@pytest.fixture(scope="module")
async def emptied_store(databases: Databases) -> AsyncIterator[Store]:
    """An open store for a module, to be emptied for each test: making one for each would take most of the time."""
    with databases.copied(migrated_template(databases)) as url:
        async with opened(url) as store:
            yield store


@pytest.fixture
async def few_accounts(emptied_store: Store) -> Store:
    """An open store with the accounts of `tests/people.py` and nobody in them, to be changed at will."""
    await start_afresh(emptied_store)
    return emptied_store
