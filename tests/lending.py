"""Open stores that tests may change at will, lent to one after the other: on PostgreSQL, what one changed is undone.

A database copied, opened and dropped for each test costs ten times what most tests do with it: hundreds of files, a
few connections, and each of them reads the catalogue and plans every statement anew.
"""

import io
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from models.store import Store, open_store
from tests.databases import Databases, PostgresDatabases
from tests.templates import opened

_TIMES = 60
"""How often a database is lent: what was taken back leaves dead rows behind."""

_SHAPE = """
SELECT (SELECT md5(string_agg(concat(relname, relkind, relrowsecurity, relforcerowsecurity), ' ' ORDER BY relname))
        FROM pg_class WHERE relnamespace = 'public'::regnamespace),
       (SELECT count(*) FROM pg_class WHERE relpersistence = 't'),
       (SELECT concat(count(*), ' ', max(xmin::text::bigint)) FROM pg_policy),
       (SELECT concat(count(*), ' ', max(xmin::text::bigint)) FROM pg_trigger)
"""
_NAMES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = $1 ORDER BY relname"
_NEXT = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
"""The transaction from which on whatever is written was written by the test."""


@dataclass
class Loan:
    """A database of PostgreSQL that is lent, with all that it takes to bring it back to how it was.

    Args:
        url: of the database.
        store: on it.
        owner: a connection that no policy concerns.
        shape: of its tables and policies, which no test may change.
        rows: of each table, as PostgreSQL copies them.
        numbers: how many rows each table has.
        sequences: how far each sequence is.
        since: the transaction from which on whatever is written is a test's.
        times: how often it was lent.
    """

    url: str
    store: Store
    owner: Any
    shape: Any = None
    rows: dict[str, bytes] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    sequences: dict[str, tuple[int, bool]] = field(default_factory=dict)
    since: int = 0
    times: int = 0

    @classmethod
    async def on(cls, url: str) -> "Loan":
        """A loan of a database that nobody has touched."""
        loan = cls(url, open_store(url), await asyncpg.connect(url, server_settings={"jit": "off"}))
        loan.shape = await loan.owner.fetchrow(_SHAPE)
        names = [row[0] for row in await loan.owner.fetch(_NAMES, b"r")]
        for name in names:
            copied = io.BytesIO()
            await loan.owner.copy_from_table(name, output=copied, format="binary", schema_name="public")
            loan.rows[name] = copied.getvalue()
        loan.sequences = dict.fromkeys((row[0] for row in await loan.owner.fetch(_NAMES, b"S")), (0, False))
        loan.numbers = {name: number for name, number, _ in await loan.owner.fetch(_counted(names), 0)}
        loan.sequences = {row[0]: (row[1], row[2]) for row in await loan.owner.fetch(_reached(loan.sequences))}
        loan.since = await loan.owner.fetchval(_NEXT)
        return loan

    async def is_restored(self) -> bool:
        """Bring everything back; whether that could be done, and the database be lent again."""
        self.times += 1
        try:
            if self.times == _TIMES or await self.owner.fetchrow(_SHAPE) != self.shape:
                return False
            await self.store.bell.close()
            await self._restore()
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            return False
        return True

    async def _restore(self) -> None:
        found = await self.owner.fetch(_counted(self.rows), self.since)
        changed = [name for name, number, written in found if written or number != self.numbers[name]]
        reached = await self.owner.fetch(_reached(self.sequences))
        back = [(row[0], *self.sequences[row[0]]) for row in reached if (row[1], row[2]) != self.sequences[row[0]]]
        async with self.owner.transaction():
            await self.owner.execute("SET LOCAL session_replication_role = replica; SET LOCAL lock_timeout = '1s'")
            for name in changed:
                await self.owner.execute(f"DELETE FROM public.{name}")
                if self.numbers[name]:
                    source = io.BytesIO(self.rows[name])
                    await self.owner.copy_to_table(name, source=source, format="binary", schema_name="public")
            if back:
                await self.owner.execute(
                    "SELECT " + ", ".join(f"setval('public.{name}', {value}, {called})" for name, value, called in back)
                )
        self.since = await self.owner.fetchval(_NEXT)

    async def close(self) -> None:
        """Close what is open."""
        await self.store.close()
        await self.owner.close()


def _counted(tables: Iterable[str]) -> str:
    """How many rows each table has, and how many of them were written since a transaction."""
    written = "count(*) FILTER (WHERE xmin::text::bigint >= $1)"
    return " UNION ALL ".join(f"SELECT '{name}', count(*), {written} FROM public.{name}" for name in tables)


def _reached(sequences: Iterable[str]) -> str:
    """How far each sequence is."""
    return " UNION ALL ".join(f"SELECT '{name}', last_value, is_called FROM public.{name}" for name in sequences)


_idle: dict[str, list[Loan]] = defaultdict(list)
"""By the template."""


def is_lent_again(databases: Databases) -> bool:
    """Whether what a test changed is undone; else each gets a copy."""
    return isinstance(databases, PostgresDatabases) and databases.are_ours


@asynccontextmanager
async def lent(databases: Databases, template: str) -> AsyncIterator[Store]:
    """An open store on a database that is as the template, for as long as the block lasts."""
    if not is_lent_again(databases):
        with databases.copied(template) as url:
            async with opened(url) as store:
                yield store
        return
    loan = _idle[template].pop() if _idle[template] else await Loan.on(databases.copy_of(template))
    is_sound = False
    try:
        yield loan.store
        is_sound = await loan.is_restored()
    finally:
        if is_sound:
            _idle[template].append(loan)
        else:
            await _end(databases, [loan])


async def end_loans(databases: Databases) -> None:
    """Give up all that is idle."""
    await _end(databases, [_idle[template].pop() for template in _idle for _ in range(len(_idle[template]))])


async def _end(databases: Databases, loans: Sequence[Loan]) -> None:
    for loan in loans:
        await loan.close()
        databases.drop(loan.url)
