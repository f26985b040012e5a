"""What a writer may change, against an oracle, on both engines; and that no rule for writing can be weakened unseen."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace

import asyncpg
import pytest
from sqlalchemy import delete, insert, select, update
from sqlmodel import SQLModel

from models.policy.postgresql import postgresql_write_condition
from models.policy.writes import WRITES, Write
from models.scope import Reach, Scope
from models.statement import Statement
from models.store import Store, StoreError
from tests.databases import Databases
from tests.hierarchy import World, path_of, scopes
from tests.templates import hierarchy_template, opened
from tests.write_oracle import (
    MARK,
    MARKS,
    REMOVE,
    UndoError,
    delete_differences,
    insert_differences,
    succeeds,
    tried,
    update_differences,
)

TABLES = SQLModel.metadata.tables
EVERYWHERE = Scope(path_of(1), changes=True, finances=True)


@pytest.fixture(scope="session")
def some_scopes(world: World) -> list[Scope]:
    """The provider, a reseller, one below it, a customer and another branch, with every reach, and service users."""
    users = [user for user in world["app_user"] if user["login"] in {"LEAK-1-second", "LEAK-2-second", "LEAK-7-second"}]
    return [
        *(Scope(path_of(place), reach, finances=True) for place in (1, 2, 3, 7, 9) for reach in Reach),
        *(Scope(path_of(place), prices=False) for place in (1, 2)),
        *(Scope(user["path"], only_user=user["id"], finances=True) for user in users),
    ]


async def test_a_writer_changes_the_rows_that_the_oracle_says_and_passes_over_the_others(
    hierarchy: Store, world: World
) -> None:
    assert [line async for line in update_differences(hierarchy, world, scopes(world))] == []


async def test_a_writer_removes_the_rows_that_the_oracle_says_and_passes_over_the_others(
    hierarchy: Store, world: World
) -> None:
    assert [line async for line in delete_differences(hierarchy, world, scopes(world))] == []


async def test_a_writer_adds_rows_where_the_oracle_says_and_none_that_pretend_to_lie_elsewhere(
    hierarchy: Store, world: World, some_scopes: list[Scope]
) -> None:
    assert [line async for line in insert_differences(hierarchy, world, some_scopes)] == []


def test_the_oracle_tries_every_table_that_may_be_written() -> None:
    assert MARK.keys() == {table for table, write in WRITES.items() if write.update}
    assert REMOVE.keys() == {table for table, write in WRITES.items() if write.delete}
    assert all(column in WRITES[table].columns for table, (column, _) in MARKS.items())


def forbidden() -> Iterator[tuple[str, Statement]]:
    """What no rule allows, of every table."""
    for name, table in TABLES.items():
        write = WRITES.get(name, Write())
        column = min(write.columns or {column.name for column in table.c})
        if not write.insert:
            yield f"insert into {name}", Statement(insert(table).from_select([column], select(table.c[column])))
        if not write.update:
            yield f"update {name}", Statement(update(table).values({column: table.c[column]}))
        if not write.delete:
            yield f"delete from {name}", Statement(delete(table))
        for other in {column.name for column in table.c} - write.columns if write.update else ():
            yield f"update {name}.{other}", Statement(update(table).values({other: table.c[other]}))


async def test_nobody_may_do_to_a_table_what_no_rule_allows(hierarchy: Store) -> None:
    attempts = list(forbidden())
    async with tried(hierarchy, EVERYWHERE) as writer:
        done = [what for what, statement in attempts if await succeeds(writer, statement)]

    assert len(attempts) > 100
    assert done == []


async def test_what_was_prepared_beyond_the_scope_is_not_allowed_within_it(hierarchy: Store) -> None:
    """SQLite asks what may be done only when a statement is prepared, and keeps it."""
    attempts = list(forbidden())
    async with tried(hierarchy, EVERYWHERE) as writer:
        for _, statement in attempts:
            with suppress(StoreError, UndoError):
                async with writer.savepoint(), writer.beyond("a test prepares a statement") as db:
                    await db.write(statement)
                    raise UndoError
        done = [what for what, statement in attempts if await succeeds(writer, statement)]

    assert done == []


async def test_a_write_of_one_column_changes_no_other(own_hierarchy: Store) -> None:
    """By triggers or rules, for example."""
    whole = {name: Statement(select(*TABLES[name].c)) for name in MARK}
    async with tried(own_hierarchy, EVERYWHERE) as writer:
        for table, (mark, _) in MARK.items():
            async with writer.beyond("a test looks before") as db:
                before = [row._asdict() for row in await db.rows(whole[table])]
            await writer.write(mark)
            async with writer.beyond("a test looks afterwards") as db:
                after = [row._asdict() for row in await db.rows(whole[table])]
            changed = {
                name
                for old, new in zip(sorted(before, key=str), sorted(after, key=str), strict=True)
                for name in old
                if old[name] != new[name]
            }

            assert changed <= {MARKS[table][0]}
            assert after != before


AUDIT = TABLES["audit"]


@pytest.mark.parametrize("statement", [Statement(update(AUDIT).values(noun="")), Statement(delete(AUDIT))])
async def test_nobody_changes_the_change_log_not_even_the_system(hierarchy: Store, statement: Statement) -> None:
    with pytest.raises(StoreError):
        async with hierarchy.unfiltered("a test tampers", write=True) as db:
            await db.execute(statement)
    async with tried(hierarchy, EVERYWHERE) as writer:
        with pytest.raises(StoreError):
            async with writer.beyond("a test tampers") as beyond:
                await beyond.write(statement)


@pytest.mark.parametrize(
    "text", ["TRUNCATE audit", "UPDATE audit SET noun = ''", "DELETE FROM audit", "TRUNCATE account, audit CASCADE"]
)
async def test_on_postgresql_neither_the_system_nor_the_owner_tampers_with_the_change_log(
    postgresql_hierarchy: Store, text: str
) -> None:
    owner = await asyncpg.connect(postgresql_hierarchy.url)
    try:
        for role in ("canopy_system", "none"):
            await owner.execute(f"SET ROLE {role}")
            with pytest.raises(asyncpg.PostgresError, match=r"append-only|permission denied"):
                await owner.execute(text)
    finally:
        await owner.close()


async def test_on_sqlite_a_row_of_the_change_log_cannot_be_replaced(sqlite_hierarchy: Store) -> None:
    with pytest.raises(StoreError, match="append-only"):
        async with sqlite_hierarchy.unfiltered("a test tampers", write=True) as db:
            await db.sql("INSERT OR REPLACE INTO audit SELECT * FROM audit LIMIT 1")


COMPARISON = re.compile(
    r"o\.path = substr\(.*? - 6\)|(?:length\([^()]*\)|[\w.{}]+) (?:=|<=|>=|<) [\w.{}]+|[\w.{}]+ IS NULL"
)
"""One comparison of a rule."""


_RANGE = ("{filter_}path >= {lo}", "{filter_}path < {hi}", "length({filter_}path) <= {span}")
_OWNED = (
    "account_contact", "order_line", "seat", "subscription_history", "subscription_item", "user_denial", "user_role",
    "user_term",
)  # fmt: skip
IMPLIED = {
    # The account or user at the same place is visible, so that the place is in scope.
    *((table, comparison) for table in _OWNED for comparison in _RANGE),
    *(("price_sheet", comparison) for comparison in _RANGE[:2]),
    *(("price", comparison) for comparison in ("{filter_}seller_path >= {lo}", "{filter_}seller_path < {hi}")),
    # Whoever is narrowed down to one user sees no order, no service without a seat, and nothing below the account.
    *((table, "{only_user} = 0") for table in ("account", "order_line", "seat")),
}
"""Comparisons that follow from the rest of a rule for new rows. Any other that goes unnoticed is a hole."""


def mutants() -> Iterator[tuple[str, str, str, str, str]]:
    """Every rule, in one of the tables that have it, with one comparison that always or never holds."""
    seen = set()
    for table, write in WRITES.items():
        for action in ("insert", "update", "delete"):
            rule = getattr(write, action)
            if not rule or (action, rule) in seen:
                continue
            seen.add((action, rule))
            for found in COMPARISON.finditer(rule):
                for always in ("true", "false"):
                    if always == "false" or action != "insert" or (table, found[0]) not in IMPLIED:
                        mutant = rule[: found.start()] + always + rule[found.end() :]
                        yield table, action, found[0], always, mutant


DIFFERENCES: dict[str, Callable[..., AsyncGenerator[str]]] = {
    "insert": insert_differences,
    "update": update_differences,
    "delete": delete_differences,
}


@pytest.fixture(scope="module")
async def breakable(databases: Databases, world: World) -> AsyncIterator[Store]:
    """An open store on a copy of the hierarchy whose rules may be broken, as long as they are mended again."""
    with databases.copied(hierarchy_template(databases, world)) as url:
        async with opened(url) as store:
            yield store


@asynccontextmanager
async def broken(
    store: Store, table: str, action: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Store]:
    """A store on the same database, with another rule for one action on one table."""
    if store.engine == "postgresql":
        right = postgresql_write_condition(table, getattr(WRITES[table], action))
        owner = await asyncpg.connect(store.url)
        try:
            await owner.execute(altered(table, action, postgresql_write_condition(table, rule)))
            yield store
        finally:
            await owner.execute(altered(table, action, right))
            await owner.close()
        return
    with monkeypatch.context() as patch:  # new connections make new triggers
        patch.setitem(WRITES, table, replace(WRITES[table], **{action: rule}))  # type: ignore[arg-type]  # insert, update and delete are rules
        async with opened(store.url) as other:
            yield other


def altered(table: str, action: str, condition: str) -> str:
    using = f"USING ({condition})" if action != "insert" else ""
    check = f"WITH CHECK ({condition})" if action != "delete" else ""
    return f"ALTER POLICY may_{action} ON {table} {using} {check}"


async def is_noticed(store: Store, action: str, world: World, some_scopes: list[Scope], table: str) -> bool:
    async with aclosing(DIFFERENCES[action](store, world, some_scopes, [table])) as lines:
        async for _ in lines:
            return True
    return False


async def test_no_comparison_of_a_rule_for_writing_can_be_left_out_unnoticed(
    breakable: Store, world: World, some_scopes: list[Scope], monkeypatch: pytest.MonkeyPatch
) -> None:
    unnoticed = set()
    for table, action, comparison, always, rule in mutants():
        async with broken(breakable, table, action, rule, monkeypatch) as store:
            if not await is_noticed(store, action, world, some_scopes, table):
                unnoticed.add((table, action, comparison, always))

    assert unnoticed == set()
    assert len(list(mutants())) > 100
