"""Answers about the schema: made in a thread, one at a time, of what the caller can use, and kept.

All of it is 690 kB, which take graphql-core half a second: on the event loop everybody would wait for so long.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from typing import Any

import orjson
from graphql import GraphQLError, OperationDefinitionNode, OperationType

from edge.exposure.masking import Refusal
from resolvers.caller import Caller
from schema import executor
from schema.execution.documents import VALIDATION_FAILED, Answer, Document
from schema.introspection import Parts, tell
from schema.visibility import visible

_KEPT = 16
_OFF = "The schema isn't told here; its definition comes with the gateway, as `schema.graphql`."
_ALONE = "Ask about the schema in a query, at its root."


class Introspection:
    """Answers what operations ask about the schema.

    Args:
        is_on: whether anybody is told anything.
    """

    def __init__(self, *, is_on: bool) -> None:
        self._is_on = is_on
        self._turn = asyncio.Semaphore(1)
        self._kept: OrderedDict[Hashable, Answer] = OrderedDict()

    def check(self, operation: OperationDefinitionNode) -> None:
        """Refuse to tell, where nobody is told, or where it would have to be told beside a change.

        Raises:
            Refusal: what is asked about the schema is not told.
        """
        is_query = operation.operation is OperationType.QUERY
        if not self._is_on or not is_query:
            raise Refusal([GraphQLError(_ALONE if self._is_on else _OFF, extensions={"code": VALIDATION_FAILED})])

    async def answer(self, caller: Caller, document: Document, parts: Parts, variables: Mapping[str, Any]) -> Answer:
        """What is told of the schema to a caller, as far as its privileges go.

        Args:
            caller: who asks.
            document: what was asked.
            parts: the same in its parts.
            variables: as they were given.
        """
        (name,) = parts.told.operations
        given = orjson.dumps(variables, default=str, option=orjson.OPT_SORT_KEYS)
        key = (document, name, given, caller.privileges)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        async with self._turn:
            if key not in self._kept:  # it may have been made meanwhile
                seen = visible(executor.schema, caller.privileges)
                self._kept[key] = await asyncio.to_thread(tell, executor.schema, parts.told, variables, seen)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return self._kept[key]


def merged(told: Answer, found: Answer, keys: list[str]) -> Answer:
    """One answer of what is told about the schema and of what else was found, in the order that was asked for."""
    data: dict[str, Any] | None = None
    if told.data is not None and found.data is not None:
        both = {**told.data, **found.data}
        data = {key: both[key] for key in keys if key in both}
    return Answer(data, [*told.errors, *found.errors], found.is_request_error)
