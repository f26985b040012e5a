"""What a database says of itself: its version, who is signed in, what guards the rows, what time it is."""

import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.check import unguarded
from models.migrations import latest
from models.store import Store, StoreError, Unfiltered


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a database says of itself.

    Args:
        engine: with its version.
        version: of the tables; None where there are none.
        wanted: the version that this program works with.
        seconds_ahead: how far its clock is ahead of this machine's; 0 where it has none of its own.
        unguarded: what is wrong with the filter, a sentence for each.
        uncompared: why it can't be said what is; empty if it can.
        mighty_login: the login may pass the filter by, were it not for the roles that it takes.
        mighty_roles: roles of ours that pass it by.
        owning_roles: roles of ours that own tables, and so could change what guards them.
        journal: SQLite's journal mode; empty elsewhere.
        is_open_to_others: other users of the machine may read the file.
    """

    engine: str
    version: str | None
    wanted: str
    seconds_ahead: float = 0.0
    unguarded: Sequence[str] = field(default=())
    uncompared: str = ""
    mighty_login: bool = False
    mighty_roles: Sequence[str] = field(default=())
    owning_roles: Sequence[str] = field(default=())
    journal: str = ""
    is_open_to_others: bool = False


_ROLES = "('canopy_reader', 'canopy_writer', 'canopy_system')"
_FILTERED = "('canopy_reader', 'canopy_writer')"


async def diagnose(store: Store) -> Diagnosis:
    """Ask a database about itself.

    Raises:
        StoreError: it can't be reached.
    """
    async with store.unfiltered("canopy doctor") as db:
        found = await (_postgresql(db) if store.engine == "postgresql" else _sqlite(db, store.url))
    if store.engine == "sqlite" or found.version != found.wanted:
        return found
    try:
        wrong = await unguarded(store)
    except StoreError as error:
        return replace(found, uncompared=str(error))
    return replace(found, unguarded=[f"{each.what}: {', '.join(each.examples)}" for each in wrong])


async def _postgresql(db: Unfiltered) -> Diagnosis:
    before = time.time()
    ((there, engine),) = await db.sql(
        "SELECT extract(epoch FROM clock_timestamp())::float8, current_setting('server_version')"
    )
    here = (before + time.time()) / 2
    ((mighty,),) = await db.sql("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = session_user")
    roles = await db.sql(f"SELECT rolname FROM pg_roles WHERE rolname IN {_FILTERED} AND (rolsuper OR rolbypassrls)")
    owning = await db.sql(
        "SELECT DISTINCT r.rolname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner"
        f" WHERE c.relkind = 'r' AND r.rolname IN {_ROLES} ORDER BY 1"
    )
    tables = await db.sql("SELECT to_regclass('public.alembic_version') IS NOT NULL")
    is_there = bool(tables[0][0])
    return Diagnosis(
        f"PostgreSQL {engine}",
        await _version(db) if is_there else None,
        latest(),
        float(there) - here,
        mighty_login=bool(mighty),
        mighty_roles=[str(row[0]) for row in roles],
        owning_roles=[str(row[0]) for row in owning],
    )


async def _sqlite(db: Unfiltered, url: str) -> Diagnosis:
    ((engine,),) = await db.sql("SELECT sqlite_version()")
    ((journal,),) = await db.sql("PRAGMA journal_mode")
    is_there = bool(await db.sql("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"))
    return Diagnosis(
        f"SQLite {engine}",
        await _version(db) if is_there else None,
        latest(),
        journal=str(journal),
        is_open_to_others=_is_open_to_others(Path(url.removeprefix("sqlite:///"))),
    )


def _is_open_to_others(file: Path) -> bool:
    return bool(file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


async def _version(db: Unfiltered) -> str | None:
    return next((str(row[0]) for row in await db.sql("SELECT version_num FROM alembic_version")), None)
