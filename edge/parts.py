"""Answers in parts, for clients that ask for them: worked out as fast as they can be, told as they are taken.

A task of its own works them out into memory, which their cost bounds: however slowly the client takes them, no snapshot
of the database is open while it is waited for.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress

from graphql import (
    ExecutionResult,
    GraphQLError,
    InitialIncrementalExecutionResult,
    SubsequentIncrementalExecutionResult,
)
from graphql.execution.types import CompletedResult, PendingResult

from edge.execution import Prepared, context_of, over_time
from edge.exposure.masking import Payload, Refusal, part, refusal_of
from edge.limits.budget import Reservation
from edge.service import Service
from edge.telemetry.seen import Seen
from resolvers.caller import Caller
from schema import executor
from schema.execution.documents import Answer
from schema.execution.parts import Part, in_parts

IN_PARTS = "graphql-core; in parts"


class Parts:
    """The parts of one answer.

    Args:
        service: what it is worked out with.
        caller: who asks.
        prepared: what.
    """

    def __init__(self, service: Service, caller: Caller, prepared: Prepared) -> None:
        self._service = service
        self._caller = caller
        self._prepared = prepared
        self._found: asyncio.Queue[Part | Refusal] = asyncio.Queue()
        self._open: dict[str, PendingResult] = {}
        """What was announced, and is not told to its end."""
        self._has_begun = False
        self.cost = 0
        """Of what was worked out so far."""
        self.errors: list[GraphQLError] = []
        """In what was worked out so far."""

    async def told(self) -> AsyncGenerator[Part, None]:
        """Part by part; who stops taking them stops the work.

        Raises:
            Refusal: nothing can be told.
        """
        work = asyncio.create_task(self._work())
        is_last = False
        try:
            while not is_last:
                found = await self._found.get()
                if isinstance(found, Refusal):
                    raise found
                is_last = isinstance(found, ExecutionResult) or not found.has_next
                yield found
        finally:
            if not is_last:  # after that it only puts away what it worked with
                work.cancel()
            with suppress(asyncio.CancelledError):
                await work

    async def _work(self) -> None:
        try:
            async with asyncio.timeout(self._service.settings.sharing.request_seconds):
                await self._work_out()
        except TimeoutError:
            self._fail(over_time(self._prepared.kind))
        except Exception as error:  # whatever it is, the client is told that no more comes
            if self._has_begun:
                self._fail(error)
            else:
                self._found.put_nowait(refusal_of(error))

    async def _work_out(self) -> None:
        prepared = self._prepared
        document = executor.alone(prepared.document, prepared.operation, in_parts=True)
        async with context_of(self._service, self._caller, prepared) as context:
            found = in_parts(
                executor.schema,
                document,
                context,
                prepared.variables,
                hide_suggestions=executor.hides_suggestions,
            )
            async for each in found:
                self._note(each)
                self._found.put_nowait(each)

    def _note(self, found: Part) -> None:
        """Follow what is open, and what it costs."""
        self._has_begun = True
        values, estimator = self._prepared.values.coerced, self._prepared.estimator
        if not isinstance(found, SubsequentIncrementalExecutionResult):
            self.cost += estimator.spent(found.data, values)
            self.errors += found.errors or ()
        if isinstance(found, ExecutionResult):
            return
        self._open |= {each.id: each for each in found.pending or ()}
        if isinstance(found, InitialIncrementalExecutionResult):
            return
        for each in found.incremental or ():
            path = [*self._open[each.id].path, *(each.sub_path or ())]
            value = each.items if hasattr(each, "items") else each.data
            self.cost += estimator.later(path, value, values)
            self.errors += each.errors or ()
        for done in found.completed or ():
            self.errors += done.errors or ()
            self._open.pop(done.id, None)

    def _fail(self, error: Exception) -> None:
        """End what was announced with an error; all of it, if nothing was told yet."""
        failure = GraphQLError(str(error), original_error=error)
        self.cost = max(self.cost, self._prepared.estimate)
        self.errors.append(failure)
        if not self._has_begun:
            self._found.put_nowait(ExecutionResult(None, [failure]))
            return
        completed: Sequence[CompletedResult] = [CompletedResult(each, [failure]) for each in self._open]
        self._found.put_nowait(SubsequentIncrementalExecutionResult(completed=list(completed), has_next=False))


async def payloads_of(parts: Parts, reservation: Reservation, seen: Seen) -> AsyncGenerator[Payload, None]:
    """The parts as they are told; the last says what they have cost."""
    try:
        async with aclosing(parts.told()) as told:
            async for each in told:
                found = part(each)
                if not found.has_next:
                    seen.answered(Answer({}, parts.errors, cost=parts.cost), IN_PARTS)
                    reservation.settle(parts.cost)
                    found = reservation.told(found)
                yield found
    finally:
        if reservation.actual is None:  # nobody takes the rest: as any answer that is broken off
            reservation.settle(max(parts.cost, reservation.estimate))
