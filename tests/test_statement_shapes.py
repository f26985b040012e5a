"""Every shape of statement that has been seen to slip past a filter, run behind ours.

The shapes are those of the bypass catalogue that the design was chosen by. Those of an ORM session (lazy loads,
identity map, refresh, bulk mappings) can't be asked here: a reader has no session. The first part goes through the
reader, as resolvers do. The second part shows what the wall holds even against text sent over the reader's own
connection, which no caller can reach; and the last names what it doesn't hold against that.
"""

import sqlite3
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import (
    BigInteger,
    Executable,
    bindparam,
    column,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    select,
    table,
    text,
    true,
    union,
    update,
)
from sqlalchemy.orm import aliased

from models import Account, Subscription
from models.base import table_of
from models.scope import Scope
from models.statement import Statement, any_of, keys
from models.store import Reader, Store, StoreError
from tests.hierarchy import path_of

PLACE = 2
VISIBLE = [2, 3, 4, 5, 6, 7, 8]
SUBSCRIPTIONS = 2 * len(VISIBLE)

ENTITY: Any = Account
ACCOUNT, SUBSCRIPTION = table_of(Account), table_of(Subscription)
OTHER, OTHER_ENTITY = ACCOUNT.alias("other"), aliased(ENTITY)
BARE = table("account", column("id"), column("name"), column("path"), column("parent_id"))
BELOW = select(ACCOUNT.c.id).where(ACCOUNT.c.parent_id.is_(None)).cte("below", recursive=True)
EVERY_ID = select(literal_column("1").label("id")).cte("every_id", recursive=True)
A_SUBSCRIPTION = select(SUBSCRIPTION.c.id).where(SUBSCRIPTION.c.account_id == ACCOUNT.c.id)
ANY_ACCOUNT = literal_column("(SELECT count(*) FROM account)", BigInteger)

READ: dict[str, tuple[Executable, list[Any]]] = {
    "an entity": (select(ENTITY), VISIBLE),
    "a column of an entity": (select(ENTITY.id), VISIBLE),
    "an aliased entity": (select(OTHER_ENTITY.id), VISIBLE),
    "a table": (select(ACCOUNT), VISIBLE),
    "an alias of a table": (select(OTHER.c.id), VISIBLE),
    "a column of a table beside an entity": (select(ACCOUNT.c.id, ENTITY.name), VISIBLE),
    "a join": (select(SUBSCRIPTION.c.account_id).join_from(SUBSCRIPTION, ACCOUNT).distinct(), VISIBLE),
    "a join that only multiplies": (select(ACCOUNT.c.id).join(OTHER, true()).distinct(), VISIBLE),
    "an outer join": (select(ACCOUNT.c.id).outerjoin(OTHER, OTHER.c.id == ACCOUNT.c.parent_id), VISIBLE),
    "the far side of an outer join": (
        select(OTHER.c.id).select_from(ACCOUNT.outerjoin(OTHER, OTHER.c.id == ACCOUNT.c.parent_id)).distinct(),
        [None, 2, 3, 4],
    ),
    "a join of a table to its own alias": (
        select(OTHER.c.id).join_from(ACCOUNT, OTHER, ACCOUNT.c.parent_id == OTHER.c.id).distinct(),
        [2, 3, 4],
    ),
    "two tables with a comma": (select(OTHER.c.id).where(ACCOUNT.c.id == OTHER.c.id), VISIBLE),
    "a count": (select(func.count()).select_from(ACCOUNT), [len(VISIBLE)]),
    "a count of a column": (select(func.count(ACCOUNT.c.id)), [len(VISIBLE)]),
    "a greatest value": (select(func.max(ACCOUNT.c.id)), [8]),
    "a least value": (select(func.min(ACCOUNT.c.id)), [2]),
    "a group": (select(func.count()).select_from(ACCOUNT).group_by(ACCOUNT.c.marketplace_id), [len(VISIBLE)]),
    "a sub-query in FROM": (select(select(ACCOUNT.c.id).subquery().c.id), VISIBLE),
    "a common table expression": (select(select(ACCOUNT.c.id).cte("mine").c.id), VISIBLE),
    "a common table expression called as a table": (select(select(ACCOUNT.c.id).cte("price").c.id), VISIBLE),
    "a recursive expression from the root": (
        select(BELOW.union_all(select(OTHER.c.id).where(OTHER.c.parent_id == BELOW.c.id)).c.id),
        [],
    ),
    "a recursive expression that tries every id": (
        select(ACCOUNT.c.id).where(
            ACCOUNT.c.id.in_(
                select(EVERY_ID.union_all(select(EVERY_ID.c.id + 1).where(EVERY_ID.c.id < literal(20))).c.id)
            )
        ),
        VISIBLE,
    ),
    "a scalar sub-query": (select(select(func.count(ACCOUNT.c.id)).scalar_subquery()), [len(VISIBLE)]),
    "EXISTS of a row elsewhere": (select(exists().where(ACCOUNT.c.id == 9)), [0]),
    "NOT EXISTS": (select(ACCOUNT.c.id).where(~exists(A_SUBSCRIPTION)), []),
    "IN a sub-query": (select(ACCOUNT.c.id).where(ACCOUNT.c.id.in_(select(SUBSCRIPTION.c.account_id))), VISIBLE),
    "a union": (union(select(ACCOUNT.c.id), select(SUBSCRIPTION.c.account_id)), VISIBLE),
    "a window": (select(func.count().over(order_by=ACCOUNT.c.path)), list(range(1, 8))),
    "a bare table clause": (select(BARE.c.id), VISIBLE),
    "a condition as text": (select(ACCOUNT.c.id).where(text("1 = 1 OR account.path > ''")), VISIBLE),
    "a column as text": (select(ANY_ACCOUNT), [len(VISIBLE)]),
    "an order as text": (select(ACCOUNT.c.id).order_by(text("(SELECT max(name) FROM account)")), VISIBLE),
    "a constant for each row": (select(literal_column("1")).select_from(ACCOUNT), [1] * len(VISIBLE)),
    "a list of ids": (select(ACCOUNT.c.id).where(any_of(ACCOUNT.c.id, "ids")), VISIBLE),
    "a search by another's path": (select(ACCOUNT.c.id).where(ACCOUNT.c.path >= path_of(9)), []),
    "a search by another's name": (select(ACCOUNT.c.id).where(ACCOUNT.c.name == bindparam("name")), []),
}
"""Shapes for both engines and the values of their column `id`, or of the only one."""

