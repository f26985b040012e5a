"""What Canopy takes above the floor: CPU, latency and memory of W1 to W5, servers in turn, in one run.

    python -m bench                                               600 accounts on SQLite, seeded where missing
    python -m bench --accounts 100000 --database-url postgresql://...

The database is an empty one, or one that `canopy seed` has filled; PostgreSQL has to run on this machine, and the
login has to be a superuser, for the floors to read past the filter. First all servers are asked everything, and have
to answer the same. Compare figures of one run only.
"""

import asyncio
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

import click

from bench.client import AnswerError
from bench.counts import counts
from bench.measure import CLIENTS, Case, compare_answers, rounds
from bench.picture import svg
from bench.queries import prepare
from bench.report import machine, markdown, versions
from bench.servers import SERVERS, Server, ServerError, renew_tokens, serving
from bench.workloads import CALLERS, LOGINS, WORKLOADS, Subject, subject
from models.migrations import migrate
from models.store import open_store

RESULTS = Path(__file__).parent / "results"


async def _look_up(url: str, accounts: int, callers: tuple[str, ...]) -> tuple[list[Subject], int, str]:
    """Who asks, how many accounts there are, and the database's name and version."""
    store = open_store(url)
    try:
        await prepare(store, accounts)
        subjects = [await subject(store, name) for name in callers]
        async with store.unfiltered("what is measured?") as db:
            ((found,),) = await db.sql("SELECT count(*) FROM account")
            if store.engine == "sqlite":
                return subjects, found, f"SQLite {sqlite3.sqlite_version}"
            ((release,),) = await db.sql("SHOW server_version")
            return subjects, found, f"PostgreSQL {release.split()[0]}"
    finally:
        await store.close()


async def _count(url: str, cases: list[Case]) -> None:
    store = open_store(url)
    try:
        for case in cases:
            case.statements, case.rows = await counts(store, case.server, case.workload, case.subject)
    finally:
        await store.close()


def _told_before_each(servers: list[Server], url: str, key_file: Path, subjects: list[Subject]) -> Callable[[], None]:
    done = 0

    def before_each() -> None:
        nonlocal done
        done += 1
        print(f"round {done} ...", flush=True)
        renew_tokens(servers, url, key_file, subjects)

    return before_each


@click.command(help=__doc__)
@click.option("--accounts", default=600, show_default=True, help="Of the tree that an empty database is filled with.")
@click.option("--database-url", default="", help="SQLite in var/ unless given.")
@click.option("--rounds", "count", default=3, show_default=True, help="How often the servers take turns.")
@click.option("--seconds", default=1.0, show_default=True, help=f"Of load by {CLIENTS} clients, each time.")
@click.option("--workload", "-w", "chosen", multiple=True, type=click.Choice([*WORKLOADS]), default=[*WORKLOADS])
@click.option("--caller", "-c", "callers", multiple=True, type=click.Choice(CALLERS), default=[*LOGINS])
@click.option("--server", "-s", "names", multiple=True, type=click.Choice([*SERVERS]), default=[*SERVERS])
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=RESULTS,
    help="Where table and picture go, unless this is only a part.",
)
def main(
    accounts: int,
    database_url: str,
    count: int,
    seconds: float,
    chosen: tuple[str, ...],
    callers: tuple[str, ...],
    names: tuple[str, ...],
    results: Path,
) -> None:
    """Migrate, seed where needed, compare the answers, measure, write table and picture."""
    url = database_url or f"sqlite:///{Path(f'var/bench-{accounts}.db').absolute()}"
    migrate(url)
    try:
        subjects, found, database = asyncio.run(_look_up(url, accounts, callers))
        workloads = [WORKLOADS[name] for name in chosen]
        with tempfile.TemporaryDirectory() as private:
            key_file = Path(private) / "canopy.key"
            with serving([name for name in SERVERS if name in names], url, key_file, subjects) as servers:
                compare_answers(servers, workloads, subjects)
                before_each = _told_before_each(servers, url, key_file, subjects)
                cases = rounds(url, servers, workloads, subjects, count=count, seconds=seconds, before_each=before_each)
        asyncio.run(_count(url, cases))
    except (AnswerError, LookupError, ServerError) as error:
        raise click.ClickException(str(error)) from error
    title = f"{database.split()[0]}, {found:,} accounts"
    who = ", ".join(f"{each.name} is {each.login}" for each in subjects)
    how = f"{count} rounds of {seconds:g} s"
    report = markdown(title, [machine(), versions(database), f"{who}; {how}"], cases)
    print(report)
    if set(chosen) == set(WORKLOADS) and set(names) == set(SERVERS):
        file = results / f"{database.split()[0].lower()}-{found}"
        results.mkdir(parents=True, exist_ok=True)
        file.with_suffix(".md").write_text(f"{report}\n")
        file.with_suffix(".svg").write_text(svg(f"CPU of a request against the rows floor: {title}", cases))


if __name__ == "__main__":
    main()
