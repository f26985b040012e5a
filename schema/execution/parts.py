"""Answers in parts (`@defer`, `@stream`), as graphql-core gives them; and documents for those who want the whole."""

from collections.abc import AsyncGenerator
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    ExecutionResult,
    GraphQLSchema,
    InitialIncrementalExecutionResult,
    SubsequentIncrementalExecutionResult,
    experimental_execute_incrementally,
    visit,
)
from graphql.language import REMOVE, Visitor

Part = ExecutionResult | InitialIncrementalExecutionResult | SubsequentIncrementalExecutionResult
"""A whole answer; or the first part of one, or a later one."""


class _Whole(Visitor):
    """Takes out what says that something may be told later."""

    def enter_directive(self, node: DirectiveNode, *_: Any) -> Any:
        return REMOVE if node.name.value in {"defer", "stream"} else None


def whole(document: DocumentNode) -> DocumentNode:
    """The same document, of which nothing may be told later."""
    found: DocumentNode = visit(document, _Whole())
    return found


async def in_parts(
    schema: GraphQLSchema, document: DocumentNode, context: Any, variables: dict[str, Any], *, hide_suggestions: bool
) -> AsyncGenerator[Part, None]:
    """The parts of the answer to a document's one operation, in their order."""
    result: Any = experimental_execute_incrementally(
        schema, document, None, context, variables, hide_suggestions=hide_suggestions
    )
    if not hasattr(result, "initial_result") and not isinstance(result, ExecutionResult):
        result = await result
    if isinstance(result, ExecutionResult):
        yield result
        return
    yield result.initial_result
    async for part in result.subsequent_results:
        yield part