PARAMETERS = {"ids": list(range(1, 14)), "name": "LEAK-9-name"}

WRITTEN: dict[str, Executable] = {
    "an update": update(ACCOUNT).values(name="x"),
    "an update of an entity": update(ENTITY).values(name="x"),
    "an update that returns rows": update(ACCOUNT).values(name="x").returning(ACCOUNT.c.name),
    "a delete": delete(ACCOUNT),
    "a delete that returns rows": delete(ACCOUNT).returning(ACCOUNT.c.name),
    "an insert": insert(BARE).values(id=20, name="x", path=path_of(9)),
    "an insert from a select": insert(BARE).from_select(["id", "name"], select(ACCOUNT.c.id + 100, ACCOUNT.c.name)),
    "an update of the bare table": update(table("account", column("name"), schema="main")).values(name="x"),
}

ON_POSTGRESQL: dict[str, list[Any]] = {
    "SELECT id FROM public.account": VISIBLE,
    "SELECT id FROM ONLY account": VISIBLE,
    "SELECT id FROM account ORDER BY ctid": VISIBLE,
    "SELECT id FROM account TABLESAMPLE SYSTEM (100)": VISIBLE,
    "SELECT id FROM (TABLE account) everything": VISIBLE,
    "WITH account AS (SELECT * FROM public.account) SELECT id FROM account": VISIBLE,
    "SELECT s.n FROM account a, LATERAL (SELECT count(*) AS n FROM account b WHERE b.parent_id = a.parent_id) s"
    " WHERE a.id = 2": [1],
    "SELECT count(*) FROM generate_series(1, 20) n JOIN account ON account.id = n": [len(VISIBLE)],
    "SELECT 1 FROM account": [1] * len(VISIBLE),
    "SELECT count(*) FROM account": [len(VISIBLE)],
    "SELECT 1 FROM pg_stats WHERE schemaname = 'public'": [],
    "SELECT (xpath('//id/text()', table_to_xml('account', true, false, '')))[8]::text": [None],
    "SELECT (query_to_xml('SELECT count(*) AS n FROM account', true, false, '')::text ~ '<n>7</n>')::int": [1],
}
"""Text that is filtered on PostgreSQL, and the values of its first column."""

