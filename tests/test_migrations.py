"""Migrations: the tables that the models declare, all or nothing, also by a login without special rights."""

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, false, inspect, select
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

import models.migrations
from models import roles
from models.base import table_of
from models.migrations import latest, migrate
from models.policy.rules import RULES
from models.roles import name_roles
from models.statement import Statement
from models.user import Role
from resolvers.privileges import ROLE_NAMES
from tests.databases import Databases
from tests.hierarchy import Expectation, World, differences, insert_world
from tests.nursery import Nursery
from tests.postgres import Server
from tests.templates import migrated_template, opened


@pytest.fixture
def empty_url(databases: Databases) -> Iterator[str]:
    """An empty database."""
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture
def other_empty_url(databases: Databases) -> Iterator[str]:
    """Another empty database."""
    url = databases.create()
    yield url
    databases.drop(url)


def on(url: str, work: Callable[[Connection], Any]) -> Any:
    """What a function gives that works with the database over SQLAlchemy, as Alembic does."""
    if url.startswith("sqlite"):
        with create_engine(url, poolclass=NullPool).begin() as connection:
            return work(connection)

    async def over_asyncpg() -> Any:
        address = url.removeprefix("postgresql")
        async with create_async_engine(f"postgresql+asyncpg{address}", poolclass=NullPool).begin() as connection:
            return await connection.run_sync(work)

    return asyncio.run(over_asyncpg())


def description(connection: Connection) -> dict[str, list[str]]:
    """Everything about every table as the database itself describes it, but for the version of the migrations."""
    look = inspect(connection)
    aspects: dict[str, Callable[[str], Any]] = {
        "columns": look.get_columns,
        "primary key": lambda table: [look.get_pk_constraint(table)],
        "foreign keys": look.get_foreign_keys,
        "unique": look.get_unique_constraints,
        "checks": look.get_check_constraints,
        "indexes": look.get_indexes,
    }
    return {
        f"{table}: {aspect}": sorted(json.dumps(found, default=str, sort_keys=True) for found in describe(table))
        for table in look.get_table_names()
        for aspect, describe in aspects.items()
        if table != "alembic_version"
    }


def test_an_empty_database_is_brought_to_the_latest_version_once(empty_url: str) -> None:
    assert migrate(empty_url) == (None, latest())
    assert migrate(empty_url) == (latest(), latest())


def test_migrations_form_one_line() -> None:
    scripts = ScriptDirectory(str(Path(models.migrations.__file__).parent))

    assert scripts.get_heads() == [latest()]
    assert len(scripts.get_bases()) == 1


def test_a_migrated_database_is_the_one_that_the_models_would_create(empty_url: str, other_empty_url: str) -> None:
    migrate(empty_url)
    on(other_empty_url, SQLModel.metadata.create_all)

    assert on(empty_url, description) == on(other_empty_url, description)


def test_alembic_finds_nothing_to_migrate(empty_url: str) -> None:
    # Indexes that each engine has in a form of its own stand in the metadata twice, under one name, which Alembic
    # takes for a change; the test above compares them.
    options = {
        "compare_type": True,
        "compare_server_default": True,
        "include_object": lambda thing, name, kind, reflected, other: kind != "index",
    }
    migrate(empty_url)

    found = on(empty_url, lambda c: compare_metadata(MigrationContext.configure(c, opts=options), SQLModel.metadata))
    assert found == []


def test_a_migration_that_fails_leaves_the_database_as_it_was(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path: read(path) + ";\n\nCREATE TABLE account (id INTEGER)")
    with pytest.raises(Exception, match=r"account.* already exists"):
        migrate(empty_url)

    assert on(empty_url, lambda connection: inspect(connection).get_table_names()) == []
    monkeypatch.undo()
    assert migrate(empty_url) == (None, latest())


def test_two_processes_may_migrate_at_once(empty_url: str, nursery: Nursery, tmp_path: Path) -> None:
    told = [tmp_path / "one", tmp_path / "other"]
    processes = [nursery.start(["migrate"], {"CANOPY_DATABASE_URL": empty_url}, each) for each in told]
    deadline = time.monotonic() + 30
    while None in (codes := [nursery.code(process) for process in processes]):
        assert time.monotonic() < deadline
        time.sleep(0.02)

    assert codes == [0, 0], [each.read_text() for each in told]
    at = f"The database is at version {latest()}"
    assert {each.read_text() for each in told} == {f"{at} (was empty).\n", f"{at}.\n"}


async def test_roles_that_another_process_adds_meanwhile_are_no_obstacle(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(migrate, empty_url)
    async with opened(empty_url) as store:
        await name_roles(store, ROLE_NAMES)
        monkeypatch.setattr(roles, "_ALL", Statement(select(table_of(Role)).where(false())))  # as it was a moment ago
        await name_roles(store, ROLE_NAMES)
        async with store.unfiltered("count") as db:
            ((count,),) = await db.sql("SELECT count(*) FROM role")

    assert count == len(ROLE_NAMES)


@pytest.fixture(params=["CREATEROLE", "IN ROLE canopy_reader, canopy_writer, canopy_system"])
def plain_url(request: pytest.FixtureRequest, postgres: Server, postgresql_databases: Databases) -> Iterator[str]:
    """An empty database of a login that is no superuser, and may make the roles or was given them."""
    migrated_template(postgresql_databases)  # by now the roles are there: they belong to the server
    with plain_login(postgres, request.param) as url:
        yield url


@contextmanager
def plain_login(postgres: Server, rights: str) -> Iterator[str]:
    """The URL of an empty database of a new login with some rights."""
    name = f"canopy_plain_{secrets.token_hex(4)}"
    postgres.execute(f"CREATE ROLE {name} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD 'plain' {rights}")
    postgres.execute(f"CREATE DATABASE {name} OWNER {name}")
    try:
        yield postgres.database_url(name, f"{name}:plain")
    finally:
        postgres.drop_database(name)
        postgres.execute(f"DROP ROLE {name}")


async def test_a_login_without_special_rights_migrates_and_its_store_filters(
    plain_url: str, world: World, expected: list[Expectation]
) -> None:
    await asyncio.to_thread(migrate, plain_url)
    async with opened(plain_url) as store:
        await name_roles(store, ROLE_NAMES)
        await insert_world(store, world)

        assert [line async for line in differences(store, expected, RULES)] == []


async def test_the_login_that_owns_the_tables_sees_no_row_until_it_takes_a_role(plain_url: str, world: World) -> None:
    await asyncio.to_thread(migrate, plain_url)
    async with opened(plain_url) as store:
        await insert_world(store, world | {"user_role": []})
    owner = await asyncpg.connect(plain_url)
    bare = {table: await owner.fetchval(f"SELECT count(*) FROM {table}") for table in RULES}
    await owner.execute("SET ROLE canopy_system")
    as_system = await owner.fetchval("SELECT count(*) FROM account")
    await owner.close()

    assert bare == dict.fromkeys(RULES, 0)
    assert as_system == len(world["account"])


def test_a_login_that_can_neither_make_nor_take_the_roles_is_refused_and_leaves_nothing(
    postgres: Server, postgresql_databases: Databases
) -> None:
    migrated_template(postgresql_databases)
    with plain_login(postgres, "") as url:
        with pytest.raises(ProgrammingError, match='role "canopy_reader"'):
            migrate(url)

        assert on(url, lambda connection: inspect(connection).get_table_names()) == []
