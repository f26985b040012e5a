"""The `canopy` command line: running, filling and looking after a gateway.

Each command imports what it needs when it is run: help is there at once, and nobody waits for the GraphQL schema who
only wants to know the time.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.command_line import Span, with_settings, with_store
from edge.commands_issuers import issuers
from edge.commands_keys import keys
from edge.doctor.commands import doctor
from edge.documents.commands import documents
from edge.telemetry.commands import schema, usage

if TYPE_CHECKING:
    from edge.settings import Settings
    from models.exchange.report import ImportReport
    from models.store import Store

_OBJECTS_OF_IMPORTS = 50_000
"""Of what is imported nothing is garbage; by default the collector makes sure of that hundreds of times meanwhile."""


def _is_expected(error: Exception) -> bool:
    """Whether it went wrong outside of us: told in a sentence, with exit code 1, instead of a traceback."""
    import asyncpg
    from sqlalchemy.exc import SQLAlchemyError

    from models.demo import AlreadyPopulatedError
    from models.store import InvalidDatabaseURLError, StoreError
    from resolvers.errors import CanopyError
    from resolvers.key_file import KeyFileError

    kinds = (
        AlreadyPopulatedError, CanopyError, InvalidDatabaseURLError, KeyFileError, StoreError, OSError,
        SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError,
    )  # fmt: skip  # a list of kinds
    return isinstance(error, kinds)


class _Group(click.Group):
    """Lists commands in the order of their definition, and turns expected failures into sentences."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            if not _is_expected(error):
                raise
            raise click.ClickException(str(error) or type(error).__name__) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def canopy() -> None:
    """A GraphQL gateway over a cloud marketplace's reseller hierarchy.

    Settings come from the environment, such as CANOPY_DATABASE_URL; docs/settings.md has all of them. Exit codes:
    0 done, 1 refused or failed, 2 wrong usage.
    """
    gc.set_threshold(_OBJECTS_OF_IMPORTS)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int | None], None] | None]:
    """A progress bar, for as long as a person is watching."""
    if not sys.stderr.isatty():
        yield None
        return
    last = ""

    def show(stage: str, done: int, total: int | None) -> None:
        nonlocal last
        bar = ""
        if total:
            filled = min(30 * done // total, 30)
            bar = f" [{'#' * filled}{'-' * (30 - filled)}]"
        if last and last != stage:
            click.echo(err=True)
        last = stage
        click.echo(f"\r{stage}{bar} {done:,}{f' of {total:,}' if total else ''}\033[K", nl=False, err=True)

    try:
        yield show
    finally:
        if last:
            click.echo(err=True)


def _migrate(settings: "Settings") -> None:
    from models.migrations import migrate
    from models.roles import name_roles
    from resolvers.privileges import ROLE_NAMES

    before, after = migrate(settings.database_url)
    with_store(settings, lambda store: name_roles(store, ROLE_NAMES))
    came_from = "" if before == after else f" (was {before or 'empty'})"
    click.echo(f"The database is at version {after}{came_from}.")


@canopy.command()
@click.option("--demo", is_flag=True, help="Migrate first, fill a new database with the demo tree, offer its logins.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 256), help="Processes, on PostgreSQL.")
@with_settings
def serve(settings: "Settings", *, demo: bool, workers: int) -> None:
    """Serve GraphQL, GraphiQL and sign-in."""
    from edge import serving
    from gateway import create_app

    if demo:
        settings = replace(settings, demo=True)
        _migrate(settings)
        with_store(settings, _seed_if_empty)
    else:
        with_store(settings, lambda _store: asyncio.sleep(0))
    _greet(settings)
    if workers > 1:
        serving.serve_by_many(settings, workers)
    else:
        serving.serve(settings, create_app(settings))


def _greet(settings: "Settings") -> None:
    from edge.pages import WEB
    from models.demo import CLIENT_ID, CLIENT_SECRET, LOGINS, PASSWORD

    at = f"http://{settings.host}:{settings.port}"
    click.echo(f"GraphQL:  {at}/graphql")
    if WEB.exists():
        click.echo(f"GraphiQL: {at}/graphiql")
    else:
        click.echo("GraphiQL: not built; install Node.js 20.19 or newer and run `make web`")
    if settings.demo:
        click.echo(f"Demo logins, password {PASSWORD}:")
        for login, who in LOGINS.items():
            click.echo(f"  {login:30} {who}")
        click.echo(f"Demo API client {CLIENT_ID}, secret {CLIENT_SECRET}: docs/signing-in.md tells how it signs in.")


async def _seed_if_empty(store: "Store") -> None:
    async with store.unfiltered("is there anything?") as db:
        if await db.sql("SELECT 1 FROM account LIMIT 1"):
            return
    await _seed(store, 600, 1)


async def _seed(store: "Store", accounts: int, number: int) -> None:
    from models import demo
    from resolvers.passwords import HashSettings, Passwords
    from resolvers.privileges import Privilege

    passwords = Passwords(HashSettings())
    with _progress() as progress:
        await demo.seed(
            store,
            accounts=accounts,
            seed=number,
            hash_secret=passwords.hash,
            reseller_privileges=[privilege.value for privilege in Privilege],
            progress=progress,
        )


@canopy.command()
@with_settings
def migrate(settings: "Settings") -> None:
    """Bring the database to the version of this program."""
    _migrate(settings)


@canopy.command()
@click.option("--accounts", default=600, show_default=True, type=click.IntRange(10, 100_000_000), help="How many.")
@click.option("--seed", "number", default=1, show_default=True, help="The same number gives the same tree.")
@with_settings
def seed(settings: "Settings", accounts: int, number: int) -> None:
    """Fill an empty database with a realistic tree and the demo logins."""
    from models.demo import LOGINS, PASSWORD

    with_store(settings, lambda store: _seed(store, accounts, number))
    click.echo(f"{accounts:,} accounts. Demo logins, password {PASSWORD}: {', '.join(LOGINS)}.")


@canopy.command("import")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--problems", default=50, show_default=True, help="How many bad rows to report before only counting.")
@with_settings
def import_(settings: "Settings", directory: Path, problems: int) -> None:
    """Read CSV files and price sheets: all of them, or none if any row is bad. docs/import.md has the columns."""
    from models.exchange.load import import_directory
    from models.exchange.problems import ImportRefusedError

    async def run(store: "Store") -> None:
        with _progress() as progress:
            report = await import_directory(store, directory, max_problems=problems, progress=progress)
        _tell(report)

    try:
        with_store(settings, run)
    except ImportRefusedError as refused:
        click.echo(str(refused), err=True)
        sys.exit(1)


def _tell(report: "ImportReport") -> None:
    click.echo(f"{'':20}{'read':>12}{'created':>12}{'changed':>12}{'unchanged':>12}{'removed':>12}")
    for kind, tally in report.kinds.items():
        counts = (tally.read, tally.created, tally.changed, tally.unchanged, tally.removed)
        click.echo(f"{kind:20}" + "".join(f"{count:12,}" for count in counts))
    click.echo(f"{report.rows:,} rows in {report.seconds:.1f} s.")


@canopy.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@with_settings
def export(settings: "Settings", directory: Path) -> None:
    """Write what `import` reads: everything but secrets."""
    from models.exchange.export import export_directory

    async def run(store: "Store") -> None:
        with _progress() as progress:
            await export_directory(store, directory, progress=progress)

    with_store(settings, run)
    click.echo(f"Written to {directory}.")


@canopy.command()
@click.argument("login")
@with_settings
def token(settings: "Settings", login: str) -> None:
    """Print an access token for a login, for scripts. Good for 15 minutes."""
    from edge.granting import signing_in
    from resolvers.clock import PlatformClock
    from resolvers.keys import open_key_ring
    from resolvers.sign_in import grant_to_operator

    async def run(store: "Store") -> str:
        keys = open_key_ring(settings.key_file, is_strict=not settings.demo)
        return (
            await grant_to_operator(store, signing_in(settings, keys, PlatformClock(store).now), login)
        ).access_token

    click.echo(with_store(settings, run))


@canopy.command()
@with_settings
def check(settings: "Settings") -> None:
    """Verify that everything derived in the database follows from what it is derived from."""
    from models.check import check

    async def run(store: "Store") -> int:
        with _progress() as progress:
            findings = await check(store, progress)
        for finding in findings:
            click.echo(f"{finding.count:,} {finding.what}, such as {', '.join(finding.examples)}")
        return len(findings)

    if with_store(settings, run):
        sys.exit(1)
    click.echo("Sound.")


@canopy.command()
@click.option("--once", is_flag=True, help="End as soon as nothing is due that isn't in another worker's hands.")
@with_settings
def work(settings: "Settings", *, once: bool) -> None:
    """Do the jobs that operations leave: send mail, work off orders, renew. As many at a time as you like.

    SIGTERM and Ctrl-C let running jobs end, within ten seconds. On SQLite `serve` does the same by itself.
    """
    from edge.service import open_worker

    async def run(store: "Store") -> None:
        worker = open_worker(store, settings)
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(each, worker.stop)
        await (worker.run_until_idle() if once else worker.run())
        tally = worker.tally
        click.echo(f"{tally.done:,} done, {tally.put_off:,} to be tried again, {tally.given_up:,} given up.")

    with_store(settings, run)


@canopy.command()
@click.option("--advance", type=Span(), help="How far to set it ahead, such as 30d or 12h. There is no way back.")
@click.option("--force", is_flag=True, help="Also where CANOPY_DEMO is off.")
@with_settings
def clock(settings: "Settings", advance: timedelta | None, *, force: bool) -> None:
    """Tell the platform's time, or set it ahead: renewals and the ends of periods come as if it had passed."""
    from resolvers import clock

    if advance and not (settings.demo or force):
        raise click.ClickException("This can't be taken back, so it is for demonstrations: CANOPY_DEMO=1, or --force.")

    async def run(store: "Store") -> str:
        async with store.unfiltered("the platform's clock", write=advance is not None) as db:
            now = await (clock.now(db) if advance is None else clock.advance(db, advance))
        return now.isoformat(timespec="seconds")

    click.echo(with_store(settings, run))


canopy.add_command(documents)
canopy.add_command(keys)
canopy.add_command(issuers)
canopy.add_command(doctor)
canopy.add_command(schema)
canopy.add_command(usage)