ON_SQLITE: dict[str, list[Any]] = {
    "SELECT id FROM account": VISIBLE,
    "SELECT id FROM temp.account": VISIBLE,
    "SELECT 1 FROM account": [1] * len(VISIBLE),
    "SELECT count(*) FROM account": [len(VISIBLE)],
    "WITH account AS (SELECT * FROM temp.account) SELECT id FROM account": VISIBLE,
    "SELECT (SELECT count(*) FROM account b WHERE b.parent_id = a.parent_id) FROM account a WHERE id = 2": [1],
    "SELECT account.id FROM json_each('[1, 2, 9]') JOIN account ON account.id = value": [2],
    "SELECT id FROM account WHERE id IN (SELECT b.id FROM account b ORDER BY b.id LIMIT 3)": [2, 3, 4],
}
"""Text that is filtered on SQLite, and the values of its first column."""

REFUSED_BY_POSTGRESQL = [
    "SELECT secret_hash FROM credential",
    "SELECT count(*) FROM credential",
    "SELECT * FROM refresh_token",
    "SELECT stavalues1::text FROM pg_statistic",
    "SELECT * FROM pg_authid",
    "SELECT id FROM account FOR UPDATE",
    "SELECT id FROM account FOR KEY SHARE",
    "UPDATE account SET name = 'x'",
    "DELETE FROM account",
    "TRUNCATE account",
    "INSERT INTO role VALUES ('x', 'x', 'x')",
    "DROP POLICY scope ON account",
    "ALTER TABLE account DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE account NO FORCE ROW LEVEL SECURITY",
    "CREATE POLICY wide ON account USING (true)",
    "CREATE TABLE kept AS SELECT * FROM account",
    "CREATE TEMP TABLE kept AS SELECT * FROM account",
    "CREATE VIEW kept AS SELECT * FROM account",
    "CREATE FUNCTION pg_temp.leak() RETURNS int SECURITY DEFINER RETURN 1",
    "CREATE EXTENSION dblink",
    "GRANT canopy_system TO canopy_reader",
    "ALTER ROLE canopy_reader BYPASSRLS",
    "ALTER SYSTEM SET row_security = off",
    "COPY account TO '/tmp/canopy-leak'",
    "COPY account TO PROGRAM 'cat'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_export(1, '/tmp/canopy-leak')",
    "SELECT nextval('product_id_seq')",
    "SET TRANSACTION READ WRITE",
]

REFUSED_BY_SQLITE = [
    "SELECT id FROM main.account",
    'SELECT id FROM "main"."account"',
    "SELECT a.id FROM main.account AS a",
    "SELECT rowid FROM main.account",
    "SELECT 1 FROM main.account",
    "SELECT count(*) FROM main.account",
    "SELECT EXISTS (SELECT 1 FROM main.account)",
    "SELECT id FROM account UNION SELECT id FROM main.account",
    "SELECT id FROM account WHERE id IN (SELECT id FROM main.account)",
    "SELECT id FROM main.account INDEXED BY account_path",
    "WITH account AS (SELECT * FROM main.account) SELECT id FROM account",
    "WITH price AS (SELECT count(*) AS n FROM main.account) SELECT n FROM price",
    "WITH price AS (SELECT 1 FROM main.account) SELECT count(*) FROM price",
    "WITH account AS (SELECT * FROM main.credential) SELECT * FROM account",
    "SELECT * FROM (SELECT * FROM main.account) AS account",
    "SELECT secret_hash FROM credential",
    "SELECT count(*) FROM credential",
    "EXPLAIN SELECT * FROM main.account",
    "SELECT sql FROM sqlite_master",
    "SELECT sql FROM sqlite_temp_master",
    "WITH account AS (SELECT * FROM sqlite_temp_master) SELECT sql FROM account",
    "SELECT * FROM pragma_table_info('account')",
    "SELECT * FROM pragma_table_list",
    "SELECT * FROM sqlite_dbpage",
    "SELECT * FROM dbstat",
    "UPDATE account SET name = 'x'",
    "UPDATE main.account SET name = 'x'",
    "DELETE FROM main.account",
    "INSERT INTO main.role VALUES ('x', 'x', 'x')",
    "DROP VIEW account",
    "DROP VIEW temp.account",
    "DROP TABLE main.account",
    "ALTER TABLE main.account RENAME TO other",
    "CREATE TEMP VIEW kept AS SELECT * FROM main.account",
    "CREATE TEMP TABLE kept AS SELECT * FROM account",
    "CREATE TEMP TRIGGER kept INSTEAD OF DELETE ON account BEGIN SELECT 1; END",
    "CREATE VIRTUAL TABLE temp.kept USING fts5(name, content='account')",
    "CREATE TABLE kept (a)",
    "CREATE INDEX kept ON account (name)",
    "ATTACH ':memory:' AS other",
    "DETACH main",
    "VACUUM INTO '/tmp/canopy-leak'",
    "REINDEX",
    "ANALYZE",
    "SAVEPOINT kept",
    "PRAGMA query_only = 0",
    "PRAGMA temp_store = 1",
    "PRAGMA writable_schema = 1",
    "PRAGMA table_info(account)",
    "SELECT load_extension('leak')",
]


