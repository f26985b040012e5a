"""Bringing a database to the present version, on either engine, with Alembic.

Alembic is imported when something is migrated: whoever only wants to know the version doesn't wait for it.
"""

import asyncio
import sqlite3
from functools import cache, partial
from pathlib import Path

from sqlalchemy import Connection, create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from models.store import Unfiltered, engine_of

_HERE = Path(__file__).parent


def _migrate(connection: Connection) -> tuple[str | None, str | None]:
    from alembic import command
    from alembic.config import Config
    from alembic.migration import MigrationContext

    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.attributes["connection"] = connection
    _begin(connection)
    before = MigrationContext.configure(connection).get_current_revision()
    command.upgrade(config, "head")
    return before, MigrationContext.configure(connection).get_current_revision()


def _begin(connection: Connection) -> None:
    """Open the transaction, and wait for any other process that migrates the same database."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('canopy-migrate'))")
    else:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@cache
def latest() -> str:
    """The version that this program works with: of the versions' files, whose names begin with it, the last."""
    return max(file.name.partition("_")[0] for file in (_HERE / "versions").glob("[0-9]*.py"))


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
