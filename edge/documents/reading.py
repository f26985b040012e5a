"""Reading documents that nobody has asked for lately: checked for their size, charged, and long ones read in a thread.

A document of 2,000 tokens takes 0.1 s of a processor to be parsed and validated. On the event loop all other requests
would wait for so long; in a thread they go on, for Python changes threads every millisecond.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable

from graphql import OperationDefinitionNode
from graphql.execution.values import VariableValues

from edge.exposure.masking import Refusal
from schema import executor
from schema.execution.documents import Document
from schema.limits.bounds import Bounds, too_long, too_much
from schema.limits.scan import Scan, scan

Charge = Callable[[int], Awaitable[None]]
"""Takes points from the caller's budget; raises `Refusal` where there are too few."""

_AT_ONCE = 2
_QUICK_TOKENS, _QUICK_LENGTH, _QUICK_SELECTIONS = 200, 10_000, 100
_FREE_SELECTIONS = 500
_TOKENS_A_POINT, _LENGTH_A_POINT, _SELECTIONS_A_POINT = 4, 1_000, 10
_SWITCH_SECONDS = 0.001


class Reading:
    """Reads documents, the same one once for all who ask for it at a time, and few at once."""

    def __init__(self) -> None:
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._running: dict[tuple[str, Bounds], asyncio.Task[Document]] = {}

    async def read(self, text: str, bounds: Bounds, charge: Charge | None = None) -> Document:
        """The document of a text; one that is known costs nothing.

        Args:
            text: as it came.
            bounds: what it may have.
            charge: takes what reading it costs; None where it is trusted.

        Raises:
            Refusal: it can't be run, or there is no budget to read it.
        """
        document = executor.known(text, is_trusted=charge is None) or await self._unknown(text, bounds, charge)
        if document.errors:
            raise Refusal(document.errors)
        if document.tokens > bounds.tokens:  # it was read for somebody who may send more
            raise Refusal([too_much("tokens", bounds.tokens + 1, bounds.tokens)])
        return document

    async def _unknown(self, text: str, bounds: Bounds, charge: Charge | None) -> Document:
        scanned = scan(text, bounds.tokens)
        errors = too_long(scanned, bounds)
        if errors:
            raise Refusal(errors)
        if charge is not None:
            await charge(points(text, scanned))
        if scanned.tokens <= _QUICK_TOKENS and len(text) <= _QUICK_LENGTH:
            document = executor.read(text, bounds, scanned)
        else:
            document = await self._slow(text, bounds, scanned)
        if document.is_too_much:
            return document
        return executor.keep(text, document, is_trusted=charge is None)

    async def _slow(self, text: str, bounds: Bounds, scanned: Scan) -> Document:
        """Read in a thread. Who stops waiting leaves the others their document."""
        key = (text, bounds)
        if key not in self._running:
            task = self._running[key] = asyncio.create_task(self._in_a_thread(text, bounds, scanned))
            task.add_done_callback(lambda _done: self._running.pop(key))
        return await asyncio.shield(self._running[key])

    async def _in_a_thread(self, text: str, bounds: Bounds, scanned: Scan) -> Document:
        async with self._turns:
            return await asyncio.to_thread(executor.read, text, bounds, scanned)

    async def plan(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        values: VariableValues,
        charge: Charge | None = None,
    ) -> None:
        """Make the plan of an operation, if it was not made yet: in a thread, if it is large.

        The first of a document is paid for with its reading, unless it is large. Others are there because of what
        `@skip` and `@include` look at, which may be another thing each time.

        Raises:
            Refusal: there is no budget to make it.
        """
        if executor.is_planned(document, operation, values):
            return
        selections = document.shapes[operation.name.value if operation.name else None].selections
        if charge is not None and (document.estimators or selections > _FREE_SELECTIONS):
            await charge(max(1, selections // _SELECTIONS_A_POINT))
        if selections > _QUICK_SELECTIONS:
            async with self._turns:
                await asyncio.to_thread(executor.plan_ahead, document, operation, values)


def points(text: str, scanned: Scan) -> int:
    """What reading a text costs."""
    return -(-scanned.tokens // _TOKENS_A_POINT) + len(text) // _LENGTH_A_POINT
