"""How fast an import is: rows a second, and the most memory that it takes, for a demo tree of N accounts from files.

    python -m bench.imports --accounts 1000000 --database-url sqlite:////tmp/bench.db
    python -m bench.imports --accounts 1000000 --database-url postgresql://user@host/empty_database

The database must be empty; it is migrated and filled. The files are made by a process of their own, so that the
memory is the import's alone; `--directory` keeps them for another run.
"""

import argparse
import asyncio
import csv
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from models.demo import demo_sources
from models.exchange import files
from models.exchange.load import import_directory
from models.migrations import migrate
from models.roles import name_roles
from models.store import open_store
from resolvers.privileges import ROLE_NAMES

SEED = 1


def write_files(directory: Path, accounts: int) -> None:
    """The demo tree as a directory to import."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, rows in demo_sources(accounts, SEED).items():
        with (directory / name).open("w", encoding="utf-8", newline="") as target:
            writer = csv.writer(target)
            writer.writerow(files.BY_NAME[name].names)
            writer.writerows(rows())


async def measure(url: str, directory: Path, *, tell_steps: bool) -> None:
    """Import the directory and print what it took."""
    began = last = time.monotonic()

    def tell(stage: str, done: int, total: int | None) -> None:
        nonlocal last
        if tell_steps and stage in {"checking", "writing"}:
            print(f"  {time.monotonic() - last:7.1f} s until {stage} {done}/{total}", flush=True)
            last = time.monotonic()

    store = open_store(url)
    try:
        await name_roles(store, ROLE_NAMES)
        report = await import_directory(store, directory, progress=tell)
    finally:
        await store.close()
    seconds = time.monotonic() - began
    for kind, tally in report.kinds.items():
        print(f"  {tally.read:12,} {kind}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{url.partition(':')[0]}: {report.rows:,} rows in {seconds:.1f} s, {report.rows / seconds:,.0f} rows/s,",
        end="",
    )
    print(f" at most {peak:.0f} MB of memory, {time.process_time():.1f} s of this process's CPU")


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast an import is.")
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--database-url", help="an empty database")
    parser.add_argument("--directory", type=Path, help="keep the files here, and take them if they are there")
    parser.add_argument("--only", default="", help="leave all files out but these: accounts,users,...")
    parser.add_argument("--steps", action="store_true", help="tell how long each step takes")
    arguments = parser.parse_args()
    if not arguments.database_url:
        write_files(arguments.directory, arguments.accounts)
        return
    with tempfile.TemporaryDirectory() as folder:
        whole = arguments.directory or Path(folder) / "files"
        if not whole.exists():
            here = [
                sys.executable,
                "-m",
                "bench.imports",
                "--accounts",
                str(arguments.accounts),
                "--directory",
                str(whole),
            ]
            subprocess.run(here, check=True)
        directory = chosen(whole, Path(folder) / "chosen", arguments.only.split(",")) if arguments.only else whole
        migrate(arguments.database_url)
        asyncio.run(measure(arguments.database_url, directory, tell_steps=arguments.steps))


def chosen(whole: Path, directory: Path, stems: list[str]) -> Path:
    """A directory with only these of the files."""
    directory.mkdir()
    for stem in stems:
        (directory / f"{stem}.csv").symlink_to((whole / f"{stem}.csv").absolute())
    return directory


if __name__ == "__main__":
    main()
