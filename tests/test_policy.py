"""The filter as the databases themselves describe it: nothing without a rule, nothing beside the rules."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import func, select
from sqlmodel import SQLModel

from models.policy.postgresql import postgresql_ddl
from models.policy.rules import RULES, UNREADABLE
from models.policy.writes import WRITES, Write
from models.scope import Scope
from models.sqlite import _Connection
from models.sqlite_writer import WritingConnection
from models.statement import Statement
from tests.databases import Databases
from tests.templates import migrated_template, opened

TABLES = sorted(RULES.keys() | UNREADABLE)


@pytest.fixture
async def owner(postgresql_databases: Databases) -> AsyncIterator[Any]:
    """A connection to a migrated PostgreSQL database as the login that owns the tables; what it does is undone."""
    with postgresql_databases.copied(migrated_template(postgresql_databases)) as url:
        connection = await asyncpg.connect(url)
        await connection.execute("BEGIN")
        yield connection
        await connection.close()


async def policies(owner: Any) -> list[tuple[Any, ...]]:
    """Every policy as the server spells it."""
    return [tuple(row) for row in await owner.fetch("SELECT * FROM pg_policies ORDER BY tablename, policyname")]


async def leaking_views(owner: Any) -> list[str]:
    """Views that are read with the rights of their owner, and copies of rows, which no policy can filter."""
    return await names(
        owner,
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND (relkind = 'm' OR relkind = 'v'"
        " AND NOT coalesce(reloptions @> '{security_invoker=true}', false))",
    )


async def leaking_functions(owner: Any) -> list[str]:
    """Functions that run with the rights of their owner and that readers or writers may call."""
    return await names(
        owner,
        "SELECT proname FROM pg_proc WHERE prosecdef AND (has_function_privilege('canopy_reader', oid, 'EXECUTE')"
        " OR has_function_privilege('canopy_writer', oid, 'EXECUTE'))",
    )


async def names(owner: Any, query: str) -> list[str]:
    """The first column of a query's rows."""
    return [row[0] for row in await owner.fetch(query)]


def test_every_table_has_a_rule_or_is_unreadable_and_none_is_both() -> None:
    assert set(SQLModel.metadata.tables) | {"alembic_version"} == set(TABLES)
    assert not RULES.keys() & UNREADABLE


async def test_the_database_has_no_other_tables(owner: Any) -> None:
    query = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'f')"

    assert sorted(await names(owner, query)) == TABLES


async def test_row_level_security_is_on_and_forced_on_every_readable_table(owner: Any) -> None:
    query = (
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relrowsecurity AND relforcerowsecurity ORDER BY relname"
    )

    assert await names(owner, query) == sorted(RULES)


async def test_the_policies_of_a_migrated_database_are_exactly_those_of_the_rules(owner: Any) -> None:
    migrated = await policies(owner)
    for policy in migrated:
        await owner.execute(f"DROP POLICY {policy[2]} ON {policy[1]}")
    assert await policies(owner) == []
    for statement in postgresql_ddl():
        await owner.execute(statement)

    assert migrated == await policies(owner)


async def test_no_view_reads_with_its_owners_rights(owner: Any) -> None:
    assert await leaking_views(owner) == []

    await owner.execute("CREATE VIEW careful WITH (security_invoker = true) AS SELECT * FROM account")
    await owner.execute("CREATE VIEW careless AS SELECT * FROM account")
    await owner.execute("CREATE MATERIALIZED VIEW frozen AS SELECT * FROM account")
    assert sorted(await leaking_views(owner)) == ["careless", "frozen"]


async def test_the_reader_can_call_no_function_that_runs_with_its_owners_rights(owner: Any) -> None:
    assert await leaking_functions(owner) == []

    await owner.execute(
        "CREATE FUNCTION careless() RETURNS bigint SECURITY DEFINER RETURN (SELECT count(*) FROM account)"
    )
    assert await leaking_functions(owner) == ["careless"]


@pytest.mark.parametrize("role", ["canopy_reader", "canopy_writer", "canopy_system"])
async def test_no_role_can_bypass_the_policies(owner: Any, role: str) -> None:
    attributes = "rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication"
    oid = f"'{role}'::regrole"

    assert not any(await owner.fetchrow(f"SELECT {attributes} FROM pg_roles WHERE oid = {oid}"))
    assert await names(owner, f"SELECT objid FROM pg_shdepend WHERE deptype = 'o' AND refobjid = {oid}") == []
    assert await names(owner, f"SELECT roleid FROM pg_auth_members WHERE member = {oid}") == []
    assert not await owner.fetchval(f"SELECT has_schema_privilege({oid}, 'public', 'CREATE')")


async def test_the_reader_may_select_from_the_tables_with_rules_and_do_nothing_else(owner: Any) -> None:
    granted = await owner.fetch(
        "SELECT c.relname, p.name FROM pg_class c, unnest($1::text[]) p(name)"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
        " AND has_table_privilege('canopy_reader', c.oid, p.name) ORDER BY 1",
        ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"],
    )
    columns = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND"
        " has_any_column_privilege('canopy_reader', oid, 'SELECT, INSERT, UPDATE, REFERENCES') ORDER BY relname"
    )
    sequences = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND"
        " CASE relkind WHEN 'S' THEN has_sequence_privilege('canopy_reader', oid, 'SELECT, USAGE, UPDATE') END"
    )

    assert [tuple(row) for row in granted] == [(table, "SELECT") for table in sorted(RULES)]
    assert await names(owner, columns) == sorted(RULES)
    assert await names(owner, sequences) == []


