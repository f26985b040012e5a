"""How operations are answered: their context, by a plan or by graphql-core, within their time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from graphql import GraphQLError, OperationDefinitionNode, OperationType
from graphql.execution.values import VariableValues

from edge.exposure.introspection import merged
from edge.service import Service
from edge.telemetry.metrics import FALLBACKS
from resolvers.allowance import Allowance
from resolvers.caller import Caller
from resolvers.changing import changing
from resolvers.context import Context
from resolvers.errors import CanopyError
from schema import executor
from schema.execution.documents import Answer, Document
from schema.execution.plan import NotCoveredError
from schema.introspection import parts
from schema.limits.cost import Estimator
from schema.limits.shape import Shape


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
        most_objects: that its answer may hold.
        allowance: what is left of its caller's budget once that is paid.
    """

    document: Document
    operation: OperationDefinitionNode
    variables: dict[str, object]
    values: VariableValues
    estimator: Estimator
    estimate: int
    most_objects: int
    allowance: Allowance | None = None

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
    """Answer a query or a mutation within `CANOPY_REQUEST_SECONDS`.

    Returns:
        The answer, and who gave it: its plan, or graphql-core and why. An answer that took too long is an error.
    """
    try:
        async with asyncio.timeout(service.settings.sharing.request_seconds):
            if prepared.shape.has_introspection:
                return await _about_the_schema(service, caller, prepared)
            return await _found(service, caller, prepared)
    except TimeoutError:
        error = over_time(prepared.kind)
        failure = GraphQLError(str(error), original_error=error)
        return Answer(None, [failure], cost=prepared.estimate), "none; it took too long"


def over_time(kind: OperationType) -> OverTimeError:
    """What is told of a query or a mutation that took too long."""
    return OverTimeError(_TOO_LONG[kind])


_TOO_LONG = {
    OperationType.QUERY: "The answer took too long. Ask for less.",
    OperationType.MUTATION: (
        "It took too long. Send it again with the same idempotency keys: what was done is not done twice."
    ),
}


async def _found(service: Service, caller: Caller, prepared: Prepared) -> tuple[Answer, str]:
    async with context_of(service, caller, prepared) as context:
        return await _execute(service, prepared, context)


@asynccontextmanager
async def context_of(service: Service, caller: Caller, prepared: Prepared) -> AsyncIterator[Context]:
    """What an operation is answered from, once it is its turn."""
    async with service.admission.turn(caller), _context(service, caller, prepared) as context:
        context.estimate, context.allowance = prepared.estimate, prepared.allowance
        context.most_rows = service.settings.limits.max_page
        if prepared.kind is OperationType.QUERY:  # what a change has to read for itself is no answer
            context.most_objects = prepared.most_objects
        yield context


async def _about_the_schema(service: Service, caller: Caller, prepared: Prepared) -> tuple[Answer, str]:
    """What is asked about the schema is answered apart from all else, and takes no reader."""
    apart = parts(executor.schema, prepared.document, prepared.operation, prepared.values)
    told = await service.introspection.answer(caller, prepared.document, apart, prepared.variables)
    found, by = Answer({}, []), "introspection"
    if apart.asked is not None:
        (operation,) = apart.asked.operations.values()
        found, by = await _found(service, caller, replace(prepared, document=apart.asked, operation=operation))
    answer = merged(told, found, apart.keys)
    answer.cost = found.cost + prepared.spent(told)
    return answer, by


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
            return answer, "plan"
    FALLBACKS.labels(reason).inc()
    answer = await executor.execute_by_core(prepared.document, prepared.name, prepared.variables, context)
    answer.cost = prepared.spent(answer)
    return answer, f"graphql-core; {reason}"
