"""Where rows wait before they become the database's: temporary tables of the engine itself.

PostgreSQL has them in the import's own transaction, filled by COPY. On SQLite a transaction that writes keeps other
writers out, so rows wait in a file of their own, which is attached once all are read.
"""

import secrets
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from models.base import iso, now
from models.exchange.dialect import dialect
from models.identifier import new_id
from models.statement import Engine
from models.store import Store

WRITTEN = (
    "account", "account_contact", "account_term", "app_user", "identity", "manufacturer", "marketplace", "order_line",
    "orders", "plan", "plan_period", "price", "product", "product_dependency", "product_term", "seat", "subscription",
    "subscription_charge", "subscription_item", "user_denial", "user_role", "user_term", "vendor_card",
)  # fmt: skip
"""Every table that an import writes."""
_WHILE_WRITING = (
    "stage.journal_mode=OFF",
    "stage.synchronous=OFF",
    "stage.secure_delete=OFF",
    "stage.cache_size=-32768",
    "main.cache_size=-65536",
    "threads=2",
)
_AFTER_WRITING = ("main.cache_size=-2000", "threads=0")
_SMALL = 1_000
_LARGE_LOG = 64 * 1024 * 1024


class Stage(ABC):
    """Temporary tables beside the database's own; one transaction at least from `writing` on."""

    engine: Engine

    def __init__(self, store: Store) -> None:
        self.store = store
        self.moment = iso(now())
        self.dialect = dialect(self.engine, self.moment)

    @abstractmethod
    async def create(self, table: str, columns: Mapping[str, bool]) -> None:
        """Make a table for rows that are read; a column holds numbers where its value is true, else text."""

    @abstractmethod
    async def load(self, table: str, width: int, records: Iterable[Sequence[Any]]) -> None:
        """Put rows of `width` values into a table that `create` made."""

    @abstractmethod
    def writing(self) -> AbstractAsyncContextManager[None]:
        """From here on the database's own tables are read and written, in one transaction, by nobody else."""

    @abstractmethod
    async def run(self, sql: str) -> int:
        """Run one statement, macros spelled out. Returns the number of rows that it wrote."""

    @abstractmethod
    async def rows(self, sql: str) -> list[Sequence[Any]]:
        """The rows of one query, macros spelled out."""

    @abstractmethod
    async def make(self, table: str, select: str, *indexed: str) -> None:
        """Make a temporary table of a query's rows, with an index on each of the lists of columns."""

    @abstractmethod
    async def index(self, table: str, *indexed: str) -> None:
        """Give a temporary table indexes, and the planner an idea of it."""

    @abstractmethod
    async def drop(self, table: str) -> None:
        """Give up a temporary table."""

    async def value(self, sql: str) -> Any:
        """The one value of a query."""
        return (await self.rows(sql))[0][0]


class PostgresStage(Stage):
    """Everything in one transaction; what is temporary goes with it."""

    engine: Engine = "postgresql"

    def __init__(self, store: Store, driver: Any) -> None:
        super().__init__(store)
        self.driver = driver

    @classmethod
    @asynccontextmanager
    async def open(cls, store: Store) -> AsyncIterator["PostgresStage"]:
        """Open the transaction: it is committed when the block ends, rolled back when it raises."""
        async with store.unfiltered("import", write=True) as unfiltered:
            stage = cls(store, unfiltered.driver)
            await stage.run("SET LOCAL work_mem = '64MB'")
            await stage.run("SET LOCAL maintenance_work_mem = '256MB'")
            await stage.run(f"CREATE TEMP SEQUENCE IF NOT EXISTS fresh_id START {secrets.randbelow(1 << 22) + 1}")
            yield stage

    async def create(self, table: str, columns: Mapping[str, bool]) -> None:
        """See `Stage.create`."""
        types = ", ".join(
            f'"{name}" ' + ("bigint" if is_number else 'text COLLATE "C"') for name, is_number in columns.items()
        )
        await self.run(f"CREATE TEMP TABLE {table} ({types}) ON COMMIT DROP")

    async def load(self, table: str, width: int, records: Iterable[Sequence[Any]]) -> None:
        """See `Stage.load`."""
        await self.driver.copy_records_to_table(table, records=records)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """See `Stage.writing`; others go on reading."""
        await self.run(f"LOCK TABLE {', '.join(WRITTEN)} IN SHARE ROW EXCLUSIVE MODE")
        yield

    async def run(self, sql: str) -> int:
        """See `Stage.run`."""
        status: str = await self.driver.execute(self.dialect.render(sql))
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def rows(self, sql: str) -> list[Sequence[Any]]:
        """See `Stage.rows`."""
        return [tuple(record) for record in await self.driver.fetch(self.dialect.render(sql))]

    async def make(self, table: str, select: str, *indexed: str) -> None:
        """See `Stage.make`. Small tables are better off without index and statistics."""
        if await self.run(f"CREATE TEMP TABLE {table} ON COMMIT DROP AS {select}") > _SMALL:
            await self.index(table, *indexed)

    async def index(self, table: str, *indexed: str) -> None:
        """See `Stage.index`; autovacuum makes no statistics of temporary tables."""
        for columns in indexed:
            await self.run(f"CREATE INDEX ON {table} ({columns})")
        await self.run(f"ANALYZE {table}")

    async def drop(self, table: str) -> None:
        """See `Stage.drop`."""
        await self.run(f"DROP TABLE {table}")


