"""What the wall holds even against text over a reader's own connection, which no caller can reach, and what it doesn't.

The rest of the bypass catalogue: statements that only text can say.
"""

import sqlite3
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import literal, select

from models.scope import Scope
from models.statement import Statement
from models.store import Reader, Store
from tests.hierarchy import path_of
from tests.test_statement_shapes import PLACE, VISIBLE, sorted_values

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
    "WITH account AS (SELECT * FROM main.account) SELECT name FROM account",
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


async def raw(reader: Reader, sql: str) -> list[Any]:
    """The first column of text sent over the reader's own connection, which nothing but a test gets hold of."""
    await reader.rows(Statement(select(literal(1))))
    connection: Any = reader._connection  # type: ignore[attr-defined]  # what the wall is tried against
    if reader.engine == "sqlite":
        return [row[0] for row in connection.driver.execute(sql)]
    return [row[0] for row in await connection.fetch(sql)]


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

    Whoever could send text of its own could send these. That is why a statement is never text, why values are always
    parameters, and why a reader takes nothing else; `test_statement_shapes.py` and `test_architecture.py` hold that.
    """
    async with postgresql_hierarchy.reader(Scope(path_of(PLACE))) as reader:
        await raw(reader, "SELECT 1")
        await reader._connection.execute(way_out)  # type: ignore[attr-defined]  # as above

        assert (await raw(reader, "SELECT count(*) FROM account"))[0] > len(VISIBLE)
