"""Export: the files that import reads, written from one snapshot, row by row.

Rows stand in an order that doesn't depend on the database's own ids, so an import into an empty database and
another export give the same files, byte for byte. Credentials and API clients are not exported.
"""

import csv
import os
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.base import iso, now
from models.exchange import files
from models.exchange.dialect import Dialect, dialect
from models.exchange.files import File
from models.exchange.queries import QUERIES
from models.exchange.report import Progress
from models.exchange.values import BOOLEAN
from models.store import Store, Unfiltered

_BATCH = 2_000


@dataclass
class ExportReport:
    """How many rows were written of each kind, by the stem of its file."""

    kinds: dict[str, int] = field(default_factory=dict)


async def export_directory(store: Store, directory: Path, progress: Progress | None = None) -> ExportReport:
    """Write every file of the contract into the directory, which is made if need be; older ones are replaced.

    The files take their places when all are complete, so a failure leaves older ones as they were.

    Raises:
        OSError: a file can't be written.
        StoreError: the database failed.
    """
    report = ExportReport()
    directory.mkdir(parents=True, exist_ok=True)
    async with store.unfiltered("export") as db:
        if db.engine == "postgresql":
            await db.sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        spelled = dialect(db.engine, iso(now()))
        for number, file in enumerate(files.ALL):
            if progress:
                progress("writing", number, len(files.ALL))
            rows = _rows(db, spelled.render(QUERIES[file]))
            report.kinds[file.stem] = await _write(_unfinished(directory, file), file, rows)
    for file in files.ALL:
        os.replace(_unfinished(directory, file), directory / file.name)
    return report
