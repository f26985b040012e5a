"""Runs: one execution of a plan."""

from collections.abc import Iterator
from typing import Any

from graphql import GraphQLError, located_error
from graphql.execution.values import VariableValues

from schema.execution.answer import NULLED, Building
from schema.execution.declaration import Context
from schema.execution.fetch import Fetching, NameRows, Watch
from schema.execution.paths import Paths
from schema.execution.plan import Plan


async def run(
    plan: Plan, context: Context, variables: VariableValues, name_rows: NameRows, watch: Watch
) -> tuple[dict[str, Any] | None, list[GraphQLError], int]:
    """The answer's data and errors, and its cost: everything is fetched, group by group, and then built from below.

    Args:
        plan: of the operation.
        context: handed to sources, checks and functions.
        variables: all of the operation's.
        name_rows: see `NameRows`.
        watch: see `Watch`.
    """
    fetching = Fetching(context, variables, name_rows)
    await fetching.run(plan, watch)
    building = Building(fetching, context)
    (data,) = building.build(plan.root)
    return None if data is NULLED else data, list(_errors(plan, fetching, building)), fetching.cost()


def _errors(plan: Plan, fetching: Fetching, building: Building) -> Iterator[GraphQLError]:
    """The failures, each at every place where its object stands in the answer."""
    if not building.failures:
        return
    paths = Paths(plan, fetching)
    for failure in building.failures:
        for above in paths.of(failure.level)[failure.row]:
            yield located_error(failure.error, failure.nodes, [*above, *failure.path])
