"""Operations and their answers, whatever they come by."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from edge.service import Service
from edge.telemetry.metrics import EXECUTED
from resolvers.caller import Caller
from resolvers.changing import changing
from resolvers.context import Context
from resolvers.errors import UnavailableError
from schema import executor, schema
from schema.execution.documents import Answer, Document
from schema.execution.plan import NotCoveredError
from schema.mutation import is_mutation

REQUEST_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation as it was asked for."""

    query: str
    variables: dict[str, Any] | None
    name: str | None


async def answered(service: Service, caller: Caller, document: Document, asked: Asked) -> tuple[Answer, str]:
    """Answer a query or a mutation within `REQUEST_SECONDS`.

    Returns:
        The answer, and who gave it: its plan, or graphql-core and why.

    Raises:
        UnavailableError: it took too long.
    """
    try:
        async with asyncio.timeout(REQUEST_SECONDS), _context(service, caller, document, asked) as context:
            return await _execute(service, document, asked, context)
    except TimeoutError:
        raise UnavailableError(_too_long(document, asked)) from None


@asynccontextmanager
async def _context(service: Service, caller: Caller, document: Document, asked: Asked) -> AsyncIterator[Context]:
    """What an operation is answered from: one snapshot, or one after each change."""
    today = service.clock.now().date()
    if is_mutation(document, asked.name):
        async with changing(service.business, caller, service.cursor_key, today) as context:
            yield context
        if service.worker:
            service.worker.wake()  # for the jobs that were left
    else:
        async with service.store.reader(caller.scope()) as reader:
            yield Context(caller, reader, service.cursor_key, today)


async def _execute(service: Service, document: Document, asked: Asked, context: Context) -> tuple[Answer, str]:
    reason = "plans are off"
    if service.settings.plans:
        try:
            answer = await executor.execute(document, asked.name, asked.variables, context)
        except NotCoveredError as not_covered:
            reason = str(not_covered)
        else:
            EXECUTED.labels("plan", "").inc()
            return answer, "plan"
    EXECUTED.labels("graphql-core", reason).inc()
    result = await schema.execute(asked.query, asked.variables, context, operation_name=asked.name)
    errors = result.errors or []
    is_request_error = bool(errors) and result.data is None and not any(error.path for error in errors)
    return Answer(result.data, errors, is_request_error), f"graphql-core; {reason}"


def _too_long(document: Document, asked: Asked) -> str:
    if is_mutation(document, asked.name):
        return "It took too long. Send it again with the same idempotency keys: what was done is not done twice."
    return "The answer took too long. Ask for less."
