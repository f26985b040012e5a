"""Export: the files that import reads, written from one snapshot, some rows at a time.

Rows stand in an order that doesn't depend on the database's own ids, so an import into an empty database and
another export give the same files, byte for byte. Credentials and API clients are not exported.
"""

import csv
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from models.base import iso, now
from models.exchange import files
from models.exchange.dialect import dialect
from models.exchange.files import File
from models.exchange.queries import QUERIES
from models.exchange.report import Progress
from models.store import Store, Unfiltered

_BATCH = 2_000


@dataclass
class ExportReport:
    """How many rows were written of each kind, by the stem of its file."""

    kinds: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows were written in all."""
        return sum(self.kinds.values())


async def export_directory(store: Store, directory: Path, progress: Progress | None = None) -> ExportReport:
    """Write every file of the contract into the directory, which is made if need be.

    The files take their places when all are complete; until then, and after a failure, older ones stay as they were.

    Raises:
        OSError: a file can't be written.
        StoreError: the database failed.
    """
    report = ExportReport()
    with _replaced(directory) as paths:
        async with store.unfiltered("export") as db:
            if db.engine == "postgresql":
                await db.driver.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            for number, (file, path) in enumerate(paths.items()):
                if progress:
                    progress(f"writing {file.name}", number, len(paths))
                report.kinds[file.stem] = await _write(db, file, path)
    return report


@contextmanager
def _replaced(directory: Path) -> Iterator[dict[File, Path]]:
    """Where to write each file; if the block ends well, they take their places."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = {file: directory / f".{file.name}.unfinished" for file in files.ALL}
    try:
        yield paths
        for file, path in paths.items():
            path.replace(directory / file.name)
    finally:
        for path in paths.values():
            path.unlink(missing_ok=True)


async def _write(db: Unfiltered, file: File, path: Path) -> int:
    count = 0
    with _opened(path) as target:
        # Lines end as RFC 4180 has it; with a bare line feed the writer would leave carriage returns unquoted.
        writer = csv.writer(target, lineterminator="\r\n")
        writer.writerow(file.names)
        async for rows in _batches(db, dialect(db.engine, iso(now())).render(QUERIES[file])):
            writer.writerows(_cells(file, rows))
            count += len(rows)
    return count


def _opened(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8", newline="")


async def _batches(db: Unfiltered, sql: str) -> AsyncIterator[list[Sequence[Any]]]:
    """The rows of a query, some at a time, without the database's ever sending them all."""
    if db.engine == "sqlite":
        cursor = db.driver.execute(sql)
        while rows := cursor.fetchmany(_BATCH):
            yield rows
    else:
        cursor = await db.driver.cursor(sql)
        while rows := await cursor.fetch(_BATCH):
            yield rows


def _cells(file: File, rows: list[Sequence[Any]]) -> Iterable[Sequence[Any]]:
    """The rows with values as import reads them; text, numbers, days and nulls the writer spells right by itself."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for at, column in enumerate(file.columns):
        if column.kind.write is not str:
            columns[at] = [None if value is None else column.kind.write(value) for value in columns[at]]
    return zip(*columns, strict=True)
