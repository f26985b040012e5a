"""A store that is lent to one test after the other is, for each of them, as its template."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from models.store import Store
from tests.databases import Databases
from tests.lending import is_lent_again, lent
from tests.templates import migrated_template

STATE = (
    "SELECT (SELECT string_agg(concat(code, name, description), ',' ORDER BY code) FROM role),"
    " (SELECT count(*) FROM order_number), (SELECT nextval('manufacturer_id_seq'))"
)


@pytest.fixture(scope="module")
def template(postgresql_databases: Databases) -> str:
    """A template that nobody else is lent."""
    if not is_lent_again(postgresql_databases):
        pytest.skip("on a server that was given, each test gets a copy")
    return postgresql_databases.template("lending", str, of=migrated_template(postgresql_databases))


@asynccontextmanager
async def owner(store: Store) -> AsyncIterator[Any]:
    """A connection that may do everything."""
    connection = await asyncpg.connect(store.url)
    try:
        yield connection
    finally:
        await connection.close()


async def state(store: Store) -> tuple[Any, ...]:
    """Rows, and where a sequence is, which goes on by being looked at."""
    async with owner(store) as connection:
        return tuple(await connection.fetchrow(STATE))


async def test_what_one_changed_the_next_does_not_see(postgresql_databases: Databases, template: str) -> None:
    async with lent(postgresql_databases, template) as first:
        before = await state(first)
        async with owner(first) as connection:
            await connection.execute("DELETE FROM role WHERE code = (SELECT min(code) FROM role)")
            await connection.execute("UPDATE role SET name = 'Another' WHERE code = (SELECT max(code) FROM role)")
            await connection.execute("INSERT INTO role (code, name, description) VALUES ('NEW', 'New', '')")
        assert (await state(first))[0] != before[0]
    async with lent(postgresql_databases, template) as second:
        assert second is first
        assert await state(second) == before


async def test_rows_that_are_only_removed_come_back(postgresql_databases: Databases, template: str) -> None:
    async with lent(postgresql_databases, template) as first:
        before = await state(first)
        async with owner(first) as connection:
            await connection.execute("DELETE FROM role")
    async with lent(postgresql_databases, template) as second:
        assert second is first
        assert await state(second) == before


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE more (id int)",
        "ALTER POLICY scope ON account USING (true)",
        "ALTER TABLE account DISABLE ROW LEVEL SECURITY",
        "DROP INDEX account_created",
    ],
)
async def test_what_was_built_differently_is_not_lent_again(
    postgresql_databases: Databases, template: str, change: str
) -> None:
    async with lent(postgresql_databases, template) as first, owner(first) as connection:
        await connection.execute(change)
    async with lent(postgresql_databases, template) as second:
        assert second.url != first.url


async def test_what_somebody_still_writes_to_is_not_lent_again(postgresql_databases: Databases, template: str) -> None:
    async with lent(postgresql_databases, template) as first:
        before = await state(first)
        connection = await asyncpg.connect(first.url)
        await connection.execute("DELETE FROM role WHERE code = (SELECT min(code) FROM role)")
        await connection.execute("BEGIN; UPDATE role SET name = 'Another'")
    async with lent(postgresql_databases, template) as second:
        assert second.url != first.url
        assert await state(second) == before
    connection.terminate()