class SqliteStage(Stage):
    """A file of its own, which becomes the schema `stage` of the store's connection."""

    engine: Engine = "sqlite"

    def __init__(self, store: Store, file: Path) -> None:
        super().__init__(store)
        self._file = file
        self._own = self.driver = sqlite3.connect(file, isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE", "secure_delete=OFF"):
            self.driver.execute(f"PRAGMA {pragma}")
        self.driver.execute("BEGIN")

    @classmethod
    @asynccontextmanager
    async def open(cls, store: Store) -> AsyncIterator["SqliteStage"]:
        """Open the file, beside the database, where there is room for it; the database waits for `writing`."""
        home = Path(store.url.removeprefix("sqlite:///")).parent
        with TemporaryDirectory(prefix=".canopy-import-", dir=home) as folder:
            stage = cls(store, Path(folder) / "stage.db")
            try:
                yield stage
            finally:
                stage._own.close()

    async def create(self, table: str, columns: Mapping[str, bool]) -> None:
        """See `Stage.create`."""
        types = ", ".join(f'"{name}" ' + ("INTEGER" if is_number else "TEXT") for name, is_number in columns.items())
        self.driver.execute(f"CREATE TABLE {table} ({types})")

    async def load(self, table: str, width: int, records: Iterable[Sequence[Any]]) -> None:
        """See `Stage.load`."""
        marks = ", ".join("?" * width)
        self.driver.executemany(f"INSERT INTO {table} VALUES ({marks})", records)  # noqa: S608  # no value in the text

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """See `Stage.writing`; SQLite knows one writer at a time, and it is this one now."""
        self.driver.execute("COMMIT")
        self.driver.close()
        try:
            async with self.store.unfiltered("import", write=True) as unfiltered:
                self.driver = unfiltered.driver
                self._attach()
                yield
        finally:
            # The store has its connection back, but nobody else had a turn since.
            self._detach()

    def _attach(self) -> None:
        """Make the file the schema `stage`. The transaction, which has seen nothing yet, is begun anew for it."""
        self.driver.create_function("fresh_id", 0, new_id)
        self.driver.execute("COMMIT")
        self.driver.execute("ATTACH ? AS stage", (str(self._file),))
        for pragma in _WHILE_WRITING:
            self.driver.execute(f"PRAGMA {pragma}")
        self.driver.execute("BEGIN IMMEDIATE")

    def _detach(self) -> None:
        if self.driver is self._own:
            return
        self.driver.execute("DETACH stage")
        for pragma in _AFTER_WRITING:
            self.driver.execute(f"PRAGMA {pragma}")
        log = Path(f"{self.store.url.removeprefix('sqlite:///')}-wal")
        if log.exists() and log.stat().st_size > _LARGE_LOG:
            self.driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    async def run(self, sql: str) -> int:
        """See `Stage.run`."""
        return max(0, self.driver.execute(self.dialect.render(sql)).rowcount)

    async def rows(self, sql: str) -> list[Sequence[Any]]:
        """See `Stage.rows`."""
        return self.driver.execute(self.dialect.render(sql)).fetchall()

    async def make(self, table: str, select: str, *indexed: str) -> None:
        """See `Stage.make`."""
        await self.run(f"CREATE TABLE stage.{table} AS {select}")
        await self.index(table, *indexed)

    async def index(self, table: str, *indexed: str) -> None:
        """See `Stage.index`."""
        for number, columns in enumerate(indexed):
            await self.run(f"CREATE INDEX stage.{table}_{number} ON {table} ({columns})")

    async def drop(self, table: str) -> None:
        """See `Stage.drop`."""
        await self.run(f"DROP TABLE stage.{table}")


def open_stage(store: Store) -> AbstractAsyncContextManager[Stage]:
    """The stage of the store's engine."""
    return PostgresStage.open(store) if store.engine == "postgresql" else SqliteStage.open(store)
