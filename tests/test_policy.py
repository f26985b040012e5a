"""The filter as the databases themselves describe it: nothing without a rule, nothing beside the rules."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import func, select
from sqlmodel import SQLModel

from models.policy import RULES, UNREADABLE, postgresql_ddl
from models.scope import Scope
from models.sqlite import _Connection
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
    """Functions that run with the rights of their owner and that the reader may call."""
    return await names(
        owner,
        "SELECT proname FROM pg_proc WHERE prosecdef AND has_function_privilege('canopy_reader', oid, 'EXECUTE')",
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
    for table in RULES:
        await owner.execute(f"DROP POLICY scope ON {table}; DROP POLICY unfiltered ON {table}")
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


@pytest.mark.parametrize("role", ["canopy_reader", "canopy_system"])
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


@pytest.mark.parametrize("table", sorted(UNREADABLE))
async def test_the_reader_is_refused_the_tables_without_a_rule(owner: Any, table: str) -> None:
    await owner.execute("SET ROLE canopy_reader")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await owner.execute(f"SELECT 1 FROM {table}")


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