def sorted_values(values: list[Any]) -> list[Any]:
    """The values in order, nulls first."""
    return sorted(values, key=lambda value: (value is not None, value))


async def raw(reader: Reader, sql: str) -> list[Any]:
    """The first column of text sent over the reader's own connection, which nothing but a test gets hold of."""
    await reader.rows(Statement(select(literal(1))))
    connection: Any = reader._connection  # type: ignore[attr-defined]  # what the wall is tried against
    if reader.engine == "sqlite":
        return [row[0] for row in connection.driver.execute(sql)]
    return [row[0] for row in await connection.fetch(sql)]


@pytest.mark.parametrize("shape", READ)
async def test_a_reader_filters(hierarchy: Store, shape: str) -> None:
    source, values = READ[shape]
    statement = Statement(source)
    place = statement.columns.index("id") if "id" in statement.columns else 0
    async with hierarchy.reader(Scope(path_of(PLACE))) as reader:
        rows = await reader.rows(statement, PARAMETERS)

    assert sorted_values([row[place] for row in rows]) == values


async def test_a_reader_filters_a_page_of_each_parent(hierarchy: Store) -> None:
    key = keys("ids", hierarchy.engine)
    inner = select(OTHER.c.id).where(OTHER.c.parent_id == key.c.value).order_by(OTHER.c.path).limit(2)
    if hierarchy.engine == "postgresql":
        page = inner.lateral()
        source = select(page.c.id).select_from(key.join(page, true()))
    else:
        source = select(ACCOUNT.c.id).join_from(key, ACCOUNT, ACCOUNT.c.id.in_(inner))
    async with hierarchy.reader(Scope(path_of(PLACE))) as reader:
        rows = await reader.rows(Statement(source), PARAMETERS)

    assert sorted(row[0] for row in rows) == [2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("shape", WRITTEN)
async def test_a_reader_refuses(hierarchy: Store, shape: str) -> None:
    async with hierarchy.reader(Scope(path_of(PLACE))) as reader:
        with pytest.raises(StoreError):
            await reader.rows(Statement(WRITTEN[shape]))


async def test_a_reader_refuses_the_bare_table_by_the_name_of_its_schema(hierarchy: Store) -> None:
    bare = table("account", column("id"), schema="main")
    shadow = select(bare.c.id).cte("account")
    async with hierarchy.reader(Scope(path_of(PLACE))) as reader:
        for source in (select(bare.c.id), select(shadow.c.id), select(func.count()).select_from(bare)):
            with pytest.raises(StoreError):
                await reader.rows(Statement(source))


@pytest.mark.parametrize("source", [text("SELECT 1"), text("SELECT 1").columns(column("id")), "SELECT 1"])
def test_a_statement_is_never_text(source: Any) -> None:
    with pytest.raises(TypeError, match="text"):
        Statement(source)


async def test_a_reader_takes_no_text_and_has_no_other_way_in(hierarchy: Store) -> None:
    async with hierarchy.reader(Scope(path_of(PLACE))) as reader:
        with pytest.raises(AttributeError):
            await reader.rows("SELECT 1")  # type: ignore[arg-type]  # the mistake itself
        offered = {name for name in dir(reader) if not name.startswith("_")}

    assert offered == {"end", "engine", "rows", "scope"}


@pytest.mark.parametrize("sql", ON_POSTGRESQL)
async def test_postgresql_filters_text(postgresql_hierarchy: Store, sql: str) -> None:
    async with postgresql_hierarchy.reader(Scope(path_of(PLACE))) as reader:
        assert sorted_values(await raw(reader, sql)) == ON_POSTGRESQL[sql]


async def test_postgresql_filters_a_copy(postgresql_hierarchy: Store, tmp_path: Path) -> None:
    async with postgresql_hierarchy.reader(Scope(path_of(PLACE))) as reader:
        await raw(reader, "SELECT 1")
        await reader._connection.copy_from_table("account", output=tmp_path / "copy", columns=["id"])  # type: ignore[attr-defined]  # as above

    assert sorted(map(int, (tmp_path / "copy").read_text().split())) == VISIBLE


@pytest.mark.parametrize("sql", ON_SQLITE)
async def test_sqlite_filters_text(sqlite_hierarchy: Store, sql: str) -> None:
    async with sqlite_hierarchy.reader(Scope(path_of(PLACE))) as reader:
        assert sorted_values(await raw(reader, sql)) == ON_SQLITE[sql]


@pytest.mark.parametrize("sql", REFUSED_BY_POSTGRESQL)
async def test_postgresql_refuses_text(postgresql_hierarchy: Store, sql: str) -> None:
    async with postgresql_hierarchy.reader(Scope(path_of(PLACE))) as reader:
        with pytest.raises(asyncpg.PostgresError):
            await raw(reader, sql)


@pytest.mark.parametrize("sql", REFUSED_BY_SQLITE)
async def test_sqlite_refuses_text(sqlite_hierarchy: Store, sql: str) -> None:
    async with sqlite_hierarchy.reader(Scope(path_of(PLACE))) as reader:
        with pytest.raises(sqlite3.DatabaseError):
            await raw(reader, sql)


@pytest.mark.parametrize("setting", ["SET row_security = off", "SET LOCAL row_security = off"])
async def test_postgresql_refuses_to_read_when_told_not_to_filter(postgresql_hierarchy: Store, setting: str) -> None:
    async with postgresql_hierarchy.reader(Scope(path_of(PLACE))) as reader:
        await raw(reader, setting)

        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await raw(reader, "SELECT count(*) FROM account")


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
async def test_postgresql_shows_nothing_once_the_transaction_is_over(postgresql_hierarchy: Store, end: str) -> None:
    async with postgresql_hierarchy.reader(Scope(path_of(PLACE))) as reader:
        await raw(reader, end)

        assert await raw(reader, "SELECT count(*) FROM account") == [0]


async def test_postgresql_keeps_the_readers_role_when_it_is_reset(postgresql_hierarchy: Store) -> None:
    async with postgresql_hierarchy.reader(Scope(path_of(PLACE))) as reader:
        await raw(reader, "RESET ROLE")

        assert await raw(reader, "SELECT current_user") == ["canopy_reader"]


@pytest.mark.parametrize(
    "way_out",
    [
        "SELECT set_config('canopy.lo', '000001', true), set_config('canopy.hi', '~', true)",
        "SET LOCAL canopy.lo = '000001'; SET LOCAL canopy.hi = '~'",
        "SET LOCAL ROLE canopy_system",
    ],
)
async def test_a_limit_of_the_wall_text_of_ones_own_on_postgresql_can_change_scope_or_role(
    postgresql_hierarchy: Store, way_out: str
) -> None:
    """The scope is a setting of the session and the login is a member of both roles.

    Whoever could send text of its own could send these. That is why a statement is never text, and why values are
    always parameters; the static test in `test_architecture.py` and the two tests above hold both.
    """
    async with postgresql_hierarchy.reader(Scope(path_of(PLACE))) as reader:
        await raw(reader, "SELECT 1")
        await reader._connection.execute(way_out)  # type: ignore[attr-defined]  # as above

        assert (await raw(reader, "SELECT count(*) FROM account"))[0] > len(VISIBLE)
