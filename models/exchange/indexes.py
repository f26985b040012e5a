"""Loading empty tables: many rows go in several times as fast when indexes and foreign keys are made after them.

Both engines do that in the import's transaction. Only tables without a row are treated so, where nobody has
anything to read yet; on PostgreSQL it takes the owner of the tables, for whom the login of the store is tried.
"""

# ruff: noqa: S608  # SQL is put together from names of the database's catalogue; values never stand in a text

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.exchange.job import Job
from models.exchange.stage import Stage

_POSTGRESQL_PARTS = """
    SELECT c.relname, pg_get_indexdef(i.indexrelid), '' FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = 'public.{table}'::regclass
      AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
    UNION ALL
    SELECT k.conname, pg_get_constraintdef(k.oid), 'f' FROM pg_constraint k
    WHERE k.conrelid = 'public.{table}'::regclass AND k.contype = 'f'
    ORDER BY 3 DESC, 1"""
_SQLITE_PARTS = """
    SELECT name, sql, '' FROM main.sqlite_master WHERE type = 'index' AND tbl_name = '{table}' AND sql IS NOT NULL
    ORDER BY name"""
"""Name, definition and kind of each part, in the order in which they are taken off."""
# The rest is left to autovacuum, which is told to come early: on large tables this takes seconds.
_GROWN = """
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname IN ({tables})
    AND {changes} * 20 >= reltuples ORDER BY relname"""
_MAY_OWN = """
    SELECT pg_has_role(session_user, relowner, 'USAGE') FROM pg_class WHERE oid = 'public.{table}'::regclass"""


@asynccontextmanager
async def loading(job: Job, *tables: str) -> AsyncIterator[None]:
    """Write to tables: without their indexes if they are empty and many rows are coming; then let the planner see."""
    stage = job.stage
    rebuild: list[str] = []
    if job.report.rows >= job.bulk_from:
        for table in tables:
            rebuild += await _strip(stage, table)
    yield
    for statement in rebuild:
        await _as_owner(stage, statement)
    if stage.engine == "postgresql" and job.report.changes:
        names = ", ".join(f"'{table}'" for table in tables)
        for (table,) in await stage.rows(_GROWN.format(tables=names, changes=job.report.changes)):
            await _as_owner(stage, f"ANALYZE {table}")


async def _strip(stage: Stage, table: str) -> list[str]:
    """Take indexes and foreign keys off an empty table. Returns the statements that put them back."""
    if await stage.rows(f"SELECT 1 FROM {table} LIMIT 1"):
        return []
    if stage.engine == "sqlite":
        parts = await stage.rows(_SQLITE_PARTS.format(table=table))
    elif await stage.value(_MAY_OWN.format(table=table)):
        parts = await stage.rows(_POSTGRESQL_PARTS.format(table=table))
    else:
        parts = []
    rebuild: list[str] = []
    for name, definition, kind in parts:
        is_foreign = kind == "f"
        await _as_owner(
            stage, f'ALTER TABLE {table} DROP CONSTRAINT "{name}"' if is_foreign else f'DROP INDEX "{name}"'
        )
        rebuild.insert(0, f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}' if is_foreign else definition)
    return rebuild


async def _as_owner(stage: Stage, statement: str) -> None:
    if stage.engine == "sqlite":
        await stage.run(statement)
        return
    await stage.run("SET LOCAL ROLE NONE")
    await stage.run(statement)
    await stage.run("SET LOCAL ROLE canopy_system")


async def refresh_statistics(job: Job) -> None:
    """Let SQLite's planner see what the tables hold now; PostgreSQL's has seen it, table by table."""
    if job.stage.engine == "sqlite" and job.report.changes:
        await job.stage.run("PRAGMA analysis_limit = 2000")
        await job.stage.run("ANALYZE main")