def written(action: str) -> list[str]:
    """The tables of which rows may be inserted, updated or deleted."""
    return [table for table in sorted(RULES) if getattr(WRITES.get(table, Write()), action)]


async def test_the_writer_may_do_what_the_rules_for_writing_say_and_nothing_else(owner: Any) -> None:
    granted = await owner.fetch(
        "SELECT p.name, array_agg(c.relname::text ORDER BY c.relname) FROM pg_class c, unnest($1::text[]) p(name)"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
        " AND has_table_privilege('canopy_writer', c.oid, p.name) GROUP BY 1",
        ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"],
    )
    columns = await owner.fetch(
        "SELECT c.relname, array_agg(a.attname::text) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped"
        " AND has_column_privilege('canopy_writer', c.oid, a.attnum, 'UPDATE') GROUP BY 1"
    )
    numbered = [table for table in written("insert") if "id" in SQLModel.metadata.tables[table].c]
    sequences = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND"
        " CASE relkind WHEN 'S' THEN has_sequence_privilege('canopy_writer', oid, 'SELECT, USAGE, UPDATE') END"
    )

    assert dict(granted) == {
        "SELECT": sorted(RULES),
        "INSERT": written("insert"),
        "DELETE": written("delete"),
    }
    assert {table: frozenset(names) for table, names in columns} == {
        table: WRITES[table].columns for table in written("update")
    }
    assert sorted(await names(owner, sequences)) == sorted(f"{table}_id_seq" for table in numbered)


def test_what_places_a_row_in_the_tree_is_never_changed() -> None:
    placing = {"id", "path", "seller_path", "shard_id", "account_id", "parent_id", "seller_id", "created_at"}

    assert [table for table, write in WRITES.items() if write.columns & placing] == []
    assert [table for table, write in WRITES.items() if bool(write.columns) != bool(write.update)] == []
    assert WRITES.keys() <= RULES.keys()


@pytest.mark.parametrize("role", ["canopy_reader", "canopy_writer"])
@pytest.mark.parametrize("table", sorted(UNREADABLE))
async def test_readers_and_writers_are_refused_the_tables_without_a_rule(owner: Any, table: str, role: str) -> None:
    await owner.execute(f"SET ROLE {role}")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await owner.execute(f"SELECT 1 FROM {table}")


async def test_not_even_the_system_may_change_the_change_log(owner: Any) -> None:
    query = (
        "SELECT p.name FROM unnest($1::text[]) p(name) WHERE has_table_privilege('canopy_system', 'audit', p.name)"
        " OR (p.name = 'UPDATE' AND has_any_column_privilege('canopy_system', 'audit', p.name))"
    )
    actions = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"]

    assert [row[0] for row in await owner.fetch(query, actions)] == ["SELECT", "INSERT"]


async def test_reading_connections_let_statements_decide_about_their_plans_and_cannot_write(
    postgresql_databases: Databases,
) -> None:
    settings = {
        "plan_cache_mode": "auto",
        "role": "canopy_reader",
        "search_path": "public",
        "statement_timeout": "5s",
        "transaction_isolation": "repeatable read",
        "transaction_read_only": "on",
    }
    statement = Statement(select(*(func.current_setting(name).label(name) for name in settings)))
    with postgresql_databases.copied(migrated_template(postgresql_databases)) as url:
        async with opened(url) as store, store.reader(Scope("000001")) as reader:
            (row,) = await reader.rows(statement)

    assert dict(row) == settings


def test_on_sqlite_every_table_but_the_unreadable_is_shadowed_by_a_view(sqlite_databases: Databases) -> None:
    with sqlite_databases.copied(migrated_template(sqlite_databases)) as url:
        driver = _Connection(Path(url.removeprefix("sqlite:///"))).driver
        driver.set_authorizer(None)
        tables = {row[0] for row in driver.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")}
        shadows = {row[0] for row in driver.execute("SELECT name FROM sqlite_temp_master WHERE type = 'view'")}
        driver.close()

    assert tables - UNREADABLE == shadows & tables
    assert len(shadows) == 2 * len(RULES)


def test_on_sqlite_every_table_stands_behind_a_view_and_three_triggers_of_the_writer(
    sqlite_databases: Databases,
) -> None:
    with sqlite_databases.copied(migrated_template(sqlite_databases)) as url:
        driver = WritingConnection(Path(url.removeprefix("sqlite:///"))).driver
        driver.set_authorizer(None)
        tables = {row[0] for row in driver.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")}
        views = {row[0] for row in driver.execute("SELECT name FROM sqlite_temp_master WHERE type = 'view'")}
        guarded = list(
            driver.execute("SELECT tbl_name, count(*) FROM sqlite_temp_master WHERE type = 'trigger' GROUP BY 1")
        )
        driver.close()

    assert tables - {"alembic_version"} == views & tables == {table for table, number in guarded if number == 3}
