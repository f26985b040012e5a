"""Import: rows from files or from memory into the database, all of them or none."""

import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from models.exchange import accounts, catalogue, charges, files, offers, orders, prices, subscriptions, users
from models.exchange.files import Sources
from models.exchange.indexes import refresh_statistics
from models.exchange.intake import staged_columns, take_file, take_rows
from models.exchange.job import Job
from models.exchange.problems import Problems, Source
from models.exchange.report import ImportReport, Progress
from models.exchange.sheet import is_price_sheet
from models.exchange.stage import Stage, open_stage
from models.store import Store, StoreError

BULK_FROM = 50_000
"""Rows from which on tables that are empty get their indexes after the rows."""

_STEPS = (catalogue, accounts, users, prices, subscriptions, charges, orders)


async def import_directory(
    store: Store,
    directory: Path,
    *,
    max_problems: int = 50,
    progress: Progress | None = None,
    marketplace: str | None = None,
) -> ImportReport:
    """Import the files of a directory whose names are in the contract, and price sheets, which may have any name.

    Args:
        store: a migrated database that knows its roles.
        directory: with at least one such file. A CSV file that is neither is a problem, others are not looked at.
        max_problems: how many problems are told one by one.
        progress: told how it goes.
        marketplace: as for `import_price_sheet`.

    Raises:
        ImportRefusedError: something is wrong with the files; nothing was changed.
        StoreError: the database failed; nothing was changed.
    """

    async def fill(job: Job) -> None:
        found = _csv_files(directory)
        if not found:
            _refuse_file(job, directory, "holds no CSV file")
        for path in found:
            await _take(job, path, marketplace)

    return await _run(store, fill, max_problems, progress)


async def import_rows(
    store: Store,
    sources: Sources,
    *,
    max_problems: int = 50,
    progress: Progress | None = None,
    bulk_from: int = BULK_FROM,
) -> ImportReport:
    """Import rows from memory, as if they stood in files of the names that the sources go by.

    Args:
        store: a migrated database that knows its roles.
        sources: by file name; taken in the order of the contract, each once, and never held as a whole.
        max_problems: how many problems are told one by one.
        progress: told how it goes.
        bulk_from: from how many rows on tables that are empty get their indexes after the rows.

    Raises:
        ImportRefusedError: something is wrong with the rows; nothing was changed.
        StoreError: the database failed; nothing was changed.
        KeyError: a source goes by a name that no file has.
    """

    async def fill(job: Job) -> None:
        for name, source in sorted(sources.items(), key=lambda item: _order(item[0])):
            file = files.BY_NAME[name]
            told = _teller(job, file.name, None)
            job.said[file] = frozenset(file.names)
            job.tally(file).read += await take_rows(job.stage, file, source(), job.problems, told)

    return await _run(store, fill, max_problems, progress, bulk_from)


async def import_price_sheet(
    store: Store,
    path: Path,
    *,
    marketplace: str | None = None,
    max_problems: int = 50,
    progress: Progress | None = None,
) -> ImportReport:
    """Import the price sheet of Microsoft's cloud solution provider program as products, plans and prices.

    Args:
        store: a migrated database with marketplaces for the sheet's markets, and a provider.
        path: the CSV file as it was downloaded.
        marketplace: code of the one marketplace for which prices are taken: rows of other countries are left out.
            None: every row is for the marketplace of its country.
        max_problems: how many problems are told one by one.
        progress: told how it goes.

    Raises:
        ImportRefusedError: something is wrong with the sheet; nothing was changed.
        StoreError: the database failed; nothing was changed.
    """

    async def fill(job: Job) -> None:
        await offers.take_sheet(job, path, marketplace, _teller(job, path.name, path))

    return await _run(store, fill, max_problems, progress)


async def _take(job: Job, path: Path, marketplace: str | None) -> None:
    told = _teller(job, path.name, path)
    file = files.BY_NAME.get(path.name)
    if file:
        tally = job.tally(file)
        tally.read, job.said[file] = await take_file(job.stage, file, path, job.problems, told)
    elif is_price_sheet(path):
        await offers.take_sheet(job, path, marketplace, told)
    else:
        _refuse_file(job, path, f"is neither a price sheet nor one of {', '.join(files.BY_NAME)}")


def _refuse_file(job: Job, path: Path, reason: str) -> None:
    job.problems.add(job.problems.add_source(Source(path.name)) + 1, "", path.name, reason)


def _csv_files(directory: Path) -> list[Path]:
    found = (path for path in directory.iterdir() if path.suffix.lower() == ".csv")
    return sorted(found, key=lambda path: (_order(path.name), path.name))


def _order(name: str) -> int:
    """Where files of the contract stand in it; others come after them."""
    return list(files.BY_NAME).index(name) if name in files.BY_NAME else len(files.BY_NAME)


def _teller(job: Job, name: str, path: Path | None) -> Callable[[int], None]:
    total = path.stat().st_size if path else None
    return lambda done: job.progress(f"reading {name}", done, total)


async def _run(
    store: Store,
    fill: Callable[[Job], Awaitable[None]],
    max_problems: int,
    progress: Progress | None,
    bulk_from: int = BULK_FROM,
) -> ImportReport:
    began = time.monotonic()
    async with _failures_told(), open_stage(store) as stage:
        job = Job(stage, Problems(max_problems), bulk_from, progress or (lambda _stage, _done, _total: None))
        await _prepare(stage)
        await fill(job)
        async with stage.writing():
            await _apply(job)
    job.report.seconds = time.monotonic() - began
    return job.report


@asynccontextmanager
async def _failures_told() -> AsyncIterator[None]:
    try:
        yield
    except (sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise StoreError(f"the import failed and changed nothing: {error}") from error


async def _prepare(stage: Stage) -> None:
    for file in files.ALL:
        await stage.create(f"in_{file.stem}", staged_columns(file))
    await stage.create("in_product_terms", {"id": True, "terms": False})
    await offers.prepare(stage)


async def _apply(job: Job) -> None:
    """Check what was read against itself and the database; write it if nothing is wrong."""
    stage = job.stage
    staged = [*(file.stem for file in files.ALL), "sheets"]
    await stage.make("flawed", " UNION ALL ".join(map(_flawed, staged)), "place")
    await offers.add_catalogue(job)
    for number, step in enumerate(_STEPS):
        job.progress("checking", number, len(_STEPS))
        if step is prices:
            await offers.add_prices(job)
        await step.resolve(job)
        for file in step.FILES:
            await stage.drop(f"in_{file.stem}")  # the room is wanted for what is made of it
    job.problems.raise_if_any()
    for number, step in enumerate(_STEPS):
        job.progress("writing", number, len(_STEPS))
        await step.write(job)
    await refresh_statistics(job)
    job.progress("writing", len(_STEPS), len(_STEPS))


def _flawed(stem: str) -> str:
    return f"SELECT place FROM in_{stem} WHERE is_flawed = 1"  # noqa: S608  # a name of this package
