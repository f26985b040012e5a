"""What the dashboard's queries cost: statements, rows and milliseconds, for a reseller and for the provider.

    python -m bench.queries                                     600 accounts on SQLite, seeded where missing
    python -m bench.queries --accounts 100000 --database-url postgresql://...

All documents of `bench/queries`, beyond the workloads that have a floor. The milliseconds (by plan, and by
graphql-core) are of one operation inside the process, without HTTP: compare rows of one run, not runs.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from statistics import median
from typing import Any

import click
from graphql import GraphQLError

from bench.workloads import LOGINS, QUERIES, Subject, subject
from models import SubjectType
from models.demo import seed
from models.migrations import migrate
from models.roles import name_roles
from models.statement import Row, Statement
from models.store import Reader, Store, open_store
from resolvers.context import Context
from resolvers.identity import caller_of, standing_by_name
from resolvers.passwords import HashSettings, Passwords
from resolvers.privileges import ROLE_NAMES, Privilege
from resolvers.tokens import Claims
from schema import executor

RUNS = 7


class CountingReader:
    """A reader that counts the rows that it gives."""

    def __init__(self, reader: Reader) -> None:
        self.engine, self.scope, self._reader, self.given = reader.engine, reader.scope, reader, 0

    async def rows(self, statement: Statement, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        rows = await self._reader.rows(statement, parameters)
        self.given += len(rows)
        return rows


async def prepare(store: Store, accounts: int) -> None:
    """Seed the database where it is empty."""
    await name_roles(store, ROLE_NAMES)
    async with store.unfiltered("is there anything?") as db:
        if await db.sql("SELECT 1 FROM account LIMIT 1"):
            return
    print(f"seeding {accounts:,} accounts ...")
    started = time.perf_counter()
    hasher = Passwords(HashSettings())
    await seed(
        store, accounts=accounts, seed=1, hash_secret=hasher.hash, reseller_privileges=[p.value for p in Privilege]
    )
    print(f"seeded in {time.perf_counter() - started:.0f} s")


async def by_plan(query: str, variables: dict[str, Any], context: Context) -> list[GraphQLError]:
    """Answer by the operation's plan; its errors."""
    return (await executor.execute(executor.document(query), None, variables, context)).errors


async def by_graphql_core(query: str, variables: dict[str, Any], context: Context) -> list[GraphQLError]:
    """Answer field by field; its errors."""
    return (await executor.execute_by_core(executor.document(query), None, variables, context)).errors


Execute = Callable[[str, dict[str, Any], Context], Awaitable[list[GraphQLError]]]


async def measure(
    store: Store, who: Subject, query: str, execute: Execute, *, runs: int = RUNS
) -> tuple[int, int, float]:
    """Statements, rows and the median of milliseconds of one query."""
    async with store.unfiltered("who is it?") as db:
        standing = await standing_by_name(db, SubjectType.USER, who.login)
    assert standing is not None, who.login
    caller = await caller_of(store, Claims(standing.subject, standing.account_id, "bench", 0))
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        async with store.reader(caller.scope()) as reader:
            counting = CountingReader(reader)
            context = Context(caller, counting, b"bench")
            errors = await execute(query, {"id": f"acc_{who.below}"}, context)
        times.append((time.perf_counter() - started) * 1000)
        assert not errors, errors
    return context.statements, counting.given, median(times)


async def run(url: str, accounts: int) -> None:
    """Print the table."""
    store = open_store(url)
    try:
        await prepare(store, accounts)
        subjects = [await subject(store, name) for name in LOGINS]
        print(f"{store.engine}\n{'':28}" + "".join(f"{each.login:>36}" for each in subjects))
        print(f"{'':28}" + f"{'statements':>12}{'rows':>8}{'ms':>8}{'core':>8}" * len(subjects))
        for file in sorted(QUERIES.glob("*.graphql")):
            print(f"{file.stem:28}", end="")
            for each in subjects:
                statements, rows, milliseconds = await measure(store, each, file.read_text(), by_plan)
                _, _, by_core = await measure(store, each, file.read_text(), by_graphql_core)
                print(f"{statements:12}{rows:8,}{milliseconds:8.1f}{by_core:8.1f}", end="", flush=True)
            print()
    finally:
        await store.close()


@click.command(help=__doc__)
@click.option("--accounts", default=600, show_default=True)
@click.option("--database-url", default="", help="An empty database, or one that this command has seeded.")
def main(accounts: int, database_url: str) -> None:
    """Migrate, seed where needed, measure."""
    url = database_url or f"sqlite:///var/bench-{accounts}.db"
    migrate(url)
    asyncio.run(run(url, accounts))


if __name__ == "__main__":
    main()
