"""What stands in a writer's way: others' locks, and rows of which there may be only one."""

import asyncio
import sqlite3
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import PrimaryKeyConstraint, Table, UniqueConstraint, bindparam, insert, select
from sqlmodel import SQLModel

from models import postgres_writer
from models.policy.writes import WRITES
from models.scope import Scope
from models.sqlite import SqliteStore
from models.statement import Statement
from models.store import Store
from models.writer import TakenError, TryAgainError
from tests.hierarchy import World, path_of
from tests.renaming import ACCOUNT, EVERYWHERE, OF_2, name_of, rename
from tests.templates import opened

TABLES = SQLModel.metadata.tables
LOCKED = Statement(select(ACCOUNT.c.name).where(ACCOUNT.c.id == bindparam("of")).with_for_update())


async def test_writers_of_the_same_row_take_turns(own_hierarchy: Store) -> None:
    async def count_up() -> None:
        async with own_hierarchy.writer(OF_2) as writer:
            ((value,),) = await writer.rows(LOCKED, {"of": 3})
            await asyncio.sleep(0)
            await rename(writer, 3, str(int(value) + 1))

    async with own_hierarchy.writer(OF_2) as writer:
        await rename(writer, 3, "0")
    await asyncio.gather(*(count_up() for _ in range(20)))

    assert await name_of(own_hierarchy, 3) == "20"


async def test_only_rows_that_may_be_changed_can_be_locked(own_hierarchy: Store) -> None:
    async with own_hierarchy.writer(Scope(path_of(7))) as writer:
        assert [len(await writer.rows(LOCKED, {"of": of})) for of in (2, 7, 8)] == [0, 1, 0]


async def test_of_two_who_wait_for_each_other_one_is_told_to_try_again(postgresql_hierarchy: Store) -> None:
    async def rename_both(first: int, second: int) -> None:
        async with postgresql_hierarchy.writer(OF_2) as writer:
            await rename(writer, first)
            await asyncio.sleep(0.1)
            await rename(writer, second)
            raise ZeroDivisionError

    outcomes = await asyncio.gather(rename_both(3, 4), rename_both(4, 3), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["TryAgainError", "ZeroDivisionError"]


async def test_who_waits_too_long_for_a_lock_is_told_to_try_again(
    own_hierarchy: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await other_transaction(own_hierarchy)
    monkeypatch.setitem(postgres_writer.SETTINGS, "lock_timeout", "50ms")
    async with opened(own_hierarchy.url) as store:
        if store.engine == "sqlite":
            assert isinstance(store, SqliteStore)
            store._writing_connection().driver.set_authorizer(None)
            store._writing_connection().driver.execute("PRAGMA busy_timeout = 50")
        with pytest.raises(TryAgainError):
            async with store.writer(OF_2) as writer:
                await rename(writer, 3)
        await other()

        async with store.writer(OF_2) as writer:
            assert await rename(writer, 3) == [(3, "new")]


async def other_transaction(store: Store) -> Any:
    """Another process's transaction, which holds what a writer needs until the function that is given is called."""
    if store.engine == "sqlite":
        driver = sqlite3.connect(store.url.removeprefix("sqlite:///"), isolation_level=None)
        driver.execute("BEGIN IMMEDIATE")

        async def close() -> None:
            driver.close()

        return close
    owner = await asyncpg.connect(store.url)
    await owner.execute("SET ROLE canopy_system; BEGIN; SELECT FROM account FOR UPDATE")
    return owner.close


_OTHERWISE = {"account_one_provider", "product_dependency_product", "subscription_history_pkey"}
"""Unique only for some rows; what is also the primary key; and where SQLite takes a repetition for a replacement."""


def unique_keys() -> list[tuple[str, frozenset[str], str]]:
    """Table, columns and name of whatever is unique, where rows are ever inserted."""
    keys: set[tuple[str, frozenset[str], str]] = set()
    for table in (TABLES[name] for name, write in WRITES.items() if write.insert):
        indexes = [each for each in table.indexes if each.unique]
        constraints = [each for each in table.constraints if isinstance(each, (UniqueConstraint, PrimaryKeyConstraint))]
        for each in (each for each in (*indexes, *constraints) if each.name not in _OTHERWISE):
            keys.add((table.name, frozenset(column.name for column in each.columns), str(each.name)))
    return sorted(keys, key=str)


async def test_what_is_taken_is_named_alike_on_both_engines(own_hierarchy: Store, world: World) -> None:
    """Whatever is unique is violated by a copy of a row that differs in all that is unique but this."""
    told = {}
    for table, columns, name in unique_keys():
        record = next((each for each in reversed(world.get(table, [])) if None not in map(each.get, columns)), None)
        if record is not None:
            copy = record | differing(TABLES[table], record, columns)
            with pytest.raises(TakenError) as refusal:
                async with own_hierarchy.writer(EVERYWHERE) as writer, writer.beyond("a test repeats a row") as db:
                    await db.write(Statement(insert(TABLES[table])), copy)
            told[name] = refusal.value.constraint

    assert told == {name: name for name in told}
    assert {"account_path", "account_pkey", "app_user_login", "manufacturer_code_key", "orders_number"} < told.keys()


def differing(table: Table, record: dict[str, Any], but: frozenset[str]) -> dict[str, Any]:
    """Other values for all columns that are part of something unique, but for some."""
    unique = {column for name, columns, _ in unique_keys() if name == table.name for column in columns}
    free = [column for column in sorted(unique - but) if not table.c[column].foreign_keys]
    return {column: _other(record[column]) for column in free}


def _other(value: Any) -> Any:
    """Another value of the same kind, and of the same length."""
    if isinstance(value, date):
        return value + timedelta(days=999)
    return 999_999 if isinstance(value, int) else f"z{(value or 'zzzzzz')[1:]}"


async def test_the_provider_is_the_only_one_by_an_index_of_some_rows(own_hierarchy: Store, world: World) -> None:
    second = world["account"][0] | {"id": 999, "path": "0000rr", "external_id": None, "import_key": None}
    with pytest.raises(TakenError) as refusal:
        async with own_hierarchy.writer(EVERYWHERE) as writer, writer.beyond("a test adds a provider") as db:
            await db.write(Statement(insert(ACCOUNT)), second)

    assert refusal.value.constraint == "account_one_provider"
