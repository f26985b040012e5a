"""Bringing a database to the present version, on either engine, with Alembic."""

import asyncio
import sqlite3
from functools import partial
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from models.store import Unfiltered, engine_of


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


def _migrate(connection: Connection) -> tuple[str | None, str | None]:
    _begin(connection)
    before = MigrationContext.configure(connection).get_current_revision()
    command.upgrade(_config(connection), "head")
    return before, MigrationContext.configure(connection).get_current_revision()


def _begin(connection: Connection) -> None:
    """Open the transaction, and wait for any other process that migrates the same database."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('canopy-migrate'))")
    else:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def latest() -> str | None:
    """The version that this program works with."""
    return ScriptDirectory.from_config(_config()).get_current_head()


async def is_current(db: Unfiltered) -> bool:
    """Whether the database is of the latest version; one that was never migrated isn't."""
    return [tuple(row) for row in await db.sql("SELECT version_num FROM alembic_version")] == [(latest(),)]


def migrate(url: str) -> tuple[str | None, str | None]:
    """Bring the database at `url` (as `CANOPY_DATABASE_URL` takes it) to the latest version.

    Call it outside an event loop. All of it happens in one transaction: a failure leaves the database as it was.

    Returns:
        The version before (None for an empty database) and after.
    """
    if engine_of(url) == "sqlite":
        file = Path(url.removeprefix("sqlite:///"))
        file.parent.mkdir(parents=True, exist_ok=True)
        # Without an isolation level the driver leaves BEGIN to us; with one it would not put CREATE in a transaction.
        driver = partial(sqlite3.connect, file, isolation_level=None, timeout=60)
        with create_engine("sqlite://", creator=driver, poolclass=NullPool).begin() as connection:
            return _migrate(connection)

    async def over_asyncpg() -> tuple[str | None, str | None]:
        engine = create_async_engine("postgresql+asyncpg://" + url.split("://", 1)[1], poolclass=NullPool)
        async with engine.begin() as connection:
            return await connection.run_sync(_migrate)

    return asyncio.run(over_asyncpg())
