"""How operations are answered: their context, by a plan or by graphql-core, within their time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from graphql import GraphQLError, OperationDefinitionNode, OperationType
from graphql.execution.values import VariableValues

from edge.service import Service
from edge.telemetry.metrics import EXECUTED
from resolvers.caller import Caller
from resolvers.changing import changing
from resolvers.context import Context
from resolvers.errors import CanopyError
from schema import executor
from schema.execution.documents import Answer, Document
from schema.execution.plan import NotCoveredError
from schema.limits.cost import Estimator
from schema.limits.shape import Shape

REQUEST_SECONDS = 10


class OverTimeError(CanopyError):
    """The answer took too long."""

    code = "TIMEOUT"


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operation that can be run: everything that could be refused beforehand was looked at.

    Args:
        document: without errors.
        operation: of the document.
        variables: as they were given.
        values: of its variables.
        estimator: tells what it costs.
        estimate: what it may cost.
    """

    document: Document
    operation: OperationDefinitionNode
    variables: dict[str, object]
    values: VariableValues
    estimator: Estimator
    estimate: int

    @property
    def kind(self) -> OperationType:
        """Whether it asks, changes or listens."""
        return self.operation.operation

    @property
    def name(self) -> str | None:
        """Of the operation."""
        return self.operation.name.value if self.operation.name else None

    @property
    def shape(self) -> Shape:
        """How deep, wide and large it is."""
        return self.document.shapes[self.name]

    def spent(self, answer: Answer) -> int:
        """What an answer of graphql-core's has cost, or one event."""
        return self.estimator.spent(answer.data, self.values.coerced)


async def answered(service: Service, caller: Caller, prepared: Prepared) -> tuple[Answer, str]:
    """Answer a query or a mutation within `REQUEST_SECONDS`.

    Returns:
        The answer, and who gave it: its plan, or graphql-core and why. An answer that took too long is an error.
    """
    try:
        async with asyncio.timeout(REQUEST_SECONDS), _context(service, caller, prepared) as context:
            return await _execute(service, prepared, context)
    except TimeoutError:
        error = OverTimeError(_TOO_LONG[prepared.kind])
        failure = GraphQLError(str(error), original_error=error)
        return Answer(None, [failure], cost=prepared.estimate), "none; it took too long"


_TOO_LONG = {
    OperationType.QUERY: "The answer took too long. Ask for less.",
    OperationType.MUTATION: (
        "It took too long. Send it again with the same idempotency keys: what was done is not done twice."
    ),
}


@asynccontextmanager
async def _context(service: Service, caller: Caller, prepared: Prepared) -> AsyncIterator[Context]:
    """What an operation is answered from: one snapshot, or one after each change."""
    today = service.clock.now().date()
    if prepared.kind is OperationType.MUTATION:
        async with changing(service.business, caller, service.cursor_key, today) as context:
            yield context
        if service.worker:
            service.worker.wake()  # for the jobs that were left
    else:
        async with service.store.reader(caller.scope()) as reader:
            yield Context(caller, reader, service.cursor_key, today)


async def _execute(service: Service, prepared: Prepared, context: Context) -> tuple[Answer, str]:
    reason = "plans are off"
    if service.settings.plans:
        try:
            answer = await executor.run(prepared.document, prepared.operation, prepared.values, context)
        except NotCoveredError as not_covered:
            reason = str(not_covered)
        else:
            EXECUTED.labels("plan", "").inc()
            return answer, "plan"
    EXECUTED.labels("graphql-core", reason).inc()
    answer = await executor.execute_by_core(prepared.document, prepared.name, prepared.variables, context)
    answer.cost = prepared.spent(answer)
    return answer, f"graphql-core; {reason}"
