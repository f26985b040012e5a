"""How many statements a request takes and how many rows they give, counted inside this process."""

from collections.abc import Sequence
from typing import Any

from bench.floors import KINDS, Floor, open_floor
from bench.queries import by_graphql_core, by_plan, measure
from bench.servers import FLOORS
from bench.workloads import Subject, Workload
from models.store import Store


class _CountingFloor:
    """A floor that counts what it sends and what comes back."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self.counts_apart = floor.counts_apart
        self.statements = self.rows = 0

    async def fetch(self, statement: str, path: str, *values: Any) -> Sequence[Sequence[Any]]:
        rows = await self._floor.fetch(statement, path, *values)
        self.statements += 1
        self.rows += len(rows)
        return rows

    async def json(self, workload: str, path: str, *values: Any) -> bytes:
        self.statements += 1
        self.rows += 1
        return await self._floor.json(workload, path, *values)

    async def close(self) -> None:
        await self._floor.close()


async def counts(store: Store, server: str, workload: Workload, subject: Subject) -> tuple[int, int]:
    """Statements and rows of one request to a server by its name."""
    if server in FLOORS:
        floor = _CountingFloor(open_floor(store.url))
        await KINDS[server](floor)(workload.name, subject.path, subject.below)
        await floor.close()
        return floor.statements, floor.rows
    execute = by_graphql_core if server == "plans-off" else by_plan
    statements, rows, _ = await measure(store, subject, workload.query, execute, runs=1)
    return statements, rows
